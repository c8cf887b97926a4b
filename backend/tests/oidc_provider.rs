//! The client of the new login against a certified provider that nobody here wrote, with Chromium as the browser.
//!
//! Needs the npm packages of `tests/oidc_provider` and Debian's Chromium: `cargo xtask test` runs it.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{Answer, Employee, Program, TestDemo, admin, light_hash, serve};
use hrm_fakes::program::first_line;
use hrm_fakes::visma_connect::{CLIENT_ID, CLIENT_SECRET};
use reqwest::Method;
use tempfile::TempDir;

const PUBLIC_URL: &str = "http://127.0.0.1:8787";
const TRY: &str = "/v1/me/visma-connect/try-login";

fn node(script: &str, args: &[&str]) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc_provider");
    let mut command = Command::new("node");
    command.arg(folder.join(script)).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// A linked employee at a backend whose new login is the provider's.
struct Company {
    provider: Child,
    program: Program,
    nils: Employee,
    /// The linked account's UserID, as which one signs in at the provider.
    user_id: String,
    _demo: TestDemo,
    _folder: TempDir,
}

impl Company {
    async fn start() -> Self {
        let redirect_uri = format!("{PUBLIC_URL}/v1/visma-connect/callback");
        let mut provider = node("provider.mjs", &[CLIENT_ID, CLIENT_SECRET, &redirect_uri]).spawn().unwrap();
        let issuer = first_line(provider.stdout.take().unwrap()).unwrap();
        assert!(issuer.starts_with("http://"), "the provider did not start");
        let (demo, folder) = (TestDemo::start().await, TempDir::new().unwrap());
        let database_url = crate::support::database_url(folder.path()).await;
        crate::support::import(&database_url, &[format!("n1,nils,{},Nils,Ek,en,NO,nils@company.com", light_hash())]);
        let (done, output) = admin(&database_url, &["company", "acme", "--policy", "never"]);
        assert!(done, "{output}");
        let mut command = serve(&database_url, &demo.running);
        let program = Program::start(command.env("HRM_VISMA_ISSUER", issuer).env("HRM_PUBLIC_URL", PUBLIC_URL));
        let nils = program.server.sign_in("nils").await;
        nils.send("nils@company.com").await.state(200, "linked");
        let (_, kept) = admin(&database_url, &["export", "nils"]);
        let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
        let user_id = kept["links"][0]["visma_user_id"].as_str().unwrap().to_owned();
        Self { provider, program, nils, user_id, _demo: demo, _folder: folder }
    }

    /// The text of the browser's last page.
    async fn sign_in(&self, name: &str) -> String {
        let begun = Answer::of(self.nils.request(Method::POST, TRY)).await;
        let url = begun.body["authorizeUrl"].as_str().unwrap_or_else(|| panic!("{begun:?}"));
        let mut browser = node("browser.mjs", &[url, name, &self.program.server.url]);
        let output = tokio::task::spawn_blocking(move || browser.output()).await.unwrap().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    async fn result(&self) -> String {
        self.nils.state().await["tryLogin"]["status"].as_str().unwrap().to_owned()
    }
}

impl Drop for Company {
    fn drop(&mut self) {
        let _ = self.provider.kill();
        let _ = self.provider.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs npm packages and Chromium"]
async fn a_certified_provider_lets_an_employee_try_the_new_login() {
    let company = Company::start().await;
    let page = company.sign_in(&company.user_id).await;
    assert!(page.starts_with("Your new login works."), "{page}");
    assert_eq!(company.result().await, "worked");
    let page = company.sign_in("somebody-else").await;
    assert!(page.starts_with("You signed in to a Visma Connect account that is not linked to your user."), "{page}");
    assert_eq!(company.result().await, "otherAccount");
    let page = company.sign_in("").await;
    assert!(page.starts_with("The sign-in was not finished."), "{page}");
    assert_eq!(company.result().await, "notFinished");
}
