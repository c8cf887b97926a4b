//! The real program, started in the ways that once ended it without a word.

use std::{fs, process::Child, time::Duration};

use crate::support::{
    eventually,
    fixture::{ANNA, Fixture},
    programs::{self, ChildGuard},
    sandbox::Sandbox,
};

/// Waits for the app's window, or fails when the program ends before.
async fn window_of(sandbox: &Sandbox, program: &mut Child) -> [i64; 4] {
    let window = eventually("the app's window", || {
        let ended = program.try_wait().unwrap();
        let window = sandbox.system.window_geometry();
        async move {
            match (ended, window) {
                (_, Some(window)) => Some(Ok(window)),
                (Some(status), None) => Some(Err(status)),
                _ => None,
            }
        }
    });
    window.await.unwrap_or_else(|status| panic!("no window: the program ended with {status}"))
}

fn start(sandbox: &Sandbox, arguments: &[&str]) -> ChildGuard {
    ChildGuard(sandbox.command(programs::app()).args(arguments).spawn().unwrap())
}

mod e2e {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn options_of_others_do_not_end_a_start() {
        let sandbox = Sandbox::new();
        let options = ["--class=x", "-psn_0_12345", "--g-fatal-warnings=", "--edition", "watch", "--server"];
        let mut program = start(&sandbox, &options);
        window_of(&sandbox, &mut program.0).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_process_has_memory_that_is_writable_and_executable() {
        let sandbox = Sandbox::new();
        let mut program = start(&sandbox, &[]);
        // Shown once the page has run its scripts.
        window_of(&sandbox, &mut program.0).await;
        let processes = [vec![program.0.id()], sandbox.system.children_of(program.0.id())].concat();
        assert!(processes.len() >= 3, "the web process and the network process are missing: {processes:?}");
        for pid in processes {
            let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
            let found: Vec<_> = maps.lines().filter(|map| map.contains(" rwxp ")).collect();
            assert!(found.is_empty(), "{pid}: {found:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn without_a_log_folder_the_app_starts() {
        let sandbox = Sandbox::new();
        let folder = sandbox.system.app_folder();
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("logs"), "not a folder").unwrap();
        let mut program = start(&sandbox, &[]);
        window_of(&sandbox, &mut program.0).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn without_a_data_folder_the_app_goes_on_and_says_so() {
        let fixture = Fixture::new("desktop").await;
        fs::write(fixture.sandbox.system.app_folder(), "not a folder").unwrap();
        let app = fixture.app_signed_in_as(ANNA).await;
        let notice = app.page.wait_visible("notice").await;
        assert_eq!(notice.attr("data-notice").await.unwrap().as_deref(), Some("notSaved"));
        fixture.open_flow(&app.page).await;
        app.close(&fixture.sandbox).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_start_that_fails_is_a_window_and_a_status() {
        let sandbox = Sandbox::new();
        // The running app of this name does not take the second start's arguments.
        let bus = zbus::connection::Builder::address(sandbox.system.bus()).unwrap();
        let running = bus.name("app.flexconnect.employee.SingleInstance").unwrap().build().await.unwrap();
        // It answers that it has no such object.
        running.object_server();
        let mut program = start(&sandbox, &[]);
        window_of(&sandbox, &mut program.0).await;
        assert_eq!(program.0.try_wait().unwrap(), None, "it waits until the message is read");
        sandbox.system.press_keys("Escape");
        let status = eventually("the end of the program", || {
            let status = program.0.try_wait().unwrap();
            async move { status }
        })
        .await;
        assert_eq!(status.code(), Some(1));
        drop(running);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_start_without_a_session_bus_loses_nothing() {
        let mut fixture = Fixture::new("desktop").await;
        let app = fixture.app_signed_in_as(ANNA).await;
        fixture.open_flow(&app.page).await;
        app.page.type_into("email", "anna.svensson@comp").await;
        let saved = || async { fixture.sandbox.record().contains("anna.svensson@comp\"").then_some(()) };
        eventually("the half-typed address in record.json", saved).await;
        app.kill(&fixture.sandbox).await;

        let bus = fixture.sandbox.system.lose_bus();
        let app = fixture.start_app().await;
        app.page.wait_visible("screen-locked").await;
        app.page.click("unlock").await;
        app.page.wait_visible("screen-locked").await;
        app.kill(&fixture.sandbox).await;

        fixture.sandbox.system.set_bus(bus);
        let app = fixture.start_app().await;
        app.page.wait_flow_state("notLinked").await;
        app.page.wait_value("email", "anna.svensson@comp").await;
        app.close(&fixture.sandbox).await;
    }

    /// A timer of a second would wake it 30 times. `cargo xtask bench` has the processor time.
    #[tokio::test(flavor = "multi_thread")]
    async fn half_an_idle_minute_wakes_the_app_at_most_fifteen_times() {
        let fixture = Fixture::new("desktop").await;
        let app = fixture.app_signed_in_as(ANNA).await;
        app.page.wait_visible("banner").await;
        let program = fixture.sandbox.app_processes()[0];
        let wake_ups_in = async |seconds| {
            let before = fixture.sandbox.system.wake_ups(program);
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let mut woken = fixture.sandbox.system.wake_ups(program);
            woken.iter_mut().for_each(|(thread, count)| {
                *count = count.saturating_sub(before.get(thread).copied().unwrap_or(0));
            });
            // WebKit's, which looks at the machine's memory every five seconds.
            woken.retain(|thread, count| *count > 0 && !thread.starts_with("PressureMonitor "));
            woken
        };
        // Caches are filled and threads end for some seconds after the start.
        eventually("rest", async || wake_ups_in(2).await.is_empty().then_some(())).await;
        let woken = wake_ups_in(30).await;
        assert!(woken.values().sum::<u64>() <= 15, "{woken:?}");
        // The event stream's: the app is connected.
        assert!(woken.keys().any(|thread| thread.starts_with("tokio-")), "{woken:?}");
        app.close(&fixture.sandbox).await;
    }

    /// Starts with this window saved, and returns the one that is shown.
    async fn reopened(x: i64, y: i64, width: i64, height: i64) -> [i64; 4] {
        let sandbox = Sandbox::new();
        let folder = sandbox.system.config_folder();
        fs::create_dir_all(&folder).unwrap();
        let saved = serde_json::json!({ "main": {
            "x": x, "y": y, "width": width, "height": height, "prev_x": x, "prev_y": y,
            "maximized": false, "visible": true, "decorated": true, "fullscreen": false,
        } });
        fs::write(folder.join(".window-state.json"), saved.to_string()).unwrap();
        let mut program = start(&sandbox, &[]);
        window_of(&sandbox, &mut program.0).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_window_larger_than_the_screen_is_made_to_fit() {
        let [x, y, width, height] = reopened(0, 0, 6000, 4000).await;
        assert!(width <= 1400 && height <= 900, "{width} × {height}");
        assert!(x >= 0 && y >= 0, "{x}, {y}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_window_with_one_pixel_on_the_screen_comes_back() {
        let [x, y, width, height] = reopened(1399, 100, 800, 600).await;
        assert_eq!([x, y, width, height], [600, 100, 800, 600]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_window_in_its_place_stays_there() {
        assert_eq!(reopened(300, 200, 700, 500).await, [300, 200, 700, 500]);
    }
}
