//! Notifies open event streams of changes to an employee's State.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::rules::STREAMS_PER_PERSON;

/// Fed by this process's commits (SQLite) or by LISTEN (PostgreSQL).
#[derive(Debug, Clone, Default)]
pub struct Events {
    /// One channel per employee with open streams, so that a change wakes no other employee's streams. 10,000
    /// may be open.
    channels: Arc<Mutex<HashMap<String, Channel>>>,
}

#[derive(Debug, Default)]
struct Channel {
    changes: watch::Sender<()>,
    /// Ends each open stream, the oldest first.
    ends: VecDeque<CancellationToken>,
}

impl Events {
    pub fn notify(&self, employee: &str) {
        if let Some(channel) = self.channels().get(employee) {
            channel.changes.send_replace(());
        }
    }

    /// For when anybody's State may have changed.
    pub fn notify_all(&self) {
        for channel in self.channels().values() {
            channel.changes.send_replace(());
        }
    }

    /// Ends the employee's oldest stream if this one is more than [`STREAMS_PER_PERSON`].
    pub fn subscribe(&self, employee: &str) -> Changes {
        let mut channels = self.channels();
        let channel = channels.entry(employee.to_owned()).or_default();
        channel.ends.retain(|end| !end.is_cancelled());
        if channel.ends.len() >= STREAMS_PER_PERSON
            && let Some(oldest) = channel.ends.pop_front()
        {
            oldest.cancel();
        }
        let end = CancellationToken::new();
        channel.ends.push_back(end.clone());
        let receiver = channel.changes.subscribe();
        drop(channels);
        Changes { events: self.clone(), receiver, end, employee: employee.to_owned() }
    }

    fn channels(&self) -> MutexGuard<'_, HashMap<String, Channel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes to one employee's State.
#[derive(Debug)]
pub struct Changes {
    events: Events,
    receiver: watch::Receiver<()>,
    end: CancellationToken,
    employee: String,
}

impl Changes {
    /// Waits for the next change; changes since the last call count as one. `false`: there will be no more.
    pub async fn next(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.end.cancelled() => false,
            changed = self.receiver.changed() => changed.is_ok(),
        }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.end.cancel();
        let mut channels = self.events.channels();
        // The last receiver, which is this one, removes the channel.
        if channels.get(&self.employee).is_some_and(|channel| channel.changes.receiver_count() == 1) {
            channels.remove(&self.employee);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_wakes_the_employees_own_streams_only() {
        let events = Events::default();
        let (mut one, mut two, mut other) =
            (events.subscribe("anna"), events.subscribe("anna"), events.subscribe("erik"));
        events.notify("anna");
        events.notify("anna");
        assert!(one.next().await && two.next().await);
        for stream in [&one, &two, &other] {
            assert!(!stream.receiver.has_changed().unwrap());
        }
        events.notify_all();
        assert!(one.next().await && two.next().await && other.next().await);
    }

    #[tokio::test]
    async fn the_oldest_stream_ends_for_one_too_many() {
        let events = Events::default();
        let closed = events.subscribe("anna");
        let mut streams: Vec<_> = (0..STREAMS_PER_PERSON).map(|_| events.subscribe("anna")).collect();
        drop(closed);
        let mut newest = events.subscribe("anna");
        events.notify("anna");
        assert!(!streams[0].next().await);
        assert!(newest.next().await && streams[1].next().await);
        assert!(events.channels()["anna"].ends.len() <= STREAMS_PER_PERSON);
    }

    #[tokio::test]
    async fn dropped_streams_leave_nothing_behind() {
        let events = Events::default();
        let (one, two) = (events.subscribe("anna"), events.subscribe("anna"));
        drop(one);
        assert_eq!(events.channels().len(), 1);
        drop(two);
        assert!(events.channels().is_empty());
        events.notify("anna");
    }
}
