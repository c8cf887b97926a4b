//! What an employee can do: one function per call of the contract. Each runs in one transaction under the employee's
//! lock, and fails with the problems that the contract lists for the call.

use std::borrow::Borrow;
use std::sync::Arc;
use std::time::Duration;

use hrm_api::{Delivery, Problem, ProblemCode, State};
use secrecy::{ExposeSecret, SecretString};

use crate::backend::Backend;
use crate::challenge::{ChallengeEnd, CodeStatus, IssuedCode, SendLimit, Verdict, is_well_formed, new_code};
use crate::clock::{Millis, seconds_until};
use crate::database::{Tx, new_id};
use crate::email::Address;
use crate::error::ApiError;
use crate::idempotency::{self, Claim, ClaimedKey, StoredResponse};
use crate::keys::CodeBinding;
use crate::linking::{self, Outcome};
use crate::mail::Message;
use crate::outbox::{self, QueuedMail};
use crate::policy::Proof;
use crate::snapshot::{self, Snapshot};
use crate::{challenge_store, session, state};

pub async fn state(backend: &Backend, employee: &str) -> Result<State, ApiError> {
    let now = backend.clock.now();
    let snapshot = backend
        .database
        .retry(|| async move { snapshot::read(&mut *backend.database.acquire().await?, employee, now).await })
        .await?;
    Ok(project(backend, &signed_in(snapshot)?, now))
}

/// The State of the session's employee, and when it next changes by time alone.
pub async fn state_of_session(backend: &Backend, token_hash: &str) -> Result<(State, Option<Millis>), ApiError> {
    let now = backend.clock.now();
    let rules = &backend.settings.rules;
    // Reading is use, too. Without that limit it costs nothing.
    if rules.session_idle < rules.session_life {
        session::find(backend, token_hash.to_owned()).await?;
    }
    let snapshot = signed_in(backend.snapshots.read_of_session(token_hash, now).await?)?;
    Ok((project(backend, &snapshot, now), state::next_change(&snapshot, now)))
}

/// Sends a code to an address, or links at once where no code is needed.
pub async fn send(backend: &Arc<Backend>, employee: &str, key: &str, email: &str) -> Result<StoredResponse, ApiError> {
    let mut key = match idempotency::claim(backend, employee, key, email).await? {
        Claim::Replay(response) => return Ok(response),
        Claim::New(key) => key,
    };
    let result = send_once(backend, &mut key, employee, email).await;
    // After a database error the call may have taken effect, so the claim is left to expire.
    if result.as_ref().is_err_and(|ApiError(problem)| problem.code != ProblemCode::Unavailable) {
        key.release(backend).await?;
    }
    result
}

/// Commits the effects of a send and its response together.
async fn send_once(
    backend: &Arc<Backend>,
    key: &mut ClaimedKey,
    employee: &str,
    email: &str,
) -> Result<StoredResponse, ApiError> {
    let now = backend.clock.now();
    let (mut tx, snapshot) = begin(backend, employee, now).await?;
    if snapshot.link.is_some() {
        return Err(ProblemCode::AlreadyLinked.into());
    }
    if snapshot.is_locked(&backend.settings.rules, now) {
        return Err(ProblemCode::LinkingLocked.into());
    }
    let mut mail = None;
    let mut starts_linking = false;
    if !snapshot.is_linking {
        let address = Address::parse(email).map_err(|_| ApiError::from(ProblemCode::EmailInvalid))?;
        let policy = snapshot::read_policy(&mut tx, &snapshot.person.company_id).await?;
        let proof = policy.proof_for(&address, &snapshot.addresses);
        let proof = proof.map_err(|_| ApiError::from(ProblemCode::DomainNotAllowed))?;
        if proof == Proof::Code && address.needs_smtputf8() && !backend.settings.smtputf8 {
            return Err(ProblemCode::EmailInvalid.into());
        }
        check_account_not_taken(&mut tx, &snapshot, &address).await?;
        match proof {
            Proof::Code => mail = Some(send_code(backend, &mut tx, &snapshot, &address, now).await?),
            Proof::Company => {
                let end = Some(ChallengeEnd::Verified);
                let challenge = challenge_store::create_challenge(&mut tx, employee, &address, end, now).await?;
                linking::begin(&mut tx, employee, &challenge, &address, backend.settings.lease).await?;
                starts_linking = true;
            }
        }
    }

    tx.notify(employee);
    let response = StoredResponse::of(&read_state(backend, &mut tx, employee, now).await?);
    // If this process dies while it links, a repeated call gets this response: `linking`.
    let runs_for = if starts_linking { backend.settings.linking_budget } else { Duration::ZERO };
    key.store(&mut tx, &response, runs_for).await?;
    tx.commit().await?;
    if let Some(mail) = mail {
        mail.dispatch(backend);
    }
    if !starts_linking {
        return Ok(response);
    }
    link(backend, employee).await?;
    let mut tx = backend.database.begin_locked(employee).await?;
    let response = StoredResponse::of(&read_state(backend, &mut tx, employee, backend.clock.now()).await?);
    key.store(&mut tx, &response, Duration::ZERO).await?;
    tx.commit().await?;
    Ok(response)
}

