//! Every number of the flow, with its unit and reason. Other code takes them from here; those that the app has to know
//! are in `hrm-api`. Only the demo's scenarios repeat some, in texts for testers.

use std::ops::RangeInclusive;
use std::time::Duration;

use hrm_api::SNOOZE_HOURS;

use crate::clock::{DAY, HOUR, MINUTE, Millis, SECOND, date};

/// Digits of a code. With `attempts` at 5, the chance to guess a code within one challenge is 1 in 200,000.
pub const CODE_DIGITS: usize = 6;

/// How long a stored response answers repeated sends. An app may come back with a pending send after a night offline.
pub const IDEMPOTENCY_LIFE: Millis = DAY;

/// How long a running send holds its Idempotency-Key. Far longer than its transaction takes; a send that takes longer
/// is rolled back, see `ClaimedKey::store`.
pub const CLAIM_LIFE: Millis = 5 * SECOND;

/// How far back issued codes are read: the longest period that counts in [`Rules`].
pub const CODE_HISTORY: Millis = DAY;

/// Age at which codes and challenges are deleted: twice [`CODE_HISTORY`], since the clocks of several backends differ.
pub const CODE_RETENTION: Millis = 2 * CODE_HISTORY;

/// The pause after a 429 of Visma Connect that names none, and the shortest and the longest that are kept.
pub const DIRECTORY_PAUSE: Duration = Duration::from_secs(5);
pub const DIRECTORY_PAUSES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);

/// How long Visma Connect may say that an account exists without finding it: a new account takes a while to be found.
pub const NOT_FOUND_FOR: Millis = HOUR;

/// What `serve` accepts for the days between a leaving date and the unlinking.
pub const UNLINK_DAYS: RangeInclusive<i64> = 0..=365;

/// Sign-ins per minute from one client address, and per [`USERNAME_PERIOD`] for one user name.
pub const SIGN_INS: i64 = 20;
pub const USERNAME_PERIOD: Millis = 5 * MINUTE;
/// Sends per minute from one client address.
pub const SENDS: i64 = 30;

/// What `serve` accepts for the life of a code, in minutes, and of a session, in days.
pub const CODE_MINUTES: RangeInclusive<i64> = 5..=60;
pub const SESSION_DAYS: RangeInclusive<i64> = 1..=365;

/// The numbers that settings and tests can change.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How long a code works. Mail is slow, and people step away from it.
    pub code_life: Millis,
    /// Shortest time between two codes of an employee. Most mails arrive within it.
    pub resend_wait: Millis,
    /// Codes per employee and hour. Enough for a mail server that loses some.
    pub codes_per_hour: usize,
    /// Codes per employee and day.
    pub codes_per_day: usize,
    /// Codes of a challenge that work at the same time: a resend must not invalidate a mail that is on its way.
    pub live_codes: usize,
    /// Incorrect codes that end a challenge. A resend does not reset the count.
    pub attempts: u32,
    /// Incorrect codes in a row, over all challenges, that lock linking until an administrator lifts the lock.
    pub max_failed_attempts: u32,
    /// How long after it was sent an expired code is reported as expired and not as incorrect.
    pub report_expired_for: Millis,
    /// How long the banner stays hidden.
    pub snooze: Millis,
    /// A code's mail is not sent with less than this left of the code's life: the code would expire on the way.
    pub min_life_in_mail: Millis,
    /// How long a session lasts.
    pub session_life: Millis,
    /// Whole days (UTC) after a leaving date until the link is taken away, as Flex HRM has it.
    pub unlink_days: i64,
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
            report_expired_for: 2 * HOUR,
            snooze: SNOOZE_HOURS * HOUR,
            min_life_in_mail: 20 * MINUTE,
            session_life: 30 * DAY,
            unlink_days: 5,
        }
    }
}

impl Rules {
    /// Whoever left before this date, written as the database has it, keeps no link and cannot make one.
    pub fn unlinked_if_left_before(&self, now: Millis) -> String {
        date(now - self.unlink_days * DAY).format("%Y-%m-%d").to_string()
    }

    /// The rules with another code life. A short one shortens `min_life_in_mail` to two thirds of it.
    #[must_use]
    pub fn with_code_life(self, code_life: Millis) -> Self {
        Self { code_life, min_life_in_mail: self.min_life_in_mail.min(code_life * 2 / 3), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_times_are_what_the_documentation_says() {
        assert_eq!([CLAIM_LIFE, CODE_RETENTION, USERNAME_PERIOD], [5_000, 172_800_000, 300_000]);
    }

    #[test]
    fn a_link_is_kept_for_whole_days_after_the_leaving_date() {
        let rules = Rules::default();
        // 2027-01-15, a minute before and at midnight.
        let midnight = 1_800_057_600_000;
        assert_eq!(rules.unlinked_if_left_before(midnight - MINUTE), "2027-01-10");
        assert_eq!(rules.unlinked_if_left_before(midnight), "2027-01-11");
    }

    #[test]
    fn a_short_code_life_shortens_the_least_life_in_the_mail() {
        let lives = |minutes| {
            let rules = Rules { attempts: 7, ..Rules::default() }.with_code_life(minutes * MINUTE);
            assert_eq!(rules.attempts, 7);
            [rules.code_life / MINUTE, rules.min_life_in_mail / MINUTE]
        };
        assert_eq!([lives(60), lives(30), lives(15)], [[60, 20], [30, 20], [15, 10]]);
    }
}
