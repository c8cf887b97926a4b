//! What can go wrong, as a code and its data. The UI owns the sentences.
//!
//! A variant stands here only if a screen acts on it or has a sentence of its own for it.

use serde::Serialize;

/// Why a command did not do what was asked. Nothing that the employee typed is lost with any of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "code", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Problem {
    /// No connection could be made.
    #[error("offline")]
    Offline,
    /// The server did not answer within the time-out.
    #[error("timed out")]
    TimedOut,
    /// The server, or something behind it, is out of order for the moment.
    #[error("unavailable")]
    Unavailable {
        /// Seconds after which it is worth trying again, if the server said so.
        retry_after_seconds: Option<u32>,
    },
    /// Something answered that is not an HRM backend: a captive portal, another web site.
    #[error("not an HRM server")]
    NotHrmServer,
    /// The host name does not exist.
    #[error("no such host")]
    NoSuchHost,
    /// The server's certificate is not trusted by this device.
    #[error("certificate not trusted")]
    CertificateNotTrusted,
    /// The server address is not one: `https` only, except for this machine itself.
    #[error("server address invalid")]
    ServerAddressInvalid,
    /// The user name or the password is wrong.
    #[error("bad credentials")]
    BadCredentials,
    /// The session has ended; the view is on the sign-in screen already.
    #[error("signed out")]
    SignedOut,
    /// Too many calls.
    #[error("too many requests")]
    TooManyRequests {
        /// Seconds to wait.
        retry_after_seconds: u32,
    },
    /// Not an e-mail address.
    #[error("email invalid")]
    EmailInvalid,
    /// The company does not accept addresses in this domain.
    #[error("domain not allowed")]
    DomainNotAllowed,
    /// A code was sent less than 60 s ago.
    #[error("resend too soon")]
    ResendTooSoon {
        /// Seconds to wait.
        retry_after_seconds: u32,
    },
    /// Too many codes in an hour or a day.
    #[error("too many codes")]
    TooManyCodes {
        /// Seconds to wait.
        retry_after_seconds: u32,
    },
    /// The account cannot be linked to this user.
    #[error("account taken")]
    AccountTaken,
    /// The code was used: the user is linked, and the view says so.
    #[error("already linked")]
    AlreadyLinked,
    /// An administrator has to lift the lock.
    #[error("linking locked")]
    LinkingLocked,
    /// Not six digits; cost no attempt.
    #[error("code format")]
    CodeFormat,
    /// Not the code.
    #[error("code wrong")]
    CodeWrong {
        /// Wrong codes that are still allowed.
        attempts_left: u32,
    },
    /// The code was right once and is over.
    #[error("code expired")]
    CodeExpired,
    /// Five wrong codes.
    #[error("attempts exhausted")]
    AttemptsExhausted,
    /// No code is waiting: it was used, or the employee started over.
    #[error("no challenge")]
    NoChallenge,
    /// The address is not one that this app opens, or no browser could be started.
    #[error("link not opened")]
    LinkNotOpened,
    /// The clipboard did not take it.
    #[error("not copied")]
    NotCopied,
    /// The server answered something that this app does not understand.
    #[error("unexpected answer")]
    Unexpected,
}
