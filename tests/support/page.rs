//! The screens as a tester sees them. Handles are the `data-testid`s; they change with neither language nor theme.

use fantoccini::{
    Client, Locator,
    actions::{InputSource as _, KeyAction, KeyActions},
    elements::Element,
    key::Key,
};

use super::eventually;

/// The page in the app's window.
#[derive(Clone)]
pub struct Page {
    client: Client,
}

impl Page {
    pub async fn new(client: Client) -> Self {
        let page = Self { client };
        page.element("html[data-ready]").await;
        page
    }

    async fn element(&self, css: &str) -> Element {
        eventually(css, || async { self.client.find(Locator::Css(css)).await.ok() }).await
    }

    async fn find(&self, handle: &str) -> Option<Element> {
        let element = self.client.find(Locator::Css(&format!("[data-testid='{handle}']"))).await.ok()?;
        element.is_displayed().await.ok()?.then_some(element)
    }

    /// Waits until the element is there to be seen.
    pub async fn see(&self, handle: &str) -> Element {
        eventually(handle, || self.find(handle)).await
    }

    /// Waits until the element is not to be seen.
    pub async fn see_no(&self, handle: &str) {
        eventually(&format!("no {handle}"), || async { self.find(handle).await.is_none().then_some(()) }).await;
    }

    /// Whether the element is there now.
    pub async fn has(&self, handle: &str) -> bool {
        self.find(handle).await.is_some()
    }

    pub async fn tap(&self, handle: &str) {
        eventually(&format!("a tap on {handle}"), || async { self.find(handle).await?.click().await.ok() }).await;
    }

    pub async fn text(&self, handle: &str) -> String {
        eventually(&format!("the text of {handle}"), || async { self.find(handle).await?.text().await.ok() }).await
    }

    /// Waits until the element's text has a part that satisfies.
    pub async fn read(&self, handle: &str, part: &str) -> String {
        eventually(&format!("{part:?} in {handle}"), || async {
            let text = self.find(handle).await?.text().await.ok()?;
            text.contains(part).then_some(text)
        })
        .await
    }

    /// Waits until the problem with this code is told, and gives its sentence.
    pub async fn problem(&self, code: &str) -> String {
        let problem = self.element(&format!("[data-testid='problem'][data-code='{code}']")).await;
        problem.text().await.unwrap()
    }

    /// Waits until the page as it is shown has all of these.
    pub async fn says(&self, sentences: &[&str]) {
        for sentence in sentences {
            eventually(&format!("{sentence:?} on the page"), || async {
                let page = self.client.find(Locator::Css("body")).await.ok()?.text().await.ok()?;
                page.contains(sentence).then_some(())
            })
            .await;
        }
    }

    pub async fn value(&self, handle: &str) -> String {
        self.see(handle).await.prop("value").await.unwrap().unwrap_or_default()
    }

    /// Waits until the field holds this.
    pub async fn holds(&self, handle: &str, value: &str) {
        eventually(&format!("{value:?} in {handle}"), || async {
            (self.find(handle).await?.prop("value").await.ok()?? == value).then_some(())
        })
        .await;
    }

    /// Types into a field, after what stands in it.
    pub async fn type_into(&self, handle: &str, text: &str) {
        self.see(handle).await.send_keys(text).await.unwrap();
    }

    /// Replaces what stands in a field, by the keyboard.
    pub async fn replace(&self, handle: &str, text: &str) {
        self.select_all(handle).await;
        self.type_into(handle, if text.is_empty() { BACKSPACE } else { text }).await;
    }

    pub async fn select_all(&self, handle: &str) {
        self.chord(handle, 'a').await;
    }

    /// Holds Control and presses a key.
    pub async fn chord(&self, handle: &str, key: char) {
        self.tap(handle).await;
        let control = char::from(Key::Control);
        let keys = KeyActions::new("keyboard".into())
            .then(KeyAction::Down { value: control })
            .then(KeyAction::Down { value: key })
            .then(KeyAction::Up { value: key })
            .then(KeyAction::Up { value: control });
        self.client.perform_actions(keys).await.unwrap();
    }

    /// Waits until the flow stands here: `notLinked`, `codeSent`, `linking` or `linked`.
    pub async fn flow_is(&self, state: &str) {
        self.element(&format!("[data-testid='flow'][data-state='{state}']")).await;
    }

    pub async fn sign_in(&self, server: &str, username: &str) {
        self.see("screen-sign-in").await;
        self.replace("server", server).await;
        self.replace("username", username).await;
        self.type_into("password", "demo").await;
        self.tap("sign-in").await;
        self.see("screen-home").await;
    }

    /// All that a reader of the page could find: its source and its address.
    pub async fn source(&self) -> String {
        format!("{}\n{}", self.client.current_url().await.unwrap(), self.client.source().await.unwrap())
    }

    pub async fn run(&self, script: &str) -> serde_json::Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Waits until the page is this wide.
    pub async fn is_wide(&self, width: u32) {
        eventually("the new size", || async { (self.run("return innerWidth").await == width).then_some(()) }).await;
    }

    /// Waits until no animation or transition runs.
    pub async fn still(&self) {
        eventually("stillness", || async {
            let moving = self.run("return document.getAnimations().filter(a => a.playState == 'running').length").await;
            (moving == 0).then_some(())
        })
        .await;
    }
}

const BACKSPACE: &str = "\u{e003}";
