//! Who hears that an employee's State changed: the open event streams, and in the end the apps.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Tells of changes of employees' States. Fed by this process's commits (SQLite) or by LISTEN (PostgreSQL).
#[derive(Debug, Clone, Default)]
pub struct Events {
    /// A change wakes the streams of its employee, and nobody else's: there may be ten thousand of them.
    listened: Arc<Mutex<HashMap<String, watch::Sender<()>>>>,
}

impl Events {
    /// The State of `employee` changed.
    pub fn notify(&self, employee: &str) {
        if let Some(sender) = self.listened().get(employee) {
            sender.send_replace(());
        }
    }

    /// Anybody's State may have changed.
    pub fn notify_all(&self) {
        for sender in self.listened().values() {
            sender.send_replace(());
        }
    }

    /// Listens for changes of one employee's State.
    pub fn subscribe(&self, employee: &str) -> Changes {
        let receiver = self.listened().entry(employee.to_owned()).or_default().subscribe();
        Changes { events: self.clone(), receiver, employee: employee.to_owned() }
    }

    fn listened(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<()>>> {
        self.listened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes of one employee's State.
#[derive(Debug)]
pub struct Changes {
    events: Events,
    receiver: watch::Receiver<()>,
    employee: String,
}

impl Changes {
    /// Waits for the next one; several that nobody waited for are one. `false`: there will be no more.
    pub async fn next(&mut self) -> bool {
        self.receiver.changed().await.is_ok()
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        let mut listened = self.events.listened();
        // The last one to listen, which is this one, takes the entry with it.
        if listened.get(&self.employee).is_some_and(|sender| sender.receiver_count() == 1) {
            listened.remove(&self.employee);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_wakes_its_employee_s_streams_only() {
        let events = Events::default();
        let (mut one, mut two, mut other) =
            (events.subscribe("anna"), events.subscribe("anna"), events.subscribe("erik"));
        events.notify("anna");
        events.notify("anna");
        assert!(one.next().await && two.next().await);
        for heard_all in [&one, &two, &other] {
            assert!(!heard_all.receiver.has_changed().unwrap());
        }
        events.notify_all();
        assert!(one.next().await && two.next().await && other.next().await);
    }

    #[tokio::test]
    async fn nothing_is_kept_of_who_no_longer_listens() {
        let events = Events::default();
        let (one, two) = (events.subscribe("anna"), events.subscribe("anna"));
        drop(one);
        assert_eq!(events.listened().len(), 1);
        drop(two);
        assert!(events.listened().is_empty());
        events.notify("anna");
    }
}
