//! The pure projection from the app's state to its [`View`].

use chrono::{DateTime, Utc};

use crate::{
    app_state::{AppState, Token},
    ports::Clock,
    record::{CachedState, SignedInRecord},
    screen::{Edition, Screen},
    view::{Linking, Notice, Phase, View},
};

pub(crate) fn view_of(state: &AppState, edition: Edition, clock: &dyn Clock) -> View {
    let now = state.server_time(clock);
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
        settings_url: match edition {
            Edition::Mobile => state.settings_url.mobile.clone(),
            Edition::Desktop => state.settings_url.desktop.clone(),
        },
    }
}
