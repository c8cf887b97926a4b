//! Checks files that are compiled on no machine of ours: Android's XML, Apple's property lists, AppStream metadata.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use roxmltree::{Document, ParsingOptions};

const ANDROID: &str = "http://schemas.android.com/apk/res/android";
const RES: &str = "gen/android/app/src/main/res";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn parse(text: &str) -> Document<'_> {
    // Apple's property lists have a DTD.
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).unwrap()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn languages() -> Vec<String> {
    let mut found: Vec<_> = fs::read_dir(root().join("ui/src/messages"))
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.path().file_stem()?.to_str().map(str::to_owned))
        .filter(|name| name.len() == 2)
        .collect();
    found.sort();
    found
}

#[test]
fn the_linux_packages_ask_for_the_glibc_that_they_need() {
    let config: serde_json::Value = serde_json::from_str(&text("tauri.conf.json")).unwrap();
    let linux = &config["bundle"]["linux"];
    assert!(linux["deb"]["depends"].as_array().unwrap().contains(&"libc6 (>= 2.36)".into()));
    // What the packed relocations of build.rs need: glibc has it since 2.36.
    assert!(text("src-tauri/build.rs").contains("pack-relative-relocs"));
    assert!(linux["rpm"]["depends"].as_array().unwrap().contains(&"libc.so.6(GLIBC_ABI_DT_RELR)(64bit)".into()));
    // Debian 12 has glibc 2.36: a newer one would bring newer symbols.
    assert!(text(".github/workflows/release.yml").contains("-bookworm"));
    assert!(text("xtask/src/bundle.rs").contains("GLIBC: u32 = 36"));
    for page in ["docs/install.md", "docs/platforms.md"] {
        assert!(text(page).contains("glibc 2.36"), "{page}");
    }
}

#[test]
fn android_reads_copied_text_of_any_type() {
    let kotlin = text("gen/android/app/src/main/java/app/flexconnect/employee/PastePlugin.kt");
    let rust = text("src-tauri/src/clipboard.rs");
    assert!(kotlin.contains("coerceToText(activity)") && !kotlin.contains("MIMETYPE"));
    assert!(kotlin.contains("package app.flexconnect.employee") && kotlin.contains("class PastePlugin("));
    assert!(rust.contains("register_android_plugin(\"app.flexconnect.employee\", \"PastePlugin\")"));
    assert!(kotlin.contains("fun paste(invoke: Invoke)") && rust.contains("run_mobile_plugin(\"paste\", ())"));
}

#[test]
fn android_shows_the_email_app_and_may_see_it() {
    let kotlin = text("gen/android/app/src/main/java/app/flexconnect/employee/EmailAppPlugin.kt");
    let rust = text("src-tauri/src/email_app.rs");
    assert!(kotlin.contains("makeMainSelectorActivity(Intent.ACTION_MAIN, Intent.CATEGORY_APP_EMAIL)"));
    assert!(kotlin.contains("addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)"));
    assert!(kotlin.contains("package app.flexconnect.employee") && kotlin.contains("class EmailAppPlugin("));
    assert!(rust.contains("register_android_plugin(\"app.flexconnect.employee\", \"EmailAppPlugin\")"));
    assert!(kotlin.contains("fun open(invoke: Invoke)") && rust.contains("run_mobile_plugin(\"open\", ())"));
    let text = text("gen/android/app/src/main/AndroidManifest.xml");
    let manifest = parse(&text);
    let queries = manifest.descendants().find(|node| node.has_tag_name("queries")).unwrap();
    assert_eq!(queries.parent_element().unwrap().tag_name().name(), "manifest");
    let named =
        queries.descendants().filter_map(|node| Some((node.tag_name().name(), node.attribute((ANDROID, "name"))?)));
    let email = [("action", "android.intent.action.MAIN"), ("category", "android.intent.category.APP_EMAIL")];
    assert_eq!(named.collect::<Vec<_>>(), email, "and no other app");
}

#[test]
fn the_ios_app_opens_mail_without_asking_what_is_installed() {
    assert!(text("src-tauri/src/email_app.rs").contains("open_url(\"message://\", None::<&str>)"));
    assert!(!text("src-tauri/apple/Info.ios.plist").contains("LSApplicationQueriesSchemes"));
}

