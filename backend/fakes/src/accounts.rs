//! Visma Connect's accounts, and the client that may see them.

use std::collections::{BTreeMap, btree_map::Entry};

use chrono::Utc;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The OAuth client that the fake accepts.
pub const CLIENT_ID: &str = "flex-hrm-demo";
pub const CLIENT_SECRET: &str = "flex-hrm-demo-secret";

/// An account as the Public API returns it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    id: Uuid,
    email_verified: bool,
    name: String,
    created_date: String,
    updated_date: String,
    login_count: u32,
    /// Taken away from the client. Not a member of the API's users.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unlinked: bool,
    #[serde(flatten)]
    given: NewUser,
}

impl User {
    pub fn id(&self) -> Uuid {
        self.id
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewUser {
    pub email: String,
    pub country_code: String,
    pub preferred_language: String,
    pub first_name: String,
    pub last_name: String,
}

/// By e-mail address in lower case.
pub type Users = BTreeMap<String, User>;

/// Adds an account. None if the address has one.
pub fn add_user(users: &mut Users, given: NewUser) -> Option<User> {
    let Entry::Vacant(entry) = users.entry(given.email.to_ascii_lowercase()) else {
        return None;
    };
    let now = Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let user = User {
        id: Uuid::new_v4(),
        email_verified: false,
        name: format!("{} {}", given.first_name, given.last_name),
        created_date: now.clone(),
        updated_date: now,
        login_count: 0,
        unlinked: false,
        given,
    };
    Some(entry.insert(user).clone())
}
