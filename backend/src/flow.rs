//! What an employee can do: one function per call of the contract, one transaction each, under the employee's lock.

use std::sync::Arc;
use std::time::Duration;

use hrm_api::{Delivery, Problem, ProblemCode, State};
use secrecy::{ExposeSecret, SecretString};

use crate::Backend;
use crate::challenge::{Challenge, ChallengeEnd, CodeStatus, SendLimit, Verdict, is_well_formed, new_code};
use crate::clock::{Millis, seconds_until};
use crate::database::Tx;
use crate::email::Address;
use crate::error::ApiError;
use crate::idempotency::{self, Claim, ClaimedKey, StoredResponse};
use crate::keys::CodeBinding;
use crate::linking::{self, Outcome};
use crate::mail::Message;
use crate::outbox::{self, QueuedMail};
use crate::policy::Proof;
use crate::snapshot::{self, Snapshot, code_status_word, delivery_word, end_word};
use crate::state;

/// The State of an employee.
///
/// # Errors
/// `signed_out` when the employee is gone, `unavailable`.
pub async fn state(backend: &Backend, employee: &str) -> Result<State, ApiError> {
    let now = backend.clock.now();
    let snapshot = known(snapshot::read(&mut *backend.database.acquire().await?, employee, now).await?)?;
    Ok(state_of(backend, &snapshot, now))
}

/// The State of the employee whose session this is, and when it next changes by time alone.
///
/// # Errors
/// `signed_out` when the session or the employee is gone, `unavailable`.
pub async fn state_of_session(backend: &Backend, token_hash: &str) -> Result<(State, Option<Millis>), ApiError> {
    let now = backend.clock.now();
    let snapshot = snapshot::read_of_session(&mut *backend.database.acquire().await?, token_hash, now).await?;
    let snapshot = known(snapshot)?;
    Ok((state_of(backend, &snapshot, now), state::next_change(&snapshot, now)))
}

/// Sends a code to an address, or links at once where no code is needed.
///
/// # Errors
/// The problems that the contract lists for it.
pub async fn send(backend: &Arc<Backend>, employee: &str, key: &str, email: &str) -> Result<StoredResponse, ApiError> {
    let mut key = match idempotency::claim(backend, employee, key, email).await? {
        Claim::Replay(sent) => return Ok(sent),
        Claim::New(key) => key,
    };
    let sent = send_once(backend, &mut key, employee, email).await;
    // What became of a call that the database did not answer is not known: its claim ends by itself.
    if sent.as_ref().is_err_and(|ApiError(problem)| problem.code != ProblemCode::Unavailable) {
        key.release(backend).await?;
    }
    sent
}

/// What a send does that was not done before. Its effects and its answer become true together.
async fn send_once(
    backend: &Arc<Backend>,
    key: &mut ClaimedKey,
    employee: &str,
    email: &str,
) -> Result<StoredResponse, ApiError> {
    let now = backend.clock.now();
    let mut tx = backend.database.begin_locked(employee).await?;
    let snapshot = known(snapshot::read(&mut tx, employee, now).await?)?;
    if snapshot.link.is_some() {
        return Err(ProblemCode::AlreadyLinked.into());
    }
    if backend.settings.rules.is_locked(snapshot.failed_attempts) {
        return Err(ProblemCode::LinkingLocked.into());
    }
    let mut queued = None;
    let begins_linking = if snapshot.is_linking {
        false
    } else {
        let address = Address::parse(email).map_err(|_| ApiError::from(ProblemCode::EmailInvalid))?;
        let policy = snapshot::read_policy(&mut tx, &snapshot.person.company_id).await?;
        let proof = policy.proof_for(&address, &snapshot.addresses);
        let proof = proof.map_err(|_| ApiError::from(ProblemCode::DomainNotAllowed))?;
        if proof == Proof::Code && address.needs_smtputf8() && !backend.settings.smtputf8 {
            return Err(ProblemCode::EmailInvalid.into());
        }
        refuse_taken(&mut tx, &snapshot, &address).await?;
        match proof {
            Proof::Code => queued = Some(send_code(backend, &mut tx, &snapshot, &address, now).await?),
            Proof::Company => {
                let challenge = new_challenge(&mut tx, employee, &address, Some(ChallengeEnd::Verified), now).await?;
                linking::begin(&mut tx, employee, &challenge, &address, backend.settings.lease).await?;
            }
        }
        proof == Proof::Company
    };

    let sent = StoredResponse::of(&fresh_state(backend, &mut tx, employee, now).await?);
    // If this process dies while it links, `linking` is what a repeated call hears.
    let runs_for = if begins_linking { backend.settings.linking_budget } else { Duration::ZERO };
    key.store(&mut tx, &sent, runs_for).await?;
    tx.notify(employee);
    tx.commit().await?;
    if let Some(queued) = queued {
        queued.dispatch(backend);
    }
    if !begins_linking {
        return Ok(sent);
    }
    if linking::finish_within_budget(backend, employee).await == Outcome::Taken {
        return Err(ProblemCode::AccountTaken.into());
    }
    let mut tx = backend.database.begin_locked(employee).await?;
    let sent = StoredResponse::of(&fresh_state(backend, &mut tx, employee, backend.clock.now()).await?);
    key.store(&mut tx, &sent, Duration::ZERO).await?;
    tx.commit().await?;
    Ok(sent)
}

