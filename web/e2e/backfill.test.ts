import type { BrowserContext, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Watch } from "./browser";
import type { Server } from "./server";
import { expectNoBarriers, Session } from "./session";

// Its schedule has slots of the past for each day, and makes none of them by itself.
const daily = `
name: daily
schedule: {cron: "30 6 * * *", timezone: Europe/Berlin, catchup: none}
params: {region: {type: string, enum: [eu, us], default: eu}}
tasks:
  load: {command: echo loaded}
`;
// Its runs end when the test says so.
const slow = `
name: slow
schedule: {cron: "30 6 * * *", catchup: none}
tasks:
  gate: {command: 'until [ -e slow.open ]; do sleep 0.1; done'}
`;

let session: Session;
let server: Server;
let context: BrowserContext;
let page: Page;
let seen: Watch;

beforeAll(async () => {
  session = await Session.start();
  server = session.server;
  server.save("daily.yaml", daily);
  server.save("slow.yaml", slow);
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

/** dialogOf opens the dialog for a new backfill of a workflow, with a range filled in. */
async function dialogOf(workflow: string, from: string, to: string): Promise<Locator> {
  await page.getByRole("link", { name: workflow, exact: true }).click();
  await page.getByRole("button", { name: "New backfill" }).click();
  await page.getByLabel("From", { exact: true }).fill(from);
  await page.getByLabel("To", { exact: true }).fill(to);
  return page.getByRole("dialog");
}

async function create(name: string): Promise<void> {
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("button", { name: "Create" }).click();
  await page.waitForURL(new RegExp(`/backfills/${name}$`));
}

/** stateIs waits until the header of the backfill's page shows a state. */
async function stateIs(state: string): Promise<void> {
  await page.locator("main [data-status]", { hasText: state }).first().waitFor();
}

function rows(name: string): Locator {
  return page.getByRole("region", { name }).locator("tbody tr");
}

test("a backfill is planned, made and finished, and its runs lead back to it", async () => {
  const dialog = await dialogOf("daily", "2026-03-27", "2026-03-30");
  await dialog.getByText("4 dates: 4 get a run.").waitFor();
  // The clocks of the schedule, also on the day on which they go forward.
  await expect
    .poll(() => rows("Dates").allTextContents())
    .toEqual(["27", "28", "29", "30"].map((day) => `2026-03-${day} 06:30a runit has no run`));
  await expectNoBarriers(page);
  await dialog.getByLabel("To, time of day").fill("06:00");
  await dialog.getByText("3 dates: 3 get a run.").waitFor();
  await dialog.getByLabel("Order").selectOption("newest first");
  await expect.poll(() => rows("Dates").first().textContent()).toContain("2026-03-29");
  await dialog.getByText("Parameters of the runs").click();
  await dialog.getByLabel("region").selectOption("us");
  await create("march");

  await stateIs("Finished");
  await page.getByText("3 succeeded").first().waitFor();
  await page.getByText("2026-03-27 00:00 to 2026-03-30 06:00 (Europe/Berlin)").waitFor();
  await page.locator("dt:has-text('region') + dd").getByText("us").waitFor();
  expect(await page.getByRole("button", { name: /^(Pause|Resume|Cancel) backfill/ }).count()).toBe(0);
  await expectNoBarriers(page);
  await rows("Runs").first().getByRole("link").click();
  await page.locator("dt:has-text('Backfill') + dd").getByRole("link", { name: "march" }).click();
  await page.getByRole("heading", { name: "daily/march" }).waitFor();
  await page.getByRole("link", { name: "Backfills" }).click();
  await rows("Backfills").getByText("3 succeeded").first().waitFor();
  expect(seen).toEqual({ problems: [], strangers: [] });
});

test("dates that have a run are left alone, or get another one", async () => {
  const dialog = await dialogOf("daily", "2026-03-28", "2026-03-31");
  await dialog.getByText("4 dates: 2 get a run, 2 are left alone.").waitFor();
  await rows("Dates").getByText("has succeeded").first().waitFor();
  await dialog.getByLabel("Runs for").selectOption("all dates");
  await dialog.getByText("4 dates: 2 get a run, 2 get another run.").waitFor();
});

test("what the server refuses stands at its field, and nothing can be created", async () => {
  const dialog = await dialogOf("daily", "2026-03-31", "2026-03-28");
  await dialog.getByRole("alert").getByText("is before from").waitFor();
  expect(await dialog.getByRole("button", { name: "Create" }).isDisabled()).toBe(true);
  await dialog.getByLabel("To", { exact: true }).fill("2026-04-02");
  await dialog.getByText("3 dates: 3 get a run.").waitFor();
  await dialog.getByLabel("At once").fill("many");
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.getByRole("alert").getByText("A whole number is needed").waitFor();
  await dialog.getByLabel("At once").fill("101");
  await dialog.getByRole("alert").getByText("use 1 to 100").waitFor();
  await dialog.getByLabel("At once").fill("1");
  await dialog.getByText("3 dates: 3 get a run.").waitFor();
  await dialog.getByLabel("Name").fill("of march");
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.getByRole("alert").getByText("is not valid").waitFor();
  await expectNoBarriers(page);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  expect(await page.evaluate("document.activeElement.textContent")).toBe("New backfill …");
});

test("dates that a server could not tell are asked for again by themselves", async () => {
  await page.getByRole("link", { name: "daily", exact: true }).click();
  await page.getByRole("button", { name: "New backfill" }).click();
  const dialog = page.getByRole("dialog");
  await server.kill();
  await dialog.getByLabel("From", { exact: true }).fill("2026-06-01");
  await dialog.getByLabel("To", { exact: true }).fill("2026-06-02");
  await dialog.getByRole("alert").getByText("The server does not answer.").waitFor();
  expect(await dialog.getByRole("button", { name: "Create" }).isDisabled()).toBe(true);
  await server.start();
  await dialog.getByText("2 dates: 2 get a run.").waitFor();
  await create("june");
});

test("the same request with the same name makes no second backfill, and says so", async () => {
  await dialogOf("daily", "2026-05-01", "2026-05-01");
  await create("may");
  await page.getByRole("link", { name: "Workflows" }).first().click();
  const dialog = await dialogOf("daily", "2026-05-01", "2026-05-01");
  await dialog.getByText("1 date:").waitFor();
  await dialog.getByLabel("Name").fill("may");
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.getByRole("alert").getByText("There is a backfill may already").waitFor();
  await dialog.getByLabel("At once").fill("2");
  await dialog.getByText("1 date:").waitFor();
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.getByRole("alert").getByText("with other settings").waitFor();
});

test("a backfill is paused, held by its workflow, resumed and cancelled", async () => {
  const dialog = await dialogOf("slow", "2026-03-01", "2026-03-05");
  await dialog.getByLabel("At once").fill("2");
  await create("gated");
  await stateIs("Running");
  await page.getByText("2 running, 3 to come").first().waitFor();
  await page.getByRole("button", { name: "Pause backfill gated" }).click();
  await page.getByRole("status").getByText("It is paused").waitFor();
  await page.getByRole("button", { name: "Resume backfill gated" }).click();
  await page.getByRole("button", { name: "Pause backfill gated" }).waitFor();

  await page.getByRole("link", { name: "slow", exact: true }).click();
  const control = page.getByRole("switch", { name: "slow starts runs" });
  await control.click();
  await rows("Backfills").getByText("its workflow is paused").waitFor();
  await rows("Backfills").getByText("held").waitFor();
  await expectNoBarriers(page);
  await rows("Backfills").getByRole("link", { name: "gated" }).click();
  await page.getByRole("status").getByText("It is held: its workflow is paused").waitFor();
  await expectNoBarriers(page);

  await page.getByRole("button", { name: "Cancel backfill gated" }).click();
  await expectNoBarriers(page);
  await page.getByRole("dialog").getByLabel("Reason").fill("wrong range");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the backfill" }).click();
  await stateIs("Cancelled");
  await page.getByText("2 cancelled, 3 not made").first().waitFor();
  await page.goBack();
  await control.click();
  expect(seen).toEqual({ problems: [], strangers: [] });
});

test("runs of a cancelled backfill go on if they are to be kept", async () => {
  const dialog = await dialogOf("slow", "2026-03-10", "2026-03-11");
  await dialog.getByText("2 dates").waitFor();
  await create("kept");
  await page.getByText("1 running, 1 to come").first().waitFor();
  await page.getByRole("button", { name: "Cancel backfill kept" }).click();
  await page.getByLabel("Let its runs that are not over go on").check();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the backfill" }).click();
  await stateIs("Cancelled");
  await page.getByText("Its runs that were not over went on").waitFor();
  server.save("slow.open", "");
  await page.getByText("1 succeeded, 1 not made").first().waitFor();
});
