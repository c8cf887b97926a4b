//! The one clock that every rule of the flow goes by.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

/// Milliseconds: a moment (since 1970, UTC) or a length of time.
pub type Millis = i64;

/// A second in [`Millis`].
pub const SECOND: Millis = 1_000;
/// A minute in [`Millis`].
pub const MINUTE: Millis = 60 * SECOND;
/// An hour in [`Millis`].
pub const HOUR: Millis = 60 * MINUTE;
/// A day in [`Millis`].
pub const DAY: Millis = 24 * HOUR;

/// The server's clock. The demo can set it ahead; leases and back-off go by [`Clock::system_now`], which nobody sets.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// Now, by the clock that the rules go by.
    pub fn now(&self) -> Millis {
        Self::system_now().saturating_add(self.offset())
    }

    /// Now, by the machine.
    pub fn system_now() -> Millis {
        Utc::now().timestamp_millis()
    }

    /// How far ahead of the machine this clock is.
    pub fn offset(&self) -> Millis {
        self.offset.load(Ordering::SeqCst)
    }

    /// Sets how far ahead of the machine this clock is.
    pub fn set_offset(&self, by: Millis) {
        self.offset.store(by, Ordering::SeqCst);
    }
}

/// A moment as the contract writes it.
pub fn date(at: Millis) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at).unwrap_or_default()
}

/// Whole seconds from `now` until `at`, rounded up, at least 1: what `Retry-After` says.
pub fn seconds_until(at: Millis, now: Millis) -> u32 {
    let millis = at.saturating_sub(now).max(1);
    u32::try_from((millis + SECOND - 1) / SECOND).unwrap_or(u32::MAX)
}
