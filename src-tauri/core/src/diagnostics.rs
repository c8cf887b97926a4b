//! The support report: versions, the platform and the codes of recent problems. No address, no name.

use std::{collections::VecDeque, fmt::Write as _};

use chrono::{DateTime, SecondsFormat, Utc};

use crate::{
    problem::Problem,
    view::{Phase, View},
};

const CAPACITY: usize = 20;

/// Oldest first.
#[derive(Debug, Default)]
pub(crate) struct RecentProblems(VecDeque<(DateTime<Utc>, String)>);

impl RecentProblems {
    pub(crate) fn push(&mut self, at: DateTime<Utc>, problem: &Problem) {
        if self.0.len() == CAPACITY {
            self.0.pop_front();
        }
        self.0.push_back((at, problem.code()));
    }
}

pub(crate) fn report(system: &str, view: &View, recent: &RecentProblems) -> String {
    let mut text = format!("Flex HRM Connect {}\n{system}\n", env!("CARGO_PKG_VERSION"));
    let status = match &view.phase {
        Phase::SignedOut { .. } => "signed out".to_owned(),
        Phase::Locked => "signed in, credential store locked".to_owned(),
        Phase::SignedIn { linking: None, .. } => "signed in, state unknown".to_owned(),
        Phase::SignedIn { linking: Some(linking), .. } => format!("signed in, {:?}", linking.status),
    };
    // Writing to a String cannot fail.
    writeln!(text, "Edition: {:?}, language: {:?}, screen: {:?}", view.edition, view.language, view.screen).ok();
    writeln!(text, "{status}").ok();
    writeln!(text, "Server time: {}", view.server_time.to_rfc3339_opts(SecondsFormat::Secs, true)).ok();
    writeln!(text, "Recent problems:").ok();
    for (at, code) in &recent.0 {
        writeln!(text, "{} {code}", at.to_rfc3339_opts(SecondsFormat::Secs, true)).ok();
    }
    if recent.0.is_empty() {
        text.push_str("none\n");
    }
    text
}
