import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { BrowserContext, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Watch } from "./browser";
import { expectNoBarriers, Session } from "./session";

let receiver: HttpServer;
/** taken holds the bodies of what the receiver has taken; while it is away it takes nothing. */
let taken: string[];
let isAway: boolean;
let session: Session;
let context: BrowserContext;
let page: Page;
let seen: Watch;

beforeAll(async () => {
  receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (data: Buffer) => {
      body += data.toString();
    });
    request.on("end", () => {
      if (!isAway) taken.push(body);
      response.writeHead(isAway ? 503 : 200).end();
    });
  }).listen(0, "127.0.0.1");
  await once(receiver, "listening");
  const address = receiver.address();
  if (address === null || typeof address === "string") throw new Error("the system gave no port");
  session = await Session.start("--allow-private-webhooks", "--notify-for", "1s");
  session.server.save(
    "teller.yaml",
    `
name: teller
max_active_runs: 4
on_success: {webhook: "http://127.0.0.1:${address.port}/hook"}
tasks:
  only: {command: echo done}
`,
  );
});
afterAll(async () => {
  await session?.end();
  receiver?.close();
});

beforeEach(async () => {
  taken = [];
  isAway = true;
  ({ context, page, seen } = await session.visit());
});
afterEach(async () => {
  await context?.close();
});

async function trigger(): Promise<void> {
  await page.getByRole("link", { name: "Workflows" }).first().click();
  await page.getByRole("button", { name: "Trigger teller" }).click();
  await page.getByRole("button", { name: "Start the run" }).click();
  await page.waitForURL(/\/runs\/\d+/);
}

function navigation(): Locator {
  return page.getByRole("navigation", { name: "Main" });
}

function rows(): Locator {
  return page.getByRole("region", { name: "Notifications" }).locator("tbody tr");
}

test("a notification that nobody takes is marked as stuck, and is sent again from the list", async () => {
  await page.getByRole("link", { name: "Notifications", exact: true }).click();
  await page.getByText("Nothing is stuck").waitFor();
  await trigger();
  await page.getByRole("link", { name: "Notifications" }).click();
  const row = rows().filter({ hasText: "run succeeded" });
  await row.getByText("stuck", { exact: true }).waitFor();
  await row.getByText("503").waitFor();
  await row.getByText("given up").waitFor();
  await row.getByRole("link", { name: /^teller#\d+$/ }).waitFor();
  // The mark is on every page.
  await page.reload();
  await navigation().getByRole("link", { name: "Notifications 1 stuck" }).waitFor();
  await expectNoBarriers(page);

  isAway = false;
  await row.getByRole("button", { name: "Send again: run succeeded, to webhook 127.0.0.1" }).click();
  await page.getByText("Nothing is stuck").waitFor();
  await navigation().getByRole("link", { name: "Notifications", exact: true }).waitFor();
  await expect.poll(() => taken.length, { timeout: 30_000 }).toBe(1);
  await page.getByLabel("Which notifications").selectOption("All");
  await rows().getByText("sent", { exact: true }).waitFor();
  await expectNoBarriers(page);
  expect(seen).toEqual({ problems: [], strangers: [] });
});

test("all that are stuck are sent again at a press, when their receiver is back", async () => {
  await trigger();
  await trigger();
  await page.getByRole("link", { name: "Notifications" }).click();
  await expect.poll(() => rows().count(), { timeout: 30_000 }).toBe(2);
  isAway = false;
  await page.getByRole("button", { name: "Send all again" }).click();
  await page.getByText("Nothing is stuck").waitFor();
  await expect.poll(() => taken.length, { timeout: 30_000 }).toBe(2);
  expect(seen).toEqual({ problems: [], strangers: [] });
});