/// Verifies a code and links.
///
/// # Errors
/// The problems that the contract lists for it.
pub async fn verify(backend: &Arc<Backend>, employee: &str, code: &SecretString) -> Result<State, ApiError> {
    let now = backend.clock.now();
    let rules = &backend.settings.rules;
    let code = SecretString::from(code.expose_secret().trim().to_owned());
    let mut tx = backend.database.begin_locked(employee).await?;
    let snapshot = known(snapshot::read(&mut tx, employee, now).await?)?;
    if snapshot.link.is_some() {
        return Err(ProblemCode::AlreadyLinked.into());
    }
    if snapshot.is_linking {
        return Ok(state_of(backend, &snapshot, now));
    }
    if rules.is_locked(snapshot.failed_attempts) {
        return Err(ProblemCode::LinkingLocked.into());
    }
    let challenge = snapshot.challenge.as_ref().map(|(challenge, _)| challenge);
    match challenge.and_then(|challenge| challenge.end) {
        Some(ChallengeEnd::AccountTaken) => return Err(ProblemCode::AccountTaken.into()),
        Some(ChallengeEnd::AttemptsExhausted) => return Err(ProblemCode::AttemptsExhausted.into()),
        Some(ChallengeEnd::Verified | ChallengeEnd::Abandoned) | None => {}
    }
    if !is_well_formed(code.expose_secret()) {
        let used = snapshot.live_challenge(now).map_or(0, |(challenge, _)| challenge.attempts);
        let problem = Problem::new(ProblemCode::CodeFormat).attempts_left(rules.attempts.saturating_sub(used));
        return Err(problem.into());
    }

    let person = &snapshot.person;
    let hits: Vec<bool> = snapshot
        .codes
        .iter()
        .zip(&snapshot.code_details)
        .map(|(known, detail)| {
            let of = CodeBinding {
                company: &person.company_id,
                employee: &person.id,
                challenge: &known.challenge,
                mailbox: &detail.mailbox,
            };
            backend.keys.verify_mac(&detail.mac, of, &code)
        })
        .collect();
    let matches = |code: &_| snapshot.codes.iter().zip(&hits).any(|(known, hit)| *hit && std::ptr::eq(known, code));
    let verdict = rules.check(challenge, &snapshot.codes, matches, now);
    backend.metrics.verdict(&verdict);
    tracing::info!(employee, ?verdict, "a code was entered");
    match verdict {
        Verdict::Correct(id) => {
            let Some((challenge, address)) = &snapshot.challenge else { return Err(ProblemCode::NoChallenge.into()) };
            consume(&mut tx, employee, challenge, &id, now).await?;
            linking::begin(&mut tx, employee, &challenge.id, address, backend.settings.lease).await?;
            tx.commit().await?;
            if linking::finish_within_budget(backend, employee).await == Outcome::Taken {
                return Err(ProblemCode::AccountTaken.into());
            }
            state(backend, employee).await
        }
        Verdict::Incorrect(_) | Verdict::Exhausting => {
            let is_last = verdict == Verdict::Exhausting;
            if let Some(challenge) = challenge {
                sqlx::query("UPDATE challenges SET attempts = attempts + 1, end_reason = $1 WHERE id = $2")
                    .bind(is_last.then(|| end_word(ChallengeEnd::AttemptsExhausted)))
                    .bind(&challenge.id)
                    .execute(&mut *tx)
                    .await?;
            }
            if is_last {
                revoke_codes(&mut tx, employee, now).await?;
            }
            sqlx::query("UPDATE employees SET failed_attempts = failed_attempts + 1 WHERE id = $1")
                .bind(employee)
                .execute(&mut *tx)
                .await?;
            tx.notify(employee);
            tx.commit().await?;
            Err(match verdict {
                Verdict::Incorrect(left) => Problem::new(ProblemCode::CodeWrong).attempts_left(left).into(),
                _ => ProblemCode::AttemptsExhausted.into(),
            })
        }
        Verdict::Exhausted => Err(ProblemCode::AttemptsExhausted.into()),
        Verdict::Expired => Err(ProblemCode::CodeExpired.into()),
        Verdict::NoChallenge => Err(ProblemCode::NoChallenge.into()),
    }
}

