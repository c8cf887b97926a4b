//! What an employee can do: one function per call of the contract, one transaction each, under the employee's lock.

use std::sync::Arc;
use std::time::Duration;

use hrm_api::{Delivery, Problem, ProblemCode, State};
use secrecy::{ExposeSecret, SecretString};

use crate::Backend;
use crate::challenge::{Challenge, End, Fate, Verdict, Wait, has_form, new_code};
use crate::clock::{Millis, seconds_until};
use crate::database::Tx;
use crate::email::Address;
use crate::idempotency::{self, Begun, Call, Sent};
use crate::keys::CodeOf;
use crate::linking::{self, Outcome};
use crate::mail::Letter;
use crate::outbox::{self, Posted};
use crate::policy::Proof;
use crate::standing::{self, Standing, delivery_word, end_word, fate_word};

/// Why a call was not done. Every one is a problem of the contract.
#[derive(Debug)]
pub struct Refused(pub Problem);

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<ProblemCode> for Refused {
    fn from(code: ProblemCode) -> Self {
        Self(Problem::new(code))
    }
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "the database did not do what it was asked");
        Self(Problem::new(ProblemCode::Unavailable).retry_after(5))
    }
}

/// The State of an employee.
///
/// # Errors
/// `signed_out` when the employee is gone, `unavailable`.
pub async fn state(backend: &Backend, employee: &str) -> Result<State, Refused> {
    let now = backend.clock.now();
    let standing = known(standing::read(&mut *backend.database.look().await?, employee, now).await?)?;
    Ok(state_of(backend, &standing, now))
}

/// The State of the employee whose session this is, and when it next changes by time alone.
///
/// # Errors
/// `signed_out` when the session or the employee is gone, `unavailable`.
pub async fn state_of_session(backend: &Backend, token_hash: &str) -> Result<(State, Option<Millis>), Refused> {
    let now = backend.clock.now();
    let standing = standing::read_of_session(&mut *backend.database.look().await?, token_hash, now).await?;
    let standing = known(standing)?;
    Ok((state_of(backend, &standing, now), standing.next_change(now)))
}

/// Sends a code to an address, or links at once where no code is needed.
///
/// # Errors
/// The problems that the contract lists for it.
pub async fn send(backend: &Arc<Backend>, employee: &str, key: &str, email: &str) -> Result<Sent, Refused> {
    let mut call = match idempotency::begin(backend, employee, key, email).await? {
        Begun::Answered(sent) => return Ok(sent),
        Begun::Ours(call) => call,
    };
    let sent = send_once(backend, &mut call, employee, email).await;
    // What became of a call that the database did not answer is not known: its claim ends by itself.
    if sent.as_ref().is_err_and(|Refused(problem)| problem.code != ProblemCode::Unavailable) {
        call.forget(backend).await?;
    }
    sent
}

