//! A proxy in front of the backend that injects faults into the calls to one path.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

#[derive(Clone, Debug)]
pub enum Fault {
    /// The response is delayed.
    Delay(Duration),
    /// The response arrives byte by byte, this far apart.
    Drip(Duration),
    /// The connection is reset before the backend receives the request.
    ResetBefore,
    /// The backend handles the request, and the response is lost.
    ResetAfter,
    /// The connection closes in the middle of the response.
    Truncated,
    /// Another response: status line with headers, and body.
    Respond(&'static str, Vec<u8>),
    /// Not HTTP.
    Garbage,
    /// The connection closes without a response.
    Empty,
}

/// Passes calls to other paths through.
pub struct Proxy {
    pub url: String,
    broken: Arc<Mutex<Option<(&'static str, Fault)>>>,
    left: Arc<AtomicUsize>,
}

impl Proxy {
    pub async fn in_front_of(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let broken: Arc<Mutex<Option<(&'static str, Fault)>>> = Arc::default();
        let left = Arc::new(AtomicUsize::new(0));
        let (rule, times) = (broken.clone(), left.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (rule, times) = (rule.clone(), times.clone());
                tokio::spawn(async move { one_call(stream, port, &rule, &times).await });
            }
        });
        Self { url, broken, left }
    }

    /// Injects `fault` into the next `times` calls whose path starts with `path`.
    pub fn inject_fault(&self, path: &'static str, fault: Fault, times: usize) {
        *self.broken.lock().unwrap() = Some((path, fault));
        self.left.store(times, Ordering::SeqCst);
    }

    /// How many calls the current fault can still meet.
    pub fn faults_left(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }

    pub fn clear_fault(&self) {
        self.left.store(0, Ordering::SeqCst);
    }
}

async fn one_call(
    mut stream: TcpStream,
    port: u16,
    rule: &Mutex<Option<(&'static str, Fault)>>,
    times: &AtomicUsize,
) -> Option<()> {
    let (mut request, head) = read_request(&mut stream).await?;
    request.splice(head..head, *b"\r\nconnection: close");
    let path = String::from_utf8_lossy(&request).split(' ').nth(1)?.to_owned();
    let fault = rule.lock().unwrap().clone().filter(|(broken, _)| path.starts_with(broken)).map(|(_, fault)| fault);
    let hit =
        fault.filter(|_| times.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok());
    let reset = |stream: TcpStream| stream.set_zero_linger().ok();
    match hit {
        None => stream.write_all(&ask(port, &request).await?).await.ok(),
        Some(Fault::Delay(late)) => {
            let answer = ask(port, &request).await?;
            tokio::time::sleep(late).await;
            stream.write_all(&answer).await.ok()
        }
        Some(Fault::Drip(apart)) => {
            for byte in ask(port, &request).await? {
                stream.write_all(&[byte]).await.ok()?;
                tokio::time::sleep(apart).await;
            }
            Some(())
        }
        Some(Fault::ResetBefore) => reset(stream),
        Some(Fault::ResetAfter) => {
            ask(port, &request).await?;
            reset(stream)
        }
        Some(Fault::Truncated) => {
            let answer = ask(port, &request).await?;
            let body = answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
            stream.write_all(&answer[..body + (answer.len() - body) / 2]).await.ok()
        }
        Some(Fault::Respond(head, body)) => {
            let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).await.ok()?;
            stream.write_all(&body).await.ok()
        }
        Some(Fault::Garbage) => stream.write_all(&[0x00, 0xff, 0x13, 0x37, b'\n', b'\n', 0x80]).await.ok(),
        Some(Fault::Empty) => stream.shutdown().await.ok(),
    }
}

/// Reads one complete request. Returns its bytes, and where its head ends.
pub async fn read_request(stream: &mut TcpStream) -> Option<(Vec<u8>, usize)> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let length = text.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    while bytes.len() < head + 4 + length.unwrap_or(0) {
        stream.read_buf(&mut bytes).await.ok()?;
    }
    Some((bytes, head))
}

async fn ask(port: u16, request: &[u8]) -> Option<Vec<u8>> {
    let mut backend = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    backend.write_all(request).await.ok()?;
    let mut answer = Vec::new();
    backend.read_to_end(&mut answer).await.ok()?;
    Some(answer)
}
