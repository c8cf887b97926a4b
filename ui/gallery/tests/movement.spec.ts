// Nothing moves that a person reads or is about to press: Chromium's layout shift is 0 in every change of state.

/* oxlint-disable unicorn/consistent-function-scoping -- a function that runs in the page has everything in it */

import { expect } from "@playwright/test";
import { statesOf } from "../fixtures";
import { type Gallery, SMALL, isInView, states, test } from "./test";

/** Changes that nobody pressed for: the first answer, the backend, another device, the clock. */
const CHANGES: [from: string, to: string][] = [
  ["home-loading", "home"],
  ["home-loading", "home-hidden"],
  ["home-loading", "home-code-sent"],
  ["home-loading", "home-linked"],
  ["home-loading", "home-old"],
  ["flow-loading", "flow"],
  ["flow-loading", "flow-banner"],
  ["flow-loading", "code-sent"],
  ["flow-loading", "linking"],
  ["flow-loading", "done"],
  ["home", "home-hidden"],
  ["home-hidden", "home"],
  ["home", "home-code-sent"],
  ["home", "home-linked"],
  ["home", "home-old"],
  ["home-old", "home"],
  ["home", "home-memory"],
  ["flow", "flow-banner"],
  ["flow-banner", "flow"],
  ["code-sent", "code-sent-banner"],
  ["flow", "flow-old"],
  ["flow-old", "flow"],
  ["flow", "code-sent"],
  ["code-sent", "code-deferred"],
  ["code-sent", "code-over"],
  ["code-sent", "code-none-left"],
  ["code-sent", "linking"],
  ["code-sent", "done"],
  ["linking", "done"],
  ["linking", "done-try"],
  ["done-try", "done-try-waiting"],
  ["done-try-waiting", "done-try-worked"],
  ["done-try-waiting", "done-try-other"],
  ["done-try-waiting", "done-try-not-finished"],
];

/** The next step is the address again, so the forms change places: what is above them stays. */
const STEPS_BACK: [from: string, to: string][] = [
  ["code-sent", "code-bounced"],
  ["code-sent", "code-failed"],
];

/** Answers to a press: what was pressed, and what is above it, stays where it is. */
const ANSWERS: [from: string, pressed: string, to: string][] = [
  ["sign-in-busy", "sign-in", "sign-in-bad"],
  ["sign-in-busy", "sign-in", "sign-in-no-host"],
  ["sign-in-busy", "sign-in", "sign-in-offline"],
  ["sign-in-busy", "sign-in", "sign-in-wait"],
  ["flow-busy", "send-code", "flow-offline"],
  ["flow-busy", "send-code", "flow-taken"],
  ["flow-busy", "send-code", "flow-domain"],
  ["flow-busy", "send-code", "flow-locked"],
  ["flow-busy", "send-code", "flow-too-many"],
  ["flow-busy", "send-code", "code-sent"],
  ["code-resend-busy", "send-code", "code-sent"],
  ["code-resend-busy", "send-code", "code-too-many"],
  ["code-busy", "verify-code", "code-wrong"],
  ["code-busy", "verify-code", "code-last"],
  ["code-busy", "verify-code", "code-expired"],
  ["code-busy", "verify-code", "code-exhausted"],
  ["code-busy", "verify-code", "code-offline"],
  ["code-busy", "verify-code", "code-locked"],
  ["code-busy", "verify-code", "linking"],
  ["code-busy", "verify-code", "done"],
  ["done-try-busy", "try-login", "done-try-no-browser"],
];

/** A problem that goes when one types. */
const CORRECTIONS: [from: string, field: string][] = [
  ["sign-in-bad", "password"],
  ["sign-in-no-host", "server"],
  ["flow-invalid", "email"],
  ["flow-taken", "email"],
  ["flow-offline", "email"],
  ["code-wrong", "code"],
  ["code-expired", "code"],
];