/// The table says how each of them was checked.
#[test]
fn every_platform_specific_source_is_in_the_platform_table() {
    let page = text("docs/platforms.md");
    let mut files = Vec::new();
    collect(&root().join("src-tauri/src"), &mut files);
    collect(&root().join("src-tauri/core/src"), &mut files);
    collect(&root().join("backend/src"), &mut files);
    files.extend([root().join("Cargo.toml"), root().join("src-tauri/build.rs")]);
    let conditions =
        ["target_os", "cfg(unix)", "cfg(not(unix))", "cfg(windows)", "(desktop)", "(mobile", "windows_subsystem"];
    let names = files.into_iter().filter_map(|file| {
        let source = fs::read_to_string(&file).ok()?;
        let has_condition = conditions.iter().any(|one| source.contains(one)) || source.contains("CARGO_CFG_TARGET");
        has_condition.then(|| file.strip_prefix(root()).unwrap().display().to_string())
    });
    let names: Vec<_> = names.collect();
    assert!(names.len() > 8, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/platforms.md");
    }
}

#[test]
fn every_xml_file_is_well_formed() {
    let mut files = Vec::new();
    collect(&root().join("gen/android/app/src"), &mut files);
    collect(&root().join("src-tauri/apple"), &mut files);
    collect(&root().join("src-tauri/linux"), &mut files);
    let kinds = ["xml", "plist", "entitlements", "xcprivacy"];
    files.retain(|file| kinds.iter().any(|kind| file.extension().is_some_and(|extension| extension == *kind)));
    assert!(files.len() > 15, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
        if let Err(error) = Document::parse_with_options(&text, options) {
            panic!("{}: {error}", file.display());
        }
    }
}

#[test]
fn the_android_app_has_one_permission_and_no_backup() {
    let text = text("gen/android/app/src/main/AndroidManifest.xml");
    let manifest = parse(&text);
    let named = |tag: &str| -> Vec<_> {
        let nodes = manifest.descendants().filter(|node| node.has_tag_name(tag));
        nodes.map(|node| node.attribute((ANDROID, "name")).unwrap().to_owned()).collect()
    };
    assert_eq!(named("uses-permission"), ["android.permission.INTERNET"]);
    assert_eq!(named("activity"), [".MainActivity"]);
    assert!(named("provider").is_empty() && named("service").is_empty() && named("receiver").is_empty());
    let app = manifest.descendants().find(|node| node.has_tag_name("application")).unwrap();
    assert_eq!(app.attribute((ANDROID, "allowBackup")), Some("false"));
    // Every XML resource that the manifest names exists.
    for node in manifest.descendants() {
        for attribute in node.attributes() {
            if let Some(name) = attribute.value().strip_prefix("@xml/") {
                assert!(root().join(RES).join("xml").join(name).with_extension("xml").exists(), "@xml/{name}");
            }
        }
    }
}

#[test]
fn the_ios_app_hears_that_it_is_active_again() {
    assert!(text("src-tauri/apple/Info.ios.plist").contains("<key>UIApplicationSceneManifest</key>"));
}

#[test]
fn no_setting_of_the_phone_restarts_the_page() {
    let manifest = text("gen/android/app/src/main/AndroidManifest.xml");
    let (_, changes) = manifest.split_once("android:configChanges=\"").unwrap();
    let changes: Vec<_> = changes.split('"').next().unwrap().split('|').collect();
    // A keyboard or a game controller that connects changes the last two; bold text the one before.
    let wanted = [
        "orientation",
        "screenSize",
        "smallestScreenSize",
        "screenLayout",
        "locale",
        "uiMode",
        "fontScale",
        "density",
        "layoutDirection",
        "colorMode",
        "grammaticalGender",
        "fontWeightAdjustment",
        "keyboard",
        "navigation",
    ];
    for change in wanted {
        assert!(changes.contains(&change), "{change}");
    }
}

#[test]
fn the_keyboard_makes_the_page_smaller() {
    let manifest = text("gen/android/app/src/main/AndroidManifest.xml");
    assert!(manifest.contains("android:windowSoftInputMode=\"adjustResize\""));
    // From Android 15 on, an app has to do it itself.
    let kotlin = text("gen/android/app/src/main/java/app/flexconnect/employee/MainActivity.kt");
    assert!(kotlin.contains("content.updatePadding(bottom = keyboard.bottom)"));
}

#[test]
fn no_backup_and_no_new_phone_gets_the_files_of_the_app() {
    for (file, sections) in [("backup_rules", 1), ("data_extraction_rules", 2)] {
        let text = text(&format!("{RES}/xml/{file}.xml"));
        let rules = parse(&text);
        let excluded: Vec<_> = rules.descendants().filter(|node| node.has_tag_name("exclude")).collect();
        assert!(excluded.iter().all(|node| node.attribute("path") == Some(".")), "{file}");
        let domains: Vec<_> = excluded.iter().filter_map(|node| node.attribute("domain")).collect();
        assert_eq!(domains, ["root", "file", "database", "sharedpref", "external"].repeat(sections), "{file}");
    }
}

