//! The background loop: runs the jobs that no request is running, retries, and sweeps old rows.

use std::sync::Arc;

use crate::backend::Backend;
use crate::clock::HOUR;
use crate::queue::{self, LeasedJob, Queue};
use crate::{linking, outbox, sweep};

/// Runs until the backend stops. Running jobs are among the backend's tasks, which finish first.
pub async fn run(backend: Arc<Backend>) {
    let permits = &backend.permits;
    let mut swept_at = None;
    while !backend.stopping.is_cancelled() {
        backend.worker_pass.record();
        let now = backend.clock.now();
        if swept_at.is_none_or(|at| now - at >= HOUR) {
            swept_at = Some(now);
            if let Err(error) = sweep::sweep(&backend).await {
                tracing::warn!(%error, "sweep failed, next one in an hour");
            }
        }
        for queue in Queue::ALL {
            if !permits.is_available(queue) {
                continue;
            }
            match queue::claim(queue, &backend.database, permits, backend.settings.lease).await {
                Ok(jobs) => {
                    for job in jobs {
                        backend.tasks.spawn(execute(Arc::clone(&backend), queue, job));
                    }
                }
                Err(error) => tracing::error!(?queue, %error, "queue not readable"),
            }
        }
        tokio::select! {
            () = backend.wake.notified() => {}
            () = tokio::time::sleep(backend.settings.poll) => {}
            // A queue without permits may hold more due jobs.
            () = permits.wait_until_available(Queue::Mails), if !permits.is_available(Queue::Mails) => {}
            () = permits.wait_until_available(Queue::LinkJobs), if !permits.is_available(Queue::LinkJobs) => {}
            () = backend.stopping.cancelled() => {}
        }
    }
}

async fn execute(backend: Arc<Backend>, queue: Queue, job: LeasedJob) {
    match queue {
        Queue::Mails => outbox::deliver(&backend, job).await,
        Queue::LinkJobs => {
            linking::process(&backend, &job.key).await;
            drop(job.permit);
        }
    }
}
