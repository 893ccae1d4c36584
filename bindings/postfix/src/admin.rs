//! The interface for the operator: HTTP/1.1 with JSON over a unix socket.

mod shapes;

pub use shapes::{CachePage, CachedDomain, CachedFailure, Purged, Refreshed, Reloaded, Status};

use crate::{
    health::Health,
    http_server::{Answer, Handler, HttpServer, json, refusal, wrong_method},
    listener::{Listener, Stream},
    mx_check::MxFigures,
    operations::Operations,
};
use core::{error::Error, fmt, time::Duration};
use http_body_util::{BodyExt, Limited};
use hyper::{Method, Request, StatusCode, body::Incoming};
use mta_sts::{Domain, StoreError};
use std::sync::Arc;

/// Nothing that is asked here needs a body.
const MAX_BODY: usize = 4096;
/// Entries on a page, unless asked for otherwise, and at most.
const PAGE: usize = 100;
const MAX_PAGE: usize = 1000;
/// Purging everything goes by pages of so many.
const PURGED_AT_ONCE: usize = 1000;

/// Serves the cache and the state of the daemon to root and to the daemon's own user. Dropping it
/// ends it. The listener's socket is best of mode 0600.
///
/// All answers are JSON; an error is `{"error":"…"}`, with a status of 4xx or 5xx.
///
/// | Request | Answer |
/// |---|---|
/// | `GET /status` | [`Status`] |
/// | `GET /cache?after=DOMAIN&limit=N` | [`CachePage`]: at most 1000 entries in the order of their domains |
/// | `GET /cache/DOMAIN` | [`CachedDomain`], or 404 |
/// | `POST /cache/DOMAIN/refresh` | [`Refreshed`]: asked DNS and the policy host just now |
/// | `DELETE /cache/DOMAIN`, `DELETE /cache` | [`Purged`] |
/// | `POST /reload` | [`Reloaded`], or 422 if the configuration stays as it is |
#[derive(Debug)]
#[must_use = "dropping it ends the server"]
pub struct Admin(#[expect(dead_code, reason = "it serves until it is dropped")] HttpServer);

impl Admin {
    /// Starts to serve. Must be called in a tokio runtime. `mx`: what the MX check found, if there
    /// is one.
    ///
    /// # Errors
    /// [`NotUnix`]: over TCP anybody on this machine could ask.
    pub fn start<O: Operations>(
        listener: Listener,
        operations: Arc<O>,
        health: Arc<Health>,
        mx: impl Fn() -> Option<MxFigures> + Send + Sync + 'static,
    ) -> Result<Self, NotUnix> {
        if listener.tcp_addr().is_some() {
            return Err(NotUnix);
        }
        let started = std::time::Instant::now();
        let desk = Desk { operations, health, mx, started };
        Ok(Self(HttpServer::start(listener, Arc::new(desk))))
    }
}

/// Who may do what the operator can is told by unix sockets only.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotUnix;

impl fmt::Display for NotUnix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the admin socket must be a unix socket, such as unix:/run/mta-sts/admin.sock")
    }
}

impl Error for NotUnix {}

struct Desk<O, M> {
    operations: Arc<O>,
    health: Arc<Health>,
    mx: M,
    started: std::time::Instant,
}

impl<O, M> Handler for Desk<O, M>
where
    O: Operations,
    M: Fn() -> Option<MxFigures> + Send + Sync + 'static,
{
    /// A refresh may wait for a place and then fetch for a minute each.
    const LIFE: Duration = Duration::from_secs(150);

    fn admits(&self, stream: &Stream) -> bool {
        let Stream::Unix(stream) = stream else { return false };
        let ours = rustix::process::geteuid().as_raw();
        stream.peer_cred().is_ok_and(|peer| peer.uid() == 0 || peer.uid() == ours)
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        if Limited::new(body, MAX_BODY).collect().await.is_err() {
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, "no request here needs a body");
        }
        let path: Vec<_> = head.uri.path().split('/').skip(1).collect();
        let method = &head.method;
        match *path {
            ["status"] if method == Method::GET => self.status().await,
            ["status"] => wrong_method("GET"),
            ["reload"] if method == Method::POST => self.reload().await,
            ["reload"] => wrong_method("POST"),
            ["cache"] if method == Method::GET => self.page(head.uri.query().unwrap_or_default()).await,
            ["cache"] if method == Method::DELETE => self.purge_all().await,
            ["cache"] => wrong_method("GET, DELETE"),
            ["cache", name] | ["cache", name, "refresh"] => {
                let Ok(domain) = Domain::from_ascii(name) else {
                    return refusal(StatusCode::BAD_REQUEST, "the path holds no policy domain in A-labels");
                };
                match (path.len(), method) {
                    (2, &Method::GET) => self.show(&domain).await,
                    (2, &Method::DELETE) => self.purge(&domain).await,
                    (2, _) => wrong_method("GET, DELETE"),
                    (_, &Method::POST) => self.refresh(&domain).await,
                    _ => wrong_method("POST"),
                }
            }
            _ => refusal(StatusCode::NOT_FOUND, "there are /status, /cache, /cache/DOMAIN and /reload"),
        }
    }
}

