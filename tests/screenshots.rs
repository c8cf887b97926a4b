//! `cargo xtask run --screenshots`: drives the flow and saves a screenshot of each screen in `target/screenshots/`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::path::PathBuf;

use support::{
    backend::{Backend, wrong_code},
    fixture::{ANNA, ANNA_WORK_EMAIL},
    page::Page,
    sandbox::Sandbox,
};

#[tokio::main]
async fn main() {
    let edition = std::env::var("SCREENSHOT_EDITION").unwrap_or_else(|_| "both".into());
    for (name, size) in [("mobile", (360, 740)), ("desktop", (1280, 800))] {
        if edition != "both" && edition != name {
            continue;
        }
        for dark in [false, true] {
            take_all(name, size, dark).await;
        }
    }
}

struct ScreenshotSet<'a> {
    sandbox: &'a Sandbox,
    page: &'a Page,
    size: (u32, u32),
    prefix: String,
    folder: PathBuf,
    number: u32,
}

impl ScreenshotSet<'_> {
    async fn take(&mut self, what: &str) {
        self.number += 1;
        self.page.wait_for_animations().await;
        let name = format!("{}-{:02}-{}.png", self.prefix, self.number, what.replace([' ', ','], "-"));
        self.sandbox.system.screen_capture().save(self.size, &self.folder.join(&name));
        println!("  {what:<44} target/screenshots/{name}");
    }
}

async fn take_all(edition: &str, size: (u32, u32), dark: bool) {
    let folder = PathBuf::from("target/screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    println!("{edition}, {}", if dark { "dark" } else { "light" });
    let sandbox = if dark { Sandbox::dark() } else { Sandbox::new() };
    let backend = Backend::start(sandbox.folder("backend")).await;
    let app = sandbox.start_app(&["--edition", edition, "--server", &backend.url, "--username", ANNA]).await;
    let page = &app.page;
    sandbox.system.resize_window(page, size).await;
    let prefix = format!("{edition}-{}", if dark { "dark" } else { "light" });
    let mut set = ScreenshotSet { sandbox: &sandbox, page, size, prefix, folder, number: 0 };

    page.wait_visible("screen-sign-in").await;
    set.take("sign in").await;
    page.type_into("password", "demo").await;
    page.click("sign-in").await;
    page.wait_visible("banner").await;
    set.take("home with the banner").await;
    page.click("nav-settings").await;
    page.wait_visible("screen-settings").await;
    set.take("settings").await;
    if edition == "desktop" {
        page.click("nav-profile").await;
        page.wait_visible("screen-profile").await;
        set.take("my profile").await;
        page.click("row-account-settings").await;
    } else {
        page.click("row-visma-connect").await;
    }
    page.wait_flow_state("notLinked").await;
    set.take("enter an address").await;
    page.click("suggestion").await;
    page.click("send-code").await;
    page.wait_flow_state("codeSent").await;
    let code = backend.code_sent_to(ANNA_WORK_EMAIL, 0).await;
    set.take("check your inbox").await;
    page.type_into("code", &wrong_code(&code)).await;
    page.wait_problem("codeWrong").await;
    set.take("a wrong code").await;
    page.fill("code", &code).await;
    page.wait_flow_state("linked").await;
    page.wait_text("done", "You're all set!").await;
    set.take("you are all set").await;
    app.close(&sandbox).await;
    backend.stop().await;
}
