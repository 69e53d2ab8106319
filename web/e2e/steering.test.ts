import type { BrowserContext, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Watch } from "./browser";
import type { Server } from "./server";
import { expectNoBarriers, Session } from "./session";

// Its second task fails at its first attempt and succeeds at the next.
const flaky = `
name: flaky
tasks:
  first: {command: echo ready}
  second: {depends_on: [first], command: 'echo "attempt $MINIAIRFLOW_ATTEMPT"; [ "$MINIAIRFLOW_ATTEMPT" -gt 1 ]'}
  third: {depends_on: [second], command: echo done}
`;
const chain = `
name: chain
tasks:
  first: {command: echo one}
  second: {depends_on: [first], command: echo two}
  third: {depends_on: [second], command: echo three}
`;
// Its first task ends when the test says so.
const gated = `
name: gated
tasks:
  gate: {command: 'until [ -e gate.open ]; do sleep 0.1; done', pool: gates}
  after: {depends_on: [gate], command: echo through}
`;

// It is late a second after its start.
const due = `
name: due
deadline: "+1s"
tasks:
  gate: {command: 'until [ -e gate.open ]; do sleep 0.1; done'}
`;

let session: Session;
let server: Server;
let context: BrowserContext;
let page: Page;
let seen: Watch;

beforeAll(async () => {
  session = await Session.start();
  server = session.server;
  server.save("pools.yaml", "gates: {slots: 1, description: Who may wait at a gate}\n");
  server.save("flaky.yaml", flaky);
  server.save("chain.yaml", chain);
  server.save("gated.yaml", gated);
  server.save("due.yaml", due);
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

async function trigger(workflow: string): Promise<void> {
  await page.getByRole("button", { name: `Trigger ${workflow}` }).click();
  await page.getByRole("button", { name: "Start the run" }).click();
  await page.waitForURL(/\/runs\/\d+/);
}

/** runIs waits until the page says that its run is in a state. */
async function runIs(state: string, on = page): Promise<void> {
  await expect.poll(() => on.title(), { timeout: 30_000 }).toMatch(new RegExp(`^${state}: `));
}

/** factIs waits until a fact of the run's header has a value. */
async function factIs(name: string, value: string, on = page): Promise<void> {
  const fact = on.locator("main dl > div").filter({ has: on.getByText(name, { exact: true }) });
  await fact.getByText(value, { exact: true }).waitFor();
}

/** press presses a button of the open dialog, and waits until that has closed. */
async function press(name: string): Promise<void> {
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name, exact: true }).click();
  await dialog.waitFor({ state: "detached" });
}

/** planIs waits until the open dialog lists these tasks. */
async function planIs(...tasks: string[]): Promise<void> {
  const names = page.getByRole("dialog").getByRole("listitem");
  await expect.poll(() => names.allTextContents(), { timeout: 30_000 }).toEqual(tasks);
}

function row(task: string): Locator {
  const tasks = page.getByRole("region", { name: "Tasks" });
  return tasks.getByRole("row").filter({ has: page.getByRole("button", { name: task, exact: true }) });
}

async function choose(task: string): Promise<Locator> {
  await row(task).getByRole("button").click();
  return page.getByRole("region", { name: `Task ${task}` });
}

async function triesAre(tries: Record<string, string>): Promise<void> {
  for (const [task, count] of Object.entries(tries)) {
    await row(task).getByRole("cell", { name: count, exact: true }).waitFor();
  }
}

test("a run that failed is retried from the page and succeeds", async () => {
  await trigger("flaky");
  await runIs("Failed");
  await page.getByRole("button", { name: "Retry failed" }).click();
  await planIs("second", "third");
  await expectNoBarriers(page);
  await press("Retry");
  await runIs("Success");
  await factIs("Generation", "2");
  await triesAre({ first: "1", second: "2", third: "1" });
  expect(await page.getByRole("button", { name: "Retry failed" }).count()).toBe(0);
  expect(seen).toEqual({ problems: [], strangers: [] });
});

test("a task is cleared with all below it, and other windows see it without asking", async () => {
  await trigger("chain");
  await runIs("Success");
  const other = await context.newPage();
  await other.goto(page.url());
  await runIs("Success", other);

  await (await choose("second")).getByRole("button", { name: "Clear" }).click();
  await planIs("second");
  await page.getByLabel("And all tasks below it").check();
  await planIs("second", "third");
  await expectNoBarriers(page);
  await press("Clear");
  await factIs("Generation", "2");
  await runIs("Success");
  await triesAre({ first: "1", second: "2", third: "2" });
  await factIs("Generation", "2", other);
  await runIs("Success", other);
  expect(seen).toEqual({ problems: [], strangers: [] });
});

test("a task is cleared with the latest version, which adds a task", async () => {
  await trigger("chain");
  await runIs("Success");
  const panel = await choose("third");
  await panel.getByRole("button", { name: "Clear" }).click();
  const latest = page.getByRole("checkbox", { name: /latest version/ });
  expect(await latest.isDisabled()).toBe(true);
  server.save("chain.yaml", `${chain}  fourth: {depends_on: [third], command: echo four}\n`);
  await latest.check();
  await press("Clear");
  await factIs("Version", "2");
  await runIs("Success");
  await triesAre({ second: "1", third: "2", fourth: "1" });
  await page.getByRole("region", { name: "Graph" }).getByRole("button", { name: "fourth Success" }).waitFor();
});

