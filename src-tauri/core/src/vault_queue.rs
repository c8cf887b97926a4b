//! The credential store's calls, one after another in the order in which they were asked for: a slow delete never erases a
//! newer token.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use tokio::sync::oneshot;

use crate::ports::Vault;

type Job = Box<dyn FnOnce(&dyn Vault) + Send>;

pub(crate) struct VaultQueue {
    vault: Arc<dyn Vault>,
    /// To the thread that makes the calls, once there was one to make. It ends with the queue.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
}

impl VaultQueue {
    pub(crate) fn new(vault: Arc<dyn Vault>) -> Self {
        Self { vault, jobs: Mutex::default() }
    }

    /// Returns at once. The job runs also if its result is not waited for.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce(&dyn Vault) -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (done, result) = oneshot::channel();
        let job: Job = Box::new(move |vault| {
            done.send(job(vault)).ok();
        });
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        // If no thread can be started, the result is dropped, and the caller hears so.
        if let Err(mpsc::SendError(job)) = jobs.get_or_insert_with(|| serve(self.vault.clone())).send(job) {
            let sender = jobs.insert(serve(self.vault.clone()));
            sender.send(job).ok();
        }
        result
    }
}

fn serve(vault: Arc<dyn Vault>) -> mpsc::Sender<Job> {
    let (sender, jobs) = mpsc::channel::<Job>();
    let started = thread::Builder::new().name("vault".into()).spawn(move || jobs.iter().for_each(|job| job(&*vault)));
    if let Err(error) = started {
        tracing::warn!(kind = ?error.kind(), "no thread for the credential store");
    }
    sender
}
