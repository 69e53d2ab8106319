import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// Below this size the saved bytes are not worth a second copy in the binary.
const gzipMinBytes = 1024;

// precompress puts a .gz copy beside every text asset, so that the server
// never compresses while it answers. Browsers ask for brotli over TLS only,
// and this page is mostly served without.
function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    async writeBundle(options, bundle) {
      const dir = options.dir ?? "dist";
      const names = Object.keys(bundle).filter((name) => /\.(js|css|html|svg|json)$/.test(name));
      for (const name of names) {
        const raw = await readFile(join(dir, name));
        if (raw.length < gzipMinBytes) continue;
        const packed = await promisify(gzip)(raw, { level: constants.Z_BEST_COMPRESSION });
        await writeFile(join(dir, `${name}.gz`), packed);
      }
    },
  };
}

// keepGitkeep restores the file that lets `go build` embed dist/ in a
// checkout where the page was never built.
function keepGitkeep(): Plugin {
  return {
    name: "keep-gitkeep",
    apply: "build",
    async writeBundle(options) {
      await writeFile(join(options.dir ?? "dist", ".gitkeep"), "");
    },
  };
}

const server = process.env["DEV_SERVER"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/ui/",
  plugins: [react(), precompress(), keepGitkeep()],
  build: {
    outDir: "dist",
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      input: ["index.html", "playground.html"],
      onLog: (level, log, print) => {
        // GraphiQL's files carry directives for a compiler that we do not use.
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") print(level, log);
      },
    },
  },
  // The dev server's bundler cannot read workers, which these files import.
  optimizeDeps: { exclude: ["graphiql/setup-workers/vite", "@graphiql/react/setup-workers/vite"] },
  // The same host as the server's, so that its cookie counts here too; Host and
  // Origin pass as they are, so that the server sees one and the same site.
  server: {
    host: "127.0.0.1",
    proxy: {
      "/graphql": { target: server, ws: true, changeOrigin: false },
      "/artifacts": { target: server, changeOrigin: false },
    },
  },
  test: { include: ["src/**/*.test.ts"] },
});
