//! The snapshots that were read last. A State whose employee has not changed costs one short statement.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::clock::Millis;
use crate::database::Database;
use crate::revisions::Revisions;
use crate::rules::{CODE_HISTORY, READ_AGAIN};
use crate::snapshot::{self, Snapshot};

/// About 1.5 KiB each: 30 MiB.
const CAPACITY: usize = 20_000;

/// By the session's token, not by employee: one who was deleted and is imported again has the same revisions as before, but
/// other sessions. Time is not cached: what expires is computed from the snapshot at each use.
pub struct SnapshotCache {
    database: Database,
    revisions: Revisions,
    kept: Cache<String, Kept>,
}

#[derive(Clone)]
struct Kept {
    snapshot: Arc<Snapshot>,
    read_at: Millis,
}

impl Kept {
    /// Whether a statement of now finds the same, if the revision is the same. Not after the clock was set back, since an
    /// older history of codes is longer; a code that has left the history is left out by reading again.
    fn is_usable(&self, now: Millis) -> bool {
        let oldest = self.snapshot.codes.last();
        (self.read_at..self.read_at + READ_AGAIN).contains(&now)
            && oldest.is_none_or(|code| code.sent_at > now - CODE_HISTORY)
    }
}

impl SnapshotCache {
    pub fn of(database: Database) -> Self {
        Self { revisions: Revisions::of(database.clone()), database, kept: Cache::new(CAPACITY) }
    }

    /// The employee whose session has this token. `None`: no such session, or it has expired.
    ///
    /// Without a transaction, so that only what is committed is kept.
    pub async fn read_of_session(&self, token_hash: &str, now: Millis) -> sqlx::Result<Option<Arc<Snapshot>>> {
        if let Some(kept) = self.kept.get(token_hash).filter(|kept| kept.is_usable(now))
            && let Ok(session) = self.revisions.session(token_hash).await
        {
            let Some(session) = session.filter(|session| session.expires_at > now) else {
                self.kept.remove(token_hash);
                return Ok(None);
            };
            if session.revision == kept.snapshot.revision {
                #[cfg(debug_assertions)]
                self.assert_current(token_hash, now, &kept.snapshot).await?;
                return Ok(Some(kept.snapshot));
            }
        }
        // One statement reads the rows and the revision from one state of the database.
        let snapshot = self.read(token_hash, now).await?.map(Arc::new);
        if let Some(snapshot) = &snapshot {
            let kept = Kept { snapshot: Arc::clone(snapshot), read_at: now };
            self.kept.insert(token_hash.to_owned(), kept);
        }
        Ok(snapshot)
    }

    async fn read(&self, token_hash: &str, now: Millis) -> sqlx::Result<Option<Snapshot>> {
        let read = async || snapshot::read_of_session(&mut *self.database.acquire().await?, token_hash, now).await;
        self.database.retry(read).await
    }

    /// The tests of a debug build prove that no transaction changes a snapshot without raising its revision.
    #[cfg(debug_assertions)]
    async fn assert_current(&self, token_hash: &str, now: Millis, kept: &Snapshot) -> sqlx::Result<()> {
        let read = self.read(token_hash, now).await?;
        if let Some(read) = read.filter(|read| read.revision == kept.revision) {
            assert_eq!(read, *kept, "changed without a new revision");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Kept;
    use crate::clock::SECOND;
    use crate::rules::{CODE_HISTORY, READ_AGAIN};
    use crate::state::tests::{NOW, snapshot};

    #[test]
    fn a_snapshot_is_used_for_a_minute_and_never_at_a_time_before_it_was_read() {
        let kept = Kept { snapshot: Arc::new(snapshot()), read_at: NOW };
        for (now, usable) in [(NOW, true), (NOW + READ_AGAIN - 1, true), (NOW + READ_AGAIN, false), (NOW - 1, false)] {
            assert_eq!(kept.is_usable(now), usable, "{}", now - NOW);
        }
    }

    #[test]
    fn a_snapshot_is_read_again_when_a_code_leaves_the_history() {
        let mut snapshot = snapshot();
        snapshot.codes.last_mut().unwrap().sent_at = NOW - CODE_HISTORY + SECOND;
        let kept = Kept { snapshot: Arc::new(snapshot), read_at: NOW };
        assert!(kept.is_usable(NOW + SECOND - 1));
        assert!(!kept.is_usable(NOW + SECOND));
    }
}
