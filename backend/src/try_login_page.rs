//! The browser's last page. No script, no link, nothing to load.

use hrm_api::{Language, TryLoginStatus};

#[derive(Debug, Clone, Copy)]
pub enum Outcome {
    Ended(TryLoginStatus),
    /// A foreign, repeated or expired address.
    Unknown,
}

struct Words {
    worked: &'static str,
    other_account: &'static str,
    not_finished: &'static str,
    unknown: &'static str,
    close: &'static str,
}

const EN: Words = Words {
    worked: "Your new login works.",
    other_account: "You signed in to a Visma Connect account that is not linked to your user. Sign out there or use a \
                    private window, and try again.",
    not_finished: "The sign-in was not finished.",
    unknown: "This sign-in is over. Begin again in the app.",
    close: "You can close this page and go back to the app.",
};

const SV: Words = Words {
    worked: "Din nya inloggning fungerar.",
    other_account: "Du loggade in på ett Visma Connect-konto som inte är kopplat till din användare. Logga ut där eller \
                    använd ett privat fönster och försök igen.",
    not_finished: "Inloggningen blev inte klar.",
    unknown: "Den här inloggningen är avslutad. Börja om i appen.",
    close: "Du kan stänga den här sidan och gå tillbaka till appen.",
};

const NB: Words = Words {
    worked: "Den nye innloggingen din fungerer.",
    other_account: "Du logget inn på en Visma Connect-konto som ikke er koblet til brukeren din. Logg ut der eller bruk et \
                    privat vindu, og prøv igjen.",
    not_finished: "Innloggingen ble ikke fullført.",
    unknown: "Denne innloggingen er avsluttet. Start på nytt i appen.",
    close: "Du kan lukke denne siden og gå tilbake til appen.",
};

const DA: Words = Words {
    worked: "Dit nye login virker.",
    other_account: "Du loggede ind på en Visma Connect-konto, som ikke er knyttet til din bruger. Log ud der, eller brug et \
                    privat vindue, og prøv igen.",
    not_finished: "Login blev ikke gennemført.",
    unknown: "Dette login er afsluttet. Begynd forfra i appen.",
    close: "Du kan lukke denne side og gå tilbage til appen.",
};

const FI: Words = Words {
    worked: "Uusi kirjautumisesi toimii.",
    other_account: "Kirjauduit Visma Connect -tiliin, jota ei ole yhdistetty käyttäjääsi. Kirjaudu siellä ulos tai käytä \
                    yksityistä ikkunaa ja yritä uudelleen.",
    not_finished: "Kirjautumista ei suoritettu loppuun.",
    unknown: "Tämä kirjautuminen on päättynyt. Aloita uudelleen sovelluksessa.",
    close: "Voit sulkea tämän sivun ja palata sovellukseen.",
};

pub fn page(outcome: Outcome, language: Language) -> String {
    let words = match language {
        Language::En => &EN,
        Language::Sv => &SV,
        Language::Nb => &NB,
        Language::Da => &DA,
        Language::Fi => &FI,
    };
    let sentence = match outcome {
        Outcome::Ended(TryLoginStatus::Worked) => words.worked,
        Outcome::Ended(TryLoginStatus::OtherAccount) => words.other_account,
        Outcome::Ended(TryLoginStatus::NotFinished | TryLoginStatus::Waiting) => words.not_finished,
        Outcome::Unknown => words.unknown,
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Flex HRM Connect</title>\n<style>\n\
         body {{ margin: 0 auto; max-width: 32rem; padding: 15vh 16px 16px; \
         font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif; }}\n\
         h1 {{ font-size: 1.375rem; line-height: 1.3; }}\n</style>\n</head>\n<body>\n<main>\n<h1>{sentence}</h1>\n\
         <p>{}</p>\n</main>\n</body>\n</html>\n",
        words.close,
        language = <&str>::from(language),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_no_script_no_link_and_its_own_sentence_in_every_language() {
        for language in [Language::En, Language::Sv, Language::Nb, Language::Da, Language::Fi] {
            let outcomes = [
                Outcome::Ended(TryLoginStatus::Worked),
                Outcome::Ended(TryLoginStatus::OtherAccount),
                Outcome::Ended(TryLoginStatus::NotFinished),
                Outcome::Unknown,
            ];
            let pages: Vec<_> = outcomes.iter().map(|outcome| page(*outcome, language)).collect();
            for page in &pages {
                assert!(!page.contains("<script") && !page.contains("href") && !page.contains("http"), "{page}");
                assert!(page.contains(&format!("lang=\"{}\"", <&str>::from(language))));
            }
            let different: std::collections::HashSet<_> = pages.iter().collect();
            assert_eq!(different.len(), 4, "{language:?}");
        }
    }
}
