// Written from Rust by flex-connect-core's test `bridge`. Do not edit.

/**
 * Everything that the screens show.
 */
export type View = { 
/**
 * Counts up with every change: of two views the higher is the newer.
 */
revision: number, 
/**
 * Which face of the screens.
 */
edition: Edition, 
/**
 * The language that the employee chose here; without one, the device's decides.
 */
language: Language | null, 
/**
 * The screen.
 */
screen: Screen, 
/**
 * Where the banner and the card on the home screen lead.
 */
flowScreen: Screen, 
/**
 * Whether `screen` shows the linking flow.
 */
isFlow: boolean, 
/**
 * The server's clock when this view was made, as well as it is known.
 */
serverTime: string, 
/**
 * Why what is shown may be old: the last background refresh failed. Cleared by the next that works.
 */
syncProblem: Problem | null, 
/**
 * Signed out or signed in.
 */
phase: Phase, };

/**
 * Which wording, which places: the same flow with two faces.
 */
export type Edition = "mobile" | "desktop";

/**
 * A screen that the employee can be on while signed in.
 */
export type Screen = "home" | "settings" | "vismaConnect" | "profile" | "accountSettings";

/**
 * Signed out or signed in.
 */
export type Phase = { "name": "signedOut", 
/**
 * The last server address, to fill the field.
 */
server: string, 
/**
 * The last user name, to fill the field.
 */
username: string, 
/**
 * Why the employee is here without having asked for it.
 */
notice: Notice | null, } | { "name": "signedIn", 
/**
 * Who.
 */
employee: Employee, 
/**
 * The server address, for Settings.
 */
server: string, 
/**
 * Where the employee stands; nothing until the backend, or the mirror on the device, has told.
 */
linking: Linking | null, 
/**
 * Something that is worth a calm line while signed in.
 */
notice: Notice | null, };

/**
 * Something the employee should know and did not ask for.
 */
export type Notice = "sessionEnded" | "vaultUnreadable" | "sessionInMemoryOnly";

/**
 * Where the employee stands on the way to Visma Connect.
 */
export type Linking = { 
/**
 * Where.
 */
status: Status, 
/**
 * Whether the banner shows now.
 */
bannerVisible: boolean, 
/**
 * What the address field holds: what was typed, else the challenge's address.
 */
email: string, 
/**
 * Addresses on the HRM record, work address first.
 */
suggestions: Array<string>, 
/**
 * The live challenge; only in [`Status::CodeSent`].
 */
challenge: Challenge | null, 
/**
 * The linked account; only in [`Status::Linked`].
 */
account: Account | null, 
/**
 * The page where the account is managed, for this edition.
 */
settingsUrl: string, };

/**
 * Why a command did not do what was asked. Nothing that the employee typed is lost with any of these.
 */
export type Problem = { retryable: boolean } & ({ "code": "offline" } | { "code": "timedOut" } | { "code": "unavailable", 
/**
 * Seconds after which it is worth trying again, if the server said so.
 */
retryAfterSeconds: number | null, } | { "code": "notHrmServer" } | { "code": "noSuchHost" } | { "code": "certificateNotTrusted" } | { "code": "serverAddressInvalid" } | { "code": "badCredentials" } | { "code": "signedOut" } | { "code": "tooManyRequests", 
/**
 * Seconds to wait.
 */
retryAfterSeconds: number, } | { "code": "emailInvalid" } | { "code": "domainNotAllowed" } | { "code": "resendTooSoon", 
/**
 * Seconds to wait.
 */
retryAfterSeconds: number, } | { "code": "tooManyCodes", 
/**
 * Seconds to wait.
 */
retryAfterSeconds: number, } | { "code": "accountTaken" } | { "code": "alreadyLinked" } | { "code": "linkingLocked" } | { "code": "codeFormat" } | { "code": "codeWrong", 
/**
 * Wrong codes that are still allowed.
 */
attemptsLeft: number, } | { "code": "codeExpired" } | { "code": "attemptsExhausted" } | { "code": "noChallenge" } | { "code": "linkNotOpened" } | { "code": "notCopied" } | { "code": "unexpected" });

/**
 * A language of the interface and of the mails (BCP 47).
 */
export type Language = "en" | "sv" | "nb" | "da" | "fi";

/**
 * Where an employee stands.
 */
export type Status = "notLinked" | "codeSent" | "linking" | "linked";

/**
 * One attempt to prove one e-mail address.
 */
export type Challenge = { 
/**
 * The address that is being proved.
 */
email: string, 
/**
 * When the newest code was made.
 */
sentAt: string, 
/**
 * When the newest code stops working.
 */
expiresAt: string, 
/**
 * From when another code can be asked for.
 */
resendAt: string, 
/**
 * Wrong codes that are still allowed.
 */
attemptsLeft: number, 
/**
 * What is known of the newest mail.
 */
delivery: Delivery, };

/**
 * What is known of a mail on its way.
 */
export type Delivery = "queued" | "accepted" | "deferred" | "bounced";

/**
 * The linked Visma Connect account.
 */
export type Account = { 
/**
 * The address it was linked with.
 */
email: string, 
/**
 * When.
 */
linkedAt: string, 
/**
 * Whether the account was made for this link or was there before.
 */
origin: Origin, };

/**
 * Where a linked account came from.
 */
export type Origin = "created" | "existing";

/**
 * The signed-in employee.
 */
export type Employee = { 
/**
 * The HRM user id: opaque, stable.
 */
id: string, 
/**
 * First name, as the mail greets.
 */
firstName: string, 
/**
 * Last name.
 */
lastName: string, 
/**
 * The company's name.
 */
company: string, 
/**
 * The language of the employee's mails.
 */
language: Language, };
