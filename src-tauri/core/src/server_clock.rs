//! The server's time, told without asking the server.
//!
//! Countdowns and the snooze go by the server's clock. In the run that heard it, the device's monotonic clock carries it
//! on, so setting the device's clock changes nothing. After a restart without a network there is only the wall
//! clock; it may carry the time forward, never behind the last time heard.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::ports::Clock;

/// The last time the server's clock was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerClock {
    server: DateTime<Utc>,
    wall: DateTime<Utc>,
    /// Of this run only: it means nothing in the next.
    #[serde(skip)]
    monotonic: Option<Duration>,
}

impl ServerClock {
    /// Sets it by an answer of the server.
    pub(crate) fn heard(server: DateTime<Utc>, clock: &dyn Clock) -> Self {
        Self { server, wall: clock.wall(), monotonic: Some(clock.monotonic()) }
    }

    /// The server's time now, as well as it is known.
    pub(crate) fn now(&self, clock: &dyn Clock) -> DateTime<Utc> {
        let passed = match self.monotonic {
            Some(then) => TimeDelta::from_std(clock.monotonic().saturating_sub(then)).unwrap_or_default(),
            None => (clock.wall() - self.wall).max(TimeDelta::zero()),
        };
        // At the end of chrono's calendar time stands still: a server can say any date.
        self.server.checked_add_signed(passed).unwrap_or(self.server)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Device(Mutex<(DateTime<Utc>, Duration)>);

    impl Device {
        fn pass(&self, seconds: u32) {
            let mut now = self.0.lock().unwrap();
            now.0 += TimeDelta::seconds(seconds.into());
            now.1 += Duration::from_secs(seconds.into());
        }
        fn set_wall_by(&self, hours: i64) {
            self.0.lock().unwrap().0 += TimeDelta::hours(hours);
        }
    }

    impl Clock for Device {
        fn wall(&self) -> DateTime<Utc> {
            self.0.lock().unwrap().0
        }
        fn monotonic(&self) -> Duration {
            self.0.lock().unwrap().1
        }
    }

    fn heard() -> (Device, ServerClock, DateTime<Utc>) {
        let server = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let device = Device(Mutex::new((server + TimeDelta::days(3), Duration::from_secs(7))));
        let clock = ServerClock::heard(server, &device);
        (device, clock, server)
    }

    #[test]
    fn setting_the_device_clock_changes_nothing_while_the_app_runs() {
        let (device, clock, server) = heard();
        device.pass(10);
        device.set_wall_by(25);
        assert_eq!(clock.now(&device), server + TimeDelta::seconds(10));
        device.set_wall_by(-100);
        assert_eq!(clock.now(&device), server + TimeDelta::seconds(10));
    }

    #[test]
    fn a_server_at_the_end_of_the_calendar_ends_nothing_here() {
        let (device, _, _) = heard();
        let clock = ServerClock::heard(DateTime::<Utc>::MAX_UTC, &device);
        device.pass(60);
        assert_eq!(clock.now(&device), DateTime::<Utc>::MAX_UTC);
    }

    #[test]
    fn after_a_restart_the_time_goes_on_by_the_wall_and_never_backwards() {
        let (device, clock, server) = heard();
        let kept: ServerClock = serde_json::from_str(&serde_json::to_string(&clock).unwrap()).unwrap();
        device.pass(60);
        assert_eq!(kept.now(&device), server + TimeDelta::seconds(60));
        device.set_wall_by(-5);
        assert_eq!(kept.now(&device), server);
    }
}
