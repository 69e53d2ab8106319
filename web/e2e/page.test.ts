import { readFileSync } from "node:fs";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Watch } from "./browser";
import type { Server } from "./server";
import { expectNoBarriers, Session } from "./session";

let session: Session;
let server: Server;
let context: BrowserContext;
let page: Page;
let seen: Watch;

beforeAll(async () => {
  session = await Session.start();
  server = session.server;
});
afterAll(async () => {
  await session?.end();
});

beforeEach(async () => {
  ({ context, page, seen } = await session.visit());
});
afterEach(async () => {
  await context?.close();
});

/** open goes to a path of the server; the cookie of the first visit stands for the token. */
async function open(path: string): Promise<void> {
  await page.goto(new URL(path, server.url).href);
}

async function trigger(workflow: string, rows: string): Promise<void> {
  await page.getByRole("button", { name: `Trigger ${workflow}` }).click();
  await page.getByLabel("rows").fill(rows);
  await page.getByRole("button", { name: "Start the run" }).click();
  await page.waitForURL(/\/runs\/\d+/);
}

async function runEnds(): Promise<void> {
  await page.locator('main [data-status="SUCCESS"]').first().waitFor();
  await page.getByRole("button", { name: "Cancel the run" }).waitFor({ state: "detached" });
}

/** boxesInFrame reports whether every box of the graph is drawn where it can be seen. */
async function boxesInFrame(on: Page): Promise<boolean> {
  const frame = await on.getByTestId("task-graph").boundingBox();
  const boxes = await Promise.all((await on.locator(".react-flow__node").all()).map((n) => n.boundingBox()));
  return boxes.every((b) => b && frame && b.x >= frame.x && b.x + b.width <= frame.x + frame.width);
}

test("a run goes from the list to success, live, and shows its log", async () => {
  await page.getByRole("link", { name: "orders-report" }).waitFor();
  expect(await page.getByText("problem in a workflow file").count()).toBe(0);
  await trigger("orders-report", "300");
  await page.locator('main [data-status="RUNNING"]').first().waitFor();

  const tasks = page.getByRole("region", { name: "Tasks" });
  await tasks.getByRole("button", { name: "load_us" }).click();
  const log = page.getByRole("region", { name: "Log of load_us" });
  await log.getByText("order 1 loaded").waitFor();
  await page
    .getByRole("region", { name: "Graph" })
    .getByRole("button", { name: "load_us Running" })
    .waitFor();
  await runEnds();
  await log.getByText("order 300 loaded").waitFor();
  expect(await tasks.locator('[data-status="SUCCESS"]').count()).toBeGreaterThanOrEqual(7);
  expect(seen).toEqual({ problems: [], strangers: [] });
});

test("what a task prints is text, never markup, and its outputs are shown", async () => {
  await page.getByRole("link", { name: "orders-report" }).waitFor();
  await trigger("orders-report", "3");
  await runEnds();
  await page.locator("dt:has-text('Output orders') + dd").getByText("9", { exact: true }).waitFor();
  await page.locator("summary", { hasText: "Notifications" }).click();
  await page.getByText("Nobody is told anything about this run (yet)").waitFor();
  await page.getByRole("region", { name: "Tasks" }).getByRole("button", { name: "extract" }).click();
  const log = page.getByRole("region", { name: "Log of extract" });
  await log.getByText("the shop sent <b>3</b> orders per region").waitFor();
  expect(await log.locator("b").count()).toBe(0);
  await page.getByRole("button", { name: "Details" }).click();
  await page.getByText('"ready": 3').waitFor();
  // The address holds it all: a second tab shows the same.
  const address = page.url();
  const other = await context.newPage();
  await other.goto(address);
  await other.getByText('"ready": 3').waitFor();
  // With the panel open from the start the whole graph is in its frame all the same.
  await expect.poll(() => boxesInFrame(other)).toBe(true);
});

test("the files that a task has left are downloaded from its details", async () => {
  await page.getByRole("button", { name: "Trigger artifacts" }).click();
  await page.getByRole("button", { name: "Start the run" }).click();
  await page.waitForURL(/\/runs\/\d+/);
  await runEnds();
  const tasks = page.getByRole("region", { name: "Tasks" });
  for (const [task, file, text] of [
    ["report", "report.csv", "eu,1\neu,2\nus,1\nus,2\n"],
    ["export[us]", "orders.csv", "us,1\nus,2\n"],
  ] as const) {
    await tasks.getByRole("button", { name: task }).click();
    await page.getByRole("button", { name: "Details" }).click();
    const arrives = page.waitForEvent("download");
    await page.getByRole("link", { name: file }).click();
    const download = await arrives;
    expect(download.suggestedFilename()).toBe(file);
    expect(readFileSync(await download.path(), "utf8")).toBe(text);
  }
  await expectNoBarriers(page);
});

test("a workflow shows when it starts by itself next, by the clocks of its schedule", async () => {
  await page.getByRole("link", { name: "orders-report" }).click();
  await page.getByText("Next slots").click();
  const cells = page.getByRole("cell", { name: /^\d{4}-\d\d-\d\d 02:00:00 Europe\/Berlin$/ });
  await expect.poll(() => cells.count()).toBe(10);
  await page.getByText("What has got no run").click();
  await page.getByText("Nothing is without its run").waitFor();
  await expectNoBarriers(page);
  expect(seen).toEqual({ problems: [], strangers: [] });
});

