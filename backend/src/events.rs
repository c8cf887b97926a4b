//! Who hears that an employee's State changed: the open event streams, and in the end the apps.

use tokio::sync::broadcast;

/// Carries the ids of employees whose State changed. Fed by this process's commits (SQLite) or by LISTEN (PostgreSQL).
#[derive(Debug, Clone)]
pub struct Events {
    sender: broadcast::Sender<Option<String>>,
}

impl Default for Events {
    fn default() -> Self {
        Self { sender: broadcast::channel(1_024).0 }
    }
}

impl Events {
    /// The State of `employee` changed.
    pub fn tell(&self, employee: &str) {
        // An error says that nobody listens.
        let _ = self.sender.send(Some(employee.to_owned()));
    }

    /// Anybody's State may have changed.
    pub fn tell_all(&self) {
        let _ = self.sender.send(None);
    }

    /// Listens for changes of one employee's State.
    pub fn of(&self, employee: &str) -> Changes {
        Changes { receiver: self.sender.subscribe(), employee: employee.to_owned() }
    }
}

/// Changes of one employee's State.
#[derive(Debug)]
pub struct Changes {
    receiver: broadcast::Receiver<Option<String>>,
    employee: String,
}

impl Changes {
    /// Waits for the next one. `false`: there will be no more.
    pub async fn next(&mut self) -> bool {
        loop {
            match self.receiver.recv().await {
                Ok(Some(employee)) if employee != self.employee => {}
                // Lagged: something was missed, and it may have been this employee's.
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return true,
                Err(broadcast::error::RecvError::Closed) => return false,
            }
        }
    }
}