/// Tauri's page on signing: the workflows and a developer write the file.
#[test]
fn the_android_release_is_signed_with_a_key_from_elsewhere() {
    let gradle = text("gen/android/app/build.gradle.kts");
    assert!(gradle.contains("rootProject.file(\"keystore.properties\")"));
    assert!(gradle.contains("signingConfig = signingConfigs.findByName(\"release\")"));
    assert!(text("gen/android/.gitignore").lines().any(|line| line == "keystore.properties"));
    let workflow = text(".github/workflows/android.yml");
    for key in ["storeFile", "password", "keyAlias"] {
        assert!(
            gradle.contains(&format!("getProperty(\"{key}\")")) && workflow.contains(&format!("{key}=%s")),
            "{key}"
        );
    }
}

/// `xcodegen generate` writes an empty one.
#[test]
fn ios_gets_its_entitlements_after_the_project() {
    for page in [".github/workflows/ios.yml", "docs/platforms.md"] {
        let text = text(page);
        let generated = text.find("xcodegen generate").unwrap();
        assert!(text.find("cp src-tauri/apple/PrivacyInfo.xcprivacy").unwrap() < generated, "{page}");
        assert!(text.find("cp src-tauri/apple/ios.entitlements").unwrap() > generated, "{page}");
    }
}

#[test]
fn the_android_project_and_tauri_promise_the_same_android() {
    let config: serde_json::Value = serde_json::from_str(&text("tauri.conf.json")).unwrap();
    let min_sdk = &config["bundle"]["android"]["minSdkVersion"];
    assert!(text("gen/android/app/build.gradle.kts").contains(&format!("minSdk = {min_sdk}")));
}

#[test]
fn plain_http_is_allowed_to_this_device_only() {
    let text = text(&format!("{RES}/xml/network_security_config.xml"));
    let config = parse(&text);
    let allowed = config.descendants().filter(|node| node.attribute("cleartextTrafficPermitted") == Some("true"));
    let hosts: Vec<_> =
        allowed.flat_map(|node| node.descendants()).filter(|node| node.has_tag_name("domain")).collect();
    let hosts: Vec<_> = hosts.iter().filter_map(roxmltree::Node::text).collect();
    assert_eq!(hosts, ["localhost", "127.0.0.1"]);
}

#[test]
fn every_system_lists_the_languages_of_the_ui() {
    let wanted = languages();
    assert!(wanted.contains(&"sv".to_owned()), "{wanted:?}");
    let android = text(&format!("{RES}/xml/locales_config.xml"));
    let mut found: Vec<_> =
        parse(&android).descendants().filter_map(|node| node.attribute((ANDROID, "name")).map(str::to_owned)).collect();
    found.sort();
    assert_eq!(found, wanted, "Android");
    for list in ["Info.ios.plist", "Info.macos.plist"] {
        let apple = text(&format!("src-tauri/apple/{list}"));
        let apple = parse(&apple);
        let array = apple.descendants().find(|node| node.has_tag_name("array")).unwrap();
        let mut found: Vec<_> = array.children().filter_map(|node| node.text()).map(str::trim).collect();
        found.retain(|text| !text.is_empty());
        found.sort_unstable();
        assert_eq!(found, wanted, "{list}");
    }
}

#[test]
fn the_first_frame_has_the_background_of_the_page() {
    let tokens = text("ui/src/style/tokens.css");
    let backgrounds: Vec<_> = tokens.lines().filter_map(|line| line.trim().strip_prefix("--bg: ")?.get(..7)).collect();
    let [day, night] = backgrounds[..] else { panic!("{backgrounds:?}") };
    for (folder, wanted) in [("values", day), ("values-night", night)] {
        let colours = text(&format!("{RES}/{folder}/colors.xml"));
        let colours = parse(&colours);
        let background = colours.descendants().find(|node| node.attribute("name") == Some("background")).unwrap();
        assert_eq!(background.text().unwrap().to_lowercase(), wanted, "{folder}");
    }
    let config: serde_json::Value = serde_json::from_str(&text("tauri.conf.json")).unwrap();
    assert_eq!(config["app"]["windows"][0]["backgroundColor"], day);
}

#[test]
fn android_and_rust_use_the_same_names_for_the_server_setting() {
    let kotlin = text("gen/android/app/src/main/java/app/flexconnect/employee/MainActivity.kt");
    let rust = text("src-tauri/src/launch.rs");
    assert!(
        kotlin.contains("SERVER = \"FLEX_CONNECT_SERVER\"") && rust.contains("SERVER: &str = \"FLEX_CONNECT_SERVER\"")
    );
    let restrictions = text(&format!("{RES}/xml/app_restrictions.xml"));
    let restrictions = parse(&restrictions);
    let keys: Vec<_> = restrictions.descendants().filter_map(|node| node.attribute((ANDROID, "key"))).collect();
    assert_eq!(keys, ["server"]);
    assert!(kotlin.contains("getString(\"server\")"));
}
