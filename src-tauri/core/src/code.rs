//! The code as people type and paste it.

use secrecy::{ExposeSecret as _, SecretString};

use crate::problem::Problem;

const LENGTH: usize = 6;

/// The zero of each script whose digits are accepted: ASCII, full-width, Arabic-Indic, Persian, Devanagari, Bengali.
const ZEROS: [char; 6] = ['0', '\u{ff10}', '\u{0660}', '\u{06f0}', '\u{0966}', '\u{09e6}'];

fn digit(c: char) -> Option<char> {
    ZEROS.iter().find_map(|&zero| {
        let value = u32::from(c).checked_sub(u32::from(zero))?;
        char::from_digit(value, 10)
    })
}

/// Parses typed or pasted text. The code is a group of exactly six digits; a single space, hyphen, dot or invisible character
/// between two digits does not end the group, and all such groups in the text must be equal.
///
/// `code_cases.json` has the cases; the UI's tests read it too.
///
/// # Errors
/// [`Problem::CodeFormat`] if there is no code, or more than one.
pub fn parse(typed: &SecretString) -> Result<SecretString, Problem> {
    let mut groups: Vec<String> = vec![String::new()];
    let mut separators = 0;
    for c in typed.expose_secret().chars() {
        if let Some(digit) = digit(c) {
            if separators > 1 {
                groups.push(String::new());
            }
            if let Some(group) = groups.last_mut() {
                group.push(digit);
            }
            separators = 0;
        } else if c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '.' | '\u{200b}' | '\u{feff}') {
            separators += 1;
        } else {
            separators = 2;
        }
    }
    let mut codes = groups.into_iter().filter(|group| group.len() == LENGTH);
    let code = codes.next().ok_or(Problem::CodeFormat)?;
    if codes.all(|other| other == code) { Ok(code.into()) } else { Err(Problem::CodeFormat) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Case {
        input: String,
        code: Option<String>,
    }

    #[test]
    fn each_case_of_the_shared_table_parses_as_it_says() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("code_cases.json")).unwrap();
        assert!(cases.len() > 30);
        for Case { input, code } in cases {
            let parsed = parse(&input.as_str().into()).map(|code| code.expose_secret().to_owned());
            assert_eq!(parsed, code.ok_or(Problem::CodeFormat), "{input:?}");
        }
    }
}
