//! Programs that tests start.

use std::io::{self, BufRead as _, BufReader, Read};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Far longer than any of them takes to start.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The first line of a program's output, with which it says that it is ready. What follows is read and dropped, so that
/// the program never writes to a closed pipe.
///
/// # Errors
/// When no line comes within a minute.
pub fn first_line(output: impl Read + Send + 'static) -> io::Result<String> {
    let (sender, line) = mpsc::channel();
    thread::spawn(move || {
        let (mut output, mut line) = (BufReader::new(output), String::new());
        let read = output.read_line(&mut line);
        // Nobody listens any more after the limit.
        let _ = sender.send(read.map(|_| line.trim().to_owned()));
        io::copy(&mut output, &mut io::sink())
    });
    line.recv_timeout(START_LIMIT).map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}
