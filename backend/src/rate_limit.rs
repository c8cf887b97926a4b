//! Limits on failed sign-ins, stored in the database so that backends share them.
//!
//! A limit has no fixed periods, at whose border twice as much would pass (GCRA, ITU-T I.371): each failure uses up some
//! time of its bucket, and a bucket may be used up to a certain time ahead. A check takes its place before the password is
//! verified, so that a thousand guesses at once are not a thousand guesses, and gives it back if the password is correct.

use hrm_api::{Problem, ProblemCode};

use crate::clock::{HOUR, Millis, seconds_until};
use crate::database::Tx;
use crate::error::ApiError;
use crate::rules::{FAILURES_IN_A_ROW, LONGEST_PAUSE};

/// This many failures in any hour, half of them at once.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    per_hour: i64,
    /// After this many in a row, one an hour.
    in_a_row: i64,
}

/// The place of a check that has not failed yet.
#[derive(Debug)]
pub struct Place {
    bucket: String,
    /// The time that it uses up.
    takes: Millis,
    /// How long to wait before the check.
    pub pause: Millis,
}

impl Limit {
    pub fn of_name(per_hour: i64) -> Self {
        Self { per_hour, in_a_row: FAILURES_IN_A_ROW }
    }

    /// Many people may share an address, so their failures in a row say little.
    pub fn of_address(per_hour: i64) -> Self {
        Self { per_hour, in_a_row: i64::MAX }
    }

    fn at_once(self) -> i64 {
        (self.per_hour / 2).max(1)
    }

    fn interval(self) -> Millis {
        HOUR / (self.per_hour - self.at_once()).max(1)
    }

    /// How far ahead a bucket may be used up when a check begins.
    fn ahead(self) -> Millis {
        (self.at_once() - 1) * self.interval()
    }

    /// Takes a place for a check.
    ///
    /// # Errors
    /// `too_many_requests`, if the next place is more than [`LONGEST_PAUSE`] away.
    pub async fn take(self, tx: &mut Tx, bucket: &str, now: Millis) -> Result<Place, ApiError> {
        let taken: Option<(i64, i64)> = sqlx::query_as(
            "INSERT INTO failed_sign_ins (bucket, used_until, in_a_row) VALUES ($1, $2 + $3, 1)
             ON CONFLICT (bucket) DO UPDATE SET
                used_until = CASE WHEN failed_sign_ins.used_until < $2 THEN $2 ELSE failed_sign_ins.used_until END
                           + CASE WHEN failed_sign_ins.in_a_row < $4 THEN $3 ELSE $5 END,
                in_a_row = failed_sign_ins.in_a_row + 1
             WHERE failed_sign_ins.used_until <= $2 + $6 RETURNING used_until, in_a_row",
        )
        .bind(bucket)
        .bind(now)
        .bind(self.interval())
        .bind(self.in_a_row)
        .bind(HOUR)
        .bind(self.ahead() + LONGEST_PAUSE)
        .fetch_optional(&mut **tx)
        .await?;
        let Some((used_until, in_a_row)) = taken else {
            let free_at = used_until(tx, bucket).await?.unwrap_or(now) - self.ahead();
            let mut problem = Problem::new(ProblemCode::TooManyRequests).retry_after(seconds_until(free_at, now));
            "Too many failed sign-ins, perhaps by somebody else.".clone_into(&mut problem.title);
            return Err(problem.into());
        };
        let takes = if in_a_row <= self.in_a_row { self.interval() } else { HOUR };
        let pause = (used_until - takes - self.ahead() - now).max(0);
        Ok(Place { bucket: bucket.to_owned(), takes, pause })
    }

    /// Takes a place only if none is free at once.
    ///
    /// # Errors
    /// See [`Limit::take`].
    pub async fn take_if_scarce(self, tx: &mut Tx, bucket: &str, now: Millis) -> Result<Option<Place>, ApiError> {
        let is_scarce = used_until(tx, bucket).await?.is_some_and(|until| until > now + self.ahead());
        if is_scarce { self.take(tx, bucket, now).await.map(Some) } else { Ok(None) }
    }
}

impl Place {
    /// The password was correct.
    pub async fn give_back(&self, tx: &mut Tx) -> sqlx::Result<()> {
        self.release(tx, "UPDATE failed_sign_ins SET used_until = used_until - $2, in_a_row = 0 WHERE bucket = $1")
            .await
    }

    /// No password was checked.
    pub async fn leave(&self, tx: &mut Tx) -> sqlx::Result<()> {
        let leave =
            "UPDATE failed_sign_ins SET used_until = used_until - $2, in_a_row = in_a_row - 1 WHERE bucket = $1";
        self.release(tx, leave).await
    }

    async fn release(&self, tx: &mut Tx, statement: &'static str) -> sqlx::Result<()> {
        sqlx::query(statement).bind(&self.bucket).bind(self.takes).execute(&mut **tx).await?;
        Ok(())
    }
}

async fn used_until(tx: &mut Tx, bucket: &str) -> sqlx::Result<Option<Millis>> {
    let until = sqlx::query_scalar("SELECT used_until FROM failed_sign_ins WHERE bucket = $1").bind(bucket);
    until.fetch_optional(&mut **tx).await
}
