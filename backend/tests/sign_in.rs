//! Sign-in for a company behind one address, and against somebody who guesses.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::{
    Answer, Employee, Program, Server, TestDemo, count, database_url, import, light_hash, serve, until,
};
use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use futures_util::future::join_all;
use hrm_backend::clock::{DAY, HOUR};
use hrm_backend::database::Database;
use hrm_backend::events::Events;
use hrm_backend::password::PasswordCost;
use hrm_backend::rate_limit::Limit;
use hrm_backend::rules::FAILURES_PER_NAME;
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

/// Failures that one name allows at once: half of the 20 in an hour.
const AT_ONCE: usize = 10;
const ADDRESS: &str = "203.0.113.7";

struct Company {
    demo: TestDemo,
    url: String,
    program: Program,
    _folder: TempDir,
}

impl Company {
    /// A backend with its default limits and this many people: p0, p1, …
    async fn of(people: usize) -> Self {
        Self::with(people, &[]).await
    }

    async fn with(people: usize, settings: &[(&str, &str)]) -> Self {
        let (demo, folder) = (TestDemo::start().await, TempDir::new().unwrap());
        let url = database_url(folder.path()).await;
        let hash = light_hash();
        let row = |n| format!("{n},p{n},{hash},P,Nr {n},en,SE,p{n}@company.com");
        import(&url, &(0..people).map(row).collect::<Vec<_>>());
        let program = Program::start(serve(&url, &demo.running).envs(settings.iter().copied()));
        Self { demo, url, program, _folder: folder }
    }

    fn server(&self) -> &Server {
        &self.program.server
    }

    async fn sign_in(&self, name: &str, password: &str, device: Option<&str>, client: &str) -> Answer {
        let body = json!({ "username": name, "password": password, "deviceToken": device });
        let request = self.server().request(Method::POST, "/v1/session").header("X-Forwarded-For", client);
        Answer::of(request.json(&body)).await
    }

