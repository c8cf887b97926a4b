// What holds in every state: one primary button, above the fold; red for wrong input only; no two facts that contradict.

import { type Locator, expect } from "@playwright/test";
import { LANGUAGES } from "../../src/i18n";
import type { Edition, Problem } from "../../src/ipc/bridge";
import en from "../../src/messages/en";
import { STATES, statesOf } from "../fixtures";
import { ABOVE_KEYBOARD, type Gallery, SIZES, SMALL, forEachState, isInView, resize, test } from "./test";

const all = process.env.SHOTS_ALL === "1";

/** Problems of what was typed. All others are notices. (A paste without a code changes nothing in the field.) */
const WRONG_INPUT = new Set<Problem["code"]>(["emailInvalid", "domainNotAllowed", "accountTaken", "codeWrong", "codeExpired", "badCredentials", "serverAddressInvalid", "noSuchHost"]);

/** What a screen can show. */
const FACTS = {
  inbox: ({ page }: Gallery) => page.getByText(en.codeSentTitle),
  mailed: ({ page }: Gallery) => page.getByText("An email has been sent"),
  resendIn: ({ page }: Gallery) => page.getByTestId("resend-in"),
  expiresIn: ({ page }: Gallery) => page.getByTestId("expires-in").filter({ hasText: /\d\d:\d\d/ }),
  attempts: ({ page }: Gallery) => page.getByText(/\d (try|tries|attempts?) left/),
  codeField: ({ page }: Gallery) => page.locator("#code:enabled"),
  addressField: ({ page }: Gallery) => page.locator("#email:enabled"),
  send: ({ page }: Gallery) => page.getByTestId("send-code").and(page.locator(":enabled")),
  verify: ({ page }: Gallery) => page.getByTestId("verify-code").and(page.locator(":enabled")),
  paste: ({ page }: Gallery) => page.getByTestId("paste-code"),
  retry: ({ page }: Gallery) => page.getByTestId("retry"),
  tryLogin: ({ page }: Gallery) => page.getByTestId("try-login"),
  openAgain: ({ page }: Gallery) => page.getByTestId("open-again"),
  help: ({ page }: Gallery) => page.getByText(en.deliveryHelpTitle),
  contact: ({ page }: Gallery) => page.getByText("HR service desk"),
  administrator: ({ page }: Gallery) => page.getByText(/administrator/),
} satisfies Record<string, (gallery: Gallery) => Locator>;
type Fact = keyof typeof FACTS;

interface Rule {
  /** The sentence that says what happened, there once. */
  says: string | RegExp;
  has?: Fact[];
  not: Fact[];
  focus?: string;
}

const EMAIL = "anna.svensson@company.com";
const FORMS: Fact[] = ["codeField", "addressField", "send", "verify", "paste"];
const SENT: Fact[] = ["inbox", "mailed", "resendIn", "expiresIn", "attempts"];

const CODE_ALIVE: Omit<Rule, "says"> = { has: ["codeField", "verify", "expiresIn", "help"], not: ["attempts", "retry"] };
const NO_FORM: Fact[] = [...FORMS, ...SENT, "retry"];
const USED_UP: Rule = { says: en.attemptsExhausted, not: NO_FORM };
const LOCKED: Rule = { says: en.linkingLocked, has: ["administrator"], not: NO_FORM };
const TOO_MANY: Rule = { says: en.tooManyCodes, has: ["administrator"], not: NO_FORM };
const ONLY_SEND: Omit<Rule, "says"> = { has: ["addressField", "send"], not: ["codeField", "verify", "paste", ...SENT, "retry"] };

