//! The text of the mails in five languages. The English is product copy.

use hrm_api::Language;

/// The mail with a code. Placeholders: `{name}` the first name, `{minutes}` the life of a code, `{code}`.
#[derive(Debug)]
pub struct CodeTemplate {
    pub subject: &'static str,
    /// What a list of mails and a notification show beside the subject.
    pub preview: &'static str,
    pub greeting: &'static str,
    pub intro: &'static str,
    pub to_do: &'static str,
    pub steps: [&'static str; 3],
    pub code_label: &'static str,
    pub valid: &'static str,
    pub ignore: &'static str,
    pub last_step: &'static str,
}

/// The notice that the user was linked, to the other addresses, or is no longer linked, to all. Placeholders: `{name}`, `{address}` (masked).
#[derive(Debug)]
pub struct NoticeTemplate {
    pub subject: &'static str,
    pub greeting: &'static str,
    pub what: &'static str,
    pub not_you: &'static str,
}

pub fn code(language: Language) -> &'static CodeTemplate {
    match language {
        Language::En => &CodeTemplate {
            subject: "Verify your email address",
            preview: "{code} is your verification code.",
            greeting: "Hi {name}",
            intro: "We're soon updating our login solution to Visma Connect. Verifying your email address is an important step in preparing your account for this change.",
            to_do: "Here's what to do:",
            steps: [
                "Enter the code below in Flex HRM to verify your email address.",
                "Once verified, a Visma Connect account will be created for you using this email address and linked to your Flex HRM user",
                "If you already have a Visma Connect account with this email, your existing account will instead be linked to Flex HRM.",
            ],
            code_label: "Your verification code:",
            valid: "The code is valid for {minutes} minutes.",
            ignore: "If you don't want to verify your email address or if this message has reached you by mistake, you can simply ignore it. No action will be taken if the code isn't used.",
            last_step: "Return to Flex HRM, input the code into the code field, and click the button \"Verify code.\"",
        },
        Language::Sv => &CodeTemplate {
            subject: "Verifiera din e-postadress",
            preview: "{code} är din verifieringskod.",
            greeting: "Hej {name}",
            intro: "Vi uppdaterar snart vår inloggningslösning till Visma Connect. Att verifiera din e-postadress är ett viktigt steg för att förbereda ditt konto inför bytet.",
            to_do: "Så här gör du:",
            steps: [
                "Ange koden nedan i Flex HRM för att verifiera din e-postadress.",
                "När adressen är verifierad skapas ett Visma Connect-konto åt dig med den här e-postadressen, och det kopplas till din användare i Flex HRM.",
                "Om du redan har ett Visma Connect-konto med den här e-postadressen kopplas i stället ditt befintliga konto till Flex HRM.",
            ],
            code_label: "Din verifieringskod:",
            valid: "Koden gäller i {minutes} minuter.",
            ignore: "Om du inte vill verifiera din e-postadress, eller om meddelandet har nått dig av misstag, kan du bortse från det. Ingenting händer om koden inte används.",
            last_step: "Gå tillbaka till Flex HRM, skriv in koden i kodfältet och klicka på knappen ”Verifiera kod”.",
        },
        Language::Nb => &CodeTemplate {
            subject: "Bekreft e-postadressen din",
            preview: "{code} er bekreftelseskoden din.",
            greeting: "Hei {name}",
            intro: "Vi oppdaterer snart innloggingsløsningen vår til Visma Connect. Å bekrefte e-postadressen din er et viktig steg for å klargjøre kontoen din for endringen.",
            to_do: "Slik gjør du:",
            steps: [
                "Skriv inn koden nedenfor i Flex HRM for å bekrefte e-postadressen din.",
                "Når adressen er bekreftet, opprettes en Visma Connect-konto for deg med denne e-postadressen, og den kobles til brukeren din i Flex HRM.",
                "Hvis du allerede har en Visma Connect-konto med denne e-postadressen, kobles den eksisterende kontoen din til Flex HRM i stedet.",
            ],
            code_label: "Bekreftelseskoden din:",
            valid: "Koden er gyldig i {minutes} minutter.",
            ignore: "Hvis du ikke vil bekrefte e-postadressen din, eller hvis denne meldingen har nådd deg ved en feil, kan du se bort fra den. Ingenting skjer hvis koden ikke brukes.",
            last_step: "Gå tilbake til Flex HRM, skriv inn koden i kodefeltet og klikk på knappen «Bekreft kode».",
        },
        Language::Da => &CodeTemplate {
            subject: "Bekræft din e-mailadresse",
            preview: "{code} er din bekræftelseskode.",
            greeting: "Hej {name}",
            intro: "Vi opdaterer snart vores login-løsning til Visma Connect. At bekræfte din e-mailadresse er et vigtigt skridt i at gøre din konto klar til ændringen.",
            to_do: "Sådan gør du:",
            steps: [
                "Indtast koden nedenfor i Flex HRM for at bekræfte din e-mailadresse.",
                "Når adressen er bekræftet, oprettes der en Visma Connect-konto til dig med denne e-mailadresse, og den knyttes til din bruger i Flex HRM.",
                "Hvis du allerede har en Visma Connect-konto med denne e-mailadresse, knyttes din eksisterende konto i stedet til Flex HRM.",
            ],
            code_label: "Din bekræftelseskode:",
            valid: "Koden er gyldig i {minutes} minutter.",
            ignore: "Hvis du ikke vil bekræfte din e-mailadresse, eller hvis denne besked er nået frem til dig ved en fejl, kan du blot se bort fra den. Der sker ikke noget, hvis koden ikke bruges.",
            last_step: "Gå tilbage til Flex HRM, indtast koden i kodefeltet, og klik på knappen »Bekræft kode«.",
        },
        Language::Fi => &CodeTemplate {
            subject: "Vahvista sähköpostiosoitteesi",
            preview: "{code} on vahvistuskoodisi.",
            greeting: "Hei {name}",
            intro: "Kirjautumisratkaisumme vaihtuu pian Visma Connectiin. Sähköpostiosoitteen vahvistaminen on tärkeä vaihe, jolla valmistelet tilisi muutosta varten.",
            to_do: "Toimi näin:",
            steps: [
                "Vahvista sähköpostiosoitteesi syöttämällä alla oleva koodi Flex HRM:ään.",
                "Kun osoite on vahvistettu, sinulle luodaan tällä sähköpostiosoitteella Visma Connect -tili, joka yhdistetään Flex HRM -käyttäjääsi.",
                "Jos sinulla on jo Visma Connect -tili tällä sähköpostiosoitteella, nykyinen tilisi yhdistetään Flex HRM:ään.",
            ],
            code_label: "Vahvistuskoodisi:",
            valid: "Koodi on voimassa {minutes} minuuttia.",
            ignore: "Jos et halua vahvistaa sähköpostiosoitettasi tai jos viesti on tullut sinulle vahingossa, voit jättää sen huomiotta. Mitään ei tapahdu, jos koodia ei käytetä.",
            last_step: "Palaa Flex HRM:ään, kirjoita koodi koodikenttään ja napsauta painiketta ”Vahvista koodi”.",
        },
    }
}

