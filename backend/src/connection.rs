//! One connection of a client. A request that never becomes whole neither stays open nor holds up a stop.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long the head of a request may take. Also the longest pause between two requests, so it is longer than proxies
/// keep an idle connection (nginx: 60 s): they close it first, and no request is lost.
pub const HEAD_LIMIT: Duration = Duration::from_secs(75);

/// How long the body of a request may take. It has 16 KiB at most.
pub const BODY_LIMIT: Duration = Duration::from_secs(15);

/// How long a request that is on its way may take to become whole after a stop.
const STOP_GRACE: Duration = Duration::from_millis(500);

/// Among a request's extensions: tells when to wait no longer for its body.
#[derive(Debug, Clone)]
pub struct Stopping(CancellationToken);

impl Stopping {
    pub async fn wait(&self) {
        self.0.cancelled().await;
        tokio::time::sleep(STOP_GRACE).await;
    }
}

/// Answers the requests of a connection until it ends, or until `stopping` is cancelled and no call runs any more.
pub async fn handle(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stopping: CancellationToken,
    head_limit: Duration,
) {
    let calls = TaskTracker::new();
    let was_called = Arc::new(AtomicBool::new(false));
    let router = TowerToHyperService::new(router);
    let service = service_fn({
        let (calls, was_called, stopping) = (calls.clone(), Arc::clone(&was_called), stopping.clone());
        move |mut request: Request<Incoming>| {
            let running = calls.token();
            was_called.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(Stopping(stopping.clone()));
            let answer = router.call(request.map(Body::new));
            async move {
                let _running = running;
                answer.await
            }
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_limit);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // hyper's limit begins when it knows the version of HTTP, which a silent client never tells.
    let silence = async {
        tokio::time::sleep(head_limit).await;
        if was_called.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = connection.as_mut() => return,
        () = silence => return,
        () = stopping.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    let idle = async {
        tokio::time::sleep(STOP_GRACE).await;
        while !calls.is_empty() {
            tokio::time::sleep(STOP_GRACE).await;
        }
    };
    tokio::select! {
        _ = connection => {}
        () = idle => {}
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_request_that_stops_in_its_head_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for half in ["", "G", "GET /", "GET / HTTP/1.1\r\nHost: a\r\n", "PRI * HT", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
        {
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (stream, peer) = listener.accept().await.unwrap();
            let limit = Duration::from_millis(200);
            let handled = tokio::spawn(handle(stream, peer, Router::new(), CancellationToken::new(), limit));
            client.write_all(half.as_bytes()).await.unwrap();
            let mut rest = Vec::new();
            let closed = tokio::time::timeout(Duration::from_secs(10), client.read_to_end(&mut rest)).await;
            assert!(closed.is_ok(), "{half:?} stays open");
            handled.await.unwrap();
        }
    }
}
