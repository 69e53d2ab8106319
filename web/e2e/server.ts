import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const startMs = 30_000;
const root = resolve(import.meta.dirname, "../..");

/** Server is the real binary, with a store and a folder of workflows that nobody else uses. */
export class Server {
  /** url opens the page: it carries the token. */
  url = "";
  private process: ChildProcess | undefined;
  private output = "";

  private constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly flags: readonly string[],
  ) {}

  /** create lays out the folders: the examples of the repository, and the workflows of these tests. */
  static async create(...flags: string[]): Promise<Server> {
    const folder = mkdtempSync(join(tmpdir(), "miniairflow-e2e-"));
    cpSync(join(root, "dags"), join(folder, "dags"), { recursive: true });
    cpSync(join(import.meta.dirname, "dags"), join(folder, "dags"), { recursive: true });
    const server = new Server(folder, await freePort(), flags);
    await server.start();
    return server;
  }

  /** start returns when the server has printed its address. */
  async start(): Promise<void> {
    const binary = process.env["E2E_BINARY"] ?? join(root, "bin", "miniairflow");
    if (!existsSync(binary)) throw new Error(`there is no ${binary}: run \`make build\` first`);
    const args = ["serve", "--addr", `127.0.0.1:${this.port}`];
    args.push("--home", join(this.folder, "home"), "--dags", join(this.folder, "dags"), ...this.flags);
    this.output = "";
    const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"], env: ownEnv() });
    this.process = child;
    this.url = await new Promise((found, fail) => {
      const timer = setTimeout(() => fail(this.problem("printed no address")), startMs);
      const read = (data: Buffer) => {
        this.output += data.toString();
        const address = /http:\/\/\S+\?token=[\w-]+/.exec(this.output);
        if (!address) return;
        clearTimeout(timer);
        found(address[0]);
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      child.once("error", fail);
      child.once("exit", (code) => fail(this.problem(`ended with exit code ${code}`)));
    });
  }

  /** save writes a workflow file, as an editor would. */
  save(name: string, text: string): void {
    writeFileSync(join(this.folder, "dags", name), text);
  }

  /** remove deletes a workflow file. */
  remove(name: string): void {
    rmSync(join(this.folder, "dags", name));
  }

  /** forgetToken makes the next start print another token. */
  forgetToken(): void {
    rmSync(join(this.folder, "home", "token"));
  }

  /** kill ends the server as a crash would. */
  async kill(): Promise<void> {
    const child = this.process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  /** dispose ends the server and removes its folders. */
  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private problem(text: string): Error {
    return new Error(`the server ${text}; it said:\n${this.output}`);
  }
}

/** ownEnv is our environment without what would configure the server differently. */
function ownEnv(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env);
  return Object.fromEntries(
    entries.filter(([name]) => !name.startsWith("MINIAIRFLOW_") && name !== "DATABASE_URL"),
  );
}

/** freePort returns a port that nobody listens on. */
async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  listener.close();
  await once(listener, "close");
  if (address === null || typeof address === "string") throw new Error("the system gave no port");
  return address.port;
}
