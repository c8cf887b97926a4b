//! The rules of codes and attempts. Pure: time, randomness and what matches are passed in.

use rand::{CryptoRng, RngExt};
use secrecy::SecretString;

use crate::clock::{DAY, HOUR, Millis};
use crate::rules::Rules;

/// Why another code cannot be sent yet, and from when it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendLimit {
    /// The last one was sent a moment ago.
    TooSoon(Millis),
    /// The hour's or the day's codes are used up.
    TooMany(Millis),
}

/// What became of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeStatus {
    /// It works until it expires.
    Active,
    /// It was entered.
    Used,
    /// Newer codes took its place.
    Superseded,
    /// Another code was used, the address changed, or the employee started over.
    Revoked,
}

/// A code that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Its id.
    pub id: String,
    /// The challenge that it belongs to.
    pub challenge: String,
    /// When it was made.
    pub sent_at: Millis,
    /// From when on it no longer works.
    pub expires_at: Millis,
    /// What became of it.
    pub status: CodeStatus,
}

impl Code {
    /// Whether it works at `now`.
    pub fn is_live(&self, now: Millis) -> bool {
        self.status == CodeStatus::Active && now < self.expires_at
    }
}

/// How a challenge ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeEnd {
    /// Its address was proved.
    Verified,
    /// Too many wrong codes.
    AttemptsExhausted,
    /// The account belongs to another user of the company.
    AccountTaken,
    /// The address was proved, and the link could not be made in all the time there was.
    Abandoned,
}

/// One attempt to prove one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Its id.
    pub id: String,
    /// Wrong codes so far.
    pub attempts: u32,
    /// How it ended, if it did.
    pub end: Option<ChallengeEnd>,
}

impl Challenge {
    /// Live: not ended, and one of its codes still works.
    pub fn is_live(&self, codes: &[Code], now: Millis) -> bool {
        self.end.is_none() && codes.iter().any(|code| code.challenge == self.id && code.is_live(now))
    }
}

/// What a code that somebody entered is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The code with this id; it is to be consumed.
    Correct(String),
    /// Wrong; so many wrong codes are still allowed. Costs an attempt.
    Incorrect(u32),
    /// Wrong, and the challenge is over. Costs the last attempt.
    Exhausting,
    /// The challenge was over before.
    Exhausted,
    /// Issued to this employee, and over. Costs nothing.
    Expired,
    /// There is nothing to verify.
    NoChallenge,
}

/// A new code: six digits, each value as likely as any other, leading zeros kept.
pub fn new_code(random: &mut impl CryptoRng) -> SecretString {
    SecretString::from(format!("{:06}", random.random_range(0..1_000_000_u32)))
}

