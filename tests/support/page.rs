//! The page in the app's window. Elements are found by `data-testid`, which changes with neither language nor theme.

use std::time::Instant;

use fantoccini::{
    Client, Locator,
    actions::{InputSource as _, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction},
    elements::Element,
    key::Key,
};

use super::{
    eventually,
    report::{self, ScreenCapture},
};

#[derive(Clone)]
pub struct Page {
    client: Client,
    /// The WebDriver's address, for commands that `fantoccini` lacks.
    driver_url: String,
    screen: ScreenCapture,
}

impl Page {
    pub async fn new(client: Client, driver_url: String, screen: ScreenCapture) -> Self {
        let page = Self { client, driver_url, screen };
        page.wait_css("html[data-ready]").await;
        page
    }

    async fn wait_css(&self, css: &str) -> Element {
        eventually(css, || async { self.client.find(Locator::Css(css)).await.ok() }).await
    }

    async fn find_visible(&self, test_id: &str) -> Option<Element> {
        let element = self.client.find(Locator::Css(&format!("[data-testid='{test_id}']"))).await.ok()?;
        element.is_displayed().await.ok()?.then_some(element)
    }

    pub async fn wait_visible(&self, test_id: &str) -> Element {
        eventually(&format!("{test_id} visible"), || self.find_visible(test_id)).await
    }

    pub async fn wait_gone(&self, test_id: &str) {
        eventually(&format!("{test_id} gone"), || async { self.find_visible(test_id).await.is_none().then_some(()) })
            .await;
    }

    /// Without waiting.
    pub async fn is_visible(&self, test_id: &str) -> bool {
        self.find_visible(test_id).await.is_some()
    }

    pub async fn click(&self, test_id: &str) {
        eventually(&format!("click on {test_id}"), || self.try_click(test_id)).await;
    }

    /// Without waiting: `None` if the screen has no such element.
    pub async fn try_click(&self, test_id: &str) -> Option<()> {
        self.find_visible(test_id).await?.click().await.ok()
    }

    /// Without waiting: `None` if the screen has no such field, or something is in it.
    pub async fn try_type(&self, test_id: &str, text: &str) -> Option<()> {
        if !self.try_value(test_id).await?.is_empty() {
            return None;
        }
        self.find_visible(test_id).await?.send_keys(text).await.ok()
    }

    /// Clicks the middle of the code field's box, counted from 1, as a finger does: the field itself is drawn above it.
    pub async fn click_code_box(&self, number: usize) {
        let element = self.wait_css(&format!(".code-cell:nth-child({number})")).await;
        let click = MouseActions::new("mouse".into())
            .then(PointerAction::MoveToElement { element, duration: None, x: 0.0, y: 0.0 })
            .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
            .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
        self.client.perform_actions(click).await.unwrap();
    }

    /// Types where the caret is.
    pub async fn press(&self, keys: &[char]) {
        for &value in keys {
            let key = KeyActions::new("keyboard".into()).then(KeyAction::Down { value }).then(KeyAction::Up { value });
            self.client.perform_actions(key).await.unwrap();
        }
    }

    pub async fn text(&self, test_id: &str) -> String {
        let text = || async { self.find_visible(test_id).await?.text().await.ok() };
        eventually(&format!("text of {test_id}"), text).await
    }

    /// Waits until the element's text contains `part`.
    pub async fn wait_text(&self, test_id: &str, part: &str) {
        eventually(&format!("{part:?} in {test_id}"), || async {
            self.find_visible(test_id).await?.text().await.ok()?.contains(part).then_some(())
        })
        .await;
    }

    /// Waits until the problem with this code is shown, and returns its message.
    pub async fn wait_problem(&self, code: &str) -> String {
        // WebDriver reports its text as empty until the fade-in starts.
        let message = eventually(&format!("message of {code}"), || async {
            let css = format!("[data-testid='problem'][data-code='{code}']");
            let message = self.client.find(Locator::Css(&css)).await.ok()?.text().await.ok()?;
            (!message.is_empty()).then_some(message)
        })
        .await;
        self.screenshot(&message).await;
        message
    }

    async fn screenshot(&self, label: &str) {
        if report::is_enabled() {
            self.wait_for_animations().await;
            self.screen.add_to_report(label);
        }
    }

    /// Waits until the visible page contains each of these texts.
    pub async fn wait_page_text<T: AsRef<str>>(&self, texts: &[T]) {
        for text in texts.iter().map(AsRef::as_ref) {
            eventually(&format!("{text:?} on the page"), || async {
                let page = self.client.find(Locator::Css("body")).await.ok()?.text().await.ok()?;
                page.contains(text).then_some(())
            })
            .await;
        }
    }

    pub async fn value(&self, test_id: &str) -> String {
        self.wait_visible(test_id).await.prop("value").await.unwrap().unwrap_or_default()
    }

    pub async fn wait_value(&self, test_id: &str, value: &str) {
        eventually(&format!("value {value:?} in {test_id}"), || async {
            (self.try_value(test_id).await? == value).then_some(())
        })
        .await;
    }

    /// Without waiting: `None` if the screen has no such field.
    pub async fn try_value(&self, test_id: &str) -> Option<String> {
        self.find_visible(test_id).await?.prop("value").await.ok()?
    }

    /// Appends to what the field contains.
    pub async fn type_into(&self, test_id: &str, text: &str) {
        let field = self.wait_visible(test_id).await;
        let began = Instant::now();
        field.send_keys(text).await.unwrap();
        // Reports contain no password, not even the demo's.
        report::step(&format!("type {} into {test_id}", if test_id == "password" { "…" } else { text }), began);
    }