test("a paused run starts nothing more until it is resumed", async () => {
  await trigger("gated");
  await row("gate").getByText("Running").waitFor();
  await page.getByRole("button", { name: "Pause the run" }).click();
  await page.getByRole("status").getByText("It is paused").waitFor();
  await page.locator('main [data-status="RUNNING"]').getByText("paused").waitFor();
  server.save("gate.open", "");
  await row("gate").getByText("Success").waitFor();
  await row("after").getByText("Queued").waitFor();
  await (await choose("after")).getByText("Run is paused.").waitFor();
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "Resume the run" }).click();
  await runIs("Success");
  expect(await page.getByText("It is paused").count()).toBe(0);
  expect(seen).toEqual({ problems: [], strangers: [] });
  server.remove("gate.open");
});

test("a run that is not over at its deadline is marked as late, live, and stays so", async () => {
  await trigger("due");
  await page.locator("main").getByText("late", { exact: true }).waitFor();
  await page
    .locator("dt:has-text('Late') + dd")
    .getByText(/^the run was due /)
    .waitFor();
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "Cancel the run" }).click();
  await runIs("Cancelled");
  await page.getByRole("link", { name: "due", exact: true }).click();
  await page.getByRole("region", { name: "Runs" }).getByText("late", { exact: true }).waitFor();
});

test("a task that runs is marked, and one that has ended is marked otherwise, with a reason", async () => {
  await trigger("gated");
  await row("gate").getByText("Running").waitFor();
  const gate = await choose("gate");
  expect(await gate.getByRole("button", { name: "Clear" }).isDisabled()).toBe(true);
  await gate.getByRole("button", { name: "Mark as" }).click();
  await page.getByText("It runs now: that is stopped.").waitFor();
  await expectNoBarriers(page);
  await press("Mark as success");
  await runIs("Success");

  await (await choose("after")).getByRole("button", { name: "Mark as" }).click();
  await page.getByRole("radio", { name: "Failed" }).check();
  await page.getByLabel("Reason").fill("it went through the wall");
  await press("Mark as failed");
  await runIs("Failed");
  await row("after").getByText("it went through the wall").waitFor();
  expect(seen).toEqual({ problems: [], strangers: [] });
});

test("what the server refuses is said in the dialog, which stays", async () => {
  await trigger("flaky");
  await runIs("Failed");
  server.remove("flaky.yaml");
  await page.getByRole("button", { name: "Retry failed" }).click();
  const dialog = page.getByRole("dialog");
  await expect
    .poll(
      async () => {
        await dialog.getByRole("button", { name: "Close" }).click();
        await page.getByRole("button", { name: "Retry failed" }).click();
        return dialog
          .getByRole("alert")
          .textContent({ timeout: 1_000 })
          .catch(() => "");
      },
      { timeout: 30_000 },
    )
    .toContain("is retired");
  expect(await dialog.getByRole("button", { name: "Retry", exact: true }).isDisabled()).toBe(true);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  const focused = await page.evaluate("document.activeElement.textContent");
  expect(focused).toBe("Retry failed");
});

test("pools show who holds them; those of no file are made, changed and deleted", async () => {
  await trigger("gated");
  await row("gate").getByText("Running").waitFor();
  await page.getByRole("link", { name: "Workers and pools" }).click();
  const pools = page.getByRole("region", { name: "Pools" });
  const gates = pools.getByRole("row").filter({ hasText: "gates" });
  await gates.getByText("1 of 1").waitFor();
  expect(await gates.getByRole("button").count()).toBe(0);

  await gates.getByRole("link", { name: /^gated#\d+ gate$/ }).waitFor();
  await pools.getByRole("button", { name: "New pool" }).click();
  await expectNoBarriers(page);
  const dialog = page.getByRole("dialog");
  await page.getByLabel("Name").fill("gates");
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.getByRole("alert").getByText("There is a pool gates already").waitFor();
  await page.getByLabel("Name").fill("gpu");
  await page.getByLabel("Slots").fill("2000000");
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.getByRole("alert").getByText("is not possible").waitFor();
  await page.getByLabel("Slots").fill("2");
  await press("Create");

  const gpu = pools.getByRole("row").filter({ hasText: "gpu" });
  await gpu.getByText("0 of 2").waitFor();
  await gpu.getByRole("button", { name: "Change pool gpu" }).click();
  await page.getByLabel("Slots").fill("3");
  await page.getByLabel("Description").fill("graphics cards");
  await press("Save");
  await gpu.getByText("0 of 3").waitFor();
  await gpu.getByText("graphics cards").waitFor();
  await expectNoBarriers(page);
  await gpu.getByRole("button", { name: "Delete pool gpu" }).click();
  await press("Delete");
  await gpu.waitFor({ state: "detached" });

  await gates.getByRole("link").click();
  await page.getByRole("button", { name: "Cancel the run" }).click();
  await runIs("Cancelled");
  expect(seen).toEqual({ problems: [], strangers: [] });
});

// The last test: without its only worker the server runs nothing more.
test("a worker is drained after a warning about the queues that nobody else serves", async () => {
  await page.getByRole("link", { name: "Workers and pools" }).click();
  const workers = page.getByRole("region", { name: "Workers" });
  await workers.getByText("Active").waitFor();
  await workers.getByRole("button", { name: /^Drain / }).click();
  await page.getByRole("dialog").getByText("No other active worker serves default").waitFor();
  await expectNoBarriers(page);
  await press("Drain");
  await workers.getByText(/Draining|Inactive/).waitFor();
  expect(await workers.getByRole("button", { name: /^Drain / }).count()).toBe(0);
  expect(seen).toEqual({ problems: [], strangers: [] });
});
