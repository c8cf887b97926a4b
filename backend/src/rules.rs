//! Every number of the flow, with its unit and its reason. No other file repeats one.

use crate::clock::{DAY, HOUR, MINUTE, Millis, SECOND};

/// How long a stored response answers repeated sends: as long as an app may keep one pending.
pub const IDEMPOTENCY_LIFE: Millis = DAY;

/// How long a running send holds its Idempotency-Key. Far longer than its transaction takes; a send that takes longer
/// is rolled back, see [`crate::idempotency::ClaimedKey::store`].
pub const CLAIM_LIFE: Millis = 5 * SECOND;

/// How far back codes count towards a limit: the longest period in [`Rules`].
pub const CODE_HISTORY: Millis = DAY;

/// When codes and challenges are deleted. Twice [`CODE_HISTORY`], because the clocks of several backends differ.
pub const CODE_RETENTION: Millis = 2 * CODE_HISTORY;

/// Sign-ins from one client address in a [`MINUTE`], and for one user name in [`USERNAME_PERIOD`].
pub const SIGN_INS: i64 = 20;
/// See [`SIGN_INS`].
pub const USERNAME_PERIOD: Millis = 5 * MINUTE;
/// Sends from one client address in a [`MINUTE`].
pub const SENDS: i64 = 30;

/// The numbers that tests and settings can change.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How long a code works. 30 min: mail can be slow, and people step away from it.
    pub code_life: Millis,
    /// Shortest time between two codes of an employee: most mails arrive within it.
    pub resend_wait: Millis,
    /// Codes per employee in an hour.
    pub codes_per_hour: usize,
    /// Codes per employee in a day.
    pub codes_per_day: usize,
    /// Codes of a challenge that work at the same time, so that a resend never breaks a mail under way.
    pub live_codes: usize,
    /// Incorrect codes that end a challenge. Resends do not reset it.
    pub attempts: u32,
    /// Incorrect codes in a row, over all challenges, that lock linking until an administrator lifts the lock.
    pub max_failed_attempts: u32,
    /// How long after it was sent an expired code is reported as expired instead of incorrect.
    pub expired_is_told: Millis,
    /// How long the banner stays hidden.
    pub snooze: Millis,
    /// A mail is not sent with less than this left of its code's life.
    pub min_life_in_mail: Millis,
    /// How long a session lasts.
    pub session_life: Millis,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            code_life: 30 * MINUTE,
            resend_wait: 60 * SECOND,
            codes_per_hour: 5,
            codes_per_day: 10,
            live_codes: 3,
            attempts: 5,
            max_failed_attempts: 100,
            expired_is_told: 2 * HOUR,
            snooze: DAY,
            min_life_in_mail: 20 * MINUTE,
            session_life: 30 * DAY,
        }
    }
}
