import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { launch } from "./browser";
import { Server } from "./server";

// The pictures of the documentation, taken of the real thing.

const folder = process.env["SCREENSHOTS"] ?? "";
const viewport = { width: 1440, height: 860 };
const before = ["daily-etl", "fan-out", "hello", "params", "report", "trigger-rules", "branching", "stdin"];

test("take the pictures", async () => {
  expect(folder, "SCREENSHOTS names the folder").not.toBe("");
  mkdirSync(folder, { recursive: true });
  const browser = await launch();
  const server = await Server.create();
  try {
    const page = await browser.newPage({ viewport, colorScheme: "light" });
    await page.goto(server.url);
    for (const name of before) {
      await page.goto(new URL("/ui/workflows", server.url).href);
      await page.getByRole("button", { name: `Trigger ${name}` }).click();
      await page.getByRole("button", { name: "Start the run" }).click();
      await page.waitForURL(/\/runs\/\d+/);
      await page.getByRole("button", { name: "Cancel the run" }).waitFor({ state: "detached" });
    }
    await page.goto(new URL("/ui/workflows", server.url).href);
    await page.getByRole("button", { name: "Trigger orders-report" }).click();
    await page.getByLabel("rows").fill("400");
    await page.getByRole("button", { name: "Start the run" }).click();
    await page.getByRole("region", { name: "Tasks" }).getByRole("button", { name: "load_us" }).click();
    await page.getByRole("region", { name: "Log of load_us" }).getByText("order 120 loaded").waitFor();
    await page.mouse.move(0, 0);
    await page.screenshot({ path: join(folder, "run.png") });
    await page.emulateMedia({ colorScheme: "dark" });
    await page.screenshot({ path: join(folder, "run-dark.png") });
    await page.emulateMedia({ colorScheme: "light" });
    await page.getByRole("link", { name: "Workflows" }).first().click();
    await page.locator('[data-status="RUNNING"]').first().waitFor();
    await page.screenshot({ path: join(folder, "workflows.png") });
  } finally {
    await browser.close();
    await server.dispose();
  }
});
