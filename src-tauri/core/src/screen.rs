//! The two editions and their screens.

use serde::{Deserialize, Serialize};

/// Same flow, different wording and screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Edition {
    /// Android and iOS.
    Mobile,
    /// Linux, macOS and Windows.
    Desktop,
}

impl Edition {
    /// Where the banner and the card on the home screen lead.
    pub(crate) fn flow_screen(self) -> Screen {
        match self {
            Self::Mobile => Screen::VismaConnect,
            Self::Desktop => Screen::AccountSettings,
        }
    }
}

/// A screen of a signed-in employee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Screen {
    #[default]
    Home,
    Settings,
    /// Settings > Visma Connect, on both editions.
    VismaConnect,
    /// My profile, on desktop.
    Profile,
    /// My profile > Account settings, on desktop.
    AccountSettings,
}

impl Screen {
    /// Whether this screen shows the linking flow.
    pub(crate) fn is_flow(self) -> bool {
        matches!(self, Self::VismaConnect | Self::AccountSettings)
    }
}
