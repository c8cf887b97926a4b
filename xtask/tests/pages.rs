//! The Markdown pages: links, anchors, named files, the README's length, and words that were replaced.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// What the tests need of one page.
#[derive(Default)]
struct Page {
    text: String,
    anchors: BTreeSet<String>,
    links: Vec<String>,
    code: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn tracked_files() -> BTreeSet<String> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().split_terminator('\0').map(str::to_owned).collect()
}

fn pages() -> BTreeMap<String, Page> {
    let files = tracked_files();
    let names = files.into_iter().filter(|name| name.ends_with(".md"));
    let pages: BTreeMap<_, _> = names
        .map(|name| {
            let text = fs::read_to_string(root().join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, parse(text))
        })
        .collect();
    assert!(pages.len() > 5, "{:?}", pages.keys());
    pages
}

fn parse(text: String) -> Page {
    let mut page = Page::default();
    let mut heading = None;
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.into_string());
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let slug = slug(&heading.take().unwrap());
                let numbered = (1..).map(|number| format!("{slug}-{number}"));
                let anchor = std::iter::once(slug.clone()).chain(numbered).find(|one| !page.anchors.contains(one));
                page.anchors.extend(anchor);
            }
            Event::Text(text) => heading.iter_mut().for_each(|heading| heading.push_str(&text)),
            Event::Code(code) => {
                heading.iter_mut().for_each(|heading| heading.push_str(&code));
                page.code.push(code.into_string());
            }
            _ => {}
        }
    }
    Page { text, ..page }
}

/// The anchor that GitHub gives to a heading.
fn slug(heading: &str) -> String {
    let heading = heading.to_lowercase().replace(' ', "-");
    heading.chars().filter(|c| c.is_alphanumeric() || ['-', '_'].contains(c)).collect()
}

/// The path from the root that `target` means on `page`; none outside the repository.
fn resolve(page: &str, target: &str) -> Option<String> {
    let mut parts: Vec<_> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[test]
fn every_relative_link_and_anchor_exists() {
    let (pages, files) = (pages(), tracked_files());
    let mut broken = Vec::new();
    for (name, page) in &pages {
        for link in page.links.iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if target.is_empty() { Some(name.clone()) } else { resolve(name, target) };
            let exists = target.is_some_and(|target| {
                let is_there = files.iter().any(|file| *file == target || file.starts_with(&format!("{target}/")));
                is_there && (anchor.is_empty() || pages.get(&target).is_some_and(|page| page.anchors.contains(anchor)))
            });
            if !exists {
                broken.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "broken links: {broken:#?}");
}

#[test]
fn every_source_file_that_a_page_names_exists() {
    let files = tracked_files();
    let kinds = ["rs", "ts", "tsx", "css", "kt", "sql", "toml", "yml", "plist", "xml"];
    let is_there = |code: &str| files.iter().any(|file| file == code || file.ends_with(&format!("/{code}")));
    let mut missing = Vec::new();
    for (name, page) in pages() {
        let named =
            page.code.iter().filter(|code| code.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c)));
        let named = named
            .filter(|code| code.rsplit_once('.').is_some_and(|(stem, kind)| !stem.is_empty() && kinds.contains(&kind)));
        missing.extend(named.filter(|code| !is_there(code)).map(|code| format!("{name}: {code}")));
    }
    assert!(missing.is_empty(), "files that do not exist: {missing:#?}");
}

#[test]
fn each_rule_question_is_answered_by_one_file() {
    let page = &pages()["ARCHITECTURE.md"].text;
    let (_, table) = page.split_once("## Where is rule X?").unwrap();
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| ") && line.contains('?')).collect();
    assert_eq!(rows.len(), 12);
    for row in rows {
        let file = row.split('`').nth(1).unwrap_or_else(|| panic!("no file: {row}"));
        assert_eq!(row.matches('`').count(), 2, "{row}");
        assert!(root().join(file).is_file(), "{row}");
    }
}

#[test]
fn the_readme_has_at_most_500_words() {
    let words = pages()["README.md"].text.split_whitespace().count();
    assert!(words <= 500, "{words} words");
}

#[test]
fn no_page_uses_a_replaced_name() {
    let replaced = [
        "breakages",
        "in_a_window",
        "KILL_ROUNDS",
        "--tour",
        "target/tour",
        "stand-in",
        "the seed",
        "seed.txt",
        "flow.md",
        "design card",
        "the owner's",
        "Standing",
        "Handover",
        "Servant",
        "linkings",
        "client_limits",
        "settings_link",
        "neighbours",
    ];
    let mut found = Vec::new();
    for (name, page) in pages() {
        found.extend(replaced.iter().filter(|word| page.text.contains(**word)).map(|word| format!("{name}: {word}")));
    }
    assert!(found.is_empty(), "{found:#?}");
}