/// Verifies a code and links.
pub async fn verify(backend: &Arc<Backend>, employee: &str, code: &SecretString) -> Result<State, ApiError> {
    let now = backend.clock.now();
    let rules = &backend.settings.rules;
    let code = SecretString::from(code.expose_secret().trim());
    let (mut tx, snapshot) = begin(backend, employee, now).await?;
    if snapshot.link.is_some() {
        return Err(ProblemCode::AlreadyLinked.into());
    }
    if snapshot.is_linking {
        return Ok(project(backend, &snapshot, now));
    }
    if snapshot.is_locked(rules, now) {
        return Err(ProblemCode::LinkingLocked.into());
    }
    let challenge = snapshot.challenge.as_ref();
    match challenge.and_then(|challenge| challenge.end) {
        Some(ChallengeEnd::AccountTaken | ChallengeEnd::AccountRefused) => return Err(ProblemCode::AccountTaken.into()),
        Some(ChallengeEnd::AttemptsExhausted) => return Err(ProblemCode::AttemptsExhausted.into()),
        Some(ChallengeEnd::Verified | ChallengeEnd::Abandoned) | None => {}
    }
    if !is_well_formed(code.expose_secret()) {
        let used = snapshot.live_challenge(now).map_or(0, |challenge| challenge.attempts);
        let problem = Problem::new(ProblemCode::CodeFormat).attempts_left(rules.attempts.saturating_sub(used));
        return Err(problem.into());
    }

    let matches = |issued: &IssuedCode| {
        let binding = binding(&snapshot, &issued.challenge_id, &issued.mailbox);
        backend.keys.verify_mac(&issued.mac, binding, &code)
    };
    let verdict = rules.check(challenge, &snapshot.codes, matches, now);
    backend.metrics.verdict(&verdict);
    tracing::info!(employee, ?verdict, "code entered");
    let problem = match (verdict, challenge) {
        (Verdict::Correct(id), Some(challenge)) => {
            challenge_store::consume_code(&mut tx, employee, &challenge.id, &id, now).await?;
            linking::begin(&mut tx, employee, &challenge.id, &challenge.address, backend.settings.lease).await?;
            tx.commit().await?;
            link(backend, employee).await?;
            return state(backend, employee).await;
        }
        (verdict @ (Verdict::Incorrect(_) | Verdict::Exhausting), Some(challenge)) => {
            challenge_store::count_incorrect_code(&mut tx, employee, &challenge.id).await?;
            let problem = if let Verdict::Incorrect(left) = verdict {
                Problem::new(ProblemCode::CodeWrong).attempts_left(left)
            } else {
                let end = ChallengeEnd::AttemptsExhausted;
                challenge_store::end_challenge(&mut tx, &challenge.id, end, None).await?;
                challenge_store::revoke_codes(&mut tx, employee, now).await?;
                Problem::new(ProblemCode::AttemptsExhausted)
            };
            tx.notify(employee);
            tx.commit().await?;
            problem
        }
        (Verdict::Exhausted, _) => Problem::new(ProblemCode::AttemptsExhausted),
        (Verdict::Expired, _) => Problem::new(ProblemCode::CodeExpired),
        (Verdict::NoChallenge, _) | (_, None) => Problem::new(ProblemCode::NoChallenge),
    };
    Err(problem.into())
}

/// Drops the challenge. While linking or linked, nothing changes.
pub async fn start_over(backend: &Backend, employee: &str) -> Result<State, ApiError> {
    let now = backend.clock.now();
    let (mut tx, snapshot) = begin(backend, employee, now).await?;
    if snapshot.link.is_none() && !snapshot.is_linking {
        challenge_store::drop_challenge(&mut tx, employee, now).await?;
        tx.notify(employee);
    }
    let state = read_state(backend, &mut tx, employee, now).await?;
    tx.commit().await?;
    Ok(state)
}

