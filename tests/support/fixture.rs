//! What most end-to-end tests start with.

use super::{
    backend::Backend,
    page::Page,
    sandbox::{AppSession, Sandbox},
};

pub const ANNA: &str = "anna.svensson";
pub const ANNA_WORK_EMAIL: &str = "anna.svensson@company.com";

/// A sandbox, a backend and the edition of the app to start.
pub struct Fixture {
    pub sandbox: Sandbox,
    pub backend: Backend,
    pub edition: &'static str,
}

impl Fixture {
    pub async fn new(edition: &'static str) -> Self {
        let sandbox = Sandbox::new();
        let backend = Backend::start(sandbox.folder("backend")).await;
        Self { sandbox, backend, edition }
    }

    pub async fn start_app(&self) -> AppSession {
        self.sandbox.start_app(&["--edition", self.edition]).await
    }

    pub async fn app_signed_in_as(&self, username: &str) -> AppSession {
        let app = self.start_app().await;
        app.page.sign_in(&self.backend.url, username).await;
        app
    }

    /// Kills the app and starts it again.
    pub async fn restart(&self, app: AppSession) -> AppSession {
        app.kill(&self.sandbox).await;
        self.start_app().await
    }

    /// From the banner to the email field.
    pub async fn open_flow(&self, page: &Page) {
        page.click("banner-connect").await;
        let screen = if self.edition == "mobile" { "screen-visma-connect" } else { "screen-account-settings" };
        page.wait_visible(screen).await;
        page.wait_flow_state("notLinked").await;
    }

    /// Returns the code from the mail.
    pub async fn send_code_to_first_suggestion(&self, page: &Page) -> String {
        let before = self.backend.inbox().await.len();
        page.click("suggestion").await;
        page.wait_value("email", ANNA_WORK_EMAIL).await;
        page.click("send-code").await;
        page.wait_flow_state("codeSent").await;
        self.backend.code_sent_to(ANNA_WORK_EMAIL, before).await
    }

    /// Searches the page, the processes and every file of the sandbox: log, record, page storage, caches.
    #[cfg(target_os = "linux")]
    pub async fn assert_no_secret_in(&self, page: &Page, secrets: &[&str]) {
        let source = page.source().await;
        let processes = self.sandbox.system.processes();
        assert!(processes.len() > 1, "the app and its web processes: {processes:?}");
        for secret in secrets {
            assert!(!source.contains(secret), "the page contains {secret}");
            for pid in &processes {
                for file in ["cmdline", "environ"] {
                    let text = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
                    assert!(!contains(&text, secret), "{file} of process {pid} contains {secret}");
                }
            }
        }
        // The keyring's own file is encrypted; the backend's folder is not on the employee's device.
        let backend = self.sandbox.folder("backend");
        let files: Vec<_> =
            self.sandbox.system.files().into_iter().filter(|file| !file.starts_with(&backend)).collect();
        for part in ["record.json", "flex-connect.log", "stderr.log"] {
            assert!(files.iter().any(|file| file.ends_with(part)), "{part} was not searched: {files:?}");
        }
        for file in files {
            let bytes = std::fs::read(&file).unwrap_or_default();
            for secret in secrets {
                assert!(!contains(&bytes, secret), "{} contains {secret}", file.display());
            }
        }
    }
}

fn contains(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}
