//! What most tests in a window begin with.

use super::{
    backend::Backend,
    desk::{Desk, Running},
    page::Page,
};

pub const ANNA: &str = "anna.svensson";
pub const ANNA_AT_WORK: &str = "anna.svensson@company.com";

/// A desk, a backend and the app on its sign-in screen.
pub struct Stage {
    pub desk: Desk,
    pub backend: Backend,
    pub edition: &'static str,
}

impl Stage {
    pub async fn set(edition: &'static str) -> Self {
        let desk = Desk::new();
        let backend = Backend::start(desk.folder("backend")).await;
        Self { desk, backend, edition }
    }

    pub async fn app(&self) -> Running {
        self.desk.start(&["--edition", self.edition]).await
    }

    pub async fn app_of(&self, username: &str) -> Running {
        let app = self.app().await;
        app.page.sign_in(&self.backend.url, username).await;
        app
    }

    /// From the banner to the address field, as this edition goes.
    pub async fn open_flow(&self, page: &Page) {
        page.tap("banner-connect").await;
        page.see(if self.edition == "mobile" { "screen-visma-connect" } else { "screen-account-settings" }).await;
        page.flow_is("notLinked").await;
    }

    #[cfg(target_os = "linux")]
    /// Searches the page, the processes and every file of the desk: log, record, page storage, caches.
    pub async fn nothing_holds(&self, page: &Page, secrets: &[&str]) {
        let source = page.source().await;
        let processes = self.desk.system.processes();
        assert!(processes.len() > 1, "the app and its web processes: {processes:?}");
        for secret in secrets {
            assert!(!source.contains(secret), "the page must not know {secret}");
            for pid in &processes {
                for file in ["cmdline", "environ"] {
                    let text = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
                    assert!(!holds(&text, secret), "{file} of process {pid} holds {secret}");
                }
            }
        }
        // The keyring's own file is encrypted; the backend's folder is not of this device.
        let files = self.desk.system.files().into_iter().filter(|file| !file.starts_with(self.desk.folder("backend")));
        let files: Vec<_> = files.collect();
        for part in ["record.json", "flex-connect.log", "stderr.log"] {
            assert!(files.iter().any(|file| file.ends_with(part)), "{part} was not searched: {files:?}");
        }
        for file in files {
            let bytes = std::fs::read(&file).unwrap_or_default();
            for secret in secrets {
                assert!(!holds(&bytes, secret), "{} holds {secret}", file.display());
            }
        }
    }

    pub async fn send_to_first_suggestion(&self, page: &Page) -> String {
        let before = self.backend.inbox().await.len();
        page.tap("suggestion").await;
        page.holds("email", ANNA_AT_WORK).await;
        page.tap("send-code").await;
        page.flow_is("codeSent").await;
        self.backend.code_to(ANNA_AT_WORK, before).await
    }
}

fn holds(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}
