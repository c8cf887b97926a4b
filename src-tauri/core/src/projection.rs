//! The pure projection from the app's state to its [`View`].

use chrono::{DateTime, Utc};
use hrm_api::{ContactWay, ProblemCode, State, TryLoginStatus};

use crate::{
    app_state::{AppState, Token},
    ports::Platform,
    record::{CachedState, SignedInRecord},
    screen::{Edition, Screen},
    view::{Contact, Linking, LinkingProblem, Notice, Phase, TryLogin, View},
};

pub(crate) fn view_of(state: &AppState, edition: Edition, platform: &Platform) -> View {
    let now = state.server_time(&*platform.clock);
    let record = &state.record;
    let notice = state.notice.or((!state.record_is_saved).then_some(Notice::NotSaved));
    let (screen, phase) = match (&record.signed_in, &state.token) {
        (None, _) | (_, Token::Missing | Token::None) => (
            Screen::Home,
            Phase::SignedOut { server: record.server.clone(), username: record.username.clone(), notice },
        ),
        (_, Token::Locked) => (Screen::Home, Phase::Locked),
        (Some(signed_in), Token::NotRead | Token::Known(_)) => (
            signed_in.screen,
            Phase::SignedIn {
                employee: signed_in.employee.clone(),
                server: record.server.clone(),
                linking: signed_in.cached_state.as_ref().map(|cached| linking_of(signed_in, cached, edition, now)),
                notice,
            },
        ),
    };
    View {
        revision: state.revision,
        edition,
        language: record.language,
        screen,
        flow_screen: edition.flow_screen(),
        is_flow: screen.is_flow(),
        server_time: now,
        sync_problem: state.sync_problem.clone(),
        can_open_email: platform.email_app.is_some(),
        phase,
    }
}

fn linking_of(signed_in: &SignedInRecord, cached: &CachedState, edition: Edition, now: DateTime<Utc>) -> Linking {
    let state = &cached.state;
    let sent_to = state.challenge.as_ref().map(|challenge| challenge.email.clone());
    Linking {
        status: state.status,
        banner_visible: cached.banner_visible(now),
        email: signed_in.email_draft.clone().or(sent_to).unwrap_or_default(),
        suggestions: state.suggestions.clone(),
        challenge: state.challenge.clone(),
        account: state.account.clone(),
        problem: problem_of(state),
        contact: contact_of(state),
        try_login: state.try_login.as_ref().map(|newest| try_login_of(newest.as_ref())),
        settings_url: match edition {
            Edition::Mobile => state.settings_url.mobile.clone(),
            Edition::Desktop => state.settings_url.desktop.clone(),
        },
    }
}

fn try_login_of(newest: Option<&hrm_api::TryLogin>) -> TryLogin {
    let Some(newest) = newest else { return TryLogin::NotTried };
    match newest.status {
        // Without an end it is over: it can be tried again.
        TryLoginStatus::Waiting => TryLogin::Waiting { expires_at: newest.expires_at.unwrap_or(newest.at) },
        TryLoginStatus::Worked => TryLogin::Worked { at: newest.at },
        TryLoginStatus::OtherAccount => TryLogin::OtherAccount,
        TryLoginStatus::NotFinished => TryLogin::NotFinished,
    }
}

/// A word that this version does not know is no problem: the next call tells.
fn problem_of(state: &State) -> Option<LinkingProblem> {
    let word = state.problem.as_deref()?;
    [
        (ProblemCode::AccountTaken, LinkingProblem::AccountTaken),
        (ProblemCode::LinkingLocked, LinkingProblem::LinkingLocked),
    ]
    .into_iter()
    .find_map(|(code, problem)| (code.as_str() == word).then_some(problem))
}

/// Without what is empty, or is no number, address or page that [`hrm_api::Contact`] opens.
fn contact_of(state: &State) -> Option<Contact> {
    let told = state.company.as_ref()?.contact.as_ref()?;
    let way = |way| told.text(way).map(str::to_owned);
    let name = told.name.as_deref().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
    let contact =
        Contact { name, phone: way(ContactWay::Phone), email: way(ContactWay::Email), url: way(ContactWay::Url) };
    let is_empty = contact == Contact::default();
    (!is_empty).then_some(contact)
}
