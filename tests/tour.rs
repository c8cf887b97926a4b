//! The tour: the whole flow in both editions, with a picture of each screen in `target/tour/`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::path::PathBuf;

use support::{
    backend::{Backend, not},
    desk::Desk,
    page::Page,
};

#[tokio::main]
async fn main() {
    let edition = std::env::var("TOUR_EDITION").unwrap_or_else(|_| "both".into());
    for (name, size) in [("mobile", (360, 740)), ("desktop", (1280, 800))] {
        if edition != "both" && edition != name {
            continue;
        }
        for dark in [false, true] {
            tour(name, size, dark).await;
        }
    }
}

struct Album<'a> {
    desk: &'a Desk,
    page: &'a Page,
    size: (u32, u32),
    prefix: String,
    folder: PathBuf,
    number: u32,
}

impl Album<'_> {
    async fn picture(&mut self, what: &str) {
        self.number += 1;
        // Nothing moves for longer than this page's own motion tokens say.
        self.page.still().await;
        let name = format!("{}-{:02}-{}.png", self.prefix, self.number, what.replace([' ', ','], "-"));
        self.desk.system.camera().shoot(self.size, &self.folder.join(&name));
        println!("  {what:<44} target/tour/{name}");
    }
}

async fn tour(edition: &str, size: (u32, u32), dark: bool) {
    let folder = PathBuf::from("target/tour");
    std::fs::create_dir_all(&folder).unwrap();
    println!("{edition}, {}", if dark { "dark" } else { "light" });
    let desk = if dark { Desk::dark() } else { Desk::new() };
    let backend = Backend::start(desk.folder("backend")).await;
    let app = desk.start(&["--edition", edition, "--server", &backend.url, "--username", "anna.svensson"]).await;
    let page = &app.page;
    desk.system.resize(page, size).await;
    let prefix = format!("{edition}-{}", if dark { "dark" } else { "light" });
    let mut album = Album { desk: &desk, page, size, prefix, folder, number: 0 };

    page.see("screen-sign-in").await;
    album.picture("sign in").await;
    page.type_into("password", "demo").await;
    page.tap("sign-in").await;
    page.see("banner").await;
    album.picture("home with the banner").await;
    page.tap("nav-settings").await;
    page.see("screen-settings").await;
    album.picture("settings").await;
    if edition == "desktop" {
        page.tap("nav-profile").await;
        page.see("screen-profile").await;
        album.picture("my profile").await;
        page.tap("row-account-settings").await;
    } else {
        page.tap("row-visma-connect").await;
    }
    page.flow_is("notLinked").await;
    album.picture("enter an address").await;
    page.tap("suggestion").await;
    page.tap("send-code").await;
    page.flow_is("codeSent").await;
    let code = backend.code_to("anna.svensson@company.com", 0).await;
    album.picture("check your inbox").await;
    page.type_into("code", &not(&code)).await;
    page.problem("codeWrong").await;
    album.picture("a wrong code").await;
    page.replace("code", &code).await;
    page.flow_is("linked").await;
    page.read("done", "You're all set!").await;
    album.picture("you are all set").await;
    app.close(&desk).await;
    backend.stop().await;
}