/// Whether `text` has the form of a code.
pub fn is_well_formed(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Rules {
    /// From when on the employee can get another code. `sent`: when the codes were sent, newest first.
    pub fn next_code_at(&self, sent: &[Millis]) -> Millis {
        let after = |nth: usize, wait: Millis| sent.get(nth - 1).map_or(Millis::MIN, |at| at + wait);
        after(1, self.resend_wait).max(after(self.codes_per_hour, HOUR)).max(after(self.codes_per_day, DAY))
    }

    /// Whether another code can be sent at `now`. `sent`: when the codes were sent, newest first.
    ///
    /// # Errors
    /// [`SendLimit`] says why not and until when.
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

    /// The live codes of `challenge` that make room for one more: the oldest beyond the limit.
    pub fn superseded_by_next<'a>(&self, challenge: &str, codes: &'a [Code], now: Millis) -> Vec<&'a Code> {
        let mut live: Vec<_> = codes.iter().filter(|c| c.challenge == challenge && c.is_live(now)).collect();
        live.sort_by_key(|code| std::cmp::Reverse(code.sent_at));
        live.split_off(live.len().min(self.live_codes - 1))
    }

    /// Judges what was entered. `codes`: every code of the employee; `matches`: whether the entry is that code, by
    /// its MAC. All are compared, whatever the first ones say.
    pub fn check(
        &self,
        challenge: Option<&Challenge>,
        codes: &[Code],
        matches: impl Fn(&Code) -> bool,
        now: Millis,
    ) -> Verdict {
        let matching: Vec<&Code> = codes.iter().map(|c| (c, matches(c))).filter(|(_, m)| *m).map(|(c, _)| c).collect();
        if challenge.is_some_and(|c| c.end == Some(ChallengeEnd::AttemptsExhausted)) {
            return Verdict::Exhausted;
        }
        let live = challenge.filter(|challenge| challenge.is_live(codes, now));
        if let Some(challenge) = live
            && let Some(code) = matching.iter().find(|c| c.challenge == challenge.id && c.is_live(now))
        {
            return Verdict::Correct(code.id.clone());
        }
        let is_over = |code: &&Code| match code.status {
            CodeStatus::Active => !code.is_live(now),
            CodeStatus::Superseded => true,
            CodeStatus::Used | CodeStatus::Revoked => false,
        };
        if matching.into_iter().filter(is_over).any(|code| now < code.sent_at + self.expired_is_told) {
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

    /// Whether so many failures in a row lock the employee's linking.
    pub fn is_locked(&self, failed_attempts: u32) -> bool {
        failures >= self.max_failed_attempts
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

    fn code(id: &str, sent_at: Millis) -> Code {
        let expires_at = sent_at + rules().code_life;
        Code { id: id.into(), challenge: "challenge".into(), sent_at, expires_at, status: CodeStatus::Active }
    }

    fn challenge(attempts: u32) -> Challenge {
        Challenge { id: "challenge".into(), attempts, end: None }
    }

    fn check(challenge: &Challenge, codes: &[Code], entered: &str, now: Millis) -> Verdict {
        rules().check(Some(challenge), codes, |code| code.id == entered, now)
    }

    #[test]
    fn a_code_is_six_digits_with_its_leading_zeros() {
        let mut random = rand::rngs::StdRng::seed_from_u64(1);
        let codes: Vec<_> = (0..2_000).map(|_| new_code(&mut random).expose_secret().to_owned()).collect();
        assert!(codes.iter().all(|code| is_well_formed(code)));
        assert!(codes.iter().any(|code| code.starts_with('0')), "one in ten begins with a zero");
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
        assert_eq!(rules().next_code_at(&sent), at, "the moment that the screen counts down to is the true one");
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
    fn an_earlier_code_dies_at_its_own_expiry() {
        let codes = [code("first", START), code("second", START + MINUTE)];
        let now = START + 30 * MINUTE;
        assert_eq!(check(&challenge(0), &codes, "first", now), Verdict::Expired);
        assert_eq!(check(&challenge(0), &codes, "second", now), Verdict::Correct("second".into()));
    }

    #[test]
    fn a_fourth_live_code_displaces_the_oldest() {
        let codes = [code("a", START), code("b", START + MINUTE), code("c", START + 2 * MINUTE)];
        let ids = |codes: &[Code], now| -> Vec<String> {
            rules().superseded_by_next("challenge", codes, now).iter().map(|c| c.id.clone()).collect()
        };
        assert_eq!(ids(&codes, START + 3 * MINUTE), ["a"]);
        assert!(ids(&codes[..2], START + 3 * MINUTE).is_empty());
        assert!(ids(&codes, START + 30 * MINUTE).is_empty(), "an expired code takes no room");
    }

    #[test]
    fn a_displaced_code_is_told_as_expired_and_costs_nothing() {
        let mut codes = [code("a", START), code("b", START + MINUTE)];
        codes[0].status = CodeStatus::Superseded;
        assert_eq!(check(&challenge(0), &codes, "a", START + 2 * MINUTE), Verdict::Expired);
    }

    #[test]
    fn the_first_four_wrong_codes_tell_the_attempts_left_and_the_fifth_ends_the_challenge() {
        let codes = [code("a", START)];
        for (before, left) in [(0, 4), (1, 3), (2, 2), (3, 1)] {
            assert_eq!(check(&challenge(before), &codes, "x", START), Verdict::Incorrect(left));
        }
        assert_eq!(check(&challenge(4), &codes, "x", START), Verdict::Exhausting);
    }

    #[test]
    fn an_exhausted_challenge_takes_no_code_not_even_the_right_one() {
        let over = Challenge { end: Some(ChallengeEnd::AttemptsExhausted), ..challenge(5) };
        assert_eq!(check(&over, &[code("a", START)], "a", START), Verdict::Exhausted);
    }

    #[test]
    fn a_used_or_dead_code_is_nothing_to_verify() {
        for status in [CodeStatus::Used, CodeStatus::Revoked] {
            let codes = [Code { status, ..code("a", START) }];
            assert_eq!(check(&challenge(0), &codes, "a", START), Verdict::NoChallenge);
        }
    }

    #[test]
    fn a_dead_code_is_wrong_while_another_challenge_is_live() {
        let old = Code { challenge: "old".into(), status: CodeStatus::Revoked, ..code("old", START) };
        assert_eq!(check(&challenge(0), &[old, code("new", START)], "old", START), Verdict::Incorrect(4));
    }

    #[test]
    fn expired_is_told_for_two_hours_and_only_for_a_code_that_was_issued() {
        let codes = [code("a", START)];
        assert_eq!(check(&challenge(0), &codes, "a", START + 2 * HOUR - 1), Verdict::Expired);
        assert_eq!(check(&challenge(0), &codes, "a", START + 2 * HOUR), Verdict::NoChallenge);
        assert_eq!(check(&challenge(0), &codes, "x", START + HOUR), Verdict::NoChallenge);
    }

    #[test]
    fn with_no_challenge_there_is_nothing_to_verify() {
        assert_eq!(rules().check(None, &[], |_| true, START), Verdict::NoChallenge);
    }

    #[test]
    fn a_hundred_failures_in_a_row_lock_the_linking() {
        assert!(!rules().is_locked(99));
        assert!(rules().is_locked(100));
    }

    proptest::proptest! {
        #[test]
        fn however_one_asks_no_two_codes_are_within_60_seconds_no_6_in_an_hour_and_no_11_in_a_day(
            waits in proptest::collection::vec(0..40 * MINUTE, 1..80),
        ) {
            let (mut sent, mut now) = (Vec::new(), START);
            for wait in waits {
                now += wait;
                let answer = rules().may_send(&sent, now);
                assert_eq!(answer.is_ok(), now >= rules().next_code_at(&sent));
                if answer.is_ok() {
                    sent.insert(0, now);
                }
            }
            for (codes, period) in [(1, MINUTE), (5, HOUR), (10, DAY)] {
                assert!(sent.windows(codes + 1).all(|run| run[0] - run[codes] >= period));
            }
        }

        #[test]
        fn only_a_live_code_of_the_live_challenge_is_right_and_all_is_told_by_time_alone(
            ages in proptest::collection::vec((0..3 * HOUR, 0..4_usize, proptest::bool::ANY), 1..12),
            entered in 0..12_usize,
            attempts in 0..5_u32,
        ) {
            let now = START + DAY;
            let statuses = [CodeStatus::Active, CodeStatus::Used, CodeStatus::Superseded, CodeStatus::Revoked];
            let codes: Vec<_> = ages.into_iter().enumerate().map(|(n, (age, status, is_ours))| Code {
                challenge: if is_ours { "challenge" } else { "another" }.into(),
                status: statuses[status],
                ..code(&n.to_string(), now - age)
            }).collect();
            let entered = entered.to_string();
            let known = codes.iter().find(|code| code.id == entered);
            let works = known.is_some_and(|code| {
                code.status == CodeStatus::Active && code.challenge == "challenge" && now - code.sent_at < 30 * MINUTE
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
