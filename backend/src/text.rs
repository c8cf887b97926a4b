//! Text that people give: one spelling, and no characters that nobody can see.

use icu_normalizer::ComposingNormalizer;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Unicode's NFC: `a` with a combining ring and `å` become one spelling.
pub fn nfc(text: &str) -> String {
    ComposingNormalizer::new_nfc().normalize(text).into_owned()
}

/// Whether a character shows nothing, or is a space that looks like another one.
pub fn is_invisible(char: char) -> bool {
    match CodePointMapData::<GeneralCategory>::new().get(char) {
        GeneralCategory::SpaceSeparator => char != ' ',
        GeneralCategory::Control
        | GeneralCategory::Format
        | GeneralCategory::LineSeparator
        | GeneralCategory::ParagraphSeparator
        | GeneralCategory::PrivateUse => true,
        // The replacement character stands for one that was lost.
        _ => char == char::REPLACEMENT_CHARACTER || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(char),
    }
}

/// For a sentence: in quotation marks, and not too long to read.
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let shown: String = text.chars().take(LONGEST).collect();
    let rest = if shown.len() < text.len() { "…" } else { "" };
    format!("“{shown}{rest}”")
}

/// What is wrong with a short text of one line, as the end of a sentence that begins with what the text is.
pub fn fault(text: &str, longest: usize) -> Option<String> {
    if let Some((at, char)) = text.chars().enumerate().find(|(_, char)| is_invisible(*char)) {
        let before: String = text.chars().take(at).collect();
        let place =
            if before.is_empty() { "at the beginning".to_owned() } else { format!("after {}", quoted(&before)) };
        let name = match char {
            '\n' | '\r' | '\u{2028}' | '\u{2029}' => "a line break".to_owned(),
            '\t' => "a tab".to_owned(),
            char::REPLACEMENT_CHARACTER => "a character that was lost (�)".to_owned(),
            '\u{a0}' => "a no-break space".to_owned(),
            _ => format!("an invisible character (U+{:04X})", u32::from(char)),
        };
        return Some(format!("has {name} {place}: delete it"));
    }
    let length = text.chars().count();
    (length > longest).then(|| format!("has {length} characters: {longest} is the most"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composed_and_decomposed_letters_are_one_spelling() {
        assert_eq!(nfc("A\u{30a}sa Sjo\u{308}berg"), "Åsa Sjöberg");
    }

    #[test]
    fn a_character_that_nobody_sees_is_a_fault_with_its_place() {
        for (text, name) in [
            ("An\nna", "a line break after “An”"),
            ("\tAnna", "a tab at the beginning"),
            ("An\u{ad}na", "U+00AD"),
            ("An\u{200b}na", "U+200B"),
            ("An\u{3164}na", "U+3164"),
            ("An\u{fe0f}na", "U+FE0F"),
            ("Anna\u{a0}Karin", "a no-break space after “Anna”"),
            ("Anna\u{2009}Karin", "U+2009"),
            ("An\u{fffd}na", "was lost"),
            ("An\u{81}na", "U+0081"),
            ("An\u{202e}na", "U+202E"),
        ] {
            let fault = fault(text, 100).unwrap_or_else(|| panic!("{text:?} is accepted"));
            assert!(fault.contains(name), "{text:?}: {fault}");
        }
        for text in ["Anna-Karin Sjöberg", "Ægir Þór", "Łukasz O’Neill", "Ngọc", "王小明", "सीता"] {
            assert_eq!(fault(&nfc(text), 100), None, "{text}");
        }
        assert_eq!(fault("abcd", 3).unwrap(), "has 4 characters: 3 is the most");
    }
}
