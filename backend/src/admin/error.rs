use std::io;

/// Why a command changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// A sentence for the person who typed the command.
    #[error("{0}")]
    User(String),
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What the command prints.
pub type Output = Result<String, AdminError>;

pub fn user_error(sentence: impl Into<String>) -> AdminError {
    AdminError::User(sentence.into())
}
