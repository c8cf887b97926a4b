//! The rules of codes and attempts. Pure: time, randomness and MAC matches are arguments.

use hrm_api::Delivery;
use rand::{CryptoRng, RngExt};
use secrecy::SecretString;

use crate::clock::{DAY, HOUR, Millis};
use crate::email::Address;
use crate::keys::CodeMac;
use crate::rules::{CLOCK_TOLERANCE, CODE_DIGITS, Rules};

/// Why the next code has to wait, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendLimit {
    /// The last code is too recent.
    TooSoon(Millis),
    /// The codes of the hour or the day are used up.
    TooMany(Millis),
}

/// An unknown database word is read as `Revoked`, so that it never verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum CodeStatus {
    /// Works until it expires.
    Active,
    Used,
    /// Replaced by newer codes of the challenge.
    Superseded,
    /// Another code was used, the address changed, or the employee started over.
    #[default]
    Revoked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCode {
    pub id: String,
    pub challenge_id: String,
    pub mailbox: String,
    pub mac: CodeMac,
    pub sent_at: Millis,
    pub expires_at: Millis,
    pub status: CodeStatus,
    pub delivery: Delivery,
}

impl IssuedCode {
    pub fn is_live(&self, now: Millis) -> bool {
        self.status == CodeStatus::Active && now < self.expires_at && self.sent_at <= now + CLOCK_TOLERANCE
    }
}

/// An unknown database word is read as `AttemptsExhausted`, so that the challenge stays closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum ChallengeEnd {
    Verified,
    #[default]
    AttemptsExhausted,
    /// The account belongs to another user of the company.
    AccountTaken,
    /// Visma Connect refused for good to find or create the account.
    AccountRefused,
    /// The address was verified, but linking failed until it was given up.
    Abandoned,
}

/// One attempt to verify one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    pub id: String,
    pub address: Address,
    /// Incorrect codes so far.
    pub attempts: u32,
    pub end: Option<ChallengeEnd>,
    /// With [`ChallengeEnd::AccountTaken`]: the account that belongs to somebody else.
    pub taken_user_id: Option<String>,
}

impl Challenge {
    /// Not ended, and at least one of its codes still works.
    pub fn is_live(&self, codes: &[IssuedCode], now: Millis) -> bool {
        self.end.is_none() && codes.iter().any(|code| code.challenge_id == self.id && code.is_live(now))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Verdict {
    /// The id of the code, to be consumed.
    Correct(String),
    /// Costs an attempt; the attempts left.
    Incorrect(u32),
    /// Incorrect, and costs the last attempt.
    #[strum(serialize = "exhausted")]
    Exhausting,
    /// No attempts were left before this one.
    Exhausted,
    /// Was issued to this employee and no longer works. Costs no attempt.
    Expired,
    NoChallenge,
}

/// A new code, uniformly distributed, with leading zeros.
pub fn new_code(random: &mut impl CryptoRng) -> SecretString {
    SecretString::from((0..CODE_DIGITS).map(|_| char::from(random.random_range(b'0'..=b'9'))).collect::<String>())
}

pub fn is_well_formed(code: &str) -> bool {
    code.len() == CODE_DIGITS && code.bytes().all(|byte| byte.is_ascii_digit())
}

impl Rules {
    /// When the next code can be sent. `sent`: the times of the codes before it, newest first.
    pub fn next_code_at(&self, sent: &[Millis]) -> Millis {
        let after = |nth: usize, wait: Millis| sent.get(nth - 1).map_or(Millis::MIN, |at| at + wait);
        after(1, self.resend_wait).max(after(self.codes_per_hour, HOUR)).max(after(self.codes_per_day, DAY))
    }

    /// Whether another code can be sent at `now`. `sent`: the times of the codes before it, newest first.
    pub fn may_send(&self, sent: &[Millis], now: Millis) -> Result<(), SendLimit> {
        let at = self.next_code_at(sent);
        if now >= at {
            Ok(())
        } else if sent.first().is_some_and(|last| last + self.resend_wait == at) {
            Err(SendLimit::TooSoon(at))
        } else {
            Err(SendLimit::TooMany(at))
        }
    }

    /// The live codes of `challenge` that one more code supersedes: the oldest beyond the limit.
    pub fn superseded_by_next<'a>(&self, challenge: &str, codes: &'a [IssuedCode], now: Millis) -> Vec<&'a IssuedCode> {
        let mut live: Vec<_> = codes.iter().filter(|c| c.challenge_id == challenge && c.is_live(now)).collect();
        live.sort_by_key(|code| std::cmp::Reverse(code.sent_at));
        live.split_off(live.len().min(self.live_codes - 1))
    }

