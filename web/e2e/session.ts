import type { Browser, BrowserContext, Page } from "playwright-core";
import { expect } from "vitest";
import { barriers, launch, type Watch, watch } from "./browser";
import { Server } from "./server";

/** Visit is a browser window that was never here before, with the page open. */
export interface Visit {
  context: BrowserContext;
  page: Page;
  seen: Watch;
}

/** Session is a browser and a server for the tests of one file. */
export class Session {
  private constructor(
    readonly server: Server,
    private readonly browser: Browser,
  ) {}

  /** start starts both, the server with these flags, too. */
  static async start(...flags: string[]): Promise<Session> {
    const browser = await launch();
    try {
      return new Session(await Server.create(...flags), browser);
    } catch (e) {
      await browser.close();
      throw e;
    }
  }

  /** visit opens the page; the token in the address becomes the cookie of the window. */
  async visit(): Promise<Visit> {
    const context = await this.browser.newContext({
      viewport: { width: 1440, height: 900 },
      colorScheme: "light",
    });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    const seen = await watch(page, this.server.url);
    await page.goto(this.server.url);
    return { context, page, seen };
  }

  /** end ends both. */
  async end(): Promise<void> {
    await this.browser.close();
    await this.server.dispose();
  }
}

/** expectNoBarriers looks at a page in light and dark. */
export async function expectNoBarriers(page: Page): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await barriers(page), colorScheme).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: "light" });
}
