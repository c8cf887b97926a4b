//! The demo's company and its people.

use hrm_fakes::visma_connect::{NewUser, Users, add_user};
use secrecy::SecretString;

use crate::database::{Database, Tx};
use crate::password::PasswordCost;
use crate::policy::CodePolicy;

pub const PASSWORD: &str = "demo";

#[derive(Debug, Clone)]
pub struct Person {
    pub username: &'static str,
    /// First, last.
    pub name: (&'static str, &'static str),
    /// The language of the mails.
    pub language: &'static str,
    /// ISO 3166 alpha-2.
    pub country: &'static str,
    /// The work address first.
    pub addresses: Vec<String>,
}

fn person(username: &'static str, name: (&'static str, &'static str), country: &'static str, at: &[&str]) -> Person {
    let addresses = at.iter().map(|domain| format!("{username}@{domain}")).collect();
    Person { username, name, language: "en", country, addresses }
}

/// The people of every demo. Testers outside this repository rely on them.
fn base_people() -> [Person; 4] {
    [
        person("anna.svensson", ("Anna", "Svensson"), "SE", &["company.com", "gmail.com", "user.com"]),
        person("erik.lund", ("Erik", "Lund"), "SE", &["verified.example"]),
        person("mia.berg", ("Mia", "Berg"), "DK", &["company.com"]),
        person("kari.holm", ("Kari", "Holm"), "NO", &[]),
    ]
}

/// The Visma Connect accounts that exist before anybody links.
pub fn base_accounts() -> Users {
    let mut users = Users::new();
    add_user(
        &mut users,
        NewUser {
            email: "mia.berg@company.com".to_owned(),
            country_code: "DK".to_owned(),
            preferred_language: "da-DK".to_owned(),
            first_name: "Mia".to_owned(),
            last_name: "Berg".to_owned(),
        },
    );
    users
}

/// A person that only a scenario has.
pub fn scenario_person(username: &str) -> Option<Person> {
    let speaks = |language, person| Person { language, ..person };
    Some(match username {
        "sofia.ek" => speaks("sv", person("sofia.ek", ("Sofia", "Ek"), "SE", &["company.com", "hem.example"])),
        "nora.dahl" => speaks("nb", person("nora.dahl", ("Nora", "Dahl"), "NO", &["company.com", "hjem.example"])),
        "mads.krogh" => speaks("da", person("mads.krogh", ("Mads", "Krogh"), "DK", &["company.com", "hjem.example"])),
        "aino.laine" => speaks("fi", person("aino.laine", ("Aino", "Laine"), "FI", &["company.com", "koti.example"])),
        "hanna.lind" => Person {
            addresses: (1..=100).map(|number| format!("hanna.lind.{number}@company.com")).collect(),
            ..person("hanna.lind", ("Hanna", "Lind"), "SE", &[])
        },
        "very.long" => Person {
            name: (
                "Anna-Karin Elisabeth Margareta Kristina Alexandra Wilhelmina",
                "Wolfeschlegelsteinhausenbergerdorff-Andersson-Österberg-af-Björneborg",
            ),
            // The longest addresses: 64 octets before the @, 254 in all (RFC 5321, 4.5.3.1).
            addresses: vec![
                format!("{}@company.com", "long".repeat(16)),
                format!("{}@{1}.{1}.{2}.example", "wide".repeat(16), "x".repeat(60), "y".repeat(59)),
            ],
            ..person("very.long", ("", ""), "SE", &[])
        },
        _ => return None,
    })
}

/// Creates the company and its people in an empty database. `clear` empties it first.
///
/// # Errors
/// When the database cannot be reached.
pub async fn seed(database: &Database, clear: bool) -> sqlx::Result<()> {
    let mut tx = database.begin_write().await?;
    if clear {
        // Every other table refers to the company and is emptied with it.
        sqlx::query("DELETE FROM companies").execute(&mut *tx).await?;
        sqlx::query("DELETE FROM failed_sign_ins").execute(&mut *tx).await?;
    }
    let known: Option<String> = sqlx::query_scalar("SELECT id FROM companies").fetch_optional(&mut *tx).await?;
    if known.is_some() {
        return Ok(());
    }
    // A number that the Swedish authority keeps for fiction.
    sqlx::query(
        "INSERT INTO companies (id, name, code_policy, contact_name, contact_phone, contact_email)
         VALUES ('demo', 'Company AB', $1, 'HR Service', '08-465 004 00', 'hr@company.com')",
    )
    .bind(CodePolicy::VerifiedDomains.into_str())
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO company_domains (company_id, kind, domain) VALUES ('demo', 'verified', 'verified.example')",
    )
    .execute(&mut *tx)
    .await?;
    for person in base_people() {
        insert(&mut tx, &person).await?;
    }
    tx.commit().await
}

/// Adds a person to the company.
///
/// # Errors
/// When the database cannot be reached, or the person exists.
pub async fn add(database: &Database, person: &Person) -> sqlx::Result<()> {
    let mut tx = database.begin_write().await?;
    insert(&mut tx, person).await?;
    tx.commit().await
}

async fn insert(tx: &mut Tx, person: &Person) -> sqlx::Result<()> {
    let id = format!("demo-{}", person.username.split('.').next().unwrap_or_default());
    sqlx::query(
        "INSERT INTO employees (id, company_id, username_key, password_hash, first_name, last_name, language, country)
         VALUES ($1, 'demo', $2, $3, $4, $5, $6, $7)",
    )
    .bind(&id)
    .bind(person.username)
    .bind(PasswordCost::Light.hash(&SecretString::from(PASSWORD)).unwrap_or_default())
    .bind(person.name.0)
    .bind(person.name.1)
    .bind(person.language)
    .bind(person.country)
    .execute(&mut **tx)
    .await?;
    for (position, address) in (0_i64..).zip(&person.addresses) {
        sqlx::query("INSERT INTO employee_addresses (employee_id, position, address) VALUES ($1, $2, $3)")
            .bind(&id)
            .bind(position)
            .bind(address)
            .execute(&mut **tx)
            .await?;
    }
    tx.notify(&id);
    Ok(())
}

/// Sets the company's code policy, and the only domain that it allows, if one is given.
///
/// # Errors
/// When the database cannot be reached.
pub async fn set_policy(database: &Database, code: CodePolicy, allowed: Option<&str>) -> sqlx::Result<()> {
    let mut tx = database.begin_write().await?;
    sqlx::query("UPDATE companies SET code_policy = $1 WHERE id = 'demo'")
        .bind(code.into_str())
        .execute(&mut *tx)
        .await?;
    if let Some(domain) = allowed {
        sqlx::query("INSERT INTO company_domains (company_id, kind, domain) VALUES ('demo', 'allowed', $1)")
            .bind(domain)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await
}
