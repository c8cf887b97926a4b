//! The server's time without asking the server.
//!
//! Countdowns and the snooze follow the server's clock. Within a run the device's monotonic clock advances it, so
//! setting the device's clock changes nothing. After a restart without a network only the wall clock is left; it may
//! move the time forward, never before the last time from the server.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::ports::Clock;

/// The last time from the server and when it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerClock {
    server: DateTime<Utc>,
    wall: DateTime<Utc>,
    /// Only valid in the run that set it.
    #[serde(skip)]
    monotonic: Option<Duration>,
}

impl ServerClock {
    pub(crate) fn synced(server: DateTime<Utc>, clock: &dyn Clock) -> Self {
        Self { server, wall: clock.wall(), monotonic: Some(clock.monotonic()) }
    }

    pub(crate) fn now(&self, clock: &dyn Clock) -> DateTime<Utc> {
        let elapsed = match self.monotonic {
            Some(then) => TimeDelta::from_std(clock.monotonic().saturating_sub(then)).unwrap_or_default(),
            None => (clock.wall() - self.wall).max(TimeDelta::zero()),
        };
        // A server can send any date, also the last one that chrono can represent.
        self.server.checked_add_signed(elapsed).unwrap_or(self.server)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;

    use super::*;

    pub(crate) struct FakeClock(pub(crate) Mutex<(DateTime<Utc>, Duration)>);

    impl FakeClock {
        pub(crate) fn advance(&self, seconds: u32) {
            let mut now = self.0.lock().unwrap();
            now.0 += TimeDelta::seconds(seconds.into());
            now.1 += Duration::from_secs(seconds.into());
        }
        fn shift_wall(&self, hours: i64) {
            self.0.lock().unwrap().0 += TimeDelta::hours(hours);
        }
    }

    impl Clock for FakeClock {
        fn wall(&self) -> DateTime<Utc> {
            self.0.lock().unwrap().0
        }
        fn monotonic(&self) -> Duration {
            self.0.lock().unwrap().1
        }
    }

    fn synced() -> (FakeClock, ServerClock, DateTime<Utc>) {
        let server = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let device = FakeClock(Mutex::new((server + TimeDelta::days(3), Duration::from_secs(7))));
        let clock = ServerClock::synced(server, &device);
        (device, clock, server)
    }

    #[test]
    fn setting_the_device_clock_changes_nothing_within_a_run() {
        let (device, clock, server) = synced();
        device.advance(10);
        device.shift_wall(25);
        assert_eq!(clock.now(&device), server + TimeDelta::seconds(10));
        device.shift_wall(-100);
        assert_eq!(clock.now(&device), server + TimeDelta::seconds(10));
    }

    #[test]
    fn the_last_date_of_the_calendar_does_not_overflow() {
        let (device, _, _) = synced();
        let clock = ServerClock::synced(DateTime::<Utc>::MAX_UTC, &device);
        device.advance(60);
        assert_eq!(clock.now(&device), DateTime::<Utc>::MAX_UTC);
    }

    #[test]
    fn after_a_restart_the_wall_clock_only_moves_time_forward() {
        let (device, clock, server) = synced();
        let stored: ServerClock = serde_json::from_str(&serde_json::to_string(&clock).unwrap()).unwrap();
        device.advance(60);
        assert_eq!(stored.now(&device), server + TimeDelta::seconds(60));
        device.shift_wall(-5);
        assert_eq!(stored.now(&device), server);
    }
}
