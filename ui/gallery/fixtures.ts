// The views for every state of a screen, for the gallery, the screenshots and the tests.

import type { Challenge, Contact, Edition, Linking, Notice, Problem, Screen, TryLogin, View } from "../src/ipc/bridge";

const NOW = "2026-03-02T09:12:00Z";
const after = (seconds: number) => new Date(Date.parse(NOW) + seconds * 1000).toISOString();

const ANNA = "anna.svensson@company.com";
const suggestions = [ANNA, "anna.svensson@gmail.com", "anna.svensson@user.com"];

const settingsUrl = (edition: Edition) =>
  edition === "mobile" ? "https://accountsettings.connect.identity.visma.com/" : "https://accountsettings.connect.visma.com/";

export interface State {
  readonly view: (edition: Edition) => View;
  /** What is typed, by test id. A complete code is submitted without a press. */
  readonly type?: Record<string, string>;
  /** The button to press, and the problem that its command is then rejected with. Null: the command is not answered. */
  readonly press?: {
    readonly button: "sign-in" | "unlock" | "send-code" | "verify-code" | "paste-code" | "start-over" | "banner-hide" | "manage-account" | "try-login" | "open-email-app" | "contact-phone" | "sign-out";
    readonly problem: Problem | null;
    /** The view that comes with the answer, if that changes it. */
    readonly after?: (edition: Edition) => View;
  };
  /** Opens what can be opened: a `details`. */
  readonly opened?: true;
  /** Its pictures show the end of the screen, which it is about. */
  readonly scrolled?: true;
  /** Unset for both editions. */
  readonly only?: Edition;
}

const FLOW_SCREEN = { mobile: "vismaConnect", desktop: "accountSettings" } as const;

export const onScreen = (screen: Screen) => ({ screen, isFlow: screen === "vismaConnect" || screen === "accountSettings" });

const base = (edition: Edition, screen: Screen) => ({
  revision: 1,
  edition,
  language: null,
  ...onScreen(screen),
  flowScreen: FLOW_SCREEN[edition],
  serverTime: NOW,
  syncProblem: null,
  canOpenEmail: edition === "mobile",
});

const signedOut =
  (over: { server?: string; username?: string; notice?: Notice | null } = {}) =>
  (edition: Edition): View => ({
    ...base(edition, "home"),
    phase: { name: "signedOut", server: "https://hrm.company.com", username: "anna.svensson", notice: null, ...over },
  });

const signedIn =
  (screen: Screen | "flow", linking: Partial<Linking> | null, over: { syncProblem?: Problem; notice?: Notice } = {}) =>
  (edition: Edition): View => ({
    ...base(edition, screen === "flow" ? FLOW_SCREEN[edition] : screen),
    syncProblem: over.syncProblem ?? null,
    phase: {
      name: "signedIn",
      employee: { id: "e-1", firstName: "Anna", lastName: "Svensson", company: "Company AB", language: "en" },
      server: "https://hrm.company.com",
      notice: over.notice ?? null,
      linking: linking && {
        status: "notLinked",
        bannerVisible: false,
        email: "",
        suggestions,
        challenge: null,
        account: null,
        problem: null,
        contact: null,
        tryLogin: null,
        settingsUrl: settingsUrl(edition),
        ...linking,
      },
    },
  });

const challenge = (over: Partial<Challenge> = {}): Challenge => ({
  email: ANNA,
  sentAt: after(-5),
  expiresAt: after(1795),
  resendAt: after(55),
  attemptsLeft: 5,
  delivery: "accepted",
  ...over,
});

const sent = (over: Partial<Challenge> = {}, more: Partial<Linking> = {}): Partial<Linking> => ({
  status: "codeSent",
  email: over.email ?? ANNA,
  challenge: challenge(over),
  ...more,
});

const linked: Partial<Linking> = { status: "linked", email: ANNA, account: { email: ANNA, linkedAt: after(-20), origin: "created" } };

const tried = (tryLogin: TryLogin): Partial<Linking> => ({ ...linked, tryLogin });

const CONTACT: Contact = { name: "HR service desk", phone: "+46 8 123 45 67", email: "hr@company.com", url: "https://intranet.company.com/hr" };

const LONG = "annabella.svensson-lindqvist+hrm@regional-office.north.company-with-a-long-name.example";

const pressedSend = (problem: Problem | null, linking: Partial<Linking> = { email: ANNA }): State => ({
  view: signedIn("flow", linking),
  press: { button: "send-code", problem },
});
const pressedVerify = (problem: Problem | null, next: Partial<Linking> = sent()): State => ({
  view: signedIn("flow", sent()),
  type: { code: "123456" },
  press: { button: "verify-code", problem, after: signedIn("flow", next) },
});
const pressedSignIn = (problem: Problem | null): State => ({
  view: signedOut(),
  type: { password: "secret" },
  press: { button: "sign-in", problem },
});

