//! What an employee can hand to support: versions, the platform, and the codes of the last problems. No address, no name.

use std::{collections::VecDeque, fmt::Write as _};

use chrono::{DateTime, SecondsFormat, Utc};

use crate::{Phase, Problem, View};

const KEPT: usize = 20;

/// The codes of the last problems, oldest first.
#[derive(Debug, Default)]
pub(crate) struct LastProblems(VecDeque<(DateTime<Utc>, String)>);

impl LastProblems {
    pub(crate) fn note(&mut self, at: DateTime<Utc>, problem: &Problem) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((at, code_of(problem)));
    }
}

/// The problem's code as it crosses the bridge.
pub(crate) fn code_of(problem: &Problem) -> String {
    let value = serde_json::to_value(problem).unwrap_or_default();
    value["code"].as_str().unwrap_or_default().to_owned()
}

/// The text for support.
pub(crate) fn text(platform: &str, view: &View, problems: &LastProblems) -> String {
    let mut text = format!("Flex HRM Connect {}\n{platform}\n", env!("CARGO_PKG_VERSION"));
    let stands = match &view.phase {
        Phase::SignedOut { .. } => "signed out".to_owned(),
        Phase::SignedIn { linking: None, .. } => "signed in, state unknown".to_owned(),
        Phase::SignedIn { linking: Some(linking), .. } => format!("signed in, {:?}", linking.status),
    };
    // Writing to a String cannot fail.
    writeln!(text, "Edition: {:?}, language: {:?}, place: {:?}", view.edition, view.language, view.place).ok();
    writeln!(text, "{stands}").ok();
    writeln!(text, "Server's clock: {}", view.server_time.to_rfc3339_opts(SecondsFormat::Secs, true)).ok();
    writeln!(text, "Last problems:").ok();
    for (at, code) in &problems.0 {
        writeln!(text, "{} {code}", at.to_rfc3339_opts(SecondsFormat::Secs, true)).ok();
    }
    if problems.0.is_empty() {
        text.push_str("none\n");
    }
    text
}
