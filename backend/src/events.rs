//! Notifies open event streams of changes to an employee's State.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Fed by this process's commits (SQLite) or by LISTEN (PostgreSQL).
#[derive(Debug, Clone, Default)]
pub struct Events {
    /// One channel per employee with open streams, so that a change wakes no other employee's streams. 10,000
    /// may be open.
    channels: Arc<Mutex<HashMap<String, watch::Sender<()>>>>,
}

impl Events {
    pub fn notify(&self, employee: &str) {
        if let Some(sender) = self.channels().get(employee) {
            sender.send_replace(());
        }
    }

    /// For when anybody's State may have changed.
    pub fn notify_all(&self) {
        for sender in self.channels().values() {
            sender.send_replace(());
        }
    }

    pub fn subscribe(&self, employee: &str) -> Changes {
        let receiver = self.channels().entry(employee.to_owned()).or_default().subscribe();
        Changes { events: self.clone(), receiver, employee: employee.to_owned() }
    }

    fn channels(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<()>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes to one employee's State.
#[derive(Debug)]
pub struct Changes {
    events: Events,
    receiver: watch::Receiver<()>,
    employee: String,
}

impl Changes {
    /// Waits for the next change; changes since the last call count as one. `false`: there will be no more.
    pub async fn next(&mut self) -> bool {
        self.receiver.changed().await.is_ok()
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        let mut channels = self.events.channels();
        // The last receiver, which is this one, removes the channel.
        if channels.get(&self.employee).is_some_and(|sender| sender.receiver_count() == 1) {
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
