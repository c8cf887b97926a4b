use clap::ValueEnum;
use serde_json::{Value, json};

/// The format of a list.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Format {
    Table,
    Csv,
    Json,
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
            let mut csv = csv::Writer::from_writer(Vec::new());
            // Writing to memory does not fail.
            let _ = csv.write_record(columns);
            for row in rows {
                let _ = csv.write_record(row);
            }
            String::from_utf8(csv.into_inner().unwrap_or_default()).unwrap_or_default()
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
