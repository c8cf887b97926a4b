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

/// How far a time in the database can be ahead: the clocks of several backends differ. What is further ahead was written
/// while a clock was wrong, and counts as never sent or snoozed.
pub const CLOCK_TOLERANCE: Millis = 5 * MINUTE;

/// Wrong passwords for one user name in any hour, half of them at once, from everywhere together except devices that
/// signed in under this name before; those have as many each. A person who forgot a password has ten tries at once, then
/// one every six minutes. A guesser has 115 on the first day and, by [`FAILURES_IN_A_ROW`], 24 on each of the next: fewer
/// than 9,000 in a year.
pub const FAILURES_PER_NAME: i64 = 20;
/// Wrong passwords from one client address in any hour, half of them at once; known devices are not counted. A company of
/// 2,000 can come in behind one address on the same morning, half of them mistyping once.
pub const FAILURES_PER_ADDRESS: i64 = 2_000;
/// After this many failures in a row, one an hour remains. NIST SP 800-63B-4, 3.2.2: at most 100 in a row, or waits that
/// grow to an hour.
pub const FAILURES_IN_A_ROW: i64 = 100;
/// A sign-in whose turn comes within this time is held back; later ones are refused with `Retry-After`. With
/// [`LONGEST_PASSWORD_WAIT`] it stays below the 15 s that an app waits for an answer.
pub const LONGEST_PAUSE: Millis = 4 * SECOND;
/// How long a sign-in waits for its turn to have its password checked.
pub const LONGEST_PASSWORD_WAIT: Duration = Duration::from_secs(8);
/// Passwords that are checked at the same time. Each check takes 19 MiB and a processor core.
pub const PASSWORD_CHECKS: usize = 4;
/// After this time an event stream reads its State without an event, and a kept snapshot is read again. So what no revision
/// shows, such as a standby that took over without the last transactions, does not stay.
pub const READ_AGAIN: Millis = MINUTE;
/// Open event streams of one person at one backend; one more ends the oldest. Each reads the State at every change.
pub const STREAMS_PER_PERSON: usize = 20;

/// What `serve` accepts for the limits above.
pub const FAILURES_PER_NAME_RANGE: RangeInclusive<i64> = 4..=FAILURES_IN_A_ROW;
pub const FAILURES_PER_ADDRESS_RANGE: RangeInclusive<i64> = 100..=100_000;
pub const PASSWORD_CHECKS_RANGE: RangeInclusive<i64> = 1..=64;
/// The pause after a 429 of Visma Connect that names none, and the shortest and the longest that are kept.
pub const DIRECTORY_PAUSE: Duration = Duration::from_secs(5);
pub const DIRECTORY_PAUSES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);

/// How long Visma Connect may say that an account exists without finding it: a new account takes a while to be found.
pub const NOT_FOUND_FOR: Millis = HOUR;

/// What `serve` accepts for the days that codes, challenges with their addresses, and rows of the audit log are kept. Codes
/// count for [`CODE_HISTORY`], and the clocks of several backends differ.
pub const CODE_DAYS: RangeInclusive<i64> = 2..=90;
pub const AUDIT_DAYS: RangeInclusive<i64> = 30..=3_650;

/// What `serve` accepts for the days between a leaving date and the unlinking.
pub const UNLINK_DAYS: RangeInclusive<i64> = 0..=365;

/// What `serve` accepts for the life of a code, in minutes, and of a session, in days.
pub const CODE_MINUTES: RangeInclusive<i64> = 5..=60;
pub const SESSION_DAYS: RangeInclusive<i64> = 1..=365;

/// What a password hash may cost each sign-in: memory of Argon2 and scrypt in KiB (256 MiB; up to four run at a time),
/// passes of Argon2 and scrypt, rounds of PBKDF2, and the cost of bcrypt. Each is well above what is recommended, and takes
/// a few seconds.
pub const HASH_KIB: u32 = 256 * 1024;
pub const HASH_PASSES: u32 = 16;
pub const HASH_PBKDF2_ROUNDS: u32 = 5_000_000;
pub const HASH_BCRYPT_COST: u32 = 15;

/// Characters of an id, a user name and a name: far more than real ones have, far less than PostgreSQL's notifications
/// (8,000 bytes) and its indexes (2,700 bytes) take.
pub const NAME_CHARACTERS: usize = 100;
/// Characters of the page of a company's contact.
pub const CONTACT_URL_CHARACTERS: usize = 500;
/// Addresses of one person.
pub const PERSON_ADDRESSES: usize = 100;

/// An import that changes more than this share of a company's people asks for `--yes`: it is rarely meant. One person's
/// change never asks.
pub const IMPORT_SHARE_PERCENT: usize = 25;
/// An import's faults that are listed, the others are counted: a screenful per glance, not 30,000 lines.
pub const IMPORT_FAULTS: usize = 100;
/// How long an import holds the database's write lock, and then leaves it to others: more than the 100 ms between two tries
/// of a process that waits for SQLite's lock.
pub const IMPORT_HOLD: Duration = Duration::from_millis(100);
pub const IMPORT_PAUSE: Duration = Duration::from_millis(150);

/// How long a practice of the new login waits for the browser.
pub const LOGIN_TRY_LIFE: Millis = 10 * MINUTE;
/// Practices that an employee can begin in an hour.
pub const LOGIN_TRIES_PER_HOUR: usize = 5;

/// Rows of the audit log that a table shows, if nothing else is asked for.
pub const AUDIT_ROWS: u32 = 100;

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
    /// How long a session lasts at most.
    pub session_life: Millis,
    /// How long a session lasts that is not used.
    pub session_idle: Millis,
    /// Whole days (UTC) after a leaving date until the link is taken away, as Flex HRM has it.
    pub unlink_days: i64,
    /// How long a practice of the new login waits for the browser. None: it cannot be tried.
    pub try_login: Option<Millis>,
    /// Age at which codes and challenges are deleted, with their addresses.
    pub keep_codes: Millis,
    /// Age at which rows of the audit log are deleted.
    pub keep_audit: Millis,
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
            session_idle: 30 * DAY,
            unlink_days: 5,
            try_login: None,
            keep_codes: 2 * DAY,
            keep_audit: 730 * DAY,
        }
    }
}

impl Rules {
    /// Until when the banner stays hidden, if it is.
    pub fn snoozed_until(&self, stored: Option<Millis>, now: Millis) -> Option<Millis> {
        stored.filter(|until| (now + 1..=now + self.snooze + CLOCK_TOLERANCE).contains(until))
    }

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
        let fixed = [CLAIM_LIFE, Rules::default().keep_codes, CLOCK_TOLERANCE, LONGEST_PAUSE];
        assert_eq!(fixed, [5_000, 172_800_000, 300_000, 4_000]);
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
