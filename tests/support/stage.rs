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

    pub async fn send_to_first_suggestion(&self, page: &Page) -> String {
        let before = self.backend.inbox().await.len();
        page.tap("suggestion").await;
        page.holds("email", ANNA_AT_WORK).await;
        page.tap("send-code").await;
        page.flow_is("codeSent").await;
        self.backend.code_to(ANNA_AT_WORK, before).await
    }
}
