//! What can go wrong, as a code and its data. The UI owns the messages.
//!
//! Add a variant only if a screen acts on it or has its own message for it.

use serde::{Serialize, Serializer};

/// Why a command failed. What the employee typed is never lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "code", rename_all = "camelCase", rename_all_fields = "camelCase")]
// Derives an inherent `serialize` that the `Serialize` impl below extends.
#[serde(remote = "Self")]
pub enum Problem {
    #[error("offline")]
    Offline,
    #[error("timed out")]
    TimedOut,
    /// The server, or something behind it, is temporarily unavailable.
    #[error("unavailable")]
    Unavailable {
        /// When to try again, if the server said so.
        retry_after_seconds: Option<u32>,
    },
    /// The response is not from an HRM backend: a captive portal, another web site.
    #[error("not an HRM server")]
    NotHrmServer,
    /// Only at sign-in: there is a network, and nobody has this name.
    #[error("no such host")]
    NoSuchHost,
    /// The network's proxy wants a password, or does not allow or find this server.
    #[error("proxy refused")]
    ProxyRefused,
    #[error("certificate not trusted")]
    CertificateNotTrusted,
    /// Only `https` is allowed, and `http` to this machine.
    #[error("server address invalid")]
    ServerAddressInvalid,
    #[error("bad credentials")]
    BadCredentials,
    /// The session has ended; the view already shows the sign-in screen.
    #[error("signed out")]
    SignedOut,
    #[error("too many requests")]
    TooManyRequests { retry_after_seconds: u32 },
    #[error("email invalid")]
    EmailInvalid,
    /// The company does not accept addresses in this domain.
    #[error("domain not allowed")]
    DomainNotAllowed,
    #[error("resend too soon")]
    ResendTooSoon { retry_after_seconds: u32 },
    /// The hourly or daily limit of codes is reached.
    #[error("too many codes")]
    TooManyCodes { retry_after_seconds: u32 },
    /// The account cannot be linked to this user.
    #[error("account taken")]
    AccountTaken,
    /// The view shows the linked account.
    #[error("already linked")]
    AlreadyLinked,
    /// Only an administrator can unlock it.
    #[error("linking locked")]
    LinkingLocked,
    /// Not six digits; this did not use up an attempt.
    #[error("code format")]
    CodeFormat,
    #[error("code wrong")]
    CodeWrong { attempts_left: u32 },
    /// The code was issued to this employee and no longer works.
    #[error("code expired")]
    CodeExpired,
    #[error("attempts exhausted")]
    AttemptsExhausted,
    /// No code is active: it was used, or the employee started over.
    #[error("no challenge")]
    NoChallenge,
    /// The address is not allowed, or no app could be started for it.
    #[error("link not opened")]
    LinkNotOpened,
    /// There is none, or it did not start.
    #[error("no e-mail app")]
    NoEmailApp,
    /// The system refused the clipboard.
    #[error("not copied")]
    NotCopied,
    /// The system refused to tell what was copied.
    #[error("not pasted")]
    NotPasted,
    /// The app does not understand the server's response.
    #[error("unexpected response")]
    Unexpected,
}

impl Problem {
    /// Whether the HRM backend gave no answer of its own, so the call may or may not have taken effect and the cached
    /// state may be stale.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Offline
                | Self::TimedOut
                | Self::Unavailable { .. }
                | Self::NotHrmServer
                | Self::ProxyRefused
                | Self::CertificateNotTrusted
                | Self::Unexpected
        )
    }

    /// Whether the same call, unchanged, may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.is_unreachable() || matches!(self, Self::NoSuchHost | Self::TooManyRequests { .. })
    }

    /// The `code` that the UI sees.
    pub(crate) fn code(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Adds `retryable` to the derived fields.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct WithRetryable<'a> {
            #[serde(flatten, with = "Problem")]
            problem: &'a Problem,
            retryable: bool,
        }
        WithRetryable { problem: self, retryable: self.is_retryable() }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_is_serialised_with_code_data_and_retryable() {
        let json_of = |problem: Problem| serde_json::to_value(problem).unwrap();
        assert_eq!(json_of(Problem::Offline), json!({ "code": "offline", "retryable": true }));
        assert_eq!(
            json_of(Problem::CodeWrong { attempts_left: 4 }),
            json!({ "code": "codeWrong", "attemptsLeft": 4, "retryable": false })
        );
    }

    #[test]
    fn without_an_answer_of_the_backend_a_send_is_repeated() {
        for problem in [
            Problem::Offline,
            Problem::TimedOut,
            Problem::Unavailable { retry_after_seconds: None },
            Problem::NotHrmServer,
            Problem::CertificateNotTrusted,
            Problem::Unexpected,
        ] {
            assert!(problem.is_unreachable(), "{problem}");
        }
    }

    #[test]
    fn retry_is_offered_only_where_nothing_has_to_change_first() {
        let wait = 1;
        for retryable in [
            Problem::Offline,
            Problem::TimedOut,
            Problem::Unavailable { retry_after_seconds: None },
            Problem::NotHrmServer,
            Problem::NoSuchHost,
            Problem::ProxyRefused,
            Problem::CertificateNotTrusted,
            Problem::TooManyRequests { retry_after_seconds: wait },
            Problem::Unexpected,
        ] {
            assert!(retryable.is_retryable(), "{retryable}");
        }
        for other in [
            Problem::BadCredentials,
            Problem::SignedOut,
            Problem::ResendTooSoon { retry_after_seconds: wait },
            Problem::TooManyCodes { retry_after_seconds: wait },
            Problem::CodeWrong { attempts_left: 1 },
            Problem::NotCopied,
        ] {
            assert!(!other.is_retryable(), "{other}");
        }
    }
}
