//! A figure of ours beside its floor, measured in the same run, and what was asked of it.

#![allow(clippy::print_stdout, reason = "the figures are for the person who asked for them")]

use std::{fs, path::Path};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// One line of the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// What is measured, as the table says it.
    pub what: String,
    /// The unit of `ours` and `floor`: `ms`, `MB`, `/s`.
    pub unit: String,
    /// Median of the rounds.
    pub ours: f64,
    /// Median of the floor's rounds, taken in turn with ours. None where the target is absolute, or nothing is asked.
    pub floor: Option<f64>,
    /// What the floor is.
    pub beside: Option<String>,
    /// What was asked.
    pub target: Option<Target>,
    /// How many rounds each.
    pub rounds: usize,
}

/// What was asked of a figure.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// Ours ÷ floor, at most.
    RatioAtMost(f64),
    /// Ours ÷ floor, at least.
    RatioAtLeast(f64),
    /// Ours, in its unit, at most.
    AtMost(f64),
}

impl Row {
    /// Ours ÷ floor.
    pub fn ratio(&self) -> Option<f64> {
        self.floor.map(|floor| self.ours / floor)
    }

    /// Whether the target is met; None where nothing is asked.
    pub fn is_met(&self) -> Option<bool> {
        let ratio = self.ratio().unwrap_or(f64::NAN);
        self.target.map(|target| match target {
            Target::RatioAtMost(most) => ratio <= most,
            Target::RatioAtLeast(least) => ratio >= least,
            Target::AtMost(most) => self.ours <= most,
        })
    }
}

/// Writes rows to `target/bench/NAME.json`, and as a table for the README to `NAME.md`, each with the machine.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path, name: &str, rows: &[Row]) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let machine = machine();
    let json = serde_json::to_string_pretty(&serde_json::json!({ "machine": machine, "rows": rows }))?;
    for (kind, text) in [("json", json), ("md", format!("{machine}\n\n{}", table(rows)))] {
        let file = folder.join(format!("{name}.{kind}"));
        fs::write(&file, text).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// The processor, the cores and the memory of this machine, and its system.
fn machine() -> String {
    let of = |file: &str, key: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().to_owned();
        line.trim_start_matches([' ', '\t', ':', '=']).trim_matches('"').to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kilobytes = of("/proc/meminfo", "MemTotal:").trim_end_matches(" kB").parse().unwrap_or(0.0);
    let (processor, system) = (of("/proc/cpuinfo", "model name"), of("/etc/os-release", "PRETTY_NAME"));
    format!("{processor}, {cores} cores, {:.0} GB, {system}", kilobytes / 1e6)
}

/// The rows as Markdown.
fn table(rows: &[Row]) -> String {
    let mut table = String::from("| what | ours | beside it | asked | verdict |\n|---|--:|---|---|---|\n");
    for row in rows {
        let Cells { ours, beside, asked, verdict } = Cells::of(row);
        let verdict = if verdict == "missed" { "**missed**" } else { verdict };
        table += &format!("| {} | {ours} | {beside} | {asked} | {verdict} |\n", row.what);
    }
    table
}

/// What is said of a row, wherever it is said.
struct Cells {
    ours: String,
    beside: String,
    asked: String,
    verdict: &'static str,
}

impl Cells {
    fn of(row: &Row) -> Self {
        let with_unit = |number: String| format!("{number} {}", row.unit).trim_end().to_owned();
        let beside = row.floor.zip(row.beside.as_ref()).map(|(floor, beside)| {
            format!("{}, {beside}: {:.2} ×", with_unit(figure(floor)), row.ratio().unwrap_or_default())
        });
        let asked = row.target.map(|target| match target {
            Target::RatioAtMost(most) => format!("≤ {most} ×"),
            Target::RatioAtLeast(least) => format!("≥ {least} ×"),
            Target::AtMost(most) => format!("≤ {}", with_unit(most.to_string())),
        });
        let verdict = row.is_met().map_or("", |met| if met { "met" } else { "missed" });
        let ours = with_unit(figure(row.ours));
        Self { ours, beside: beside.unwrap_or_default(), asked: asked.unwrap_or_default(), verdict }
    }
}

/// Three digits that mean something; a count as it is.
fn figure(figure: f64) -> String {
    let digits = match figure {
        whole if whole.fract() == 0.0 => 0,
        small if small < 10.0 => 2,
        large => usize::from(large < 100.0),
    };
    format!("{figure:.digits$}")
}

/// Prints rows: whether the target is met, ours, the floor with their ratio, and what was asked.
pub fn print(rows: &[Row]) {
    for row in rows {
        let Cells { ours, beside, asked, verdict } = Cells::of(row);
        let rest: String =
            [beside, asked].iter().filter(|cell| !cell.is_empty()).map(|cell| format!(" | {cell}")).collect();
        println!("{verdict:6} {}: {ours}{rest}", row.what);
    }
}

/// The middle of some figures; of an even number, the lower of the two.
pub fn median(figures: &[f64]) -> f64 {
    quantile(figures, 0.5)
}

/// The figure that this part of all figures does not exceed (nearest rank).
pub fn quantile(figures: &[f64], part: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::{Row, Target, median, quantile, table};

    #[test]
    fn the_table_says_what_was_asked_and_whether_it_is_met() {
        let row = Row {
            what: "a start".into(),
            unit: "ms".into(),
            ours: 380.0,
            floor: Some(340.0),
            beside: Some("a bare window".into()),
            target: Some(Target::RatioAtMost(1.1)),
            rounds: 25,
        };
        let missed = table(std::slice::from_ref(&row));
        assert!(
            missed.ends_with("| a start | 380 ms | 340 ms, a bare window: 1.12 × | ≤ 1.1 × | **missed** |\n"),
            "{missed}"
        );
        assert!(table(&[Row { target: Some(Target::RatioAtMost(1.15)), ..row }]).contains("| met |"));
    }

    #[test]
    fn a_quantile_is_one_of_the_figures() {
        let figures = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert!((median(&figures) - 3.0).abs() < f64::EPSILON);
        assert!((quantile(&figures, 0.99) - 5.0).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }
}
