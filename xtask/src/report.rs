//! One page for people of what the tests in a window did: `target/qa-report/index.html`.

use std::{
    fmt::{self, Write as _},
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::Value;

const FOLDER: &str = "target/qa-report";

/// An empty folder for the stories of the tests, by its full name: each test runs where its package is.
pub(crate) fn begin() -> anyhow::Result<PathBuf> {
    match fs::remove_dir_all(FOLDER) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).context(FOLDER),
        _ => fs::create_dir_all(FOLDER)?,
    }
    Ok(fs::canonicalize(FOLDER)?)
}

/// Makes the page of what the tests have written.
pub(crate) fn end() -> anyhow::Result<()> {
    let mut stories = Vec::new();
    for entry in fs::read_dir(FOLDER)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let story: Value = serde_json::from_slice(&fs::read(&path)?).with_context(|| path.display().to_string())?;
            stories.push(story);
        }
    }
    // What failed is what one opens the page for.
    stories.sort_by_key(|story| (story["failure"].is_null(), story["began"].as_u64()));
    let page = Path::new(FOLDER).join("index.html");
    fs::write(&page, html(&stories)?)?;
    println!("The report: {}", page.display());
    Ok(())
}

/// Text for a place between tags or in a quoted attribute.
struct Safe<'a>(&'a str);

impl fmt::Display for Safe<'_> {
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
:root { color-scheme: light dark; --ground: light-dark(#fbfbfa, #141817); --ink: light-dark(#17201f, #e8eceb);
  --quiet: light-dark(#55605e, #9aa5a3); --line: light-dark(#dfe3e2, #2c3433); --right: light-dark(#0d5c63, #6cc4cb);
  --wrong: light-dark(#a3231f, #ff9a91) }
body { font: 16px/1.5 system-ui; background: var(--ground); color: var(--ink); max-width: 960px; margin: 40px auto; padding: 0 16px }
h1 { font-size: 24px } summary { padding: 8px 0; cursor: pointer; border-top: 1px solid var(--line) }
summary .how { display: inline-block; width: 64px; color: var(--right) } .failed .how { color: var(--wrong) }
summary .took, td.number { color: var(--quiet); font-variant-numeric: tabular-nums; text-align: right } summary .took { float: right }
table { border-collapse: collapse; width: 100%; margin: 8px 0 24px } th { text-align: left; font-weight: 600 }
td, th { padding: 2px 12px 2px 0; vertical-align: top; overflow-wrap: anywhere } td.number { white-space: nowrap }
img { max-height: 320px; max-width: 100%; border: 1px solid var(--line) }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border-left: 2px solid var(--wrong); padding-left: 12px }";

fn html(stories: &[Value]) -> Result<String, fmt::Error> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let seconds = |value: &Value| format!("{:.2} s", value.as_f64().unwrap_or_default() / 1000.0);
    let failed = stories.iter().filter(|story| !story["failure"].is_null()).count();
    let passed = stories.len() - failed;
    let all: f64 = stories.iter().filter_map(|story| story["took"].as_f64()).sum();
    let mut page = String::new();
    write!(
        page,
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Tests in a window</title><style>{STYLE}</style><h1>Tests in a window</h1>\
         <p>{passed} passed, {failed} failed. {:.0} s in all, some of it side by side.</p>",
        all / 1000.0
    )?;
    for story in stories {
        let failure = &story["failure"];
        let (class, how) = if failure.is_null() { ("", "passed") } else { ("failed", "failed") };
        let open = if failure.is_null() { "" } else { " open" };
        let name = text(&story["name"]).replace("in_a_window_", "").replace('_', " ");
        write!(
            page,
            "<details{open} class=\"{class}\"><summary><span class=how>{how}</span>{}<span class=took>{}</span></summary>",
            Safe(&name),
            seconds(&story["took"])
        )?;
        if let Some(failure) = failure.as_str() {
            write!(page, "<pre>{}</pre>", Safe(failure))?;
        }
        page.push_str("<table><tr><th>At<th>Took<th>Step</tr>");
        for step in story["steps"].as_array().into_iter().flatten() {
            let took = if step["took"].is_null() { String::new() } else { seconds(&step["took"]) };
            let what = text(&step["what"]);
            write!(page, "<tr><td class=number>{}<td class=number>{took}<td>{}", seconds(&step["at"]), Safe(&what))?;
            if let Some(file) = step["picture"].as_str() {
                write!(page, "<br><img loading=lazy src=\"{}\" alt=\"{}\">", Safe(file), Safe(&what))?;
            }
            page.push_str("</tr>");
        }
        page.push_str("</table>");
        for (part, heading) in
            [("text", "The page as it stood"), ("source", "Its source"), ("log", "What its programs said")]
        {
            if let Some(told) = story["page"][part].as_str() {
                write!(page, "<h2>{heading}</h2><pre>{}</pre>", Safe(told))?;
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
    fn a_failure_stands_open_with_its_steps_its_picture_and_the_page() {
        let steps = json!([
            { "at": 10, "took": 250, "what": "a tap on <send-code>" },
            { "at": 300, "what": "the moment of the failure", "picture": "one-1.png" },
        ]);
        let page = html(&[
            json!({ "name": "in_a_window_one", "took": 1500, "failure": "waited \"in vain\"", "steps": steps,
                    "page": { "text": "Check your inbox", "source": "<body>" } }),
            json!({ "name": "in_a_window_two_works", "took": 500, "failure": null, "steps": [], "page": {} }),
        ]);
        let page = page.unwrap();
        for part in [
            "1 passed, 1 failed. 2 s in all",
            "<details open class=\"failed\">",
            "waited &quot;in vain&quot;",
            "0.25 s<td>a tap on &lt;send-code&gt;",
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
