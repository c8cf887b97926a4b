//! A CSV file as spreadsheets write it: any of three separators, any usual encoding, columns in any order.

use std::collections::BTreeMap;
use std::fmt;

use csv::{ReaderBuilder, StringRecord};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use strum::IntoEnumIterator;

use crate::text::{self, quoted};

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::EnumIter, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Column {
    Id,
    Username,
    PasswordHash,
    FirstName,
    LastName,
    Language,
    Country,
    Addresses,
    Leaves,
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.into_str())
    }
}

/// The file, and its rows that can be read.
pub struct Sheet {
    /// Encoding and separator, as a person knows them.
    pub format: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
    pub faults: Vec<Fault>,
}

#[derive(Debug)]
pub struct Row {
    /// As a spreadsheet counts: empty rows count, line breaks in cells don't.
    pub number: usize,
    /// Trimmed and in NFC.
    cells: BTreeMap<Column, String>,
}

impl Row {
    /// `None`: the file does not have the column.
    pub fn get(&self, column: Column) -> Option<&str> {
        self.cells.get(&column).map(String::as_str)
    }

    /// Empty if the file does not have the column.
    pub fn text(&self, column: Column) -> &str {
        self.get(column).unwrap_or_default()
    }

    pub fn fault(&self, column: Column, what: impl Into<String>) -> Fault {
        Fault { row: self.number, column: Some(column), what: what.into() }
    }
}

/// What is wrong with a row, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub row: usize,
    pub column: Option<Column>,
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "row {}, {column}: {}", self.row, self.what),
            None => write!(f, "row {}: {}", self.row, self.what),
        }
    }
}

/// # Errors
/// Sentences about the whole file: it is no CSV file, or its column names are wrong.
pub fn read(bytes: &[u8]) -> Result<Sheet, String> {
    let (text, encoding) = decode(bytes)?;
    let mut text = text.replace("\r\n", "\n").replace('\r', "\n");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    // Excel's own first line for its separator. No spreadsheet shows it as a row.
    let named =
        text.strip_prefix("sep=").and_then(|rest| Some((rest.bytes().next()?, rest.get(1..)?.strip_prefix('\n')?)));
    let (separator, text) = named.filter(|(byte, _)| byte.is_ascii()).unwrap_or_else(|| (separator(&text), &text));

    let mut reader =
        ReaderBuilder::new().delimiter(separator).flexible(true).has_headers(false).from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    let (mut columns, mut rows, mut faults) = (None, Vec::new(), Vec::new());
    let mut number = 0;
    loop {
        // Counted where a row starts: what its cells contain, closed or not, changes nothing.
        let start = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        let rest = text.as_bytes().get(start..).unwrap_or_default();
        let empty_rows = rest.iter().take_while(|byte| **byte == b'\n').count();
        if !reader.read_record(&mut record).map_err(|error| error.to_string())? {
            break;
        }
        number += empty_rows + 1;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let Some(columns) = &columns else {
            columns = Some(header(&record, number)?);
            continue;
        };
        match cells(&record, columns, separator) {
            Ok(cells) => rows.push(Row { number, cells }),
            Err(found) => faults.extend(found.into_iter().map(|(column, what)| Fault { row: number, column, what })),
        }
    }
    let columns = columns.ok_or_else(|| format!("The file is empty. {}", the_columns()))?;
    let separated = match separator {
        b',' => "commas".to_owned(),
        b';' => "semicolons".to_owned(),
        b'\t' => "tabs".to_owned(),
        other => format!("“{}”", char::from(other)),
    };
    let format = format!("{encoding}, separated by {separated}");
    Ok(Sheet { format, columns: columns.into_iter().flatten().collect(), rows, faults })
}

fn the_columns() -> String {
    let names: Vec<&str> = Column::iter().map(|column| column.into_str()).collect();
    format!("The first row has the names of the columns: {}.", names.join(", "))
}