pub async fn snooze(backend: &Backend, employee: &str) -> Result<State, ApiError> {
    let now = backend.clock.now();
    let mut tx = backend.database.begin_locked(employee).await?;
    challenge_store::set_snoozed_until(&mut tx, employee, Some(now + backend.settings.rules.snooze)).await?;
    tx.notify(employee);
    let state = read_state(backend, &mut tx, employee, now).await?;
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
    rules.may_send(&snapshot.sent(now), now).map_err(|limit| {
        let (code, at) = match limit {
            SendLimit::TooSoon(at) => (ProblemCode::ResendTooSoon, at),
            SendLimit::TooMany(at) => (ProblemCode::TooManyCodes, at),
        };
        Problem::new(code).retry_after(seconds_until(at, now))
    })?;
    let employee = &snapshot.person.id;
    // A resend to the same address keeps the challenge and its attempts. Otherwise a new challenge starts.
    let current = snapshot.live_challenge(now).filter(|challenge| challenge.address.is_same_without_case(address));
    let (challenge_id, mailbox) = match current {
        Some(challenge) => {
            for code in rules.superseded_by_next(&challenge.id, &snapshot.codes, now) {
                challenge_store::set_code_status(tx, &code.id, CodeStatus::Superseded).await?;
            }
            (challenge.id.clone(), challenge.address.mailbox())
        }
        None => {
            challenge_store::revoke_codes(tx, employee, now).await?;
            (challenge_store::create_challenge(tx, employee, address, None, now).await?, address.mailbox())
        }
    };
    let code = new_code(&mut rand::rng());
    let issued = IssuedCode {
        id: new_id(),
        mac: backend.keys.mac(binding(snapshot, &challenge_id, &mailbox), &code),
        challenge_id,
        mailbox,
        sent_at: now,
        expires_at: now + rules.code_life,
        status: CodeStatus::Active,
        delivery: Delivery::Queued,
    };
    challenge_store::insert_code(tx, employee, &issued).await?;
    let message = Message::Code { code: code.expose_secret().to_owned() };
    let mail = outbox::add(tx, backend, employee, Some(&issued.id), &issued.mailbox, &message).await?;
    backend.metrics.code_sent();
    tracing::info!(employee, to = ?address, "code queued");
    Ok(mail)
}

fn binding<'a>(snapshot: &'a Snapshot, challenge: &'a str, mailbox: &'a str) -> CodeBinding<'a> {
    CodeBinding { company: &snapshot.person.company_id, employee: &snapshot.person.id, challenge, mailbox }
}

/// `account_taken`, if the last attempt found the account of this address taken and it still is.
async fn check_account_not_taken(tx: &mut Tx, snapshot: &Snapshot, address: &Address) -> Result<(), ApiError> {
    if let Some(challenge) = &snapshot.challenge
        && let Some(user_id) = &challenge.taken_user_id
        && challenge.address.is_same_without_case(address)
        && challenge_store::is_account_linked(tx, &snapshot.person.company_id, user_id).await?
    {
        return Err(ProblemCode::AccountTaken.into());
    }
    Ok(())
}

async fn link(backend: &Arc<Backend>, employee: &str) -> Result<(), ApiError> {
    match linking::finish_within_budget(backend, employee).await {
        Outcome::Taken | Outcome::Refused => Err(ProblemCode::AccountTaken.into()),
        Outcome::Linked | Outcome::Later => Ok(()),
    }
}

async fn begin(backend: &Backend, employee: &str, now: Millis) -> Result<(Tx, Snapshot), ApiError> {
    let mut tx = backend.database.begin_locked(employee).await?;
    let snapshot = signed_in(snapshot::read(&mut tx, employee, now).await?)?;
    Ok((tx, snapshot))
}

async fn read_state(backend: &Backend, tx: &mut Tx, employee: &str, now: Millis) -> Result<State, ApiError> {
    tx.raise_revisions().await?;
    Ok(project(backend, &signed_in(snapshot::read(tx, employee, now).await?)?, now))
}

fn project(backend: &Backend, snapshot: &Snapshot, now: Millis) -> State {
    state::project(snapshot, &backend.settings.rules, &backend.settings.settings_url, now)
}

/// A call that was under way when the person was deactivated has lost its session.
fn signed_in<S: Borrow<Snapshot>>(snapshot: Option<S>) -> Result<S, ApiError> {
    snapshot.filter(|snapshot| !snapshot.borrow().is_deactivated).ok_or_else(|| ProblemCode::SignedOut.into())
}
