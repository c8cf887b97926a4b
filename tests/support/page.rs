//! The screens as a tester sees them. Handles are the `data-testid`s; they change with neither language nor theme.

use fantoccini::{
    Client, Locator,
    actions::{InputSource as _, KeyAction, KeyActions},
    elements::Element,
    key::Key,
};

use std::time::Instant;

use super::{
    eventually,
    report::{self, Camera},
};

/// The page in the app's window.
#[derive(Clone)]
pub struct Page {
    client: Client,
    /// Where the WebDriver listens: for what its client here does not know yet.
    driver: String,
    camera: Camera,
}

impl Page {
    pub async fn new(client: Client, driver: String, camera: Camera) -> Self {
        let page = Self { client, driver, camera };
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
        eventually(&format!("{handle} to be seen"), || self.find(handle)).await
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
        // Its text is empty for WebDriver until the first moment of its fade.
        let sentence = eventually(&format!("the sentence of {code}"), || async {
            let problem = format!("[data-testid='problem'][data-code='{code}']");
            let sentence = self.client.find(Locator::Css(&problem)).await.ok()?.text().await.ok()?;
            (!sentence.is_empty()).then_some(sentence)
        })
        .await;
        self.picture(&sentence).await;
        sentence
    }

    /// Adds a picture to the report, if there is one.
    async fn picture(&self, of: &str) {
        if report::is_wanted() {
            self.still().await;
            self.camera.take(of);
        }
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
        let field = self.see(handle).await;
        let began = Instant::now();
        field.send_keys(text).await.unwrap();
        // A password is nobody's to read, not even the demo's.
        report::step(&format!("{} typed into {handle}", if handle == "password" { "…" } else { text }), began);
    }

    /// Chooses from a list by the value.
    pub async fn choose(&self, handle: &str, value: &str) {
        self.see(handle).await.select_by_value(value).await.unwrap();
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
        self.picture(&format!("the flow at {state}")).await;
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

    /// Something of an element as the web view tells it to screen readers: `computedrole` or `computedlabel`.
    async fn told(&self, element: &Element, what: &str) -> Option<String> {
        let session = self.client.session_id().await.ok()??;
        let url = format!("{}/session/{session}/element/{}/{what}", self.driver, element.element_id());
        let answer: serde_json::Value = reqwest::get(url).await.ok()?.json().await.ok()?;
        answer["value"].as_str().map(|told| told.trim().to_owned())
    }

    /// Role and name of what has the focus.
    pub async fn focused(&self) -> Option<(String, String)> {
        let element = self.client.active_element().await.ok()?;
        Some((self.told(&element, "computedrole").await?, self.told(&element, "computedlabel").await?))
    }

    /// Waits until this has the focus.
    pub async fn focus_is_on(&self, role: &str, name: &str) {
        eventually(&format!("the focus on {role} {name:?}"), || async {
            self.focused().await.is_some_and(|(r, n)| r == role && n == name).then_some(())
        })
        .await;
    }

    /// Waits until something on the page has this role and name.
    pub async fn named(&self, role: &str, name: &str) -> Element {
        eventually(&format!("{role} {name:?}"), || async {
            let all = "a, button, input, select, summary, h1, h2, h3, section, [role]";
            for element in self.client.find_all(Locator::Css(all)).await.ok()? {
                if self.told(&element, "computedrole").await.as_deref() == Some(role)
                    && self.told(&element, "computedlabel").await.as_deref() == Some(name)
                {
                    return Some(element);
                }
            }
            None
        })
        .await
    }

    /// Waits until this is what a screen reader was told last.
    pub async fn was_said(&self, sentence: &str) {
        eventually(&format!("{sentence:?} to be said"), || async {
            let region = self.client.find(Locator::Css("[aria-live=polite]")).await.ok()?;
            (region.prop("textContent").await.ok()?? == sentence).then_some(())
        })
        .await;
    }

    /// What axe-core finds against WCAG 2.2 A and AA on the page as it stands.
    pub async fn barriers(&self) -> Vec<String> {
        if self.run("return !window.axe").await == true {
            let axe = concat!(env!("CARGO_MANIFEST_DIR"), "/ui/node_modules/axe-core/axe.min.js");
            self.run(&std::fs::read_to_string(axe).expect("`npm ci` was run in ui/")).await;
        }
        self.still().await;
        let script = "const done = arguments[arguments.length - 1];
            axe.run(document, {
                runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], preload: false,
            }).then(
                ({ passes, violations }) => done(passes.length < 5 ? ['axe looked at nothing']
                    : violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(' | ')}`)),
                (error) => done([String(error)]));";
        let found = self.client.execute_async(script, Vec::new()).await.unwrap();
        serde_json::from_value(found).unwrap()
    }

    /// Waits until the page is this wide.
    pub async fn is_wide(&self, width: u32) {
        eventually("the new size", || async { (self.run("return innerWidth").await == width).then_some(()) }).await;
    }

    /// Waits until no animation or transition runs that will ever end.
    pub async fn still(&self) {
        eventually("stillness", || async {
            let ends = "a.playState == 'running' && a.effect.getTiming().iterations < Infinity";
            let moving = self.run(&format!("return document.getAnimations().filter(a => {ends}).length")).await;
            (moving == 0).then_some(())
        })
        .await;
    }
}

const BACKSPACE: &str = "\u{e003}";
