//! The server's clock, and units of time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

/// Milliseconds: a time (since 1970, UTC) or a duration.
pub type Millis = i64;

pub const SECOND: Millis = 1_000;
pub const MINUTE: Millis = 60 * SECOND;
pub const HOUR: Millis = 60 * MINUTE;
pub const DAY: Millis = 24 * HOUR;

/// The server's clock. The demo can move it forward; leases and back-off use [`Clock::system_now`] instead.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset: Arc<AtomicI64>,
}

impl Clock {
    pub fn now(&self) -> Millis {
        Self::system_now().saturating_add(self.offset())
    }

    /// The system clock, without the offset.
    pub fn system_now() -> Millis {
        Utc::now().timestamp_millis()
    }

    pub fn offset(&self) -> Millis {
        self.offset.load(Ordering::SeqCst)
    }

    pub fn set_offset(&self, offset: Millis) {
        self.offset.store(offset, Ordering::SeqCst);
    }
}

pub fn date(at: Millis) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at).unwrap_or_default()
}

/// Whole seconds from `now` until `at`, rounded up, at least 1. For `Retry-After`.
pub fn seconds_until(at: Millis, now: Millis) -> u32 {
    let millis = at.saturating_sub(now).max(1);
    u32::try_from((millis + SECOND - 1) / SECOND).unwrap_or(u32::MAX)
}