impl<O, M> Desk<O, M>
where
    O: Operations,
    M: Fn() -> Option<MxFigures>,
{
    async fn status(&self) -> Answer {
        let status = Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime: self.started.elapsed().as_secs(),
            now: self.operations.now().0,
            health: self.health.report(&*self.operations).await,
            mx_check: (self.mx)(),
        };
        json(StatusCode::OK, &status)
    }

    async fn reload(&self) -> Answer {
        match self.operations.reload().await {
            Ok(message) => json(StatusCode::OK, &Reloaded { reloaded: message }),
            Err(why) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &why),
        }
    }

    async fn page(&self, query: &str) -> Answer {
        let (mut after, mut limit) = (None, PAGE);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("after", "")) => after = None,
                Some(("after", name)) => match Domain::from_ascii(name) {
                    Ok(domain) => after = Some(domain),
                    Err(_) => return refusal(StatusCode::BAD_REQUEST, "after is no policy domain in A-labels"),
                },
                Some(("limit", number)) => match number.parse() {
                    Ok(number @ 1..=MAX_PAGE) => limit = number,
                    _ => return refusal(StatusCode::BAD_REQUEST, "limit is a number from 1 to 1000"),
                },
                _ => return refusal(StatusCode::BAD_REQUEST, "there are the parameters after and limit"),
            }
        }
        match self.operations.cached_after(after.as_ref(), limit).await {
            Err(error) => unreadable(&error),
            Ok(entries) => {
                let now = self.operations.now();
                let is_full = entries.len() >= limit;
                let entries: Vec<_> = entries.iter().map(|entry| CachedDomain::brief(entry, now)).collect();
                let next = entries.last().filter(|_| is_full).map(|entry| entry.domain.clone());
                json(StatusCode::OK, &CachePage { entries, next })
            }
        }
    }

    async fn show(&self, domain: &Domain) -> Answer {
        match self.operations.cached(domain).await {
            Err(error) => unreadable(&error),
            Ok(None) => refusal(StatusCode::NOT_FOUND, "the cache holds nothing for this domain"),
            Ok(Some(entry)) => json(StatusCode::OK, &CachedDomain::whole(&entry, self.operations.now())),
        }
    }

    async fn refresh(&self, domain: &Domain) -> Answer {
        let answer = self.operations.refresh(domain).await;
        json(StatusCode::OK, &Refreshed::of(&answer, self.operations.now()))
    }

    async fn purge(&self, domain: &Domain) -> Answer {
        match self.operations.forget(domain).await {
            Err(error) => unreadable(&error),
            Ok(was_there) => {
                tracing::info!(%domain, was_there, "purged by the operator");
                json(StatusCode::OK, &Purged { purged: u64::from(was_there) })
            }
        }
    }

    async fn purge_all(&self) -> Answer {
        let mut purged = 0;
        let ended = self.forget_all(&mut purged).await;
        tracing::info!(purged, "the cache was purged by the operator");
        match ended {
            Ok(()) => json(StatusCode::OK, &Purged { purged }),
            Err(error) => {
                let why = format!("purged {purged} entries, then: {error}");
                refusal(StatusCode::SERVICE_UNAVAILABLE, &why)
            }
        }
    }

    async fn forget_all(&self, purged: &mut u64) -> Result<(), StoreError> {
        let mut last = None;
        loop {
            let page = self.operations.cached_after(last.as_ref(), PURGED_AT_ONCE).await?;
            for entry in &page {
                *purged += u64::from(self.operations.forget(entry.domain()).await?);
            }
            match page.last() {
                Some(entry) => last = Some(entry.domain().clone()),
                None => break,
            }
        }
        // What the store failed to keep, or no longer holds.
        *purged += self.operations.forget_all_here().await?;
        Ok(())
    }
}

/// Unknown is not absent.
fn unreadable(error: &StoreError) -> Answer {
    refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
}
