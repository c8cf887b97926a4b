use super::error::{AdminError, user_error};
use crate::database::Tx;
use crate::session::username_key;

/// The employee's id.
///
/// # Errors
/// When there is no such user.
pub async fn find_user(tx: &mut Tx, username: &str) -> Result<String, AdminError> {
    let key = username_key(username);
    let id: Option<String> = sqlx::query_scalar("SELECT id FROM employees WHERE username_key = $1")
        .bind(&key)
        .fetch_optional(&mut **tx)
        .await?;
    id.ok_or_else(|| user_error(format!("There is no user {key}.")))
}