/// What a send does that was not done before. Its effects and its answer become true together.
async fn send_once(backend: &Arc<Backend>, call: &mut Call, employee: &str, email: &str) -> Result<Sent, Refused> {
    let now = backend.clock.now();
    let mut tx = backend.database.lock(employee).await?;
    let standing = known(standing::read(&mut tx, employee, now).await?)?;
    if standing.link.is_some() {
        return Err(ProblemCode::AlreadyLinked.into());
    }
    if backend.settings.rules.is_locked(standing.failures) {
        return Err(ProblemCode::LinkingLocked.into());
    }
    let mut posted = None;
    let begins_linking = if standing.is_linking {
        false
    } else {
        let address = Address::parse(email).map_err(|_| Refused::from(ProblemCode::EmailInvalid))?;
        let policy = standing::read_policy(&mut tx, &standing.person.company_id).await?;
        let proof = policy.proof_for(&address, &standing.addresses);
        let proof = proof.map_err(|_| Refused::from(ProblemCode::DomainNotAllowed))?;
        if proof == Proof::Code && address.needs_smtputf8() && !backend.settings.smtputf8 {
            return Err(ProblemCode::EmailInvalid.into());
        }
        refuse_taken(&mut tx, &standing, &address).await?;
        match proof {
            Proof::Code => posted = Some(send_code(backend, &mut tx, &standing, &address, now).await?),
            Proof::Company => {
                let challenge = new_challenge(&mut tx, employee, &address, Some(End::Proved), now).await?;
                linking::begin(&mut tx, employee, &challenge, &address, backend.settings.lease).await?;
            }
        }
        proof == Proof::Company
    };

    let sent = Sent::of(&fresh_state(backend, &mut tx, employee, now).await?);
    // If this process dies while it links, `linking` is what a repeated call hears.
    let runs_for = if begins_linking { backend.settings.linking_budget } else { Duration::ZERO };
    call.answer(&mut tx, &sent, runs_for).await?;
    tx.changes(employee);
    tx.commit().await?;
    if let Some(posted) = posted {
        posted.go(backend);
    }
    if !begins_linking {
        return Ok(sent);
    }
    if linking::finish_soon(backend, employee).await == Outcome::Taken {
        return Err(ProblemCode::AccountTaken.into());
    }
    let mut tx = backend.database.lock(employee).await?;
    let sent = Sent::of(&fresh_state(backend, &mut tx, employee, backend.clock.now()).await?);
    call.answer(&mut tx, &sent, Duration::ZERO).await?;
    tx.commit().await?;
    Ok(sent)
}