    /// Checks an entered code. `codes`: all codes of the employee. `matches`: whether the entry is this code, by its
    /// MAC; called for every code, so that the time does not depend on which one matches.
    pub fn check(
        &self,
        challenge: Option<&Challenge>,
        codes: &[IssuedCode],
        matches: impl Fn(&IssuedCode) -> bool,
        now: Millis,
    ) -> Verdict {
        let matching: Vec<_> = codes.iter().filter(|code| matches(code)).collect();
        if challenge.is_some_and(|c| c.end == Some(ChallengeEnd::AttemptsExhausted)) {
            return Verdict::Exhausted;
        }
        let live = challenge.filter(|challenge| challenge.is_live(codes, now));
        if let Some(challenge) = live
            && let Some(code) = matching.iter().find(|c| c.challenge_id == challenge.id && c.is_live(now))
        {
            return Verdict::Correct(code.id.clone());
        }
        let is_expired = |code: &&IssuedCode| match code.status {
            CodeStatus::Active => !code.is_live(now),
            CodeStatus::Superseded => true,
            CodeStatus::Used | CodeStatus::Revoked => false,
        };
        if matching.into_iter().filter(is_expired).any(|code| now < code.sent_at + self.report_expired_for) {
            return Verdict::Expired;
        }
        match live {
            None => Verdict::NoChallenge,
            Some(challenge) => match self.attempts.saturating_sub(challenge.attempts + 1) {
                0 => Verdict::Exhausting,
                left => Verdict::Incorrect(left),
            },
        }
    }