/** The table of states. */
const RULES: Record<string, Rule> = {
  flow: { says: en.emailStepTitle, ...ONLY_SEND },
  "code-sent": { says: "An email has been sent to", ...CODE_ALIVE, has: ["codeField", "verify", "expiresIn", "resendIn", "help", "inbox"] },
  "code-wrong": { says: en.codeWrong, has: ["codeField", "verify", "attempts"], not: ["retry"], focus: "code" },
  "code-last": { says: en.codeWrong, has: ["codeField", "verify", "attempts"], not: ["retry"], focus: "code" },
  "code-expired": { says: "That code has expired. Enter the newest one, or send a new one.", ...CODE_ALIVE, has: ["codeField", "verify", "resendIn"], focus: "code" },
  "code-over": { says: /code has expired/, ...ONLY_SEND },
  "code-exhausted": USED_UP,
  "code-none-left": USED_UP,
  "code-bounced": { says: en.deliveryHelpBounced({ email: EMAIL }), has: ["addressField", "send", "codeField", "verify"], not: ["inbox", "mailed", "attempts", "retry"], focus: "email" },
  "code-failed": { says: en.deliveryHelpFailed({ email: EMAIL }), has: ["addressField", "send", "codeField", "verify"], not: ["inbox", "mailed", "attempts", "retry"] },
  "flow-locked": LOCKED,
  "flow-locked-before": LOCKED,
  "flow-locked-contact": { says: en.linkingLocked, has: ["contact"], not: NO_FORM },
  "flow-contact-not-called": { says: en.contactNotOpened, has: ["contact"], not: NO_FORM },
  "code-locked": LOCKED,
  "code-too-many": { says: en.tooManyCodes, has: ["codeField", "verify"], not: ["send", "attempts", "retry"] },
  "flow-too-many": TOO_MANY,
  "code-over-too-many": TOO_MANY,
  "code-limited": { says: en.tooManyCodes, has: ["codeField", "verify", "resendIn"], not: ["send", "attempts", "retry"] },
  "code-over-limited": TOO_MANY,
  linking: { says: en.linkingTitle, not: NO_FORM },
  "flow-offline": { says: en.offline, ...ONLY_SEND },
  "code-offline": { says: en.offline, ...CODE_ALIVE },
  "flow-old": { says: en.offline, has: ["addressField", "send"], not: ["codeField", "verify", ...SENT] },
  "code-unavailable": { says: en.unavailable, ...CODE_ALIVE },
  "flow-domain": { says: en.domainNotAllowed, ...ONLY_SEND },
  "flow-taken": { says: en.accountTaken, ...ONLY_SEND },
  "flow-refused": { says: en.accountTaken, ...ONLY_SEND },
  "flow-refused-contact": { says: en.accountTaken, ...ONLY_SEND, has: ["addressField", "send", "contact"] },
  "flow-no-challenge": { says: en.noChallenge, ...ONLY_SEND },
  "flow-invalid": { says: en.emailInvalid, ...ONLY_SEND },
  done: { says: en.doneTitle, not: [...NO_FORM, "tryLogin", "openAgain"] },
  "done-try": { says: en.tryLogin, has: ["tryLogin"], not: [...NO_FORM, "openAgain"] },
  "done-try-waiting": { says: en.tryLoginWaiting, has: ["openAgain"], not: [...NO_FORM, "tryLogin"] },
  "done-try-worked": { says: en.tryLoginWorked, not: [...NO_FORM, "tryLogin", "openAgain"] },
  "done-try-other": { says: en.tryLoginOther, has: ["tryLogin"], not: [...NO_FORM, "openAgain"] },
  "done-try-not-finished": { says: en.tryLoginNotFinished, has: ["tryLogin"], not: [...NO_FORM, "openAgain"] },
  "done-try-over": { says: en.tryLoginNotFinished, has: ["tryLogin"], not: [...NO_FORM, "openAgain"] },
  "done-try-no-browser": { says: en.loginNotOpenedAdvice, has: ["tryLogin"], not: [...NO_FORM, "openAgain"] },
  "done-try-too-many": { says: en.tooManyRequests, has: ["tryLogin"], not: [...NO_FORM, "openAgain"] },
};

/** The primary button's test id, for states whose name does not say it. */
const PRIMARY: Record<string, string | null> = {
  "home-loading": null,
  "home-hidden": "home-connect",
  "home-linking": null,
  "home-linked": null,
  "flow-loading": null,
  "settings-flow": "send-code",
  "code-over": "send-code",
  "code-bounced": "send-code",
  "code-failed": "send-code",
  "code-exhausted": "start-over",
  "code-none-left": "start-over",
  "flow-locked": "back-home",
  "flow-locked-before": "back-home",
  "flow-locked-contact": "back-home",
  "flow-contact-not-called": "back-home",
  "code-locked": "back-home",
  "flow-too-many": "back-home",
  "code-over-too-many": "back-home",
  "code-over-limited": "back-home",
};
const PRIMARY_BY_PREFIX: Record<string, string | null> = {
  "sign-in": "sign-in",
  locked: "unlock",
  home: "banner-connect",
  settings: null,
  profile: null,
  flow: "send-code",
  code: "verify-code",
  linking: "back-home",
  done: "back-home",
};
const primaryOf = (state: string): string | null => {
  if (state in PRIMARY) return PRIMARY[state] ?? null;
  const prefix = Object.keys(PRIMARY_BY_PREFIX).find((one) => state === one || state.startsWith(`${one}-`));
  if (!prefix) throw new Error(`which is the primary button of ${state}?`);
  return PRIMARY_BY_PREFIX[prefix] ?? null;
};