/// The text, and the name of its encoding.
fn decode(bytes: &[u8]) -> Result<(String, &'static str), String> {
    const SAVE_AS: &str = "Save it as “CSV UTF-8” in the spreadsheet program.";
    // ZIP (xlsx, ods) and OLE (xls).
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Err(format!("This is a workbook, not a CSV file. {SAVE_AS}"));
    }
    let (encoding, bytes) = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => (encoding, &bytes[mark..]),
        None if str::from_utf8(bytes).is_ok() => (UTF_8, bytes),
        None => {
            // In Windows-1252, letters that make up UTF-8 are rare.
            let (mut letters, mut others) = (0, 0);
            let mut broken_line = None;
            let mut lines = 1;
            for chunk in bytes.utf8_chunks() {
                letters += chunk.valid().chars().filter(|char| !char.is_ascii()).count();
                lines += chunk.valid().matches('\n').count();
                if !chunk.invalid().is_empty() {
                    others += 1;
                    broken_line.get_or_insert(lines);
                }
            }
            if letters > others {
                let line = broken_line.unwrap_or(1);
                return Err(format!(
                    "Line {line} has a letter that is not UTF-8, as the rest of the file is. {SAVE_AS}"
                ));
            }
            (WINDOWS_1252, bytes)
        }
    };
    let (text, has_errors) = encoding.decode_without_bom_handling(bytes);
    if has_errors || text.contains('\0') {
        return Err(format!("The file is no text, or damaged: it is not all {}. {SAVE_AS}", encoding.name()));
    }
    let name = if encoding == WINDOWS_1252 { "Windows-1252" } else { encoding.name() };
    Ok((text.into_owned(), name))
}

fn column_of(name: &str) -> Option<Column> {
    name.trim().to_lowercase().replace([' ', '-'], "_").parse().ok()
}

/// The separator that makes most known names out of the first row, or at least most cells.
fn separator(text: &str) -> u8 {
    let known = |separator: u8| {
        let mut first = StringRecord::new();
        let mut reader = ReaderBuilder::new().delimiter(separator).has_headers(false).from_reader(text.as_bytes());
        let _ = reader.read_record(&mut first);
        (first.iter().filter(|name| column_of(name).is_some()).count(), first.len())
    };
    // Of equals, `max_by_key` takes the last.
    *b"\t;,".iter().max_by_key(|separator| known(**separator)).unwrap_or(&b',')
}

/// The column of each cell; `None` where the header is empty.
fn header(record: &StringRecord, number: usize) -> Result<Vec<Option<Column>>, String> {
    let mut faults = Vec::new();
    let mut columns = Vec::with_capacity(record.len());
    for name in record {
        let column = column_of(name);
        match column {
            None if !name.trim().is_empty() => faults.push(format!("There is no column {}.", quoted(name.trim()))),
            Some(column) if columns.contains(&Some(column)) => {
                faults.push(format!("The column {column} is there twice."))
            }
            _ => {}
        }
        columns.push(column);
    }
    if !columns.contains(&Some(Column::Id)) {
        faults.push(format!("Row {number} has no column id, which says who a row is about."));
    }
    if faults.is_empty() {
        return Ok(columns);
    }
    faults.push(the_columns());
    Err(faults.join("\n"))
}

type Cells = BTreeMap<Column, String>;

