//! Two calls with one Idempotency-Key, the first of which stalls.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{database_url, import, light_hash};
use hrm_backend::clock::Clock;
use hrm_backend::directory::{DirectorySettings, PublicApi};
use hrm_backend::idempotency::{Claim, ClaimedKey, StoredResponse, claim};
use hrm_backend::keys::Keys;
use hrm_backend::mail::Mailer;
use hrm_backend::settings::Settings;
use hrm_backend::{Backend, install_cryptography, server};
use tempfile::TempDir;

async fn backend(url: String) -> Arc<Backend> {
    install_cryptography();
    let directory = PublicApi::new(DirectorySettings {
        token_url: "http://127.0.0.1:9/".parse().unwrap(),
        api_url: "http://127.0.0.1:9/".parse().unwrap(),
        unlink_path: hrm_backend::directory::UNLINK_PATH.to_owned(),
        client_id: String::new(),
        client_secret: "".into(),
        timeout: Duration::from_secs(1),
    });
    let mailer = Mailer::new(&"smtp://127.0.0.1:9".parse().unwrap(), None, "a@b.example".parse().unwrap()).unwrap();
    let keys = Keys::parse(&"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".into()).unwrap();
    server::start(Settings::new(url), keys, Arc::new(directory.unwrap()), mailer, Clock::default()).await.unwrap()
}

async fn claimed(backend: &Backend) -> ClaimedKey {
    match claim(backend, "1", "key", "body").await.unwrap() {
        Claim::New(key) => key,
        Claim::Replay(response) => panic!("{response:?}"),
    }
}

#[tokio::test]
async fn a_stalled_send_keeps_the_answer_of_the_repeat_that_overtook_it() {
    let folder = TempDir::new().unwrap();
    let url = database_url(folder.path()).await;
    import(&url, &[format!("1,anna,{},Anna,Svensson,en,SE,anna@company.com", light_hash())]);
    let backend = backend(url).await;
    let response = |body: &str| StoredResponse { status: 202, body: body.to_owned() };

    let mut stalled = claimed(&backend).await;
    let mut tx = backend.database.begin_write().await.unwrap();
    sqlx::query("UPDATE idempotency SET running_until = 1").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let mut repeat = claimed(&backend).await;
    let mut tx = backend.database.begin_write().await.unwrap();
    repeat.store(&mut tx, &response("the repeat's"), Duration::ZERO).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = backend.database.begin_write().await.unwrap();
    assert!(stalled.store(&mut tx, &response("the stalled one's"), Duration::ZERO).await.is_err());
    drop(tx);
    stalled.release(&backend).await.unwrap();
    let again = claim(&backend, "1", "key", "body").await.unwrap();
    assert!(matches!(&again, Claim::Replay(known) if known.body == "the repeat's"), "{again:?}");
    backend.stopping.cancel();
}
