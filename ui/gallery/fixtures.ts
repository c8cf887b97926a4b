// The views for every state of a screen, for the gallery, the screenshots and the tests.

import type { Challenge, Edition, Linking, Notice, Problem, Screen, View } from "../src/ipc/bridge";

const NOW = "2026-03-02T09:12:00Z";
const after = (seconds: number) => new Date(Date.parse(NOW) + seconds * 1000).toISOString();

const ANNA = "anna.svensson@company.com";
const suggestions = [ANNA, "anna.svensson@gmail.com", "anna.svensson@user.com"];

const settingsUrl = (edition: Edition) =>
  edition === "mobile" ? "https://accountsettings.connect.identity.visma.com/" : "https://accountsettings.connect.visma.com/";

export interface State {
  readonly view: (edition: Edition) => View;
  /** The button to press, after typing `type` by test id, and the problem that the command is then rejected with. */
  readonly refuse?: {
    readonly press: "sign-in" | "send-code" | "verify-code" | "paste-code" | "banner-hide" | "manage-account" | "open-email-app" | "contact-phone" | "sign-out";
    readonly problem: Problem;
    readonly type?: Record<string, string>;
  };
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
  canOpenEmail: false,
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

const LONG = "annabella.svensson-lindqvist+hrm@regional-office.north.company-with-a-long-name.example";

const refusedSend = (problem: Problem): State => ({
  view: signedIn("flow", { email: ANNA }),
  refuse: { press: "send-code", problem },
});
const refusedCode = (problem: Problem, left = 4): State => ({
  view: signedIn("flow", sent({ attemptsLeft: left })),
  refuse: { press: "verify-code", problem, type: { code: "123456" } },
});
const refusedSignIn = (problem: Problem): State => ({
  view: signedOut(),
  refuse: { press: "sign-in", problem, type: { password: "secret" } },
});

export const STATES: Record<string, State> = {
  "sign-in": { view: signedOut() },
  "sign-in-first": { view: signedOut({ server: "", username: "" }) },
  "sign-in-ended": { view: signedOut({ notice: "sessionEnded" }) },
  "sign-in-vault": { view: signedOut({ notice: "vaultUnreadable" }) },
  locked: { view: (edition) => ({ ...base(edition, "home"), phase: { name: "locked" } }) },
  "sign-in-bad": refusedSignIn({ code: "badCredentials", retryable: false }),
  "sign-in-offline": refusedSignIn({ code: "offline", retryable: true }),
  "sign-in-no-host": refusedSignIn({ code: "noSuchHost", retryable: true }),
  "sign-in-proxy": refusedSignIn({ code: "proxyRefused", retryable: true }),
  "sign-in-wait": refusedSignIn({ code: "tooManyRequests", retryAfterSeconds: 45, retryable: true }),
  "home-loading": { view: signedIn("home", null) },
  home: { view: signedIn("home", { bannerVisible: true }) },
  "home-hidden": { view: signedIn("home", {}) },
  "home-code-sent": { view: signedIn("home", sent({}, { bannerVisible: true })) },
  "home-linking": { view: signedIn("home", { status: "linking", bannerVisible: true }) },
  "home-linked": { view: signedIn("home", linked) },
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
  "flow-slip": { view: signedIn("flow", { email: "anna.svensson@company.con" }) },
  "flow-no-address": { view: signedIn("flow", { suggestions: [] }) },
  "flow-invalid": { view: signedIn("flow", { email: "anna.svensson" }), refuse: { press: "send-code", problem: { code: "emailInvalid", retryable: false } } },
  "flow-domain": refusedSend({ code: "domainNotAllowed", retryable: false }),
  "flow-taken": refusedSend({ code: "accountTaken", retryable: false }),
  "flow-locked": refusedSend({ code: "linkingLocked", retryable: false }),
  "flow-offline": refusedSend({ code: "offline", retryable: true }),
  "flow-too-many": refusedSend({ code: "tooManyCodes", retryAfterSeconds: 3000, retryable: false }),
  "code-sent": { view: signedIn("flow", sent()) },
  "code-sent-banner": { view: signedIn("flow", sent({}, { bannerVisible: true })), only: "desktop" },
  "code-late": { view: signedIn("flow", sent({ sentAt: after(-90), resendAt: after(-30), expiresAt: after(1710) })) },
  "code-deferred": { view: signedIn("flow", sent({ sentAt: after(-90), resendAt: after(-30), expiresAt: after(1710), delivery: "deferred" })) },
  "code-failed": { view: signedIn("flow", sent({ delivery: "failed" })) },
  "code-bounced": { view: signedIn("flow", sent({ delivery: "bounced" })) },
  "code-over": { view: signedIn("flow", sent({ sentAt: after(-1900), resendAt: after(-1800), expiresAt: after(-100) })) },
  "code-wrong": refusedCode({ code: "codeWrong", attemptsLeft: 4, retryable: false }),
  "code-not-copied": { view: signedIn("flow", sent()), refuse: { press: "paste-code", problem: { code: "codeFormat", retryable: false } } },
  "code-not-pasted": { view: signedIn("flow", sent()), refuse: { press: "paste-code", problem: { code: "notPasted", retryable: false } } },
  "code-last": refusedCode({ code: "codeWrong", attemptsLeft: 1, retryable: false }, 1),
  "code-expired": refusedCode({ code: "codeExpired", retryable: false }),
  "code-exhausted": refusedCode({ code: "attemptsExhausted", retryable: false }, 0),
  "code-unavailable": refusedCode({ code: "unavailable", retryAfterSeconds: 30, retryable: true }, 5),
  "code-long": { view: signedIn("flow", sent({ email: LONG }, { suggestions: [LONG, ...suggestions] })) },
  linking: { view: signedIn("flow", { status: "linking" }) },
  done: { view: signedIn("flow", linked) },
  "done-existing": { view: signedIn("flow", { ...linked, account: { email: LONG, linkedAt: after(-20), origin: "existing" } }) },
  "done-no-browser": { view: signedIn("flow", linked), refuse: { press: "manage-account", problem: { code: "linkNotOpened", retryable: false } } },
};

export const statesOf = (edition: Edition): string[] =>
  Object.keys(STATES).filter((name) => (STATES[name]?.only ?? edition) === edition);
