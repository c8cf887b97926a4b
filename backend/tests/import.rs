//! The import of people, while a demo uses the same database.
//!
//! The tests are multi-threaded: they block while a command runs, and the demo may hold the lock that it needs.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::{ANNA, TestDemo, admin, light_hash, program, until};
use argon2::password_hash::PasswordHasher as _;
use hrm_backend::database::Database;
use hrm_backend::events::Events;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const HEADING: &str = "id,username,password_hash,first_name,last_name,language,country,addresses";

impl TestDemo {
    fn file(&self, bytes: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join("people.csv");
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn import(&self, bytes: impl AsRef<[u8]>, options: &[&str]) -> (bool, String) {
        let file = self.file(bytes);
        admin(&self.database_url, &[&["import", "--company", "demo", &file], options].concat())
    }

    #[track_caller]
    fn imported(&self, bytes: impl AsRef<[u8]>, options: &[&str]) -> String {
        let (done, output) = self.import(bytes, options);
        assert!(done, "{output}");
        output
    }

    #[track_caller]
    fn refused(&self, bytes: impl AsRef<[u8]>, options: &[&str]) -> String {
        let (done, output) = self.import(bytes, options);
        assert!(!done, "{output}");
        output
    }

    async fn signs_in(&self, username: &str, password: &str) -> bool {
        let body = json!({ "username": username, "password": password });
        let answer = self.server.request(Method::POST, "/v1/session").json(&body).send().await.unwrap();
        match answer.status() {
            StatusCode::CREATED => true,
            StatusCode::UNAUTHORIZED => false,
            other => panic!("{username}: {other}"),
        }
    }

    /// All that is kept about a person.
    fn record(&self, username: &str) -> Value {
        let (done, output) = admin(&self.database_url, &["export", username]);
        assert!(done, "{output}");
        serde_json::from_str(&output).unwrap()
    }

    async fn addresses(&self, username: &str) -> Vec<Value> {
        self.server.sign_in(username).await.state().await["suggestions"].as_array().unwrap().clone()
    }
}

fn row(id: &str, username: &str, first: &str) -> String {
    format!("{id},{username},{},{first},Ek,nb,NO,{id}@company.com", light_hash())
}

fn people(rows: &[String]) -> String {
    format!("{HEADING}\n{}\n", rows.join("\n"))
}

mod columns {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_column_that_is_missing_stays_as_it_is() {
        let demo = TestDemo::start().await;
        demo.imported(
            "id,username,first_name,last_name,language,country\ndemo-anna,anna.svensson,Anne,Svensson,en,SE\n",
            &[],
        );
        assert_eq!(demo.addresses("anna.svensson").await[0], ANNA);
        let output = demo.imported("id,language\ndemo-anna,sv\n", &[]);
        assert!(output.contains("row 2  anna.svensson  changed: language\n"), "{output}");
        assert_eq!(demo.record("anna.svensson")["employees"][0]["first_name"], "Anne");
        let output = demo.refused("id,language\ndemo-anna,da\nn1,da\nn2,da\n", &[]);
        assert!(
            output.contains("row 3: “n1” is new (and 1 more), so the file needs the columns username, "),
            "{output}"
        );
        assert!(output.contains("nothing was changed"), "{output}");
        assert_eq!(demo.record("anna.svensson")["employees"][0]["language"], "sv");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_misspelt_column_is_named_and_nothing_changes() {
        let demo = TestDemo::start().await;
        let rows = HEADING.replace("addresses", "adresses") + "\n" + &row("demo-anna", "anna.svensson", "Anna");
        let output = demo.refused(rows, &[]);
        assert!(output.contains("There is no column “adresses”."), "{output}");
        assert!(output.contains("country, addresses"), "the names are listed: {output}");
        assert_eq!(demo.addresses("anna.svensson").await[0], ANNA);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn columns_come_in_any_order_and_case() {
        let demo = TestDemo::start().await;
        let hash = light_hash();
        demo.imported(
            format!("Addresses,COUNTRY,language,Last Name,First-Name,Password_Hash,ID,Username\nn@company.com,no,NO,Ek,Nils,{hash},n1,nils\n"),
            &[],
        );
        assert_eq!(demo.addresses("nils").await, ["n@company.com"]);
        let nils = &demo.record("nils")["employees"][0];
        assert_eq!([&nils["language"], &nils["country"]], ["nb", "NO"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_of_many_people_asks_first() {
        let demo = TestDemo::start().await;
        let erased = "id,addresses\ndemo-anna,\ndemo-erik,\n";
        let output = demo.imported(erased, &["--dry-run"]);
        assert!(output.contains("2 of them lose all their addresses"), "{output}");
        assert!(output.contains("The import will want --yes"), "{output}");
        let output = demo.refused(erased, &[]);
        assert!(output.contains("changes 2 of the company's 4 people, more than 25 %"), "{output}");
        assert_eq!(demo.addresses("anna.svensson").await[0], ANNA);
        demo.imported("id,addresses\ndemo-erik,\n", &[]);
        demo.imported(erased, &["--yes"]);
        assert!(demo.addresses("anna.svensson").await.is_empty());
    }
}

mod passwords {
    use super::*;

    fn hashes() -> [String; 6] {
        let salt = b"0123456789abcdef";
        let argon2i = argon2::Argon2::new(
            argon2::Algorithm::Argon2i,
            argon2::Version::V0x13,
            argon2::Params::new(256, 1, 1, None).unwrap(),
        );
        let rounds = pbkdf2::Params::new(1000).unwrap();
        let scrypt = scrypt::Scrypt::new_with_params(scrypt::Params::new(4, 8, 1).unwrap());
        [
            argon2i.hash_password_with_salt(b"demo", salt).unwrap().to_string(),
            pbkdf2::Pbkdf2::new(pbkdf2::Algorithm::Pbkdf2Sha256, rounds)
                .hash_password_with_salt(b"demo", salt)
                .unwrap()
                .to_string(),
            pbkdf2::Pbkdf2::new(pbkdf2::Algorithm::Pbkdf2Sha512, rounds)
                .hash_password_with_salt(b"demo", salt)
                .unwrap()
                .to_string(),
            scrypt.hash_password_with_salt(b"demo", salt).unwrap().to_string(),
            bcrypt::hash("demo", 4).unwrap(),
            bcrypt::hash("demo", 4).unwrap().replace("$2b$", "$2y$"),
        ]
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_kind_of_hash_that_is_imported_signs_in() {
        let demo = TestDemo::start().await;
        let hashes = hashes();
        let rows = (0..hashes.len()).map(|at| format!("h{at},user{at},\"{}\",Nils,Ek,nb,NO,", hashes[at]));
        demo.imported(people(&rows.collect::<Vec<_>>()), &[]);
        for (at, hash) in hashes.iter().enumerate() {
            assert!(demo.signs_in(&format!("user{at}"), "demo").await, "{hash}");
            assert!(!demo.signs_in(&format!("user{at}"), "another").await, "{hash}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_hash_that_cannot_be_used_is_refused() {
        let demo = TestDemo::start().await;
        let mut rows = Vec::new();
        for hash in hashes() {
            rows.extend([&hash[..hash.len() - 3], hash.rsplit_once('$').unwrap().0].map(str::to_owned));
        }
        let rows = rows.iter().enumerate().map(|(at, hash)| format!("h{at},user{at},\"{hash}\",Nils,Ek,nb,NO,"));
        let rows: Vec<_> = rows.chain(["m,m,$1$salt$qJH7.N4xYta3aEG/dfqo/0,Nils,Ek,nb,NO,".to_owned()]).collect();
        let output = demo.refused(people(&rows), &[]);
        for number in 2..rows.len() + 2 {
            assert!(output.contains(&format!("row {number}, password_hash: ")), "row {number} is accepted: {output}");
        }
        assert!(output.contains("is cut off or damaged"), "{output}");
        assert!(output.contains("Argon2, PBKDF2 and scrypt as PHC strings, and bcrypt, are supported"), "{output}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn first_passwords_are_made_and_written_to_a_new_file() {
        let demo = TestDemo::start().await;
        let path = demo.folder.path().join("passwords.csv");
        let options = ["--passwords", path.to_str().unwrap()];
        let rows = people(&[
            "n1,nils,,=Nils,Ek,nb,NO,nils@company.com".to_owned(),
            "n2,nora,,Nora,Ek,nb,NO,".to_owned(),
            "demo-anna,anna.svensson,,Anna,Svensson,en,SE,anna.svensson@company.com".to_owned(),
            row("n3", "nina", "Nina"),
        ]);
        let output = demo.refused(&rows, &[]);
        assert!(output.contains("row 2, password_hash: is empty, and the person is new"), "{output}");
        let output = demo.imported(&rows, &[&options[..], &["--dry-run"]].concat());
        assert!(output.contains("2 get a first password"), "{output}");
        assert!(!path.exists(), "a dry run writes nothing");

        demo.imported(&rows, &options);
        let text = std::fs::read_to_string(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        let lines: Vec<Vec<&str>> =
            text.trim_start_matches('\u{feff}').lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(lines[0], ["id", "username", "first_name", "last_name", "password"]);
        assert_eq!(lines[1][..4], ["n1", "nils", "'=Nils", "Ek"], "no formula");
        assert_eq!(lines.len(), 3, "only the new people without a hash");
        for line in &lines[1..] {
            assert!(demo.signs_in(line[1], line[4]).await, "{line:?}");
        }
        assert!(demo.signs_in("anna.svensson", "demo").await, "keeps the password");

        let more = people(&["n5,new,,New,Ek,nb,NO,".to_owned()]);
        let output = demo.refused(&more, &options);
        assert!(output.contains("exists. Name a new file"), "{output}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "none is lost");
        let nowhere = demo.folder.path().join("nowhere/passwords.csv");
        let output = demo.refused(&more, &["--passwords", nowhere.to_str().unwrap()]);
        assert!(output.contains("Nothing was changed"), "{output}");
        assert!(!demo.signs_in("new", "demo").await);
    }
}

mod files {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_of_a_nordic_excel_is_read() {
        let demo = TestDemo::start().await;
        let hash = light_hash();
        let text = |id: &str| {
            format!(
                "ID;Username;Password_hash;First_name;Last_name;Language;Country;Addresses\r\n{id};åsa.{id};{hash};Åsa;Sjöberg;sv;SE;asa@company.com\r\n"
            )
        };
        let windows = encoding_rs::WINDOWS_1252.encode(&text("w")).0.into_owned();
        let tabs = text("u").replace(';', "\t");
        let utf16: Vec<u8> = "\u{feff}".encode_utf16().chain(tabs.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let marked = format!("\u{feff}{}", text("b")).into_bytes();
        for (file, id, format) in [
            (windows, "w", "Windows-1252, separated by semicolons"),
            (utf16, "u", "UTF-16LE, separated by tabs"),
            (marked, "b", "UTF-8, separated by semicolons"),
        ] {
            let output = demo.imported(file, &[]);
            assert!(output.contains(format), "{output}");
            assert_eq!(demo.addresses(&format!("åsa.{id}")).await, ["asa@company.com"]);
            assert_eq!(demo.record(&format!("Åsa.{id}"))["employees"][0]["last_name"], "Sjöberg");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn composed_and_decomposed_user_names_are_one() {
        let demo = TestDemo::start().await;
        demo.imported(people(&[row("n1", "a\u{30a}sa", "A\u{30a}sa")]), &[]);
        for typed in ["\u{e5}sa", "a\u{30a}sa", "A\u{30a}SA"] {
            assert!(demo.signs_in(typed, "demo").await, "{typed:?}");
        }
        assert_eq!(demo.record("\u{e5}sa")["employees"][0]["first_name"], "\u{c5}sa");
        let output = demo.refused(people(&[row("n2", "\u{e5}sa", "Two")]), &[]);
        assert!(output.contains("row 2, username: “\u{e5}sa” is the user name of somebody else"), "{output}");
        let output = demo.refused(people(&[row("n3", "\u{f6}rjan", "A"), row("n4", "o\u{308}rjan", "B")]), &[]);
        assert!(output.contains("row 3, username: “\u{f6}rjan” is in row 2 already"), "{output}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_user_name_stored_decomposed_signs_in_after_upgrade() {
        let demo = TestDemo::start().await;
        demo.imported(people(&[row("n1", "one", "A"), row("n2", "two", "B"), row("n3", "\u{f6}", "C")]), &[]);
        // As the version before stored them; the second is a second spelling of the third.
        demo.execute("UPDATE employees SET username_key = 'a\u{30a}sa' WHERE id = 'n1'").await;
        demo.execute("UPDATE employees SET username_key = 'o\u{308}' WHERE id = 'n2'").await;
        assert!(!demo.signs_in("\u{e5}sa", "demo").await);
        demo.execute("INSERT INTO pending_upgrades (name) VALUES ('usernames_nfc')").await;
        let demo = demo.restart().await;
        assert!(demo.signs_in("\u{e5}sa", "demo").await);
        assert!(demo.signs_in("\u{f6}", "demo").await);
        assert_eq!(demo.count("SELECT COUNT(*) FROM pending_upgrades").await, 0, "once");
        // The import gives the person who was left over another name.
        demo.imported("id,username\nn2,bo\n", &[]);
        assert!(demo.signs_in("bo", "demo").await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn text_that_nobody_can_see_or_nothing_can_hold_is_refused() {
        let demo = TestDemo::start().await;
        let rows = [
            row("n1", "u1", "\"Ni\nls\""),
            row("n2", "u2", "Ni\u{7}ls"),
            row("n3", "u\u{200b}3", "Nils"),
            format!("n4,u4,{},Nils,Ek,nb,NO,n@comp\u{ad}any.com", light_hash()),
            row(&"9".repeat(9000), "u5", "Nils"),
            row("n6", &"u".repeat(101), "Nils"),
            row("n7", "u7", &"N".repeat(101)),
        ];
        let output = demo.refused(people(&rows), &[]);
        for (number, fault) in [
            (2, "first_name: has a line break after “Ni”: delete it"),
            (3, "first_name: has an invisible character (U+0007) after “Ni”"),
            (4, "username: has an invisible character (U+200B)"),
            (5, "addresses: has an invisible character (U+00AD)"),
            (6, "id: has 9000 characters: 100 is the most"),
            (6, "addresses: “99999"),
            (7, "username: has 101 characters"),
            (8, "first_name: has 101 characters"),
        ] {
            assert!(output.contains(&format!("row {number}, {fault}")), "{number} {fault}: {output}");
        }
        assert!(output.contains("8 faults: nothing was changed"), "{output}");
        let longest =
            row(&"9".repeat(100), &"ö".repeat(100), &"王".repeat(100)).replace(&format!("{}@", "9".repeat(100)), "n@");
        demo.imported(people(&[longest]), &[]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_faults_are_counted_and_a_screenful_is_listed() {
        let demo = TestDemo::start().await;
        let rows: Vec<_> = (0..150).map(|at| row(&format!("n{at}"), "same", "Nils")).collect();
        let output = demo.refused(people(&rows), &[]);
        assert_eq!(output.matches("\nrow ").count() + usize::from(output.contains(": row ")), 100, "{output}");
        assert!(output.contains("… and 49 more\n149 faults: nothing was changed."), "{output}");
        assert_eq!(demo.count("SELECT COUNT(*) FROM employees").await, 4);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_spreadsheet_runs_a_cell_that_we_write() {
        let demo = TestDemo::start().await;
        demo.imported(people(&[row("n1", "+nils", "=1+1"), row("n2", "@nora", "-Nora")]), &[]);
        for args in [&["progress", "--company", "demo", "--format", "csv"][..], &["audit", "--format", "csv"]] {
            let (done, output) = admin(&demo.database_url, args);
            assert!(done, "{output}");
            let mut reader = csv::Reader::from_reader(output.as_bytes());
            for record in reader.records().map(Result::unwrap) {
                assert!(record.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "{record:?}");
            }
        }
        let (_, output) = admin(&demo.database_url, &["progress", "--company", "demo", "--format", "csv"]);
        assert!(output.contains("\n'+nils,'=1+1,"), "{output}");
    }
}

mod usernames {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn swapped_user_names_are_accepted() {
        let demo = TestDemo::start().await;
        let ids: Vec<_> = (0..6).map(|at| format!("n{at}")).collect();
        let import = |names: &[&str]| {
            let rows: Vec<_> = ids.iter().zip(names).map(|(id, name)| row(id, name, "Nils")).collect();
            demo.imported(people(&rows), &["--yes"]);
        };
        let is = async |names: &[&str]| {
            for (id, name) in ids.iter().zip(names) {
                assert_eq!(demo.record(name)["employees"][0]["id"], **id);
            }
        };
        import(&["a", "b", "c", "d", "e", "f"]);
        // Two swap, three go round, one stays.
        import(&["b", "a", "d", "e", "c", "f"]);
        is(&["b", "a", "d", "e", "c", "f"]).await;
        // Everybody takes the name of the next, who takes a free one.
        import(&["a", "d", "e", "c", "f", "g"]);
        is(&["a", "d", "e", "c", "f", "g"]).await;
        // A new person takes a name that is given up.
        demo.imported(people(&[row("n9", "g", "New"), row("n5", "h", "Nils")]), &[]);
        assert_eq!(demo.record("g")["employees"][0]["id"], "n9");
        let output = demo.refused(people(&[row("n0", "d", "Nils"), row("n1", "d", "Nils")]), &[]);
        assert!(output.contains("“d” is in row 2 already"), "{output}");
        let output = demo.refused(people(&[row("n0", "e", "Nils")]), &[]);
        assert!(output.contains("“e” is the user name of somebody else"), "{output}");
    }
}

mod while_people_work {
    use super::*;

    fn import_command(demo: &TestDemo, file: &str, options: &[&str]) -> Command {
        let mut command = program();
        command.args(["admin", "--by", "the test", "import", "--company", "demo", file]).args(options);
        command.env("DATABASE_URL", &demo.database_url).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_dry_run_waits_for_no_lock_and_takes_none() {
        let demo = TestDemo::start().await;
        let file = demo.file(people(&[row("demo-anna", "anna.svensson", "Anneli")]));
        let database = Database::connect(&demo.database_url, Events::default()).await.unwrap();
        let mut tx = database.begin_locked("demo-anna").await.unwrap();
        sqlx::query("UPDATE employees SET language = 'da' WHERE id = 'demo-anna'").execute(&mut *tx).await.unwrap();
        let child = Mutex::new(import_command(&demo, &file, &["--dry-run"]).spawn().unwrap());
        let done = until("the dry run", async || child.lock().unwrap().try_wait().unwrap()).await;
        drop(tx);
        database.close().await;
        assert!(done.success());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_import_that_was_killed_is_finished_by_another() {
        let demo = TestDemo::start().await;
        let rows: Vec<_> = (0..3000).map(|at| row(&format!("n{at}"), &format!("user{at}"), "Nils")).collect();
        let file = demo.file(people(&rows));
        let mut child = import_command(&demo, &file, &[]).spawn().unwrap();
        let written = || demo.count("SELECT COUNT(*) FROM employees WHERE id LIKE 'n%'");
        until("the first batch", async || (written().await > 0).then_some(())).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let before = written().await;
        assert!(before < 3000, "the import was too fast to be killed");
        let whole = "SELECT COUNT(*) FROM employees WHERE id LIKE 'n%' AND
                     EXISTS (SELECT 1 FROM employee_addresses WHERE employee_id = employees.id) AND
                     EXISTS (SELECT 1 FROM audit WHERE subject = 'employee ' || employees.id)";
        assert_eq!(demo.count(whole).await, before, "each person is written whole");
        let (done, output) = admin(&demo.database_url, &["import", "--company", "demo", &file]);
        assert!(done && output.contains(&format!("{} new, 0 changed, {before} unchanged", 3000 - before)), "{output}");
        assert_eq!(demo.count(whole).await, 3000);
        assert_eq!(demo.count("SELECT COUNT(*) FROM audit").await, 3000, "each change once");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_imports_at_once_write_each_person_once() {
        let demo = TestDemo::start().await;
        let rows: Vec<_> = (0..1000).map(|at| row(&format!("n{at}"), &format!("user{at}"), "Nils")).collect();
        let file = demo.file(people(&rows));
        let both = [(); 2].map(|()| import_command(&demo, &file, &[]).spawn().unwrap());
        let both = both.map(|child| child.wait_with_output().unwrap());
        assert!(both.iter().any(|output| output.status.success()), "{both:?}");
        for output in both.iter().filter(|output| !output.status.success()) {
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(told.contains("somebody else") && told.contains("Stopped: "), "{told}");
        }
        assert_eq!(demo.count("SELECT COUNT(*) FROM employees").await, 1004);
        assert_eq!(demo.count("SELECT COUNT(*) FROM audit").await, 1000);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_person_whom_another_import_made_keeps_the_password() {
        let demo = TestDemo::start().await;
        let passwords = demo.folder.path().join("passwords.csv");
        let file = demo.file(people(&["n1,nils,,Nils,Ek,nb,NO,".to_owned()]));
        let database = Database::connect(&demo.database_url, Events::default()).await.unwrap();
        let mut tx = database.begin_write().await.unwrap();
        sqlx::query(
            "INSERT INTO employees (id, company_id, username_key, password_hash, first_name, last_name, language, country)
             SELECT 'n1', 'demo', 'nils', password_hash, 'Nils', 'Ek', 'nb', 'NO' FROM employees WHERE id = 'demo-anna'",
        )
        .execute(&mut *tx)
        .await
        .unwrap();
        let child = import_command(&demo, &file, &["--passwords", passwords.to_str().unwrap()]).spawn().unwrap();
        until("the passwords", async || passwords.exists().then_some(())).await;
        if crate::support::on_postgres() {
            let waits = || demo.count("SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'");
            until("the import's wait", async || (waits().await > 0).then_some(())).await;
        }
        tx.commit().await.unwrap();
        database.close().await;
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("row 2: somebody else") && told.contains("Stopped: 0 of 1"), "{told}");
        assert!(demo.signs_in("nils", "demo").await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_import_stops_where_somebody_else_was_faster() {
        let demo = TestDemo::start().await;
        let mut rows: Vec<_> = (0..3000).map(|at| row(&format!("n{at}"), &format!("user{at}"), "Nils")).collect();
        rows.push("last,last,,Last,Ek,nb,NO,".to_owned());
        let passwords = demo.folder.path().join("passwords.csv");
        let file = demo.file(people(&rows));
        let child = import_command(&demo, &file, &["--passwords", passwords.to_str().unwrap()]).spawn().unwrap();
        let written = || demo.count("SELECT COUNT(*) FROM employees WHERE id LIKE 'n%'");
        until("the first batch", async || (written().await > 0).then_some(())).await;
        demo.execute(
            "INSERT INTO employees (id, company_id, username_key, password_hash, first_name, last_name, language, country)
             VALUES ('other', 'demo', 'user2999', '', 'O', 'O', 'nb', 'NO')",
        )
        .await;
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "the import was too fast");
        for words in [
            "row 3001: somebody else got this id or user name during the import.",
            &format!("Stopped: {} of 3001 people were written. Import the file again to finish", written().await),
            "Keep ",
        ] {
            assert!(told.contains(words), "{words} is not in: {told}");
        }
        assert!(passwords.exists());
        demo.execute("UPDATE employees SET username_key = 'other' WHERE id = 'other'").await;
        let rest = demo.folder.path().join("rest.csv");
        let (done, told) =
            admin(&demo.database_url, &["import", "--company", "demo", &file, "--passwords", rest.to_str().unwrap()]);
        assert!(done, "{told}");
        assert_eq!(written().await, 3000);
        assert_eq!(std::fs::read_to_string(rest).unwrap().lines().count(), 2, "the last one's password");
    }

    /// Every 60th row changes a person who signs in and sends a code meanwhile. `IMPORT_ROWS=30000` asks for more.
    #[tokio::test(flavor = "multi_thread")]
    async fn people_sign_in_and_send_during_a_large_import() {
        let demo = TestDemo::start().await;
        let count = std::env::var("IMPORT_ROWS").map_or(6_000, |rows| rows.parse().unwrap());
        let known: Vec<_> = (0..count / 60).map(|at| row(&format!("k{at}"), &format!("known{at}"), "Nils")).collect();
        demo.imported(people(&known), &[]);
        let rows: Vec<_> = (0..count)
            .map(|at| match (at % 60, at / 60) {
                // With the same password hash: a new one would sign them out.
                (0, at) => known[at].replace("Nils", "Changed"),
                _ => row(&format!("n{at}"), &format!("user{at}"), "Nils"),
            })
            .collect();
        let file = demo.file(people(&rows));
        let began = Instant::now();
        let child = import_command(&demo, &file, &["--yes"]).spawn().unwrap();
        let importing = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
        let (is_over, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let (server, is_over, next) = (demo.server.clone(), Arc::clone(&is_over), Arc::clone(&next));
                tokio::spawn(async move {
                    let mut longest = [Duration::ZERO; 2];
                    while !is_over.load(Ordering::Relaxed) {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        if at >= count / 60 {
                            break;
                        }
                        let sign_in = Instant::now();
                        let person = server.sign_in(&format!("known{at}")).await;
                        longest[0] = longest[0].max(sign_in.elapsed());
                        let send = Instant::now();
                        person.send(&format!("k{at}@company.com")).await.state(202, "codeSent");
                        longest[1] = longest[1].max(send.elapsed());
                        // The pace of people: spread over the import.
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                    longest
                })
            })
            .collect();
        let output = importing.await.unwrap();
        is_over.store(true, Ordering::Relaxed);
        let took = began.elapsed();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut longest = [Duration::ZERO; 2];
        for worker in workers {
            let [sign_in, send] = worker.await.unwrap();
            longest = [longest[0].max(sign_in), longest[1].max(send)];
        }
        let people = next.load(Ordering::Relaxed);
        eprintln!("import {took:?}, {people} people, longest sign-in {:?}, longest send {:?}", longest[0], longest[1]);
        assert!(people > 20, "only {people} people came");
        assert!(longest.iter().all(|wait| *wait < Duration::from_secs(5)), "{longest:?}");
        assert_eq!(demo.count("SELECT COUNT(*) FROM employees WHERE first_name = 'Changed'").await, known.len() as i64);
        assert_eq!(demo.count("SELECT COUNT(*) FROM employees").await, count as i64 + 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaving_date_comes_from_the_file() {
    let folder = tempfile::TempDir::new().unwrap();
    let url = crate::support::database_url(folder.path()).await;
    crate::support::import(&url, &[format!("1,anna,{},Anna,Svensson,en,SE,anna@company.com", light_hash())]);
    let file = folder.path().join("leavers.csv");
    let leaves = async |date: &str| {
        std::fs::write(&file, format!("id,leaves\n1,{date}\n")).unwrap();
        admin(&url, &["import", "--company", "acme", file.to_str().unwrap()])
    };
    let (done, output) = leaves("31.12.2026").await;
    assert!(!done && output.contains("is not a date: write it as 2026-12-31"), "{output}");
    let (done, output) = leaves("2026-12-31").await;
    assert!(done, "{output}");
    assert_eq!(crate::support::count(&url, "SELECT COUNT(*) FROM employees WHERE leaves_on = '2026-12-31'").await, 1);
    let (done, output) = leaves("").await;
    assert!(done, "{output}");
    assert_eq!(crate::support::count(&url, "SELECT COUNT(*) FROM employees WHERE leaves_on IS NULL").await, 1);
}