pub fn notice(language: Language) -> &'static NoticeTemplate {
    match language {
        Language::En => &NoticeTemplate {
            subject: "Your user was linked to a Visma Connect account",
            greeting: "Hi {name}",
            what: "Your Flex HRM user was linked to a Visma Connect account with the email address {address}.",
            not_you: "If this wasn't you, contact your administrator.",
        },
        Language::Sv => &NoticeTemplate {
            subject: "Din användare har kopplats till ett Visma Connect-konto",
            greeting: "Hej {name}",
            what: "Din användare i Flex HRM har kopplats till ett Visma Connect-konto med e-postadressen {address}.",
            not_you: "Om det inte var du, kontakta din administratör.",
        },
        Language::Nb => &NoticeTemplate {
            subject: "Brukeren din er koblet til en Visma Connect-konto",
            greeting: "Hei {name}",
            what: "Brukeren din i Flex HRM er koblet til en Visma Connect-konto med e-postadressen {address}.",
            not_you: "Hvis dette ikke var deg, si fra til administratoren din.",
        },
        Language::Da => &NoticeTemplate {
            subject: "Din bruger er blevet knyttet til en Visma Connect-konto",
            greeting: "Hej {name}",
            what: "Din bruger i Flex HRM er blevet knyttet til en Visma Connect-konto med e-mailadressen {address}.",
            not_you: "Hvis det ikke var dig, så kontakt din administrator.",
        },
        Language::Fi => &NoticeTemplate {
            subject: "Käyttäjäsi on yhdistetty Visma Connect -tiliin",
            greeting: "Hei {name}",
            what: "Flex HRM -käyttäjäsi on yhdistetty Visma Connect -tiliin, jonka sähköpostiosoite on {address}.",
            not_you: "Jos et tehnyt tätä itse, ilmoita asiasta järjestelmänvalvojallesi.",
        },
    }
}

pub fn unlinked(language: Language) -> &'static NoticeTemplate {
    match language {
        Language::En => &NoticeTemplate {
            subject: "Your user is no longer linked to a Visma Connect account",
            greeting: "Hi {name}",
            what: "Your Flex HRM user is no longer linked to the Visma Connect account with the email address {address}.",
            not_you: "If you didn't expect this, contact your administrator.",
        },
        Language::Sv => &NoticeTemplate {
            subject: "Din användare är inte längre kopplad till ett Visma Connect-konto",
            greeting: "Hej {name}",
            what: "Din användare i Flex HRM är inte längre kopplad till Visma Connect-kontot med e-postadressen {address}.",
            not_you: "Om du inte väntade dig detta, kontakta din administratör.",
        },
        Language::Nb => &NoticeTemplate {
            subject: "Brukeren din er ikke lenger koblet til en Visma Connect-konto",
            greeting: "Hei {name}",
            what: "Brukeren din i Flex HRM er ikke lenger koblet til Visma Connect-kontoen med e-postadressen {address}.",
            not_you: "Hvis du ikke ventet dette, kontakt administratoren din.",
        },
        Language::Da => &NoticeTemplate {
            subject: "Din bruger er ikke længere knyttet til en Visma Connect-konto",
            greeting: "Hej {name}",
            what: "Din bruger i Flex HRM er ikke længere knyttet til Visma Connect-kontoen med e-mailadressen {address}.",
            not_you: "Hvis du ikke ventede dette, så kontakt din administrator.",
        },
        Language::Fi => &NoticeTemplate {
            subject: "Käyttäjäsi ei ole enää yhdistetty Visma Connect -tiliin",
            greeting: "Hei {name}",
            what: "Flex HRM -käyttäjääsi ei ole enää yhdistetty Visma Connect -tiliin, jonka sähköpostiosoite on {address}.",
            not_you: "Jos et odottanut tätä, ota yhteyttä järjestelmänvalvojaasi.",
        },
    }
}
