//! Steps of a migration that SQL cannot do. Each runs once, in one transaction.

use sqlx::{AnyConnection, AnyPool};

use crate::text;

pub async fn run(pool: &AnyPool) -> sqlx::Result<()> {
    let pending: Vec<String> = sqlx::query_scalar("SELECT name FROM pending_upgrades").fetch_all(pool).await?;
    if pending.is_empty() {
        return Ok(());
    }
    let mut tx = pool.begin().await?;
    // Another backend that starts at the same time waits here, and then finds nothing to do.
    let is_mine = sqlx::query("DELETE FROM pending_upgrades WHERE name = 'usernames_nfc'").execute(&mut *tx).await?;
    if is_mine.rows_affected() > 0 {
        normalise_usernames(&mut tx).await?;
    }
    tx.commit().await
}

/// Sign-in looks for names in NFC: people whose name is stored in another spelling would be locked out.
async fn normalise_usernames(db: &mut AnyConnection) -> sqlx::Result<()> {
    let people: Vec<(String, String)> = sqlx::query_as(
        "SELECT id, username_key FROM employees WHERE LENGTH(username_key) <> OCTET_LENGTH(username_key)",
    )
    .fetch_all(&mut *db)
    .await?;
    for (id, username) in people {
        let normalised = text::nfc(&username);
        if normalised == username {
            continue;
        }
        let changed = sqlx::query(
            "UPDATE employees SET username_key = $1
             WHERE id = $2 AND NOT EXISTS (SELECT 1 FROM employees WHERE username_key = $1)",
        )
        .bind(&normalised)
        .bind(&id)
        .execute(&mut *db)
        .await?;
        if changed.rows_affected() == 0 {
            tracing::error!(
                employee = id,
                "two people have the same user name in two Unicode spellings: this one cannot sign in until an import \
                 gives another name"
            );
        }
    }
    Ok(())
}