    pub fn is_locked(&self, failed_attempts: u32) -> bool {
        failed_attempts >= self.max_failed_attempts
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use secrecy::ExposeSecret;

    use super::*;
    use crate::clock::{MINUTE, SECOND};

    const START: Millis = 1_800_000_000_000;

    fn rules() -> Rules {
        Rules::default()
    }

    fn code(id: &str, sent_at: Millis) -> IssuedCode {
        IssuedCode {
            id: id.into(),
            challenge_id: "challenge".into(),
            mailbox: "anna@company.com".into(),
            mac: CodeMac { key_id: String::new(), mac: String::new() },
            sent_at,
            expires_at: sent_at + rules().code_life,
            status: CodeStatus::Active,
            delivery: Delivery::Accepted,
        }
    }

    fn challenge(attempts: u32) -> Challenge {
        let address = Address::parse("anna@company.com").unwrap();
        Challenge { id: "challenge".into(), address, attempts, end: None, taken_user_id: None }
    }

    fn check(challenge: &Challenge, codes: &[IssuedCode], entered: &str, now: Millis) -> Verdict {
        rules().check(Some(challenge), codes, |code| code.id == entered, now)
    }

    #[test]
    fn a_code_is_six_digits_with_its_leading_zeros() {
        let mut random = rand::rngs::StdRng::seed_from_u64(1);
        let codes: Vec<_> = (0..2_000).map(|_| new_code(&mut random).expose_secret().to_owned()).collect();
        assert!(codes.iter().all(|code| is_well_formed(code)));
        assert!(codes.iter().any(|code| code.starts_with('0')), "one in ten starts with a zero");
    }

    #[test]
    fn only_six_ascii_digits_have_the_form_of_a_code() {
        assert!(is_well_formed("012345"));
        for text in ["", "12345", "1234567", "12345a", "123 456", "１２３４５６", "12345\u{0661}"] {
            assert!(!is_well_formed(text), "{text}");
        }
    }

    #[test]
    fn a_code_works_for_30_minutes_and_not_a_moment_longer() {
        let codes = [code("a", START)];
        assert_eq!(check(&challenge(0), &codes, "a", START + 30 * MINUTE - 1), Verdict::Correct("a".into()));
        assert_eq!(check(&challenge(0), &codes, "a", START + 30 * MINUTE), Verdict::Expired);
    }

    #[test]
    fn a_second_code_can_be_sent_after_60_seconds() {
        assert_eq!(rules().may_send(&[], START), Ok(()));
        let at = START + 60 * SECOND;
        assert_eq!(rules().may_send(&[START], at - 1), Err(SendLimit::TooSoon(at)));
        assert_eq!(rules().may_send(&[START], at), Ok(()));
    }

    #[test]
    fn an_employee_gets_5_codes_in_an_hour() {
        let sent: Vec<_> = (0..5).rev().map(|n| START + n * 2 * MINUTE).collect();
        let at = START + HOUR;
        assert_eq!(rules().may_send(&sent, START + 20 * MINUTE), Err(SendLimit::TooMany(at)));
        assert_eq!(rules().next_code_at(&sent), at, "the countdown ends when the next code can be sent");
        assert_eq!(rules().may_send(&sent, at), Ok(()));
    }

    #[test]
    fn an_employee_gets_10_codes_in_a_day() {
        let sent: Vec<_> = (0..10).rev().map(|n| START + n * 20 * MINUTE).collect();
        let at = START + DAY;
        assert_eq!(rules().may_send(&sent, START + 5 * HOUR), Err(SendLimit::TooMany(at)));
        assert_eq!(rules().may_send(&sent, at), Ok(()));
    }

    #[test]
    fn a_resend_keeps_the_first_code_alive() {
        let codes = [code("first", START), code("second", START + MINUTE)];
        for entered in ["first", "second"] {
            assert_eq!(check(&challenge(0), &codes, entered, START + 2 * MINUTE), Verdict::Correct(entered.into()));
        }
    }

    #[test]
    fn an_earlier_code_expires_at_its_own_time() {
        let codes = [code("first", START), code("second", START + MINUTE)];
        let now = START + 30 * MINUTE;
        assert_eq!(check(&challenge(0), &codes, "first", now), Verdict::Expired);
        assert_eq!(check(&challenge(0), &codes, "second", now), Verdict::Correct("second".into()));
    }

    #[test]
    fn a_fourth_live_code_supersedes_the_oldest() {
        let codes = [code("a", START), code("b", START + MINUTE), code("c", START + 2 * MINUTE)];
        let ids = |codes: &[IssuedCode], now| -> Vec<String> {
            rules().superseded_by_next("challenge", codes, now).iter().map(|c| c.id.clone()).collect()
        };
        assert_eq!(ids(&codes, START + 3 * MINUTE), ["a"]);
        assert!(ids(&codes[..2], START + 3 * MINUTE).is_empty());
        assert!(ids(&codes, START + 30 * MINUTE).is_empty(), "expired codes do not count");
    }

    #[test]
    fn a_superseded_code_is_reported_as_expired_and_costs_nothing() {
        let mut codes = [code("a", START), code("b", START + MINUTE)];
        codes[0].status = CodeStatus::Superseded;
        assert_eq!(check(&challenge(0), &codes, "a", START + 2 * MINUTE), Verdict::Expired);
    }

    #[test]
    fn the_fifth_incorrect_code_ends_the_challenge() {
        let codes = [code("a", START)];
        for (before, left) in [(0, 4), (1, 3), (2, 2), (3, 1)] {
            assert_eq!(check(&challenge(before), &codes, "x", START), Verdict::Incorrect(left));
        }
        assert_eq!(check(&challenge(4), &codes, "x", START), Verdict::Exhausting);
    }

    #[test]
    fn an_exhausted_challenge_rejects_even_the_correct_code() {
        let over = Challenge { end: Some(ChallengeEnd::AttemptsExhausted), ..challenge(5) };
        assert_eq!(check(&over, &[code("a", START)], "a", START), Verdict::Exhausted);
    }

    #[test]
    fn a_used_or_revoked_code_is_nothing_to_verify() {
        for status in [CodeStatus::Used, CodeStatus::Revoked] {
            let codes = [IssuedCode { status, ..code("a", START) }];
            assert_eq!(check(&challenge(0), &codes, "a", START), Verdict::NoChallenge);
        }
    }

    #[test]
    fn a_revoked_code_is_incorrect_in_another_live_challenge() {
        let old = IssuedCode { challenge_id: "old".into(), status: CodeStatus::Revoked, ..code("old", START) };
        assert_eq!(check(&challenge(0), &[old, code("new", START)], "old", START), Verdict::Incorrect(4));
    }

    #[test]
    fn only_issued_codes_are_reported_as_expired_for_two_hours() {
        let codes = [code("a", START)];
        assert_eq!(check(&challenge(0), &codes, "a", START + 2 * HOUR - 1), Verdict::Expired);
        assert_eq!(check(&challenge(0), &codes, "a", START + 2 * HOUR), Verdict::NoChallenge);
        assert_eq!(check(&challenge(0), &codes, "x", START + HOUR), Verdict::NoChallenge);
    }

    #[test]
    fn without_a_challenge_there_is_nothing_to_verify() {
        assert_eq!(rules().check(None, &[], |_| true, START), Verdict::NoChallenge);
    }

    #[test]
    fn a_hundred_failed_attempts_in_a_row_lock_linking() {
        assert!(!rules().is_locked(99));
        assert!(rules().is_locked(100));
    }

    proptest::proptest! {
        #[test]
        fn no_sequence_of_requests_exceeds_the_send_limits(
            waits in proptest::collection::vec(0..40 * MINUTE, 1..80),
        ) {
            let (mut sent, mut now) = (Vec::new(), START);
            for wait in waits {
                now += wait;
                let result = rules().may_send(&sent, now);
                assert_eq!(result.is_ok(), now >= rules().next_code_at(&sent));
                if result.is_ok() {
                    sent.insert(0, now);
                }
            }
            for (codes, period) in [(1, MINUTE), (5, HOUR), (10, DAY)] {
                assert!(sent.windows(codes + 1).all(|run| run[0] - run[codes] >= period));
            }
        }

        #[test]
        fn only_a_live_code_of_the_live_challenge_is_correct(
            ages in proptest::collection::vec((0..3 * HOUR, 0..4_usize, proptest::bool::ANY), 1..12),
            entered in 0..12_usize,
            attempts in 0..5_u32,
        ) {
            let now = START + DAY;
            let statuses = [CodeStatus::Active, CodeStatus::Used, CodeStatus::Superseded, CodeStatus::Revoked];
            let codes: Vec<_> = ages.into_iter().enumerate().map(|(n, (age, status, is_current))| IssuedCode {
                challenge_id: if is_current { "challenge" } else { "another" }.into(),
                status: statuses[status],
                ..code(&n.to_string(), now - age)
            }).collect();
            let entered = entered.to_string();
            let known = codes.iter().find(|code| code.id == entered);
            let works = known.is_some_and(|code| {
                code.status == CodeStatus::Active && code.challenge_id == "challenge" && now - code.sent_at < 30 * MINUTE
            });
            let verdict = check(&challenge(attempts), &codes, &entered, now);
            assert_eq!(verdict == Verdict::Correct(entered.clone()), works);
            if verdict == Verdict::Expired {
                assert!(known.is_some_and(|code| now - code.sent_at < 2 * HOUR));
            }
            if let Verdict::Incorrect(left) = verdict {
                assert_eq!(attempts + 1 + left, 5);
            }
        }
    }
}
