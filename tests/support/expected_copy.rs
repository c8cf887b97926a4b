//! The English product copy that each screen must show, word for word: `ui/test/expected-copy.json` by screen.

use std::{collections::BTreeMap, fs};

pub struct ScreenCopy {
    pub banner: Vec<String>,
    pub email_step: Vec<String>,
    pub code_sent: Vec<String>,
    pub done: Vec<String>,
}

/// The texts of these keys with Anna's address filled in, and the addresses that the screen shows.
fn pick(keys: &[&str], addresses: &[&str]) -> Vec<String> {
    let json = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/ui/test/expected-copy.json")).unwrap();
    let copy: BTreeMap<String, String> = serde_json::from_str(&json).unwrap();
    let texts = keys.iter().map(|key| copy[*key].replace("{email}", super::fixture::ANNA_WORK_EMAIL));
    texts.chain(addresses.iter().map(|address| (*address).to_owned())).collect()
}

pub fn desktop() -> ScreenCopy {
    ScreenCopy {
        banner: pick(&["bannerTitle", "bannerBodyDesktop", "bannerConnectDesktop", "bannerHideDesktop"], &[]),
        email_step: pick(
            &[
                "emailStepTitle",
                "emailStepBody",
                "emailDesktop",
                "sendDesktop",
                "suggestionsBefore",
                "codeDesktop",
                "verify",
            ],
            &["anna.svensson@company.com", "anna.svensson@user.com"],
        ),
        code_sent: pick(
            &[
                "codeSentTitle",
                "codeSentBody",
                "emailDesktop",
                "sendDesktop",
                "suggestionsAfter",
                "codeDesktop",
                "verify",
            ],
            &["anna.svensson@gmail.com"],
        ),
        done: pick(
            &["doneTitle", "doneBody", "donePassword", "doneEmail", "manage"],
            &["anna.svensson@company.com", "https://accountsettings.connect.visma.com/"],
        ),
    }
}

pub fn mobile() -> ScreenCopy {
    ScreenCopy {
        banner: pick(&["bannerConnectMobile"], &[]),
        email_step: pick(
            &["vismaConnect", "emailStepTitle", "emailStepBody", "emailMobile", "suggestionsMobile", "sendMobile"],
            &["anna.svensson@company.com", "anna.svensson@gmail.com"],
        ),
        code_sent: pick(
            &[
                "vismaConnect",
                "codeSentTitle",
                "codeSentBody",
                "emailMobile",
                "suggestionsMobile",
                "sendMobile",
                "codeMobile",
                "verify",
            ],
            &[],
        ),
        done: pick(
            &["doneTitle", "doneBody", "donePassword", "doneEmail", "manage"],
            &["anna.svensson@company.com", "accountsettings.connect.identity.visma.com/"],
        ),
    }
}

/// Of both editions.
pub fn all() -> impl Iterator<Item = String> {
    [desktop(), mobile()]
        .into_iter()
        .flat_map(|copy| [copy.banner, copy.email_step, copy.code_sent, copy.done])
        .flatten()
}