fn cells(
    record: &StringRecord,
    columns: &[Option<Column>],
    separator: u8,
) -> Result<Cells, Vec<(Option<Column>, String)>> {
    let quote = format!("A cell that contains {:?} or a quotation mark is quoted.", char::from(separator));
    if record.len() < columns.len() {
        return Err(vec![(None, format!("has {} cells, not {}. {quote}", record.len(), columns.len()))]);
    }
    if record.iter().skip(columns.len()).any(|cell| !cell.trim().is_empty()) {
        let what = format!("has {} cells, but there are {} columns. {quote}", record.len(), columns.len());
        return Err(vec![(None, what)]);
    }
    let mut cells = Cells::new();
    let mut faults = Vec::new();
    for (cell, column) in record.iter().zip(columns) {
        let text = text::nfc(cell.trim());
        let Some(column) = column else {
            if !text.is_empty() {
                faults.push((None, format!("has {} in a column without a name: name it, or delete it", quoted(&text))));
            }
            continue;
        };
        if let Some(what) = text::fault(&text, usize::MAX) {
            faults.push((Some(*column), what));
        }
        cells.insert(*column, text);
    }
    if faults.is_empty() { Ok(cells) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Last Name;ID;first-name\nSjöberg;1;Åsa\n\n\"Ek; jr\";2;Bo\n";

    fn names(bytes: &[u8]) -> Vec<(usize, String)> {
        let sheet = read(bytes).unwrap_or_else(|error| panic!("{error}"));
        assert!(sheet.faults.is_empty(), "{:?}", sheet.faults);
        sheet
            .rows
            .iter()
            .map(|row| (row.number, format!("{} {}", row.text(Column::FirstName), row.text(Column::LastName))))
            .collect()
    }

    #[test]
    fn each_encoding_of_a_spreadsheet_reads_the_same() {
        let utf16 =
            |bytes: fn(u16) -> [u8; 2]| "\u{feff}".encode_utf16().chain(TEXT.encode_utf16()).flat_map(bytes).collect();
        let windows = WINDOWS_1252.encode(TEXT).0.into_owned();
        let files: [Vec<u8>; 6] = [
            TEXT.into(),
            format!("\u{feff}{TEXT}").into(),
            utf16(u16::to_le_bytes),
            utf16(u16::to_be_bytes),
            windows,
            format!("sep=;\n{TEXT}").into(),
        ];
        for file in files {
            assert_eq!(names(&file), [(2, "Åsa Sjöberg".to_owned()), (4, "Bo Ek; jr".to_owned())]);
        }
        for separator in [',', '\t'] {
            let text = TEXT.replace("\"Ek; jr\"", "Ek").replace(';', &separator.to_string()).replace('\n', "\r\n");
            assert_eq!(names(text.as_bytes())[1], (4, "Bo Ek".to_owned()));
        }
    }

    #[test]
    fn a_row_has_the_number_that_a_spreadsheet_shows() {
        let sheet = read(b"\n\nid,first_name\n\n1,\"A\nb\nc\"\n,\n\n2,B\r\n\r3,\"C\n\"")
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(sheet.rows.iter().map(|row| row.number).collect::<Vec<_>>(), [8, 10]);
        assert_eq!(sheet.faults[0].to_string(), "row 5, first_name: has a line break after “A”: delete it");
    }

    #[test]
    fn a_quotation_mark_that_is_not_closed_is_told_where_it_opens() {
        let sheet = read(b"id;first_name\n,\";\"").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(sheet.rows.iter().map(|row| row.number).collect::<Vec<_>>(), [2]);
        let sheet = read(b"id;first_name\n1;A\n2;\"B\n3;C\n4;D\n").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(sheet.faults[0].to_string(), "row 3, first_name: has a line break after “B”: delete it");
    }

    proptest::proptest! {
        #[test]
        fn any_file_is_read_or_refused(bytes: Vec<u8>, text in "[;,\"a\r\n\t]{0,40}") {
            let _ = read(&bytes);
            if let Ok(sheet) = read(format!("id;first_name\n{text}").as_bytes()) {
                let numbers: Vec<_> = sheet.rows.iter().map(|row| row.number).collect();
                assert!(numbers.iter().all(|number| *number >= 2) && numbers.is_sorted(), "{numbers:?}");
            }
        }
    }

    #[test]
    fn a_file_that_is_not_this_csv_is_told_in_a_sentence() {
        for (file, sentence) in [
            (b"PK\x03\x04...".as_slice(), "a workbook"),
            (b"", "The file is empty. The first row has"),
            (b"id,adresses,Ort", "There is no column “adresses”.\nThere is no column “Ort”.\nThe first row has"),
            (b"id,ID", "The column id is there twice."),
            (b"username,country", "Row 1 has no column id"),
            (b"anna;svensson\n", "There is no column “anna”."),
            (b"i\0d\0", "not all UTF-8"),
            (b"\xff\xfei", "not all UTF-16LE"),
            (b"id,first_name\n1,\xc3\x85sa\n2,\xc3\x85sa\n3,\xc5sa", "Line 4 has a letter that is not UTF-8"),
        ] {
            let error = read(file).err().unwrap_or_else(|| panic!("{file:?} is accepted"));
            assert!(error.contains(sentence), "{file:?}: {error}");
        }
    }

    #[test]
    fn a_row_with_other_cells_than_columns_is_a_fault() {
        let sheet = read(b"id;first_name;\n1\n2;B;;;\n3;B;;x\n4;B;x\n").unwrap_or_else(|error| panic!("{error}"));
        let faults: Vec<_> = sheet.faults.iter().map(ToString::to_string).collect();
        assert_eq!(sheet.rows.len(), 1, "{faults:?}");
        for (fault, words) in faults.iter().zip([
            "row 2: has 1 cells, not 3",
            "row 4: has 4 cells, but",
            "row 5: has “x” in a column without",
        ]) {
            assert!(fault.starts_with(words), "{fault}");
        }
        assert_eq!(faults.len(), 3);
    }
}
