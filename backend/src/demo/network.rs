//! Simulates a broken network or server in front of this backend.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use futures_util::{StreamExt, stream};
use tokio::sync::RwLock;

use super::faults::{Faults, NetworkFault};

/// Marks the calls that a scenario makes itself. They have no faults.
pub const ANOTHER_DEVICE: HeaderName = HeaderName::from_static("x-demo-device");
const SLOW: Duration = Duration::from_secs(3);
/// Longer than any client's timeout.
const NEVER: Duration = Duration::from_secs(60);

/// The faults, and the lock that a reset takes to wait for running calls.
pub type Network = (Arc<Faults>, Arc<RwLock<()>>);

pub async fn inject_fault(State((faults, calls)): State<Network>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/demo/") {
        return next.run(request).await;
    }
    if request.headers().contains_key(ANOTHER_DEVICE) {
        let _running = calls.read().await;
        return next.run(request).await;
    }
    match faults.now().network {
        NetworkFault::Ok => {}
        NetworkFault::Offline => return close_connection(),
        NetworkFault::Slow => tokio::time::sleep(SLOW).await,
        NetworkFault::Timeout => {
            tokio::time::sleep(NEVER).await;
            return close_connection();
        }
        NetworkFault::Error => return (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response(),
        NetworkFault::Nonsense => return Html("<!DOCTYPE html><title>Welcome to our hotel</title>").into_response(),
    }
    let running = calls.read().await;
    let response = next.run(request).await;
    drop(running);
    let is_stream = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    if is_stream { response.map(|body| cut_on_fault(body, &faults)) } else { response }
}

/// hyper closes the connection when a response body fails. Nothing of this one has been sent.
fn close_connection() -> Response {
    Body::from_stream(stream::once(async { Err::<&[u8], _>(io::Error::other("offline")) })).into_response()
}

/// Ends an open stream when a fault is switched on.
fn cut_on_fault(body: Body, faults: &Faults) -> Body {
    let mut active = faults.subscribe();
    let fault = async move {
        let harmless = [NetworkFault::Ok, NetworkFault::Slow];
        let _ = active.wait_for(|active| !harmless.contains(&active.network)).await;
    };
    let error = stream::once(async { Err(axum::Error::new(io::Error::other("offline"))) });
    Body::from_stream(body.into_data_stream().take_until(Box::pin(fault)).chain(error))
}
