//! The calls of a port that may block, one after another in the order in which they were asked for: a slow delete never erases a
//! newer token, an older record never replaces a newer one.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use tokio::sync::oneshot;

type Job<P> = Box<dyn FnOnce(&P) + Send>;

pub(crate) struct CallQueue<P: ?Sized> {
    name: &'static str,
    port: Arc<P>,
    /// To the thread that makes the calls, once there was one to make. It ends with the queue.
    jobs: Mutex<Option<mpsc::Sender<Job<P>>>>,
}

impl<P: ?Sized + Send + Sync + 'static> CallQueue<P> {
    pub(crate) fn new(name: &'static str, port: Arc<P>) -> Self {
        Self { name, port, jobs: Mutex::default() }
    }

    /// Returns at once. The job runs also if its result is not waited for.
    pub(crate) fn submit<T: Send + 'static>(&self, job: impl FnOnce(&P) -> T + Send + 'static) -> oneshot::Receiver<T> {
        let (done, result) = oneshot::channel();
        let job: Job<P> = Box::new(move |port| {
            done.send(job(port)).ok();
        });
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        // If no thread can be started, the result is dropped, and the caller hears so.
        if let Err(mpsc::SendError(job)) = jobs.get_or_insert_with(|| self.serve()).send(job) {
            let sender = jobs.insert(self.serve());
            sender.send(job).ok();
        }
        result
    }

    fn serve(&self) -> mpsc::Sender<Job<P>> {
        let (sender, jobs) = mpsc::channel::<Job<P>>();
        let port = self.port.clone();
        let work = move || jobs.iter().for_each(|job| job(&*port));
        if let Err(error) = thread::Builder::new().name(self.name.into()).spawn(work) {
            tracing::warn!(kind = ?error.kind(), queue = self.name, "no thread");
        }
        sender
    }
}