const primaries = ({ page }: Gallery) => page.locator(".button.primary").filter({ visible: true });

async function checkFold(gallery: Gallery, state: string, parameters: Record<string, string>): Promise<void> {
  const { edition } = gallery;
  await gallery.draw(state, { still: "", ...parameters });
  for (const size of [SIZES[edition], SMALL[edition]]) {
    await resize(gallery, size);
    const what = `primary button in view at ${size.width}×${size.height} ${new URLSearchParams(parameters)}`;
    expect.soft(await Promise.all((await primaries(gallery).all()).map(isInView)), what).not.toContain(false);
  }
}

/** The on-screen keyboard covers neither the field nor the button. */
async function checkKeyboard(gallery: Gallery, state: string): Promise<void> {
  const { page } = gallery;
  await gallery.draw(state);
  await page.setViewportSize(SMALL.mobile);
  for (const id of ["server", "password", "email", "code"]) {
    const field = page.locator(`#${id}:enabled`);
    if (!(await field.isVisible())) continue;
    await field.focus();
    await page.setViewportSize(ABOVE_KEYBOARD);
    // The page scrolls when its window has become smaller.
    const areInView = async () => [await isInView(field), ...(await Promise.all((await primaries(gallery).all()).map(isInView)))].every(Boolean);
    await expect.soft.poll(areInView, { message: `${id} and primary button above the keyboard`, timeout: 3000 }).toBe(true);
    await page.setViewportSize(SMALL.mobile);
  }
}

async function checkRule(gallery: Gallery, { says, has = [], not, focus }: Rule): Promise<void> {
  const { page } = gallery;
  await expect.soft(page.locator("main").getByText(says).filter({ visible: true }), `“${says}”, once`).toHaveCount(1, { timeout: 3000 });
  const counts = async (facts: Fact[]) =>
    (await Promise.all(facts.map(async (fact) => ({ fact, count: await FACTS[fact](gallery).filter({ visible: true }).count() }))));
  expect.soft((await counts(has)).filter(({ count }) => count === 0).map(({ fact }) => fact), "missing").toEqual([]);
  expect.soft((await counts(not)).filter(({ count }) => count > 0).map(({ fact }) => fact), "there, though they contradict").toEqual([]);
  expect.soft((await counts(["attempts"])).map(({ count }) => count)[0], "attempts said").toBeLessThanOrEqual(1);
  if (focus) await expect.soft(page.locator(`#${focus}`)).toBeFocused({ timeout: 3000 });
}

forEachState(async (gallery, state) => {
  const { page, edition } = gallery;
  await gallery.draw(state);
  const primary = primaryOf(state);
  const testids = await primaries(gallery).evaluateAll((found) => found.map((one) => (one as HTMLElement).dataset.testid));
  expect.soft(testids, "primary buttons").toEqual(primary ? [primary] : []);

  const problem = STATES[state]?.press?.problem;
  const invalid = await page.locator('[aria-invalid="true"]').count();
  const wrong = (problem && WRONG_INPUT.has(problem.code)) || state === "code-bounced" || state.startsWith("flow-refused");
  expect.soft(invalid, "fields shown as wrong").toBe(wrong ? 1 : 0);

  const rule = RULES[state];
  if (rule) await checkRule(gallery, rule);

  for (const language of all ? Object.keys(LANGUAGES) : ["en"]) {
    await checkFold(gallery, state, { language });
    if (edition === "desktop") await checkFold(gallery, state, { language, banner: "" });
  }
  if (edition === "mobile") await checkKeyboard(gallery, state);
});

test("every row of the table is a state", () => {
  const known = new Set((["mobile", "desktop"] satisfies Edition[]).flatMap((edition) => statesOf(edition)));
  expect([...Object.keys(RULES), ...Object.keys(PRIMARY)].filter((state) => !known.has(state))).toEqual([]);
});

test("while it links, the last step is not current", async ({ gallery }) => {
  await gallery.draw("linking");
  const steps = gallery.page.locator(".steps > *");
  await expect(steps.nth(1)).toHaveAttribute("data-done", "");
  await expect(steps.nth(2)).not.toHaveAttribute("aria-current");
  await expect(steps.nth(2)).not.toHaveAttribute("data-done");
});
