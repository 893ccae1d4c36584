//! Small HTTP/1.1 servers: one request a connection, everything bounded.

use crate::listener::{Listener, Stream};
use core::{convert::Infallible, time::Duration};
use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use std::sync::Arc;
use tokio::{
    sync::Semaphore,
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};

pub(crate) type Answer = Response<Full<Bytes>>;

/// Connections at once. Further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 64;
/// From the first octet of a request to the end of its headers.
const HEADERS: Duration = Duration::from_secs(5);
/// A request line and headers, in octets: the least that hyper takes.
const MAX_HEADERS: usize = 8192;
const MAX_HEADER_FIELDS: usize = 32;
/// After `accept` failed, most likely for want of file descriptors.
const RETRY: Duration = Duration::from_millis(100);

/// A running server. Dropping it closes the listener and all connections.
#[derive(Debug)]
#[must_use = "dropping it ends the server"]
pub(crate) struct HttpServer(JoinHandle<()>);

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What answers requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// How long a connection may last.
    const LIFE: Duration;

    /// Whether the peer may ask at all.
    fn admits(&self, _: &Stream) -> bool {
        true
    }

    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Answer> + Send;
}

impl HttpServer {
    pub(crate) fn start<H: Handler>(listener: Listener, handler: Arc<H>) -> Self {
        Self(tokio::spawn(async move {
            let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
            // Dropped, and so ended, with this task.
            let mut connections = JoinSet::new();
            loop {
                // Never closed, so that there is always a place in the end.
                let Ok(place) = places.clone().acquire_owned().await else { return };
                while connections.try_join_next().is_some() {}
                match listener.accept().await {
                    Ok(stream) => {
                        let handler = handler.clone();
                        connections.spawn(async move {
                            let _ = timeout(H::LIFE, serve(stream, &*handler)).await;
                            drop(place);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        sleep(RETRY).await;
                    }
                }
            }
        }))
    }
}

async fn serve<H: Handler>(stream: Stream, handler: &H) {
    let admitted = handler.admits(&stream);
    let service = service_fn(|request| async move {
        let answer = if admitted {
            handler.answer(request).await
        } else {
            refusal(StatusCode::FORBIDDEN, "only root and the user of the daemon may ask here")
        };
        Ok::<_, Infallible>(answer)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(MAX_HEADERS)
        .max_headers(MAX_HEADER_FIELDS)
        .keep_alive(false);
    let served = match stream {
        Stream::Tcp(stream) => http.serve_connection(TokioIo::new(stream), service).await,
        Stream::Unix(stream) => http.serve_connection(TokioIo::new(stream), service).await,
    };
    if let Err(error) = served {
        tracing::debug!(%error, "an HTTP client went wrong");
    }
}

/// An answer that no cache keeps.
pub(crate) fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    // Only maps with keys other than strings can fail, and there are none.
    let mut body = serde_json::to_vec(value).unwrap_or_default();
    body.push(b'\n');
    answer(status, "application/json", body)
}

/// `{"error": "…"}`. The text holds nothing of the request.
pub(crate) fn refusal(status: StatusCode, error: &str) -> Answer {
    json(status, &serde_json::json!({ "error": error }))
}

/// A refusal that names the methods there are.
pub(crate) fn wrong_method(allowed: &'static str) -> Answer {
    let mut answer = refusal(StatusCode::METHOD_NOT_ALLOWED, &format!("this takes {allowed} only"));
    answer.headers_mut().insert(hyper::header::ALLOW, HeaderValue::from_static(allowed));
    answer
}
