//! The way to this backend, with the faults that a network and a broken server have.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use futures_util::{StreamExt, stream};

use super::faults::{Faults, NetworkFault};

/// Marks the calls of the device that a scenario has for itself: its network is never broken.
pub const ANOTHER_DEVICE: HeaderName = HeaderName::from_static("x-demo-device");
const SLOW: Duration = Duration::from_secs(3);
/// Longer than any client waits.
const NEVER: Duration = Duration::from_secs(60);

/// Lets a call through, or has it meet the fault that is on.
pub async fn faults(State(faults): State<Arc<Faults>>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/demo/") || request.headers().contains_key(ANOTHER_DEVICE) {
        return next.run(request).await;
    }
    match faults.now().network {
        NetworkFault::Ok => {}
        NetworkFault::Offline => return dropped(),
        NetworkFault::Slow => tokio::time::sleep(SLOW).await,
        NetworkFault::Timeout => {
            tokio::time::sleep(NEVER).await;
            return dropped();
        }
        NetworkFault::Error => return (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response(),
        NetworkFault::Nonsense => return Html("<!DOCTYPE html><title>Welcome to our hotel</title>").into_response(),
    }
    let response = next.run(request).await;
    let is_stream = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    if is_stream { response.map(|body| cut_on_fault(body, &faults)) } else { response }
}

/// The server closes the connection when it cannot finish an answer, and it has sent nothing of this one.
fn dropped() -> Response {
    Body::from_stream(stream::once(async { Err::<&[u8], _>(io::Error::other("offline")) })).into_response()
}

/// A stream that was open before a fault came does not outlive it.
fn cut_on_fault(body: Body, faults: &Faults) -> Body {
    let mut on = faults.subscribe();
    let broken = async move {
        let passes = [NetworkFault::Ok, NetworkFault::Slow];
        let _ = on.wait_for(|on| !passes.contains(&on.network)).await;
    };
    let rudely = stream::once(async { Err(axum::Error::new(io::Error::other("offline"))) });
    Body::from_stream(body.into_data_stream().take_until(Box::pin(broken)).chain(rudely))
}