test("a workflow shows what starts it, what it starts, and what could not be started", async () => {
  server.save("first.yaml", "tasks: {a: {noop: true}}");
  server.save(
    "second.yaml",
    'triggers: {after: first}\nparams: {n: {default: "${{ vars.nowhere }}"}}\ntasks: {a: {noop: true}}',
  );
  const heard = { timeout: 60_000 };
  await page.getByRole("link", { name: "second", exact: true }).waitFor(heard);
  await page.getByRole("link", { name: "first", exact: true }).click();
  await page.getByRole("button", { name: "Trigger first" }).click();
  await page.getByRole("button", { name: "Start the run" }).click();
  await page.waitForURL(/\/runs\/\d+/);
  await runEnds();
  await open("/ui/workflows/first");
  await page.getByRole("link", { name: "second", exact: true }).click();
  await page.getByText("each time a run of first succeeds").waitFor();
  await page.getByText("What has got no run").click();
  await page.getByText('run first#1 started none: default of param "n"').waitFor(heard);
  await expectNoBarriers(page);
  await page.getByRole("link", { name: "first", exact: true }).click();
  await page.getByRole("heading", { name: "first" }).waitFor();
  server.remove("second.yaml");
  server.remove("first.yaml");
  expect(seen).toEqual({ problems: [], strangers: [] });
});

test("the form refuses what the workflow's parameters do not allow", async () => {
  await page.getByRole("button", { name: "Trigger orders-report" }).click();
  await page.getByLabel("rows").fill("1.5");
  await page.getByRole("button", { name: "Start the run" }).click();
  await page.getByRole("alert").getByText("is not an integer").waitFor();
  expect(page.url()).not.toContain("/runs/");
});

test("a pause holds and is lifted", async () => {
  const control = page.getByRole("switch", { name: "orders-report starts runs" });
  await control.click();
  await page
    .locator('[role="switch"][aria-label="orders-report starts runs"][aria-checked="false"]')
    .waitFor();
  await page.reload();
  await page
    .locator('[role="switch"][aria-label="orders-report starts runs"][aria-checked="false"]')
    .waitFor();
  await control.click();
  await page
    .locator('[role="switch"][aria-label="orders-report starts runs"][aria-checked="true"]')
    .waitFor();
});

test("the playground runs a query and asks nobody but the server", async () => {
  await open("/playground");
  await page.locator(".graphiql-query-editor .view-lines").waitFor();
  await page.getByRole("button", { name: "Execute query" }).click();
  // The first of the ten that its query asks for: further down is out of sight.
  await page.locator(".graphiql-response").getByText('"artifacts"').waitFor();
  expect(seen).toEqual({ problems: [], strangers: [] });
});

test("a file that comes, breaks and is mended shows without asking", async () => {
  // Once the list hears of changes it asks by itself only every 30 seconds.
  const heard = { timeout: 10_000 };
  const tasks = "tasks:\n  a:\n    command: echo hello\n";
  await page.getByRole("link", { name: "orders-report" }).waitFor();
  server.save("fresh.yaml", `name: fresh\n${tasks}`);
  await page.getByRole("link", { name: "fresh", exact: true }).waitFor(heard);
  server.save("fresh.yaml", `name: fresh\ntasksss: {}\n${tasks}`);
  await page.getByText('unknown key "tasksss"').waitFor(heard);
  server.save("fresh.yaml", `name: fresh\ndescription: Mended\n${tasks}`);
  await page.getByText("Mended").waitFor(heard);
  await page.getByText('unknown key "tasksss"').waitFor({ state: "detached", ...heard });
  server.remove("fresh.yaml");
});

test("the page finds back to a server that was away", async () => {
  await open("/ui/workers");
  await page.getByText("live", { exact: true }).waitFor();
  await server.kill();
  await page.getByText("connection lost, trying again").waitFor();
  await server.start();
  await page.getByText("live", { exact: true }).waitFor();
});

test("a browser whose token counts no more is told so on every page", async () => {
  await page.getByRole("link", { name: "orders-report" }).waitFor();
  await trigger("orders-report", "2");
  await runEnds();
  await server.kill();
  server.forgetToken();
  await server.start();
  await page.getByRole("alert").getByText("This browser is not signed in").waitFor();
  await page.goto(new URL("/ui/workers", server.url).href);
  await page.getByRole("alert").getByText("The token is wrong").waitFor();
  await page.getByLabel("Token").fill(new URL(server.url).searchParams.get("token") ?? "");
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByText("live", { exact: true }).waitFor();
});

test("an unknown page, workflow and run say so and lead back", async () => {
  for (const path of ["/ui/nothing", "/ui/workflows/gone", "/ui/workflows/orders-report/runs/9999"]) {
    await open(path);
    await page.getByRole("heading", { name: /^There is no/ }).waitFor();
  }
});

test("every page is free of serious barriers, in light and dark", async () => {
  await page.getByRole("link", { name: "orders-report" }).waitFor();
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "Trigger orders-report" }).click();
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "Start the run" }).click();
  await runEnds();
  await page.getByRole("region", { name: "Tasks" }).getByRole("button", { name: "load_eu" }).click();
  await page.getByRole("region", { name: "Log of load_eu" }).getByText("order 40 loaded").waitFor();
  await expectNoBarriers(page);
  await open("/ui/workflows/orders-report");
  await page.getByTestId("task-graph").waitFor();
  await expectNoBarriers(page);
  await open("/ui/workers");
  await page.getByText("live", { exact: true }).waitFor();
  await expectNoBarriers(page);
});