/// Drops the challenge: the employee starts over. While linking or linked nothing changes.
///
/// # Errors
/// `signed_out`, `unavailable`.
pub async fn start_over(backend: &Backend, employee: &str) -> Result<State, ApiError> {
    let now = backend.clock.now();
    let mut tx = backend.database.begin_locked(employee).await?;
    let snapshot = known(snapshot::read(&mut tx, employee, now).await?)?;
    if snapshot.link.is_none() && !snapshot.is_linking {
        forget_challenge(&mut tx, employee, now).await?;
        tx.notify(employee);
    }
    let state = fresh_state(backend, &mut tx, employee, now).await?;
    tx.commit().await?;
    Ok(state)
}

/// Hides the banner for 24 hours.
///
/// # Errors
/// `signed_out`, `unavailable`.
pub async fn snooze(backend: &Backend, employee: &str) -> Result<State, ApiError> {
    let now = backend.clock.now();
    let mut tx = backend.database.begin_locked(employee).await?;
    sqlx::query("UPDATE employees SET snoozed_until = $1 WHERE id = $2")
        .bind(now + backend.settings.rules.snooze)
        .bind(employee)
        .execute(&mut *tx)
        .await?;
    tx.notify(employee);
    let state = fresh_state(backend, &mut tx, employee, now).await?;
    tx.commit().await?;
    Ok(state)
}