/** A minute after the code was sent, another can be sent. */
const LATE = { sentAt: after(-90), resendAt: after(-30), expiresAt: after(1710) };
const OVER = { sentAt: after(-1900), resendAt: after(-1800), expiresAt: after(-100) };
const TOO_MANY: Problem = { code: "tooManyCodes", retryAfterSeconds: 3000, retryable: false };

export const STATES: Record<string, State> = {
  "sign-in": { view: signedOut() },
  "sign-in-first": { view: signedOut({ server: "", username: "" }) },
  "sign-in-ended": { view: signedOut({ notice: "sessionEnded" }) },
  "sign-in-vault": { view: signedOut({ notice: "vaultUnreadable" }) },
  locked: { view: (edition) => ({ ...base(edition, "home"), phase: { name: "locked" } }) },
  "sign-in-busy": pressedSignIn(null),
  "sign-in-bad": pressedSignIn({ code: "badCredentials", retryable: false }),
  "sign-in-offline": pressedSignIn({ code: "offline", retryable: true }),
  "sign-in-no-host": pressedSignIn({ code: "noSuchHost", retryable: true }),
  "sign-in-proxy": pressedSignIn({ code: "proxyRefused", retryable: true }),
  "sign-in-wait": pressedSignIn({ code: "tooManyRequests", retryAfterSeconds: 45, retryable: true }),
  "locked-busy": { view: (edition) => ({ ...base(edition, "home"), phase: { name: "locked" } }), press: { button: "unlock", problem: null } },
  "home-loading": { view: signedIn("home", null) },
  home: { view: signedIn("home", { bannerVisible: true }) },
  "home-hidden": { view: signedIn("home", {}) },
  "home-code-sent": { view: signedIn("home", sent({}, { bannerVisible: true })) },
  "home-linking": { view: signedIn("home", { status: "linking", bannerVisible: true }) },
  "home-linked": { view: signedIn("home", linked) },
  "home-locked": { view: signedIn("home", { problem: "linkingLocked", bannerVisible: true }) },
  "home-old": { view: signedIn("home", { bannerVisible: true }, { syncProblem: { code: "offline", retryable: true } }) },
  "home-memory": { view: signedIn("home", { bannerVisible: true }, { notice: "sessionInMemoryOnly" }) },
  "home-not-saved": { view: signedIn("home", { bannerVisible: true }, { notice: "notSaved" }) },
  settings: { view: signedIn("settings", { bannerVisible: true }) },
  "settings-linked": { view: signedIn("settings", linked) },
  profile: { view: signedIn("profile", { bannerVisible: true }), only: "desktop" },
  "settings-flow": { view: signedIn("vismaConnect", { bannerVisible: true }), only: "desktop" },
  "flow-loading": { view: signedIn("flow", null) },
  flow: { view: signedIn("flow", {}) },
  "flow-banner": { view: signedIn("flow", { bannerVisible: true }), only: "desktop" },
  "flow-typed": { view: signedIn("flow", { email: ANNA }) },
  "flow-busy": pressedSend(null),
  "flow-slip": { view: signedIn("flow", { email: "anna.svensson@company.con" }) },
  "flow-no-address-contact": { view: signedIn("flow", { suggestions: [], contact: CONTACT }) },
  "flow-no-address": { view: signedIn("flow", { suggestions: [] }) },
  "flow-invalid": { view: signedIn("flow", { email: "anna.svensson" }), press: { button: "send-code", problem: { code: "emailInvalid", retryable: false } } },
  "flow-domain": pressedSend({ code: "domainNotAllowed", retryable: false }),
  "flow-taken": pressedSend({ code: "accountTaken", retryable: false }),
  "flow-locked": pressedSend({ code: "linkingLocked", retryable: false }),
  "flow-domain-contact": pressedSend({ code: "domainNotAllowed", retryable: false }, { email: ANNA, contact: CONTACT }),
  // The server ended the linking, or found it locked, after the app's last call.
  "flow-refused": { view: signedIn("flow", { email: ANNA, problem: "accountTaken" }) },
  "flow-refused-contact": { view: signedIn("flow", { email: ANNA, problem: "accountTaken", contact: CONTACT }) },
  "flow-locked-before": { view: signedIn("flow", { email: ANNA, problem: "linkingLocked" }) },
  "flow-locked-contact": { view: signedIn("flow", { email: ANNA, problem: "linkingLocked", contact: CONTACT }) },
  "flow-contact-not-called": {
    view: signedIn("flow", { email: ANNA, problem: "linkingLocked", contact: CONTACT }),
    press: { button: "contact-phone", problem: { code: "linkNotOpened", retryable: false } },
  },
  "flow-no-email": { view: signedIn("flow", {}), opened: true },
  "flow-no-email-contact": { view: signedIn("flow", { contact: CONTACT }), opened: true },
  "flow-no-email-phone": { view: signedIn("flow", { contact: { name: null, phone: "+46 8 123 45 67", email: null, url: null } }), opened: true },
  "flow-offline": pressedSend({ code: "offline", retryable: true }),
  "flow-old": { view: signedIn("flow", { email: ANNA }, { syncProblem: { code: "offline", retryable: true } }) },
  "flow-too-many": pressedSend(TOO_MANY),
  "code-sent": { view: signedIn("flow", sent()) },
  "code-sent-banner": { view: signedIn("flow", sent({}, { bannerVisible: true })), only: "desktop" },
  "code-typed": { view: signedIn("flow", sent()), type: { code: "123" } },
  "code-busy": pressedVerify(null),
  "code-help": { view: signedIn("flow", sent()), opened: true },
  "code-late": { view: signedIn("flow", sent(LATE)) },
  "code-deferred": { view: signedIn("flow", sent({ ...LATE, delivery: "deferred" })) },
  "code-failed": { view: signedIn("flow", sent({ delivery: "failed" })) },
  "code-bounced": { view: signedIn("flow", sent({ delivery: "bounced" })) },
  "code-over": { view: signedIn("flow", sent(OVER)) },
  "code-over-too-many": pressedSend(TOO_MANY, sent(OVER)),
  "code-too-many": pressedSend(TOO_MANY, sent(LATE)),
  // The same, later: the server's time for the next code says so.
  "code-limited": { view: signedIn("flow", sent({ resendAt: after(3000) })) },
  "code-over-limited": { view: signedIn("flow", sent({ ...OVER, resendAt: after(3000) })) },
  "code-resend-busy": pressedSend(null, sent(LATE)),
  "code-wrong": pressedVerify({ code: "codeWrong", attemptsLeft: 4, retryable: false }, sent({ attemptsLeft: 4 })),
  "code-not-copied": { view: signedIn("flow", sent()), press: { button: "paste-code", problem: { code: "codeFormat", retryable: false } } },
  "code-not-pasted": { view: signedIn("flow", sent()), press: { button: "paste-code", problem: { code: "notPasted", retryable: false } } },
  "code-last": pressedVerify({ code: "codeWrong", attemptsLeft: 1, retryable: false }, sent({ attemptsLeft: 1 })),
  "code-expired": pressedVerify({ code: "codeExpired", retryable: false }),
  "code-exhausted": pressedVerify({ code: "attemptsExhausted", retryable: false }, sent({ attemptsLeft: 0 })),
  "code-none-left": { view: signedIn("flow", sent({ attemptsLeft: 0 })) },
  "code-no-email-app": { view: signedIn("flow", sent()), press: { button: "open-email-app", problem: { code: "noEmailApp", retryable: false } }, only: "mobile" },
  "code-offline": pressedVerify({ code: "offline", retryable: true }),
  "code-locked": pressedVerify({ code: "linkingLocked", retryable: false }, sent({}, { problem: "linkingLocked" })),
  "flow-no-challenge": pressedVerify({ code: "noChallenge", retryable: false }, { email: ANNA }),
  "code-unavailable": pressedVerify({ code: "unavailable", retryAfterSeconds: 30, retryable: true }),
  "code-long": { view: signedIn("flow", sent({ email: LONG }, { suggestions: [LONG, ...suggestions] })) },
  linking: { view: signedIn("flow", { status: "linking" }) },
  done: { view: signedIn("flow", linked) },
  "done-existing": { view: signedIn("flow", { ...linked, account: { email: LONG, linkedAt: after(-20), origin: "existing" } }) },
  "done-no-browser": { view: signedIn("flow", linked), press: { button: "manage-account", problem: { code: "linkNotOpened", retryable: false } } },
  "done-try": { view: signedIn("flow", tried({ status: "notTried" })), scrolled: true },
  "done-try-busy": { view: signedIn("flow", tried({ status: "notFinished" })), press: { button: "try-login", problem: null }, scrolled: true },
  "done-try-waiting": { view: signedIn("flow", tried({ status: "waiting", expiresAt: after(590) })), scrolled: true },
  "done-try-worked": { view: signedIn("flow", tried({ status: "worked", at: after(-86_400) })), scrolled: true },
  "done-try-other": { view: signedIn("flow", tried({ status: "otherAccount" })), scrolled: true },
  "done-try-not-finished": { view: signedIn("flow", tried({ status: "notFinished" })), scrolled: true },
  // The server's answer to that is not here yet.
  "done-try-over": { view: signedIn("flow", tried({ status: "waiting", expiresAt: after(-1) })), scrolled: true },
  "done-try-no-browser": { view: signedIn("flow", tried({ status: "notFinished" })), press: { button: "try-login", problem: { code: "linkNotOpened", retryable: false } }, scrolled: true },
  "done-try-too-many": { view: signedIn("flow", tried({ status: "notTried" })), press: { button: "try-login", problem: { code: "tooManyRequests", retryAfterSeconds: 1800, retryable: true } }, scrolled: true },
};

export const statesOf = (edition: Edition): string[] =>
  Object.keys(STATES).filter((name) => (STATES[name]?.only ?? edition) === edition);