/// Verifies a code and links.
///
/// # Errors
/// The problems that the contract lists for it.
pub async fn verify(backend: &Arc<Backend>, employee: &str, code: &SecretString) -> Result<State, Refused> {
    let now = backend.clock.now();
    let rules = &backend.settings.rules;
    let code = SecretString::from(code.expose_secret().trim().to_owned());
    let mut tx = backend.database.lock(employee).await?;
    let standing = known(standing::read(&mut tx, employee, now).await?)?;
    if standing.link.is_some() {
        return Err(ProblemCode::AlreadyLinked.into());
    }
    if standing.is_linking {
        return Ok(state_of(backend, &standing, now));
    }
    if rules.is_locked(standing.failures) {
        return Err(ProblemCode::LinkingLocked.into());
    }
    let challenge = standing.challenge.as_ref().map(|(challenge, _)| challenge);
    match challenge.and_then(|challenge| challenge.end) {
        Some(End::Taken) => return Err(ProblemCode::AccountTaken.into()),
        Some(End::Exhausted) => return Err(ProblemCode::AttemptsExhausted.into()),
        Some(End::Proved | End::GivenUp) | None => {}
    }
    if !has_form(code.expose_secret()) {
        let used = standing.live_challenge(now).map_or(0, |(challenge, _)| challenge.attempts);
        let problem = Problem::new(ProblemCode::CodeFormat).attempts_left(rules.attempts.saturating_sub(used));
        return Err(problem.into());
    }

    let person = &standing.person;
    let hits: Vec<bool> = standing
        .codes
        .iter()
        .zip(&standing.code_details)
        .map(|(known, detail)| {
            let of = CodeOf {
                company: &person.company_id,
                employee: &person.id,
                challenge: &known.challenge,
                mailbox: &detail.mailbox,
            };
            backend.keys.is_code(&detail.mac, of, &code)
        })
        .collect();
    let matches = |code: &_| standing.codes.iter().zip(&hits).any(|(known, hit)| *hit && std::ptr::eq(known, code));
    let verdict = rules.judge(challenge, &standing.codes, matches, now);
    backend.metrics.verdict(&verdict);
    tracing::info!(employee, ?verdict, "a code was entered");
    match verdict {
        Verdict::Right(id) => {
            let Some((challenge, address)) = &standing.challenge else { return Err(ProblemCode::NoChallenge.into()) };
            consume(&mut tx, employee, challenge, &id, now).await?;
            linking::begin(&mut tx, employee, &challenge.id, address, backend.settings.lease).await?;
            tx.commit().await?;
            if linking::finish_soon(backend, employee).await == Outcome::Taken {
                return Err(ProblemCode::AccountTaken.into());
            }
            state(backend, employee).await
        }
        Verdict::Wrong(_) | Verdict::LastWrong => {
            let is_last = verdict == Verdict::LastWrong;
            if let Some(challenge) = challenge {
                sqlx::query("UPDATE challenges SET attempts = attempts + 1, ended = $1 WHERE id = $2")
                    .bind(is_last.then(|| end_word(End::Exhausted)))
                    .bind(&challenge.id)
                    .execute(&mut *tx)
                    .await?;
            }
            if is_last {
                kill_codes(&mut tx, employee, now).await?;
            }
            sqlx::query("UPDATE employees SET failures = failures + 1 WHERE id = $1")
                .bind(employee)
                .execute(&mut *tx)
                .await?;
            tx.changes(employee);
            tx.commit().await?;
            Err(match verdict {
                Verdict::Wrong(left) => Problem::new(ProblemCode::CodeWrong).attempts_left(left).into(),
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
pub async fn start_over(backend: &Backend, employee: &str) -> Result<State, Refused> {
    let now = backend.clock.now();
    let mut tx = backend.database.lock(employee).await?;
    let standing = known(standing::read(&mut tx, employee, now).await?)?;
    if standing.link.is_none() && !standing.is_linking {
        forget_challenge(&mut tx, employee, now).await?;
        tx.changes(employee);
    }
    let state = fresh_state(backend, &mut tx, employee, now).await?;
    tx.commit().await?;
    Ok(state)
}

/// Hides the banner for 24 hours.
///
/// # Errors
/// `signed_out`, `unavailable`.
pub async fn snooze(backend: &Backend, employee: &str) -> Result<State, Refused> {
    let now = backend.clock.now();
    let mut tx = backend.database.lock(employee).await?;
    sqlx::query("UPDATE employees SET snoozed_until = $1 WHERE id = $2")
        .bind(now + backend.settings.rules.snooze)
        .bind(employee)
        .execute(&mut *tx)
        .await?;
    tx.changes(employee);
    let state = fresh_state(backend, &mut tx, employee, now).await?;
    tx.commit().await?;
    Ok(state)
}

/// Issues a code: the challenge, the code's MAC and the sealed mail, in the caller's transaction.
async fn send_code(
    backend: &Backend,
    tx: &mut Tx,
    standing: &Standing,
    address: &Address,
    now: Millis,
) -> Result<Posted, Refused> {
    let rules = &backend.settings.rules;
    rules.may_send(&standing.sent(), now).map_err(|wait| {
        let (code, at) = match wait {
            Wait::TooSoon(at) => (ProblemCode::ResendTooSoon, at),
            Wait::TooMany(at) => (ProblemCode::TooManyCodes, at),
        };
        Problem::new(code).retry_after(seconds_until(at, now))
    })?;
    let person = &standing.person;
    // The same mailbox keeps the challenge with its attempts; another one, or a challenge that is over, starts anew.
    let same = standing.live_challenge(now).filter(|(_, known)| known.is_same_mailbox(address));
    let challenge = match same {
        Some((challenge, _)) => {
            for code in rules.displaced(&challenge.id, &standing.codes, now) {
                set_fate(tx, &code.id, Fate::Displaced).await?;
            }
            challenge.id.clone()
        }
        None => {
            kill_codes(tx, &person.id, now).await?;
            new_challenge(tx, &person.id, address, None, now).await?
        }
    };
    let code = new_code(&mut rand::rng());
    let mailbox = same.map_or_else(|| address.mailbox(), |(_, known)| known.mailbox());
    let of = CodeOf { company: &person.company_id, employee: &person.id, challenge: &challenge, mailbox: &mailbox };
    let mac = backend.keys.mac(of, &code);
    let id = uuid::Uuid::new_v4().to_string();
    sqlx::query(
        "INSERT INTO codes (id, employee_id, challenge_id, address, key_id, mac, sent_at, expires_at, fate, delivery)
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
    .bind(fate_word(Fate::Live))
    .bind(delivery_word(Delivery::Queued))
    .execute(&mut **tx)
    .await?;
    let letter = Letter::Code { code: code.expose_secret().to_owned() };
    let posted = outbox::add(tx, backend, &person.id, Some(&id), &mailbox, &letter).await?;
    backend.metrics.code_sent();
    tracing::info!(employee = person.id, to = ?address, "a code is on its way");
    Ok(posted)
}

/// An account that was met and belongs to somebody else is still somebody else's.
async fn refuse_taken(tx: &mut Tx, standing: &Standing, address: &Address) -> Result<(), Refused> {
    let (Some((_, known)), Some(user)) = (&standing.challenge, &standing.taken_user_id) else { return Ok(()) };
    if !known.is_same_mailbox(address) {
        return Ok(());
    }
    let owner: Option<String> =
        sqlx::query_scalar("SELECT employee_id FROM links WHERE company_id = $1 AND visma_user_id = $2")
            .bind(&standing.person.company_id)
            .bind(user)
            .fetch_optional(&mut **tx)
            .await?;
    if owner.is_some() { Err(ProblemCode::AccountTaken.into()) } else { Ok(()) }
}

async fn new_challenge(
    tx: &mut Tx,
    employee: &str,
    address: &Address,
    end: Option<End>,
    now: Millis,
) -> sqlx::Result<String> {
    let id = uuid::Uuid::new_v4().to_string();
    sqlx::query("INSERT INTO challenges (id, employee_id, address, ended, created_at) VALUES ($1, $2, $3, $4, $5)")
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
    set_fate(tx, code, Fate::Used).await?;
    kill_codes(tx, employee, now).await?;
    sqlx::query("UPDATE challenges SET ended = $1 WHERE id = $2")
        .bind(end_word(End::Proved))
        .bind(&challenge.id)
        .execute(&mut **tx)
        .await?;
    sqlx::query("UPDATE employees SET failures = 0 WHERE id = $1").bind(employee).execute(&mut **tx).await?;
    Ok(())
}

async fn set_fate(tx: &mut Tx, code: &str, fate: Fate) -> sqlx::Result<()> {
    sqlx::query("UPDATE codes SET fate = $1 WHERE id = $2").bind(fate_word(fate)).bind(code).execute(&mut **tx).await?;
    Ok(())
}

/// Kills the codes that live; their mails are dropped when their turn comes. An expired code stays what it is.
async fn kill_codes(tx: &mut Tx, employee: &str, now: Millis) -> sqlx::Result<()> {
    sqlx::query("UPDATE codes SET fate = $1 WHERE employee_id = $2 AND fate = $3 AND expires_at > $4")
        .bind(fate_word(Fate::Dead))
        .bind(employee)
        .bind(fate_word(Fate::Live))
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// No challenge, and no code that works.
pub(crate) async fn forget_challenge(tx: &mut Tx, employee: &str, now: Millis) -> sqlx::Result<()> {
    kill_codes(tx, employee, now).await?;
    sqlx::query("UPDATE employees SET challenge_id = NULL WHERE id = $1").bind(employee).execute(&mut **tx).await?;
    Ok(())
}

async fn fresh_state(backend: &Backend, tx: &mut Tx, employee: &str, now: Millis) -> Result<State, Refused> {
    Ok(state_of(backend, &known(standing::read(tx, employee, now).await?)?, now))
}

fn state_of(backend: &Backend, standing: &Standing, now: Millis) -> State {
    standing.state(&backend.settings.rules, &backend.settings.settings_url, now)
}

fn known(standing: Option<Standing>) -> Result<Standing, Refused> {
    standing.ok_or_else(|| ProblemCode::SignedOut.into())
}
