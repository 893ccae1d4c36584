//! `/metrics` and `/healthz` over HTTP on loopback.

use crate::{
    health::Health,
    http_server::{Answer, Handler, HttpServer, answer, json, refusal, wrong_method},
    listener::Listener,
    operations::Operations,
};
use core::{error::Error, fmt, time::Duration};
use hyper::{Method, Request, StatusCode, body::Incoming};
use std::sync::Arc;

/// The text format of prometheus-client.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves `GET /metrics`, the metrics in the OpenMetrics text format, and `GET /healthz`: 200 or
/// 503, with a [`HealthReport`](crate::HealthReport) as JSON. Dropping it ends it.
///
/// At most 64 connections at once, one request and five seconds each.
#[derive(Debug)]
#[must_use = "dropping it ends the server"]
pub struct Http(#[expect(dead_code, reason = "it serves until it is dropped")] HttpServer);

impl Http {
    /// Starts to serve. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// [`NotLoopback`]: the figures are for this machine alone.
    pub fn start<O: Operations>(
        listener: Listener,
        operations: Arc<O>,
        health: Arc<Health>,
    ) -> Result<Self, NotLoopback> {
        if !listener.tcp_addr().is_none_or(|address| address.ip().is_loopback()) {
            return Err(NotLoopback);
        }
        Ok(Self(HttpServer::start(listener, Arc::new(Pages { operations, health }))))
    }
}

struct Pages<O> {
    operations: Arc<O>,
    health: Arc<Health>,
}

impl<O: Operations> Handler for Pages<O> {
    const LIFE: Duration = Duration::from_secs(5);

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path();
        if !matches!(path, "/metrics" | "/healthz") {
            return refusal(StatusCode::NOT_FOUND, "there are /metrics and /healthz");
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return wrong_method("GET, HEAD");
        }
        if path == "/metrics" {
            return answer(StatusCode::OK, OPEN_METRICS, self.operations.metrics().await);
        }
        let report = self.health.report(&*self.operations).await;
        let status = if report.is_healthy() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        json(status, &report)
    }
}

/// The metrics are not served to other machines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotLoopback;

impl fmt::Display for NotLoopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("metrics are served on loopback only: choose an address such as 127.0.0.1:8462")
    }
}

impl Error for NotLoopback {}
