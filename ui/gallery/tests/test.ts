// A page that draws one state after another. A worker keeps it: a new one for each state would take half of the time.

import { type Locator, type Page, test as base, expect } from "@playwright/test";
import type { Edition } from "../../src/ipc/bridge";
import { statesOf } from "../fixtures";
import type { GalleryBridge } from "../screen";

export interface Options {
  edition: Edition;
  theme: "light" | "dark";
}

export const SIZES = { mobile: { width: 360, height: 740 }, desktop: { width: 1280, height: 800 } };
/** The smallest phone and the smallest window that the screens are made for. */
export const SMALL = { mobile: { width: 360, height: 640 }, desktop: { width: 1024, height: 720 } };
/** What the on-screen keyboard leaves of the smallest phone. */
export const ABOVE_KEYBOARD = { width: 360, height: 340 };

export interface Gallery {
  readonly page: Page;
  readonly edition: Edition;
  readonly theme: Options["theme"];
  /** What the page wrote to the console, which should be nothing. */
  readonly messages: string[];
  /** Draws a state, with its buttons pressed and its countdowns stopped. */
  draw(state: string, parameters?: Record<string, string>): Promise<void>;
  /** Changes to another state's view, as if the backend had sent it. */
  push(state: string): Promise<void>;
  /** Answers what was pressed. */
  answer(state: string): Promise<void>;
}

export const test = base.extend<{ gallery: Gallery }, Options & { shared: Gallery }>({
  edition: ["mobile", { option: true, scope: "worker" }],
  theme: ["light", { option: true, scope: "worker" }],
  shared: [
    async ({ browser, edition, theme }, use) => {
      const mobile = edition === "mobile";
      const context = await browser.newContext({
        viewport: SIZES[edition],
        colorScheme: theme,
        reducedMotion: "reduce",
        hasTouch: mobile,
        isMobile: mobile,
        locale: "en-GB",
        timezoneId: "Europe/Stockholm",
      });
      const page = await context.newPage();
      const messages: string[] = [];
      page.on("console", (message) => message.type() !== "debug" && messages.push(message.text()));
      page.on("pageerror", (error) => messages.push(String(error)));
      await use({
        page,
        edition,
        theme,
        messages,
        draw: async (state, parameters = { still: "" }) => {
          await page.goto(`${process.env.GALLERY_URL}?${new URLSearchParams({ state, edition, ...parameters })}`);
          await page.waitForSelector("html[data-drawn]");
        },
        push: (state) => page.evaluate((to) => (window.mockBridge as GalleryBridge).push(to), state),
        answer: (state) => page.evaluate((to) => (window.mockBridge as GalleryBridge).answer(to), state),
      });
      await context.close();
    },
    { scope: "worker" },
  ],
  gallery: async ({ shared }, use) => {
    shared.messages.length = 0;
    await shared.page.setViewportSize(SIZES[shared.edition]);
    await use(shared);
    expect.soft(shared.messages, "written to the console").toEqual([]);
  },
});

/** Not scrolled: the screen brings its focused field into view when its window changes. */
export async function resize({ page }: Gallery, size: { width: number; height: number }): Promise<void> {
  await page.setViewportSize(size);
  await page.evaluate(
    () =>
      new Promise<void>((done) => {
        requestAnimationFrame(() => {
          requestAnimationFrame(() => {
            scrollTo(0, 0);
            done();
          });
        });
      }),
  );
}

/** Whether a person sees all of it: in the window, and nothing over it. */
export const isInView = (one: Locator) =>
  one.evaluate((e) => {
    const { top, bottom, left, right } = e.getBoundingClientRect();
    const at = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return top >= 0 && bottom <= innerHeight && at !== null && (e.contains(at) || at.contains(e));
  });

const only = process.env.SHOTS_STATES ? process.env.SHOTS_STATES.split(",") : null;
/** The states that were asked for, of one edition or of both. */
export const states = [...new Set([...statesOf("mobile"), ...statesOf("desktop")])].filter((state) => !only || only.includes(state));

/** One test per state of the edition. */
export function forEachState(check: (gallery: Gallery, state: string) => Promise<void>): void {
  for (const state of states) {
    test(state, async ({ gallery }) => {
      test.skip(!statesOf(gallery.edition).includes(state), "not in this edition");
      await check(gallery, state);
    });
  }
}
