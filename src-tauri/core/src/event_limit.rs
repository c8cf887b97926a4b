//! Keeps one event of an event stream from filling the memory: parsers buffer an event until its blank line.

/// As large as the largest response.
const MAX_EVENT_BYTES: usize = 512 * 1024;

/// Counts the bytes since the last blank line.
#[derive(Debug, Default)]
pub(crate) struct EventLimit {
    bytes: usize,
    /// The last line is still empty.
    at_line_start: bool,
    after_cr: bool,
}

impl EventLimit {
    /// Whether the stream may go on after `chunk`. Lines end with LF, CR or CRLF.
    pub(crate) fn allows(&mut self, chunk: &[u8]) -> bool {
        for &byte in chunk {
            let ends_crlf = byte == b'\n' && self.after_cr;
            self.after_cr = byte == b'\r';
            if ends_crlf {
                continue;
            }
            let ends_line = matches!(byte, b'\r' | b'\n');
            self.bytes = if ends_line && self.at_line_start { 0 } else { self.bytes + 1 };
            self.at_line_start = ends_line;
            if self.bytes > MAX_EVENT_BYTES {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_events_pass_and_an_endless_one_does_not() {
        for (event, endless) in
            [("data: x\n\n", "data: x\n"), ("data: x\r\n\r\n", "data: x\r\n"), ("data: x\r\r", "data: x\r")]
        {
            let mut limit = EventLimit::default();
            assert!(limit.allows(event.repeat(MAX_EVENT_BYTES / 4).as_bytes()), "{event:?}");
            assert!(!limit.allows(endless.repeat(MAX_EVENT_BYTES / 4).as_bytes()), "{endless:?}");
        }
        assert!(!EventLimit::default().allows(&vec![b'x'; MAX_EVENT_BYTES + 1]), "a line without an end");
    }
}
