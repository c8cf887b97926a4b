//! Reads the pixels of an X display, and clicks on it.

use std::time::{Duration, Instant};

use x11rb::{
    connection::Connection as _,
    protocol::{
        xproto::{
            BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ConnectionExt as _, ImageFormat, MOTION_NOTIFY_EVENT, Window,
        },
        xtest::ConnectionExt as _,
    },
    rust_connection::RustConnection,
};

/// The colour of the edge of the app's banner; the baseline's page has the same edge.
const MARK: u32 = 0x0b_5d_66;
/// x, y and height of a column of pixels that crosses the edge, wherever the window puts its page, and nothing else of its colour.
const COLUMN: (i16, i16, u16) = (760, 60, 200);
const POLL: Duration = Duration::from_millis(1);
const TIMEOUT: Duration = Duration::from_secs(30);

pub struct DisplayProbe {
    display: RustConnection,
    root: Window,
}

impl DisplayProbe {
    pub fn connect(display: &str) -> Self {
        let (display, screen) = x11rb::connect(Some(display)).unwrap();
        let root = display.setup().roots[screen].root;
        Self { display, root }
    }

    fn shows_mark(&self) -> bool {
        let (x, y, height) = COLUMN;
        let column = self.display.get_image(ImageFormat::Z_PIXMAP, self.root, x, y, 1, height, u32::MAX).unwrap();
        let column = column.reply().unwrap();
        column.data.chunks_exact(4).any(|pixel| pixel[..3] == MARK.to_le_bytes()[..3])
    }

    /// Polls every millisecond until the mark is shown, or is not.
    pub fn wait_for_mark(&self, shown: bool) -> Instant {
        let began = Instant::now();
        while self.shows_mark() != shown {
            assert!(began.elapsed() < TIMEOUT, "the mark did not {}", if shown { "appear" } else { "disappear" });
            std::thread::sleep(POLL);
        }
        Instant::now()
    }

    pub fn move_pointer(&self, (x, y): (i16, i16)) {
        self.display.xtest_fake_input(MOTION_NOTIFY_EVENT, 0, 0, self.root, x, y, 0).unwrap().check().unwrap();
    }

    /// Clicks where the pointer is; when.
    pub fn click(&self) -> Instant {
        let began = Instant::now();
        for event in [BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT] {
            self.display.xtest_fake_input(event, 1, 0, self.root, 0, 0, 0).unwrap();
        }
        self.display.flush().unwrap();
        began
    }
}