    /// Wrong passwords for one name at the same time, each from an address of its own: how many were checked.
    async fn guess(&self, name: &str, times: usize) -> usize {
        let guess = async |n: usize| {
            let client = format!("198.51.{}.{}", n / 250, n % 250);
            let answer = self.sign_in(name, &format!("guess {n}"), None, &client).await;
            match answer.status {
                401 => true,
                _ => {
                    answer.is(429, "too_many_requests");
                    false
                }
            }
        };
        join_all((0..times).map(guess)).await.into_iter().filter(|is_checked| *is_checked).count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_people_behind_one_address_get_in() {
    const PEOPLE: usize = 2_000;
    let company = Company::of(PEOPLE).await;
    let (next, began) = (AtomicUsize::new(0), Instant::now());
    let lane = async || {
        loop {
            let n = next.fetch_add(1, Ordering::SeqCst);
            if n >= PEOPLE {
                return;
            }
            // One in ten mistypes.
            if n.is_multiple_of(10) {
                company.sign_in(&format!("p{n}"), "dmeo", None, ADDRESS).await.is(401, "bad_credentials");
            }
            let answer = company.sign_in(&format!("p{n}"), "demo", None, ADDRESS).await;
            assert_eq!(answer.status, 201, "p{n}: {}", answer.body);
            // A hundred of them send at once: no limit counts them together.
            if n < 100 {
                let token = answer.body["token"].as_str().unwrap().to_owned();
                let person = Employee { server: company.server().clone(), token };
                let request = person.request(Method::POST, "/v1/me/visma-connect/codes").header("Idempotency-Key", "k");
                let request = request.header("X-Forwarded-For", ADDRESS);
                let email = json!({ "email": format!("p{n}@company.com") });
                Answer::of(request.json(&email)).await.state(202, "codeSent");
            }
        }
    };
    join_all((0..64).map(|_| lane())).await;
    assert!(began.elapsed() < Duration::from_secs(300), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_guesser_at_many_addresses_gets_one_names_limit() {
    let company = Company::of(1).await;
    assert_eq!(company.guess("p0", 60).await, AT_ONCE);
    let refused = company.sign_in("P0 ", "demo", None, "192.0.2.200").await;
    let wait = refused.retry_after.unwrap();
    assert!((1..=360).contains(&wait), "the next one is 6 minutes after the last: {wait} s");
    let problem = refused.is(429, "too_many_requests");
    assert_eq!(problem["title"], "Too many failed sign-ins, perhaps by somebody else.");
}

#[tokio::test]
async fn an_unknown_name_is_limited_like_a_known_one() {
    let company = Company::of(1).await;
    assert_eq!(company.guess("nobody", 40).await, AT_ONCE);
    company.sign_in("nobody", "demo", None, ADDRESS).await.is(429, "too_many_requests");
    assert_eq!(company.sign_in("p0", "demo", None, ADDRESS).await.status, 201);
}

#[tokio::test]
async fn correct_passwords_are_not_counted() {
    let company = Company::of(1).await;
    for _ in 1..AT_ONCE {
        company.sign_in("p0", "wrong", None, ADDRESS).await.is(401, "bad_credentials");
    }
    for _ in 0..30 {
        let answer = company.sign_in("p0", "demo", None, ADDRESS).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    // A stranger gains nothing by it.
    company.sign_in("p0", "wrong", None, ADDRESS).await.is(401, "bad_credentials");
    company.sign_in("p0", "wrong", None, ADDRESS).await.is(429, "too_many_requests");
}

#[tokio::test]
async fn an_hour_of_guesses_is_the_limit_and_a_year_is_slow() {
    let folder = TempDir::new().unwrap();
    let database = Database::connect(&database_url(folder.path()).await, Events::default()).await.unwrap();
    let (limit, begin) = (Limit::of_name(FAILURES_PER_NAME), 1_800_000_000_000);
    let mut tx = database.begin_write().await.unwrap();
    let mut checked = Vec::new();
    for now in (begin..begin + 2 * DAY).step_by(20_000) {
        if let Ok(place) = limit.take(&mut tx, "name", now).await {
            checked.push(now + place.pause);
        }
    }
    let most = checked.iter().map(|at| checked.iter().filter(|other| (*at..at + HOUR).contains(*other)).count()).max();
    let most = i64::try_from(most.unwrap()).unwrap();
    assert!((FAILURES_PER_NAME - 1..=FAILURES_PER_NAME).contains(&most), "{most}");
    let day = |day| checked.iter().filter(|at| (**at - begin) / DAY == day).count();
    // 100 take nine hours: ten at once, then ten an hour. The other hours have one each.
    assert_eq!([day(0), day(1)], [115, 24]);
    let place = limit.take(&mut tx, "name", begin + 4 * DAY).await.unwrap();
    place.give_back(&mut tx).await.unwrap();
    for _ in 0..2 {
        assert!(limit.take(&mut tx, "name", begin + 4 * DAY).await.is_ok(), "the person's sign-in ends the row");
    }
    drop(tx);
    database.close().await;
}

/// A sign-in with the right password, during whose check the stored hash becomes this one.
async fn sign_in_while_the_hash_becomes(hash: &str) -> Answer {
    let company = Company::of(1).await;
    let slow = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64 * 1024, 40, 1, None).unwrap());
    let slow = slow.hash_password(b"demo").unwrap().to_string();
    crate::support::execute(&company.url, &format!("UPDATE employees SET password_hash = '{slow}'")).await;
    let replace = async {
        let places = "SELECT COUNT(*) FROM failed_sign_ins";
        until("a check", async || (count(&company.url, places).await > 0).then_some(())).await;
        crate::support::execute(&company.url, &format!("UPDATE employees SET password_hash = '{hash}'")).await;
    };
    let (answer, ()) = tokio::join!(company.sign_in("p0", "demo", None, ADDRESS), replace);
    answer
}

#[tokio::test]
async fn a_password_replaced_during_its_check_signs_nobody_in() {
    sign_in_while_the_hash_becomes("another").await.is(401, "bad_credentials");
}

#[tokio::test]
async fn a_password_hashed_anew_during_its_check_still_signs_in() {
    let anew = PasswordCost::Light.hash(&"demo".into()).unwrap();
    assert_eq!(sign_in_while_the_hash_becomes(&anew).await.status, 201);
}

#[tokio::test]
async fn the_persons_own_device_gets_in_while_strangers_guess() {
    let company = Company::of(2).await;
    let token = async |name| {
        let answer = company.sign_in(name, "demo", None, ADDRESS).await;
        answer.body["deviceToken"].as_str().unwrap().to_owned()
    };
    let (own, other) = (token("p0").await, token("p1").await);
    company.guess("p0", 40).await;
    for device in [None, Some(""), Some("a.b.c"), Some(other.as_str())] {
        company.sign_in("p0", "demo", device, ADDRESS).await.is(429, "too_many_requests");
    }
    for _ in 0..15 {
        assert_eq!(company.sign_in("P0", "demo", Some(&own), ADDRESS).await.status, 201);
    }
    // Whoever found the device has the limit of one device.
    let mut checked = 0;
    while company.sign_in("p0", "wrong", Some(&own), ADDRESS).await.status == 401 {
        checked += 1;
    }
    assert_eq!(checked, AT_ONCE);
    assert_eq!(company.sign_in("p1", "demo", None, ADDRESS).await.status, 201);
}

#[tokio::test]
async fn an_address_that_tries_many_names_is_slowed_alone() {
    let company = Company::with(1, &[("HRM_FAILURES_PER_ADDRESS", "100")]).await;
    let known = company.sign_in("p0", "demo", None, ADDRESS).await.body["deviceToken"].as_str().unwrap().to_owned();
    let mut checked = 0;
    while company.sign_in(&format!("nobody {checked}"), "demo", None, ADDRESS).await.status == 401 {
        checked += 1;
    }
    assert_eq!(checked, 50, "half of 100 at once");
    company.sign_in("p0", "demo", None, ADDRESS).await.is(429, "too_many_requests");
    assert_eq!(company.sign_in("p0", "demo", None, "203.0.113.8").await.status, 201);
    assert_eq!(company.sign_in("p0", "demo", Some(&known), ADDRESS).await.status, 201);
}

#[tokio::test]
async fn limits_and_proxies_are_settings_of_serve() {
    let proxies = "10.1.2.3:8080, [2001:db8::7]:443,127.0.0.0/8,::ffff:192.0.2.0/120";
    let settings = [("HRM_FAILURES_PER_NAME", "4"), ("HRM_TRUSTED_PROXIES", proxies)];
    let company = Company::with(1, &settings).await;
    for client in ["198.51.100.1:4711, 10.1.2.3", "198.51.100.2, [2001:db8::7]:9", "198.51.100.3,192.0.2.77:80"] {
        let name = client.split(',').next().unwrap();
        for _ in 0..2 {
            company.sign_in(name, "wrong", None, client).await.is(401, "bad_credentials");
        }
        company.sign_in(name, "wrong", None, client).await.is(429, "too_many_requests");
    }
}

#[tokio::test]
async fn names_that_nobody_has_are_forgotten() {
    let company = Company::of(1).await;
    company.guess("nobody", 3).await;
    company.sign_in("nobody else", "demo", None, ADDRESS).await.is(401, "bad_credentials");
    let rows = "SELECT COUNT(*) FROM failed_sign_ins";
    assert_eq!(count(&company.url, rows).await, 6, "two names and four addresses");
    let Company { demo, url, program, _folder } = company;
    drop(program);
    crate::support::execute(&url, "UPDATE failed_sign_ins SET used_until = used_until - 7200000").await;
    let _restarted = Program::start(&mut serve(&url, &demo.running));
    until("an empty table", async || (count(&url, rows).await == 0).then_some(())).await;
}

#[tokio::test]
async fn serve_refuses_settings_that_cannot_work() {
    let demo = TestDemo::start().await;
    let folder = TempDir::new().unwrap();
    let url = database_url(folder.path()).await;
    for (name, value) in [
        ("HRM_SETTINGS_URL_DESKTOP", "https://evil.example/"),
        ("HRM_SETTINGS_URL_MOBILE", "http://accountsettings.connect.visma.com/"),
        ("HRM_SETTINGS_URL_MOBILE", "http://localhost/"),
        ("HRM_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("HRM_TRUSTED_PROXIES", "proxy.company.com"),
        ("HRM_FAILURES_PER_NAME", "0"),
        ("HRM_FAILURES_PER_NAME", "101"),
        ("HRM_FAILURES_PER_ADDRESS", "many"),
        ("HRM_PASSWORD_CHECKS", "0"),
    ] {
        let mut command = serve(&url, &demo.running);
        let mut child = command.env(name, value).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if began.elapsed() > Duration::from_secs(10) {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("serve starts with {name}={value}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(name), "{text}");
    }
}
