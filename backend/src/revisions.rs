//! The revisions of employees, by session. Whoever asks while a statement runs is answered by the next one, which answers all
//! who ask: under load a statement costs more than what it reads.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::AnyConnection;
use tokio::sync::{mpsc, oneshot};

use crate::clock::Millis;
use crate::database::Database;

/// Sessions that one statement reads. As many as [`SQL`] has parameters.
const TOGETHER: usize = 16;

/// A subquery, not a join: PostgreSQL would join 16 rows with all employees of a table that is not very large.
const SQL: &str = "SELECT token_hash, expires_at,
                          (SELECT revision FROM employees WHERE employees.id = sessions.employee_id)
                   FROM sessions
                   WHERE token_hash IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";

/// Statements after which others may have the connection, if it is the last one.
const TURN: u32 = 100;

/// When the one connection that reads for everybody does not answer, each asks on a connection of its own.
const PATIENCE: Duration = Duration::from_secs(1);

pub struct Revisions(mpsc::Sender<Question>);

struct Question {
    token_hash: String,
    answer: oneshot::Sender<Option<Session>>,
}

#[derive(Debug, Clone, Copy)]
pub struct Session {
    pub expires_at: Millis,
    /// Of its employee, see [`crate::snapshot::Snapshot::revision`].
    pub revision: u64,
}

/// The database gave no answer.
#[derive(Debug)]
pub struct NoAnswer;

impl Revisions {
    /// Reads until the last one who can ask is gone.
    pub fn of(database: Database) -> Self {
        let (asking, asked) = mpsc::channel(TOGETHER * TOGETHER);
        tokio::spawn(answer(database, asked));
        Self(asking)
    }

    /// The session with this token, as it was committed at some time during this call. `None`: there is none.
    pub async fn session(&self, token_hash: &str) -> Result<Option<Session>, NoAnswer> {
        let (answer, answered) = oneshot::channel();
        let ask = async {
            self.0.send(Question { token_hash: token_hash.to_owned(), answer }).await.map_err(|_| NoAnswer)?;
            answered.await.map_err(|_| NoAnswer)
        };
        tokio::time::timeout(PATIENCE, ask).await.unwrap_or(Err(NoAnswer))
    }
}

async fn answer(database: Database, mut asked: mpsc::Receiver<Question>) {
    let (mut connection, mut questions) = (None, Vec::with_capacity(TOGETHER));
    let mut turn = 0;
    while asked.recv_many(&mut questions, TOGETHER).await > 0 {
        let read = async {
            let connection = match &mut connection {
                Some(connection) => connection,
                none => none.insert(database.acquire().await?),
            };
            read(connection, &questions).await
        };
        match read.await {
            Ok(sessions) => {
                for question in questions.drain(..) {
                    // Fails if nobody waits any more.
                    let _ = question.answer.send(sessions.get(&question.token_hash).copied());
                }
            }
            Err(error) => {
                tracing::warn!(%error, "no revisions read");
                questions.clear();
                connection = None;
            }
        }
        turn += 1;
        // The pool checks what it gets back, which takes as long as a statement.
        if asked.is_empty() || turn == TURN {
            (connection, turn) = (None, 0);
        }
    }
}

async fn read(db: &mut AnyConnection, questions: &[Question]) -> sqlx::Result<HashMap<String, Session>> {
    let hashes = questions.iter().map(|question| question.token_hash.as_str());
    // No session has this hash.
    let hashes = hashes.chain(std::iter::repeat("")).take(TOGETHER);
    let rows: Vec<(String, Millis, i64)> =
        hashes.fold(sqlx::query_as(SQL), |sql, hash| sql.bind(hash)).fetch_all(db).await?;
    let session = |(token_hash, expires_at, revision): (_, _, i64)| {
        (token_hash, Session { expires_at, revision: revision.unsigned_abs() })
    };
    Ok(rows.into_iter().map(session).collect())
}