/** A press that takes long is told so. */
const WAITS: [state: string, pressed: string][] = [
  ["sign-in-busy", "sign-in"],
  ["locked-busy", "unlock"],
  ["flow-busy", "send-code"],
  ["code-busy", "verify-code"],
  ["done-try-busy", "try-login"],
];

const byTestid = (id: string) => `[data-testid="${id}"]`;

interface Watched extends Window {
  shifts: { value: number; sources: string[] }[];
  observer: PerformanceObserver;
  lowestInBar: boolean;
  /** In the page, or in the window if it is in a bar that stays there. */
  places: { element: Element; inBar: boolean; x: number; y: number }[];
}

interface LayoutShift extends PerformanceEntry {
  value: number;
  sources: { node: Node | null; previousRect: DOMRect; currentRect: DOMRect }[];
}

/** Runs in the page. From here on, all movement is recorded, also after a press; what is above `lowest` also by its place. */
function watch(lowest: string | null): void {
  const watched = window as unknown as Watched;
  watched.shifts = [];
  const name = (node: Node | null) => {
    const e = node instanceof Element ? node : node?.parentElement;
    return e ? `${(e as HTMLElement).dataset.testid ?? (e.getAttribute("class") || e.tagName.toLowerCase())} “${e.textContent.trim().slice(0, 30)}”` : "gone";
  };
  const record = (entries: PerformanceEntryList) => {
    for (const { value, sources } of entries as LayoutShift[]) {
      watched.shifts.push({ value, sources: sources.map(({ node, previousRect: a, currentRect: b }) => `${name(node)} ${a.x},${a.y} → ${b.x},${b.y}`) });
    }
  };
  watched.observer = new PerformanceObserver((list) => record(list.getEntries()));
  watched.observer.observe({ type: "layout-shift" });
  const last = lowest ? document.querySelector(lowest) : null;
  const end = last && last.getBoundingClientRect();
  // What comes after a button in a bar at the bottom is drawn above it.
  const follows = (e: Element) => Boolean(last && last.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING);
  const inBar = (e: Element | null): boolean => e !== null && (/sticky|fixed/.test(getComputedStyle(e).position) || inBar(e.parentElement));
  watched.lowestInBar = inBar(last);
  watched.places = [...document.querySelectorAll("h1, h2, h3, p, label, input, button, summary, li")]
    .map((element) => ({ element, box: element.getBoundingClientRect() }))
    .filter(({ element, box }) => element.checkVisibility() && box.height > 0 && (!end || (box.bottom <= end.bottom && !follows(element))))
    .map(({ element, box }) => {
      const fixed = inBar(element);
      return { element, inBar: fixed, x: box.x, y: box.y + (fixed ? 0 : scrollY) };
    });
}

/** Runs in the page. What has moved since, though it is still there; and Chromium's measure. */
async function movement() {
  const watched = window as unknown as Watched;
  for (let frame = 0; frame < 3; frame += 1) {
    await new Promise((done) => {
      requestAnimationFrame(() => setTimeout(done, 20));
    });
  }
  // All of the screen is above a bar at the bottom: there, what comes after the news makes room for them.
  const news = watched.lowestInBar && document.querySelector('[data-testid="problem"]');
  const follows = (e: Element) => Boolean(news && news.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING);
  const moved = watched.places
    .filter(({ element, inBar }) => inBar || !follows(element))
    .filter(({ element }) => element.isConnected && element.checkVisibility() && element.getClientRects().length > 0)
    .map(({ element, inBar, x, y }) => {
      const box = element.getBoundingClientRect();
      return { element, dx: Math.round(box.x - x), dy: Math.round(box.y + (inBar ? 0 : scrollY) - y) };
    })
    .filter(({ dx, dy }) => dx !== 0 || dy !== 0)
    .map(({ element, dx, dy }) => `${(element as HTMLElement).dataset.testid ?? element.tagName.toLowerCase()} “${element.textContent.trim().slice(0, 30)}” by ${dx},${dy}`);
  return { shift: watched.shifts.reduce((sum, { value }) => sum + value, 0), shifts: watched.shifts.flatMap(({ sources }) => sources), moved };
}

