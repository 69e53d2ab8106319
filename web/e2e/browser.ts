import { accessSync, constants, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import type { AxeResults } from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome"];

/** findChromium returns the path of a Chromium: $CHROMIUM, else the first on the PATH. */
export function findChromium(): string {
  const chosen = process.env["CHROMIUM"];
  if (chosen) return chosen;
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const found = names.map((name) => join(folder, name)).find(isExecutable);
    if (found) return found;
  }
  throw new Error("no Chromium found: install the package chromium, or set CHROMIUM to the path of one");
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** launch starts a browser that talks to nobody but the pages it opens. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium(),
    args: [
      // Chromium refuses to sandbox itself when it runs as root, as it does in containers.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** Watch notes what must not happen on a page. */
export interface Watch {
  /** problems holds uncaught errors, and what the browser's console calls an error. */
  problems: string[];
  /** strangers holds the addresses outside the server that the page asked for. */
  strangers: string[];
}

/** watch notes problems of a page, and refuses it everything outside origin. */
export async function watch(page: Page, origin: string): Promise<Watch> {
  const seen: Watch = { problems: [], strangers: [] };
  page.on("pageerror", (error) => seen.problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") seen.problems.push(message.text());
  });
  const own = new URL(origin).host;
  await page.route(
    (url) => url.host !== own && !["data:", "blob:"].includes(url.protocol),
    (route) => {
      seen.strangers.push(route.request().url());
      return route.abort();
    },
  );
  return seen;
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** barriers returns the serious and critical findings of axe-core on a page, one line each. */
export async function barriers(page: Page): Promise<string[]> {
  // Evaluated, not added as a script: the page's own policy forbids inline scripts.
  await page.evaluate(axeSource);
  const results = await page.evaluate<AxeResults>("axe.run()");
  return results.violations
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .flatMap((v) => v.nodes.map((n) => `${v.id} (${v.help}): ${n.html} ${n.failureSummary ?? ""}`));
}
