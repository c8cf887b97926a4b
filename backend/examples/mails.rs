//! Writes every mail in every language to a folder, as HTML and as text, for `ui/scripts/mail-pictures.mjs`.

use std::path::Path;

use hrm_api::Language::{Da, En, Fi, Nb, Sv};
use hrm_backend::clock::MINUTE;
use hrm_backend::mail::{Message, render};

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let address = || "a…@company.com".to_owned();
    for language in [En, Sv, Nb, Da, Fi] {
        for (name, message) in [
            ("code", Message::Code { code: "012345".into() }),
            ("notice", Message::Notice { address: address() }),
            ("unlinked", Message::Unlinked { address: address() }),
        ] {
            let mail = render(&message, "Anna", language, 30 * MINUTE);
            let file = Path::new(&folder).join(format!("{name}-{}", <&str>::from(language)));
            std::fs::write(file.with_extension("html"), mail.html)?;
            std::fs::write(file.with_extension("txt"), format!("{}\n\n{}", mail.subject, mail.text))?;
        }
    }
    Ok(())
}
