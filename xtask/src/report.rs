//! The report on the tests in a window: `target/qa-report/index.html`.

use std::{
    fmt::{self, Write as _},
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::Value;

const FOLDER: &str = "target/qa-report";

/// Empties the folder and returns its absolute path: each test runs in its package's folder.
pub(crate) fn clear() -> anyhow::Result<PathBuf> {
    match fs::remove_dir_all(FOLDER) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).context(FOLDER),
        _ => fs::create_dir_all(FOLDER)?,
    }
    Ok(fs::canonicalize(FOLDER)?)
}

/// What other tests have written stays.
pub(crate) fn make_folder() -> anyhow::Result<()> {
    fs::create_dir_all(FOLDER).context(FOLDER)
}

/// Writes the page from the tests' logs.
pub(crate) fn write() -> anyhow::Result<()> {
    let mut logs = Vec::new();
    for entry in fs::read_dir(FOLDER)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let log: Value = serde_json::from_slice(&fs::read(&path)?).with_context(|| path.display().to_string())?;
            logs.push(log);
        }
    }
    // Failures first.
    logs.sort_by_key(|log| (log["failure"].is_null(), log["began"].as_u64()));
    let page = Path::new(FOLDER).join("index.html");
    fs::write(&page, html(&logs)?)?;
    println!("The report: {}", page.display());
    Ok(())
}

/// Escapes text for HTML content and quoted attributes.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => out.write_str("&amp;"),
            '<' => out.write_str("&lt;"),
            '>' => out.write_str("&gt;"),
            '"' => out.write_str("&quot;"),
            c => out.write_char(c),
        })
    }
}

const STYLE: &str = "\
:root { color-scheme: light dark; --bg: light-dark(#fbfbfa, #141817); --text: light-dark(#17201f, #e8eceb);
  --text-muted: light-dark(#55605e, #9aa5a3); --border: light-dark(#dfe3e2, #2c3433); --passed: light-dark(#0d5c63, #6cc4cb);
  --failed: light-dark(#a3231f, #ff9a91) }
body { font: 16px/1.5 system-ui; background: var(--bg); color: var(--text); max-width: 960px; margin: 40px auto; padding: 0 16px }
h1 { font-size: 24px } summary { padding: 8px 0; cursor: pointer; border-top: 1px solid var(--border) }
summary .result { display: inline-block; width: 64px; color: var(--passed) } .failed .result { color: var(--failed) }
summary .took, td.number { color: var(--text-muted); font-variant-numeric: tabular-nums; text-align: right } summary .took { float: right }
table { border-collapse: collapse; width: 100%; margin: 8px 0 24px } th { text-align: left; font-weight: 600 }
td, th { padding: 2px 12px 2px 0; vertical-align: top; overflow-wrap: anywhere } td.number { white-space: nowrap }
img { max-height: 320px; max-width: 100%; border: 1px solid var(--border) }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border-left: 2px solid var(--failed); padding-left: 12px }";

fn html(logs: &[Value]) -> Result<String, fmt::Error> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let seconds = |value: &Value| format!("{:.2} s", value.as_f64().unwrap_or_default() / 1000.0);
    let failed = logs.iter().filter(|log| !log["failure"].is_null()).count();
    let passed = logs.len() - failed;
    let all: f64 = logs.iter().filter_map(|log| log["took"].as_f64()).sum();
    let mut page = String::new();
    write!(
        page,
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Tests in a window</title><style>{STYLE}</style><h1>Tests in a window</h1>\
         <p>{passed} passed, {failed} failed. {:.0} s in total, partly in parallel.</p>",
        all / 1000.0
    )?;
    for log in logs {
        let failure = &log["failure"];
        let (class, result) = if failure.is_null() { ("", "passed") } else { ("failed", "failed") };
        let open = if failure.is_null() { "" } else { " open" };
        let name = text(&log["name"]).replace('_', " ");
        write!(
            page,
            "<details{open} class=\"{class}\"><summary><span class=result>{result}</span>{}<span class=took>{}</span></summary>",
            Escaped(&name),
            seconds(&log["took"])
        )?;
        if let Some(failure) = failure.as_str() {
            write!(page, "<pre>{}</pre>", Escaped(failure))?;
        }
        page.push_str("<table><tr><th>At<th>Took<th>Step</tr>");
        for step in log["steps"].as_array().into_iter().flatten() {
            let took = if step["took"].is_null() { String::new() } else { seconds(&step["took"]) };
            let what = text(&step["what"]);
            write!(page, "<tr><td class=number>{}<td class=number>{took}<td>{}", seconds(&step["at"]), Escaped(&what))?;
            if let Some(file) = step["screenshot"].as_str() {
                write!(page, "<br><img loading=lazy src=\"{}\" alt=\"{}\">", Escaped(file), Escaped(&what))?;
            }
            page.push_str("</tr>");
        }
        page.push_str("</table>");
        for (part, heading) in
            [("text", "Text of the page"), ("source", "HTML of the page"), ("output", "Output of the processes")]
        {
            if let Some(content) = log["page"][part].as_str() {
                write!(page, "<h2>{heading}</h2><pre>{}</pre>", Escaped(content))?;
            }
        }
        page.push_str("</details>");
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::html;

    #[test]
    fn a_failure_is_open_with_steps_screenshot_and_page() {
        let steps = json!([
            { "at": 10, "took": 250, "what": "click on <send-code>" },
            { "at": 300, "what": "failure", "screenshot": "one-1.png" },
        ]);
        let page = html(&[
            json!({ "name": "one", "took": 1500, "failure": "timed \"out\"", "steps": steps,
                    "page": { "text": "Check your inbox", "source": "<body>" } }),
            json!({ "name": "two_works", "took": 500, "failure": null, "steps": [], "page": {} }),
        ]);
        let page = page.unwrap();
        for part in [
            "1 passed, 1 failed. 2 s in total",
            "<details open class=\"failed\">",
            "timed &quot;out&quot;",
            "0.25 s<td>click on &lt;send-code&gt;",
            "src=\"one-1.png\"",
            "Check your inbox",
            "&lt;body&gt;",
            "two works",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert_eq!(page.matches(" open").count(), 1);
    }
}
