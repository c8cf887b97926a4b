use clap::ValueEnum;
use serde_json::{Value, json};

/// The format of a list.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Format {
    Table,
    Csv,
    Json,
}

/// A line of a CSV file, with its line end. A cell that a spreadsheet would run as a formula gets an apostrophe in front (as
/// OWASP advises against CSV injection).
pub fn csv_line(cells: &[&str]) -> String {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let runs = |cell: &str| cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let cells = cells.iter().map(|cell| if runs(cell) { format!("'{cell}") } else { (*cell).to_owned() });
    // Writing to memory does not fail.
    let _ = csv.write_record(cells.collect::<Vec<_>>());
    String::from_utf8(csv.into_inner().unwrap_or_default()).unwrap_or_default()
}

pub fn format_rows(columns: &[&str], rows: &[Vec<String>], format: Format) -> String {
    match format {
        Format::Json => {
            let objects: Vec<Value> = rows
                .iter()
                .map(|row| columns.iter().zip(row).map(|(name, cell)| ((*name).to_owned(), json!(cell))).collect())
                .collect();
            format!("{:#}", Value::Array(objects))
        }
        Format::Csv => {
            let body = rows.iter().map(|row| csv_line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
            std::iter::once(csv_line(columns)).chain(body).collect()
        }
        Format::Table => {
            let width = |at: usize, name: &str| {
                rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0).max(name.chars().count())
            };
            let widths: Vec<_> = columns.iter().enumerate().map(|(at, name)| width(at, name)).collect();
            let line = |cells: Vec<&str>| {
                let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
                cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
            };
            let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
            std::iter::once(line(columns.to_vec())).chain(body).collect::<Vec<_>>().join("\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_runs_no_cell_that_we_write() {
        let rows: Vec<_> =
            ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"].map(|cell| vec![cell.to_owned()]).into();
        let text = format_rows(&["=name"], &rows, Format::Csv);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let cells: Vec<String> = reader.records().map(|record| record.unwrap()[0].to_owned()).collect();
        assert_eq!(cells.len(), 8, "{text}");
        assert!(cells.iter().all(|cell| cell.starts_with('\'')), "{text}");
        assert_eq!(csv_line(&["Anna", "a=b", ""]), "Anna,a=b,\n");
    }
}