/// Issues a code: the challenge, the code's MAC and the sealed mail, in the caller's transaction.
async fn send_code(
    backend: &Backend,
    tx: &mut Tx,
    snapshot: &Snapshot,
    address: &Address,
    now: Millis,
) -> Result<QueuedMail, ApiError> {
    let rules = &backend.settings.rules;
    rules.may_send(&snapshot.sent(), now).map_err(|limit| {
        let (code, at) = match limit {
            SendLimit::TooSoon(at) => (ProblemCode::ResendTooSoon, at),
            SendLimit::TooMany(at) => (ProblemCode::TooManyCodes, at),
        };
        Problem::new(code).retry_after(seconds_until(at, now))
    })?;
    let person = &snapshot.person;
    // The same mailbox keeps the challenge with its attempts; another one, or a challenge that is over, starts anew.
    let same = snapshot.live_challenge(now).filter(|(_, known)| known.is_same_mailbox(address));
    let challenge = match same {
        Some((challenge, _)) => {
            for code in rules.superseded_by_next(&challenge.id, &snapshot.codes, now) {
                set_code_status(tx, &code.id, CodeStatus::Superseded).await?;
            }
            challenge.id.clone()
        }
        None => {
            revoke_codes(tx, &person.id, now).await?;
            new_challenge(tx, &person.id, address, None, now).await?
        }
    };
    let code = new_code(&mut rand::rng());
    let mailbox = same.map_or_else(|| address.mailbox(), |(_, known)| known.mailbox());
    let of =
        CodeBinding { company: &person.company_id, employee: &person.id, challenge: &challenge, mailbox: &mailbox };
    let mac = backend.keys.mac(of, &code);
    let id = uuid::Uuid::new_v4().to_string();
    sqlx::query(
        "INSERT INTO codes (id, employee_id, challenge_id, address, key_id, mac, sent_at, expires_at, status, delivery)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&id)
    .bind(&person.id)
    .bind(&challenge)
    .bind(&mailbox)
    .bind(&mac.key_id)
    .bind(&mac.mac)
    .bind(now)
    .bind(now + rules.code_life)
    .bind(code_status_word(CodeStatus::Active))
    .bind(delivery_word(Delivery::Queued))
    .execute(&mut **tx)
    .await?;
    let message = Message::Code { code: code.expose_secret().to_owned() };
    let queued = outbox::add(tx, backend, &person.id, Some(&id), &mailbox, &message).await?;
    backend.metrics.code_sent();
    tracing::info!(employee = person.id, to = ?address, "a code is on its way");
    Ok(queued)
}

/// An account that was met and belongs to somebody else is still somebody else's.
async fn refuse_taken(tx: &mut Tx, snapshot: &Snapshot, address: &Address) -> Result<(), ApiError> {
    let (Some((_, known)), Some(user)) = (&snapshot.challenge, &snapshot.taken_user_id) else { return Ok(()) };
    if !known.is_same_mailbox(address) {
        return Ok(());
    }
    let owner: Option<String> =
        sqlx::query_scalar("SELECT employee_id FROM links WHERE company_id = $1 AND visma_user_id = $2")
            .bind(&snapshot.person.company_id)
            .bind(user)
            .fetch_optional(&mut **tx)
            .await?;
    if owner.is_some() { Err(ProblemCode::AccountTaken.into()) } else { Ok(()) }
}

async fn new_challenge(
    tx: &mut Tx,
    employee: &str,
    address: &Address,
    end: Option<ChallengeEnd>,
    now: Millis,
) -> sqlx::Result<String> {
    let id = uuid::Uuid::new_v4().to_string();
    sqlx::query(
        "INSERT INTO challenges (id, employee_id, address, end_reason, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&id)
    .bind(employee)
    .bind(address.as_typed())
    .bind(end.map(end_word))
    .bind(now)
    .execute(&mut **tx)
    .await?;
    sqlx::query("UPDATE employees SET challenge_id = $1 WHERE id = $2")
        .bind(&id)
        .bind(employee)
        .execute(&mut **tx)
        .await?;
    Ok(id)
}

/// The right code: used, the others dead, the failures forgotten, the challenge proved.
async fn consume(tx: &mut Tx, employee: &str, challenge: &Challenge, code: &str, now: Millis) -> sqlx::Result<()> {
    set_code_status(tx, code, CodeStatus::Used).await?;
    revoke_codes(tx, employee, now).await?;
    sqlx::query("UPDATE challenges SET end_reason = $1 WHERE id = $2")
        .bind(end_word(ChallengeEnd::Verified))
        .bind(&challenge.id)
        .execute(&mut **tx)
        .await?;
    sqlx::query("UPDATE employees SET failed_attempts = 0 WHERE id = $1").bind(employee).execute(&mut **tx).await?;
    Ok(())
}

async fn set_code_status(tx: &mut Tx, code: &str, status: CodeStatus) -> sqlx::Result<()> {
    sqlx::query("UPDATE codes SET status = $1 WHERE id = $2")
        .bind(code_status_word(status))
        .bind(code)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Kills the codes that live; their mails are dropped when their turn comes. An expired code stays what it is.
async fn revoke_codes(tx: &mut Tx, employee: &str, now: Millis) -> sqlx::Result<()> {
    sqlx::query("UPDATE codes SET status = $1 WHERE employee_id = $2 AND status = $3 AND expires_at > $4")
        .bind(code_status_word(CodeStatus::Revoked))
        .bind(employee)
        .bind(code_status_word(CodeStatus::Active))
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// No challenge, and no code that works.
pub(crate) async fn forget_challenge(tx: &mut Tx, employee: &str, now: Millis) -> sqlx::Result<()> {
    revoke_codes(tx, employee, now).await?;
    sqlx::query("UPDATE employees SET challenge_id = NULL WHERE id = $1").bind(employee).execute(&mut **tx).await?;
    Ok(())
}

async fn fresh_state(backend: &Backend, tx: &mut Tx, employee: &str, now: Millis) -> Result<State, ApiError> {
    Ok(state_of(backend, &known(snapshot::read(tx, employee, now).await?)?, now))
}

fn state_of(backend: &Backend, snapshot: &Snapshot, now: Millis) -> State {
    state::project(snapshot, &backend.settings.rules, &backend.settings.settings_url, now)
}

fn known(snapshot: Option<Snapshot>) -> Result<Snapshot, ApiError> {
    snapshot.ok_or_else(|| ProblemCode::SignedOut.into())
}