    /// Replaces what the field contains.
    pub async fn fill(&self, test_id: &str, text: &str) {
        self.click(test_id).await;
        let control = char::from(Key::Control);
        let select_all = KeyActions::new("keyboard".into())
            .then(KeyAction::Down { value: control })
            .then(KeyAction::Down { value: 'a' })
            .then(KeyAction::Up { value: 'a' })
            .then(KeyAction::Up { value: control });
        self.client.perform_actions(select_all).await.unwrap();
        self.type_into(test_id, text).await;
    }

    pub async fn select_option(&self, test_id: &str, value: &str) {
        self.wait_visible(test_id).await.select_by_value(value).await.unwrap();
    }

    /// Without waiting.
    pub async fn flow_state(&self) -> Option<String> {
        self.find_visible("flow").await?.attr("data-state").await.ok()?
    }

    /// `notLinked`, `codeSent`, `linking` or `linked`.
    pub async fn wait_flow_state(&self, state: &str) {
        self.wait_css(&format!("[data-testid='flow'][data-state='{state}']")).await;
        self.screenshot(&format!("flow state {state}")).await;
    }

    pub async fn sign_in(&self, server: &str, username: &str) {
        self.wait_visible("screen-sign-in").await;
        // A remembered server is only named.
        if self.is_visible("change-server").await {
            self.click("change-server").await;
        }
        self.fill("server", server).await;
        self.fill("username", username).await;
        self.type_into("password", "demo").await;
        self.click("sign-in").await;
        self.wait_visible("screen-home").await;
    }

    /// The page's address and HTML.
    pub async fn source(&self) -> String {
        format!("{}\n{}", self.client.current_url().await.unwrap(), self.client.source().await.unwrap())
    }

    pub async fn evaluate(&self, script: &str) -> serde_json::Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// `computedrole` or `computedlabel` of an element: what the web view tells assistive technology.
    async fn accessibility(&self, element: &Element, property: &str) -> Option<String> {
        let session = self.client.session_id().await.ok()??;
        let url = format!("{}/session/{session}/element/{}/{property}", self.driver_url, element.element_id());
        let response: serde_json::Value = reqwest::get(url).await.ok()?.json().await.ok()?;
        response["value"].as_str().map(|value| value.trim().to_owned())
    }

    /// Role and accessible name of the focused element.
    pub async fn focused(&self) -> Option<(String, String)> {
        let element = self.client.active_element().await.ok()?;
        let role = self.accessibility(&element, "computedrole").await?;
        Some((role, self.accessibility(&element, "computedlabel").await?))
    }

    pub async fn wait_focused(&self, role: &str, name: &str) {
        eventually(&format!("focus on {role} {name:?}"), || async {
            self.focused().await.is_some_and(|(r, n)| r == role && n == name).then_some(())
        })
        .await;
    }

    /// Waits until an element with this role and accessible name exists.
    pub async fn wait_role(&self, role: &str, name: &str) -> Element {
        eventually(&format!("{role} {name:?}"), || async {
            let all = "a, button, input, select, summary, h1, h2, h3, section, [role]";
            for element in self.client.find_all(Locator::Css(all)).await.ok()? {
                if self.accessibility(&element, "computedrole").await.as_deref() == Some(role)
                    && self.accessibility(&element, "computedlabel").await.as_deref() == Some(name)
                {
                    return Some(element);
                }
            }
            None
        })
        .await
    }

    /// Waits until this is the live region's text.
    pub async fn wait_announced(&self, message: &str) {
        eventually(&format!("announcement {message:?}"), || async {
            let region = self.client.find(Locator::Css("[aria-live=polite]")).await.ok()?;
            (region.prop("textContent").await.ok()?? == message).then_some(())
        })
        .await;
    }

    /// Violations of WCAG 2.2 A and AA that axe-core finds on the current page.
    pub async fn axe_violations(&self) -> Vec<String> {
        if self.evaluate("return !window.axe").await == true {
            let axe = concat!(env!("CARGO_MANIFEST_DIR"), "/ui/node_modules/axe-core/axe.min.js");
            self.evaluate(&std::fs::read_to_string(axe).expect("`npm ci` was run in ui/")).await;
        }
        self.wait_for_animations().await;
        let script = "const done = arguments[arguments.length - 1];
            axe.run(document, {
                runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], preload: false,
            }).then(
                ({ passes, violations }) => done(passes.length < 5 ? ['axe checked almost nothing']
                    : violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(' | ')}`)),
                (error) => done([String(error)]));";
        let violations = self.client.execute_async(script, Vec::new()).await.unwrap();
        serde_json::from_value(violations).unwrap()
    }

    /// Waits until the viewport is this wide, in CSS pixels.
    pub async fn wait_width(&self, width: u32) {
        let resized = || async { (self.evaluate("return innerWidth").await == width).then_some(()) };
        eventually("the new size", resized).await;
    }

    /// Waits until no finite animation or transition is running.
    pub async fn wait_for_animations(&self) {
        eventually("end of animations", || async {
            let finite = "a.playState == 'running' && a.effect.getTiming().iterations < Infinity";
            let running = self.evaluate(&format!("return document.getAnimations().filter(a => {finite}).length")).await;
            (running == 0).then_some(())
        })
        .await;
    }
}