/** Of a change that nobody pressed for. */
async function expectStill({ page }: Gallery): Promise<void> {
  const { shift, shifts } = await page.evaluate(movement);
  test.info().annotations.push({ type: "shift", description: String(shift) });
  expect.soft({ shift: Number(shift.toFixed(4)), shifts }).toEqual({ shift: 0, shifts: [] });
}

/** Of the rest: what was pressed and what is above it. */
async function expectStillAbove({ page }: Gallery): Promise<void> {
  const { shift, moved } = await page.evaluate(movement);
  test.info().annotations.push({ type: "shift after a press", description: String(shift) });
  expect.soft(moved, "moved").toEqual([]);
}

const inEdition = ({ edition }: Gallery, ...names: string[]) => test.skip(!names.every((name) => statesOf(edition).includes(name)), "not in this edition");
const wanted = (...names: string[]) => names.some((name) => states.includes(name));

for (const [from, to] of CHANGES.filter((change) => wanted(...change))) {
  test(`${from} → ${to}: nothing moves`, async ({ gallery }) => {
    inEdition(gallery, from, to);
    await gallery.draw(from, {});
    await gallery.page.evaluate(watch, null);
    await gallery.push(to);
    await expectStill(gallery);
  });
}

for (const [from, to] of STEPS_BACK.filter((change) => wanted(...change))) {
  test(`${from} → ${to}: the title and the steps stay`, async ({ gallery }) => {
    await gallery.draw(from, {});
    await gallery.page.evaluate(watch, ".steps");
    await gallery.push(to);
    await expectStillAbove(gallery);
  });
}

for (const [from, pressed, to] of ANSWERS.filter(([one, , other]) => wanted(one, other))) {
  test(`${from} → ${to}: ${pressed} stays`, async ({ gallery }) => {
    inEdition(gallery, from, to);
    await gallery.page.setViewportSize(SMALL[gallery.edition]);
    await gallery.draw(from, {});
    await gallery.page.getByTestId(pressed).scrollIntoViewIfNeeded();
    await gallery.page.evaluate(watch, byTestid(pressed));
    await gallery.answer(to);
    await expect(gallery.page.getByTestId(pressed).and(gallery.page.locator("[data-busy]"))).toHaveCount(0);
    await expectStillAbove(gallery);
    // Also under nothing, such as the bar at the bottom.
    const problem = gallery.page.getByTestId("problem");
    if (await problem.isVisible()) await expect.soft.poll(() => isInView(problem), "the problem is in view").toBe(true);
  });
}

for (const [from, field] of CORRECTIONS.filter(([one]) => wanted(one))) {
  test(`${from}: the ${field} field stays while one types`, async ({ gallery }) => {
    await gallery.draw(from, {});
    await gallery.page.getByTestId(field).focus();
    await gallery.page.evaluate(watch, byTestid(field));
    await gallery.page.keyboard.type("1");
    await expect(gallery.page.locator("[data-code]")).toHaveCount(0);
    await expectStillAbove(gallery);
  });
}

for (const [state, pressed] of WAITS.filter(([one]) => wanted(one))) {
  test(`${state}: the words after three seconds move nothing`, async ({ gallery }) => {
    await gallery.draw(state, {});
    await gallery.page.evaluate(watch, byTestid(pressed));
    await expect(gallery.page.locator(".long-wait:not(:empty)")).toHaveCount(1);
    await expectStill(gallery);
  });
}

test("a countdown moves nothing", async ({ gallery }) => {
  await gallery.draw("code-sent", {});
  await gallery.page.evaluate(watch, null);
  const left = gallery.page.getByTestId("expires-in");
  const before = (await left.textContent()) ?? "";
  await expect(left).not.toHaveText(before);
  await expectStill(gallery);
});
