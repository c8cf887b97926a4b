//! An eye and a finger on a desk's display: what is there to be seen, and when.

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

/// The edge of the app's banner, and of what the floor has in its place.
pub const MARK: u32 = 0x0b_5d_66;
/// The strip of the display that the edge crosses, wherever a window puts its page a little.
const STRIP: (i16, i16, u16) = (206, 80, 24);
const BLINK: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Eye {
    display: RustConnection,
    root: Window,
}

impl Eye {
    pub fn on(display: &str) -> Self {
        let (display, screen) = x11rb::connect(Some(display)).unwrap();
        let root = display.setup().roots[screen].root;
        Self { display, root }
    }

    /// Whether the mark is among the pixels that are on the display now.
    pub fn sees_the_mark(&self) -> bool {
        let (x, y, width) = STRIP;
        let strip = self.display.get_image(ImageFormat::Z_PIXMAP, self.root, x, y, width, 1, u32::MAX).unwrap();
        let strip = strip.reply().unwrap();
        strip.data.chunks_exact(4).any(|pixel| pixel[..3] == MARK.to_le_bytes()[..3])
    }

    /// Looks every millisecond until the mark is there, or gone.
    pub fn wait_for_the_mark(&self, there: bool) -> Instant {
        let began = Instant::now();
        while self.sees_the_mark() != there {
            assert!(began.elapsed() < PATIENCE, "the mark did not {}", if there { "come" } else { "go" });
            std::thread::sleep(BLINK);
        }
        Instant::now()
    }

    /// Moves the pointer there.
    pub fn point(&self, (x, y): (i16, i16)) {
        self.display.xtest_fake_input(MOTION_NOTIFY_EVENT, 0, 0, self.root, x, y, 0).unwrap().check().unwrap();
    }

    /// Presses where the pointer is, and says when.
    pub fn press(&self) -> Instant {
        let began = Instant::now();
        for event in [BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT] {
            self.display.xtest_fake_input(event, 1, 0, self.root, 0, 0, 0).unwrap();
        }
        self.display.flush().unwrap();
        began
    }
}
