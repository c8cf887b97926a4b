//! What the demo's routes and scenarios change.

use std::sync::Arc;

use hrm_fakes::json_file::JsonFile;
use hrm_fakes::login::Login;
use hrm_fakes::visma_connect::Users;
use tokio::sync::{Mutex, RwLock};

use super::faults::Faults;
use super::inbox::Inbox;
use super::people;
use crate::backend::Backend;
use crate::clock::{Millis, SECOND};

/// At most ten years at a time, so that no sum of times overflows.
const MAX_ADVANCE_SECONDS: u32 = 315_360_000;

pub struct DemoState {
    pub backend: Arc<Backend>,
    pub inbox: Arc<Inbox>,
    pub visma_users: Arc<JsonFile<Users>>,
    /// Visma Connect's login.
    pub login: Arc<Login>,
    pub clock_offset: JsonFile<Millis>,
    pub faults: Arc<Faults>,
    /// Held by every call of an app while it runs.
    pub calls: Arc<RwLock<()>>,
    /// Held by a scenario, so that two at the same time do not mix.
    pub playing: Mutex<()>,
    /// Without a slash at the end.
    pub url: String,
}

impl DemoState {
    /// Ends what is under way, so that nothing of the old state reaches the new one, and restores the state of a first
    /// start.
    pub async fn reset(&self) -> sqlx::Result<()> {
        // Without a fault, everything under way ends soon.
        self.faults.clear();
        let _calls = self.calls.write().await;
        let _permits = self.backend.permits.acquire_all().await;
        self.backend.tasks.close();
        self.backend.tasks.wait().await;
        if !self.backend.stopping.is_cancelled() {
            self.backend.tasks.reopen();
        }
        self.clock_offset.change(|offset| *offset = 0);
        self.backend.clock.set_offset(0);
        people::seed(&self.backend.database, true).await?;
        self.visma_users.change(|users| *users = people::base_accounts());
        self.inbox.change(Vec::clear);
        Ok(())
    }

    pub fn advance_clock(&self, seconds: u32) {
        let by = i64::from(seconds.min(MAX_ADVANCE_SECONDS)) * SECOND;
        let offset = self.clock_offset.change(|offset| {
            *offset = offset.saturating_add(by);
            *offset
        });
        self.backend.clock.set_offset(offset);
        self.backend.events.notify_all();
        self.backend.wake.notify_one();
    }
}
