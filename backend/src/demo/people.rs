//! The demo's company and its people.

use secrecy::SecretString;

use crate::database::Database;
use crate::policy::CodePolicy;
use crate::session::PasswordCost;

/// The password of all demo people.
pub const PASSWORD: &str = "demo";

/// Those who have a Visma Connect account before they link: address, first name, last name.
pub const WITH_ACCOUNT: &[(&str, &str, &str)] = &[("mia.berg@company.com", "Mia", "Berg")];

struct Person {
    id: &'static str,
    username: &'static str,
    name: (&'static str, &'static str),
    country: &'static str,
    addresses: &'static [&'static str],
}

const PEOPLE: &[Person] = &[
    Person {
        id: "demo-anna",
        username: "anna.svensson",
        name: ("Anna", "Svensson"),
        country: "SE",
        addresses: &["anna.svensson@company.com", "anna.svensson@gmail.com", "anna.svensson@user.com"],
    },
    Person {
        id: "demo-erik",
        username: "erik.lund",
        name: ("Erik", "Lund"),
        country: "SE",
        addresses: &["erik.lund@verified.example"],
    },
    Person {
        id: "demo-mia",
        username: "mia.berg",
        name: ("Mia", "Berg"),
        country: "DK",
        addresses: &["mia.berg@company.com"],
    },
    Person { id: "demo-kari", username: "kari.holm", name: ("Kari", "Holm"), country: "NO", addresses: &[] },
];

/// Puts the company and its people into an empty database; into any other if `afresh`, which forgets all else.
///
/// # Errors
/// When the database is out of reach.
pub async fn settle(database: &Database, afresh: bool) -> sqlx::Result<()> {
    let mut tx = database.write().await?;
    if afresh {
        // The rest goes with the company: every table refers to it.
        sqlx::query("DELETE FROM companies").execute(&mut *tx).await?;
        sqlx::query("DELETE FROM client_limits").execute(&mut *tx).await?;
    }
    let known: Option<String> = sqlx::query_scalar("SELECT id FROM companies").fetch_optional(&mut *tx).await?;
    if known.is_some() {
        return Ok(());
    }
    sqlx::query("INSERT INTO companies (id, name, code_policy) VALUES ('demo', 'Company AB', $1)")
        .bind(CodePolicy::VerifiedDomains.as_str())
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO company_domains (company_id, kind, domain) VALUES ('demo', 'verified', 'verified.example')",
    )
    .execute(&mut *tx)
    .await?;
    let hash = PasswordCost::Light.hash(&SecretString::from(PASSWORD)).unwrap_or_default();
    for person in PEOPLE {
        sqlx::query(
            "INSERT INTO employees (id, company_id, username_key, password_hash, first_name, last_name, language, country)
             VALUES ($1, 'demo', $2, $3, $4, $5, 'en', $6)",
        )
        .bind(person.id)
        .bind(person.username)
        .bind(&hash)
        .bind(person.name.0)
        .bind(person.name.1)
        .bind(person.country)
        .execute(&mut *tx)
        .await?;
        for (position, address) in (0_i64..).zip(person.addresses) {
            sqlx::query("INSERT INTO employee_addresses (employee_id, position, address) VALUES ($1, $2, $3)")
                .bind(person.id)
                .bind(position)
                .bind(*address)
                .execute(&mut *tx)
                .await?;
        }
        tx.changes(person.id);
    }
    tx.commit().await
}
