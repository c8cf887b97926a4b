//! The code as people type and paste it.

use secrecy::SecretString;

use crate::Problem;

const DIGITS: usize = 6;

/// The decimal digits of the scripts that keyboards here write, as the first of each ten (Unicode category Nd).
const ZEROS: [char; 5] = ['0', '\u{ff10}', '\u{0660}', '\u{06f0}', '\u{0966}'];

fn digit(c: char) -> Option<char> {
    ZEROS.iter().find_map(|&zero| {
        let value = u32::from(c).checked_sub(u32::from(zero))?;
        char::from_digit(value, 10)
    })
}

/// Reads the six digits out of what was typed or pasted: `123456`, `123 456`, `123-456`, `Code: 123456`, full-width or
/// Arabic-Indic digits.
///
/// # Errors
/// [`Problem::CodeFormat`] if there is not exactly one group of six digits in it.
pub fn read(typed: &SecretString) -> Result<SecretString, Problem> {
    use secrecy::ExposeSecret as _;

    let mut groups: Vec<String> = vec![String::new()];
    // One separator between two digits does not end a group: people and mail programs write 123 456.
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
    let mut codes = groups.into_iter().filter(|group| group.len() == DIGITS);
    match (codes.next(), codes.next()) {
        (Some(code), None) => Ok(code.into()),
        _ => Err(Problem::CodeFormat),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn every_usual_way_of_pasting_gives_the_six_digits() {
        for typed in [
            "123456",
            " 123456\n",
            "123 456",
            "123-456",
            "123\u{a0}456",
            "1 2 3 4 5 6",
            "Code: 123456",
            "１２３４５６",
            "١٢٣٤٥٦",
            "۱۲۳۴۵۶",
            "Your verification code:\r\n\r\n123456\r\n\r\nThe code is valid for 30 minutes.",
        ] {
            assert_eq!(read(&typed.into()).unwrap().expose_secret(), "123456", "{typed:?}");
        }
        assert_eq!(read(&"000042".into()).unwrap().expose_secret(), "000042");
    }

    #[test]
    fn what_is_not_one_code_is_no_code() {
        for typed in
            ["", "12345", "1234567", "abcdef", "123456 and 654321", "Code: 12345", "0123456789012", "123\n\n456"]
        {
            assert_eq!(read(&typed.into()).unwrap_err(), Problem::CodeFormat, "{typed:?}");
        }
    }
}
