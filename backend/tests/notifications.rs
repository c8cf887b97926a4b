//! What backends on one PostgreSQL tell each other, and SQLite its own process.

use std::path::Path;
use std::time::Duration;

use crate::support::{database_url, on_postgres};
use hrm_backend::database::Database;
use hrm_backend::events::Events;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream, unix};

#[tokio::test]
async fn a_change_of_an_id_of_any_length_is_committed_and_told() {
    let folder = TempDir::new().unwrap();
    let (url, events) = (database_url(folder.path()).await, Events::default());
    let database = Database::connect(&url, events.clone()).await.unwrap();
    database.start_serving(&url).await.unwrap();
    for length in [1, 7_999, 8_000, 9_000, 100_000] {
        let id = "å".repeat(length / 2) + &"x".repeat(length % 2);
        let mut changes = events.subscribe(&id);
        let mut tx = database.begin_write().await.unwrap();
        tx.notify(&id);
        tx.commit().await.unwrap();
        let told = tokio::time::timeout(Duration::from_secs(10), changes.next()).await;
        assert!(told.is_ok(), "nobody was told of {length} bytes");
    }
    database.close().await;
}

#[tokio::test]
async fn a_pooler_that_drops_notifications_is_named_at_start() {
    if !on_postgres() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let url = pooled(&database_url(folder.path()).await, folder.path());
    let database = Database::connect(&url, Events::default()).await.unwrap();
    let error = database.start_serving(&url).await.expect_err("it started").to_string();
    assert!(error.contains("pgbouncer"), "{error}");
    database.close().await;
}

/// The URL through a pooler that, like pgbouncer in transaction mode, drops every notification.
fn pooled(url: &str, folder: &Path) -> String {
    let host = url.split(&['=', '&'][..]).nth(1).unwrap().to_owned();
    let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).unwrap();
    let socket = format!("{host}/.s.PGSQL.5432");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = UnixStream::connect(&socket).await.unwrap();
            let ((mut from_client, to_client), (from_server, mut to_server)) =
                (client.into_split(), server.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            tokio::spawn(drop_notifications(from_server, to_client));
        }
    });
    format!("{}&sslmode=disable", url.replace(&host, folder.to_str().unwrap()))
}

/// Every message of PostgreSQL is a letter, its length without the letter, and the rest.
async fn drop_notifications(mut from: unix::OwnedReadHalf, mut to: unix::OwnedWriteHalf) -> std::io::Result<()> {
    const NOTIFICATION: u8 = b'A';
    loop {
        let kind = from.read_u8().await?;
        let length = from.read_u32().await?;
        let mut rest = vec![0; length as usize - 4];
        from.read_exact(&mut rest).await?;
        if kind != NOTIFICATION {
            to.write_u8(kind).await?;
            to.write_u32(length).await?;
            to.write_all(&rest).await?;
        }
    }
}
