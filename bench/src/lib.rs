//! A measured figure, its baseline from the same run, and its target.

#![allow(clippy::print_stdout, reason = "a program for a person at a terminal")]

use std::{env, fs, path::PathBuf};

use anyhow::Context as _;
use serde::Serialize;

/// A line of the table.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub what: String,
    /// `ms`, `MB`, `/s`; empty for a count.
    pub unit: String,
    /// Median of the rounds.
    pub ours: f64,
    pub baseline: Option<Baseline>,
    pub target: Option<Target>,
    pub rounds: usize,
}

#[derive(Debug, Clone, Serialize)]
pub struct Baseline {
    pub what: String,
    /// Median of the rounds, which alternate with ours. In the row's unit.
    pub figure: f64,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// Ours ÷ baseline.
    RatioAtMost(f64),
    /// Ours ÷ baseline.
    RatioAtLeast(f64),
    /// Ours, in the row's unit.
    AtMost(f64),
}

impl Row {
    pub fn new(what: impl Into<String>, unit: &str, figures: &[f64]) -> Self {
        let (what, unit) = (what.into(), unit.to_owned());
        Self { what, unit, ours: median(figures), baseline: None, target: None, rounds: figures.len() }
    }

    pub fn vs(self, what: &str, figures: &[f64]) -> Self {
        Self { baseline: Some(Baseline { what: what.to_owned(), figure: median(figures) }), ..self }
    }

    pub fn target(self, target: Target) -> Self {
        Self { target: Some(target), ..self }
    }

    /// Ours ÷ baseline.
    fn ratio(&self) -> f64 {
        self.baseline.as_ref().map_or(f64::NAN, |baseline| self.ours / baseline.figure)
    }

    /// Whether the target is met; None if there is none.
    fn is_met(&self) -> Option<bool> {
        self.target.map(|target| match target {
            Target::RatioAtMost(most) => self.ratio() <= most,
            Target::RatioAtLeast(least) => self.ratio() >= least,
            Target::AtMost(most) => self.ours <= most,
        })
    }
}

/// The target folder that cargo used for this program, which is in `TARGET/PROFILE/deps`.
///
/// # Errors
/// When the program is somewhere else.
pub fn target_folder() -> anyhow::Result<PathBuf> {
    let program = env::current_exe()?;
    Ok(program.ancestors().nth(3).context("not in a target folder")?.to_owned())
}

/// Writes the rows and the machine to `bench/NAME.json` and, as Markdown, `bench/NAME.md` in the target folder.
///
/// # Errors
/// When a file cannot be written.
pub fn write(name: &str, rows: &[Row]) -> anyhow::Result<()> {
    let folder = target_folder()?.join("bench");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let machine = machine();
    let json = serde_json::to_string_pretty(&serde_json::json!({ "machine": machine, "rows": rows }))?;
    for (kind, text) in [("json", json), ("md", format!("{machine}\n\n{}", table(rows)))] {
        let file = folder.join(format!("{name}.{kind}"));
        fs::write(&file, text).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// Processor, cores, memory, system.
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

fn table(rows: &[Row]) -> String {
    let mut table = String::from("| what | ours | baseline | target | verdict |\n|---|--:|---|---|---|\n");
    for row in rows {
        let Cells { ours, baseline, target, verdict } = Cells::of(row);
        let verdict = if verdict == "missed" { "**missed**" } else { verdict };
        table += &format!("| {} | {ours} | {baseline} | {target} | {verdict} |\n", row.what);
    }
    table
}

/// A row as text, for the table and the terminal.
struct Cells {
    ours: String,
    baseline: String,
    target: String,
    verdict: &'static str,
}

impl Cells {
    fn of(row: &Row) -> Self {
        let with_unit = |number: String| format!("{number} {}", row.unit).trim_end().to_owned();
        let baseline = row.baseline.as_ref().map(|Baseline { what, figure }| {
            format!("{}, {what}: {:.2} ×", with_unit(three_digits(*figure)), row.ratio())
        });
        let target = row.target.map(|target| match target {
            Target::RatioAtMost(most) => format!("≤ {most} ×"),
            Target::RatioAtLeast(least) => format!("≥ {least} ×"),
            Target::AtMost(most) => format!("≤ {}", with_unit(most.to_string())),
        });
        let verdict = row.is_met().map_or("", |met| if met { "met" } else { "missed" });
        let ours = with_unit(three_digits(row.ours));
        Self { ours, baseline: baseline.unwrap_or_default(), target: target.unwrap_or_default(), verdict }
    }
}

/// Rounds to three significant digits; a whole number stays as it is.
fn three_digits(figure: f64) -> String {
    let decimals = match figure {
        whole if whole.fract() == 0.0 => 0,
        small if small < 10.0 => 2,
        large => usize::from(large < 100.0),
    };
    format!("{figure:.decimals$}")
}

pub fn print(rows: &[Row]) {
    for row in rows {
        let Cells { ours, baseline, target, verdict } = Cells::of(row);
        let rest: String =
            [baseline, target].iter().filter(|cell| !cell.is_empty()).map(|cell| format!(" | {cell}")).collect();
        println!("{verdict:6} {}: {ours}{rest}", row.what);
    }
}

/// Of an even number, the lower of the two in the middle.
pub fn median(figures: &[f64]) -> f64 {
    quantile(figures, 0.5)
}

/// By nearest rank. NaN if there are no figures.
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
    fn the_table_has_the_target_and_whether_it_is_met() {
        let row = Row::new("a start", "ms", &[380.0]).vs("a bare window", &[340.0]).target(Target::RatioAtMost(1.1));
        let missed = table(std::slice::from_ref(&row));
        assert!(
            missed.ends_with("| a start | 380 ms | 340 ms, a bare window: 1.12 × | ≤ 1.1 × | **missed** |\n"),
            "{missed}"
        );
        assert!(table(&[row.target(Target::RatioAtMost(1.15))]).contains("| met |"));
    }

    #[test]
    fn a_quantile_is_one_of_the_figures() {
        let figures = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert!((median(&figures) - 3.0).abs() < f64::EPSILON);
        assert!((quantile(&figures, 0.99) - 5.0).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }
}

/// In milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
