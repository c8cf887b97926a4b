//! A company, its policy and its contact.

use clap::Args;
use hrm_api::Contact;
use serde_json::{Value, json};

use super::audit;
use super::contact::ContactOptions;
use super::error::{AdminError, Output, user_error};
use crate::database::{Database, Tx};
use crate::email::domain_key;
use crate::policy::{CodePolicy, Policy};
use crate::rules::NAME_CHARACTERS;
use crate::{snapshot, text};

/// Changes to a policy. Omitted options keep their value.
#[derive(Debug, Args)]
pub struct PolicyOptions {
    /// When employees need a code
    #[arg(long, value_parser = ["always", "verified_domains", "never"])]
    policy: Option<String>,
    /// Domains that the company has verified, separated by commas
    #[arg(long)]
    verified: Option<String>,
    /// The only accepted domains, separated by commas; empty accepts all
    #[arg(long)]
    allowed: Option<String>,
}

impl PolicyOptions {
    pub fn is_empty(&self) -> bool {
        self.policy.is_none() && self.verified.is_none() && self.allowed.is_none()
    }

    pub fn apply_to(&self, mut policy: Policy) -> Result<Policy, AdminError> {
        if let Some(word) = &self.policy {
            policy.code = word.parse().unwrap_or_default();
        }
        for (given, domains) in
            [(&self.verified, &mut policy.verified_domains), (&self.allowed, &mut policy.allowed_domains)]
        {
            if let Some(list) = given {
                let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
                let keys: Result<Vec<_>, _> = words
                    .map(|word| domain_key(word).ok_or_else(|| user_error(format!("{word} is not a domain"))))
                    .collect();
                *domains = keys?;
                domains.sort();
                domains.dedup();
            }
        }
        Ok(policy)
    }
}

/// What the administrator decides about a company.
#[derive(Debug)]
pub struct Company {
    pub name: String,
    pub policy: Policy,
    pub contact: Contact,
}

pub async fn find_company(tx: &mut Tx, id: &str) -> Result<Company, AdminError> {
    let row: Option<String> =
        sqlx::query_scalar("SELECT name FROM companies WHERE id = $1").bind(id).fetch_optional(&mut **tx).await?;
    let name =
        row.ok_or_else(|| user_error(format!("There is no company {id}. To create it: admin company {id} --name …")))?;
    let policy = snapshot::read_policy(tx, id).await?;
    Ok(Company { name, policy, contact: snapshot::read_contact(tx, id).await? })
}

fn json_of(Company { name, policy, contact }: &Company) -> Value {
    json!({ "name": name, "policy": policy.code.into_str(),
            "verified": policy.verified_domains, "allowed": policy.allowed_domains, "contact": contact })
}

/// One company, or all.
pub async fn show(tx: &mut Tx, id: Option<&str>) -> Output {
    let ids = match id {
        Some(id) => vec![id.to_owned()],
        None => sqlx::query_scalar("SELECT id FROM companies ORDER BY id").fetch_all(&mut **tx).await?,
    };
    let mut lines = Vec::with_capacity(ids.len());
    for id in ids {
        let company = json_of(&find_company(tx, &id).await?);
        let deactivated: Option<i64> = sqlx::query_scalar("SELECT deactivated_at FROM companies WHERE id = $1")
            .bind(&id)
            .fetch_one(&mut **tx)
            .await?;
        lines.push(format!("{id}: {company}{}", if deactivated.is_some() { " (deactivated)" } else { "" }));
    }
    if lines.is_empty() {
        lines.push("There is no company yet. To create one: admin company ID --name NAME".to_owned());
    }
    Ok(lines.join("\n"))
}

/// Creates or changes a company.
pub async fn change(
    database: &Database,
    by: &str,
    id: &str,
    name: Option<String>,
    (policy_options, contact_options): (&PolicyOptions, &ContactOptions),
) -> Output {
    for (what, text) in [("id", id), ("name", name.as_deref().unwrap_or("-"))] {
        if text.trim().is_empty() {
            return Err(user_error(format!("The company's {what} is empty.")));
        }
        if let Some(fault) = text::fault(text, NAME_CHARACTERS) {
            return Err(user_error(format!("The company's {what} {fault}.")));
        }
    }
    let mut tx = database.begin_write().await?;
    let known = find_company(&mut tx, id).await;
    let (old, before) = match (known, &name) {
        (Ok(company), _) => (json_of(&company), company),
        (Err(AdminError::User(_)), Some(name)) => {
            let code = CodePolicy::VerifiedDomains;
            let policy = Policy { code, verified_domains: Vec::new(), allowed_domains: Vec::new() };
            (Value::Null, Company { name: name.clone(), policy, contact: Contact::default() })
        }
        (Err(error), _) => return Err(error),
    };
    let contact_before = before.contact.clone();
    let company = Company {
        name: name.unwrap_or(before.name),
        policy: policy_options.apply_to(before.policy)?,
        contact: contact_options.apply_to(before.contact)?,
    };
    let new = json_of(&company);
    let output = format!("{id}: {new}");
    if old == new {
        return Ok(output);
    }
    let Company { name, policy, contact } = company;
    sqlx::query(
        "INSERT INTO companies (id, name, code_policy, contact_name, contact_phone, contact_email, contact_url)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (id) DO UPDATE SET name = $2, code_policy = $3, contact_name = $4, contact_phone = $5,
                                        contact_email = $6, contact_url = $7",
    )
    .bind(id)
    .bind(&name)
    .bind(policy.code.into_str())
    .bind(&contact.name)
    .bind(&contact.phone)
    .bind(&contact.email)
    .bind(&contact.url)
    .execute(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM company_domains WHERE company_id = $1").bind(id).execute(&mut *tx).await?;
    for (kind, domains) in [("verified", &policy.verified_domains), ("allowed", &policy.allowed_domains)] {
        for domain in domains {
            sqlx::query("INSERT INTO company_domains (company_id, kind, domain) VALUES ($1, $2, $3)")
                .bind(id)
                .bind(kind)
                .bind(domain)
                .execute(&mut *tx)
                .await?;
        }
    }
    audit::record(&mut tx, by, "company", &format!("company {id}"), &old, &new).await?;
    // The apps of its people show the contact.
    if contact != contact_before {
        tx.notify_company(id).await?;
    }
    tx.commit().await?;
    Ok(output)
}
