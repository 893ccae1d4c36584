//! One question: sent, waited for and answered within its deadline.

use super::{
    connection::{self, Address, Connection, text},
    reply::{self, NoRuling},
    ruling::Ruling,
};
use crate::guard::uptime;
use core::time::Duration;
use mta_sts_core::{Domain, socketmap::Request};
use rustix::io::Errno;
use std::borrow::Cow;

/// Why there is no answer, in words.
pub(super) type Problem = Cow<'static, str>;

/// How long to wait before the next attempt to connect while the daemon's queue is full: nothing
/// tells when it no longer is.
const QUEUE_IS_FULL: Duration = Duration::from_millis(10);

/// The way to the daemon.
pub(super) struct Link {
    /// `None`: the connection was handed in, and there is no other.
    pub(super) address: Option<Address>,
    pub(super) connection: Option<Connection>,
    pub(super) peer_uid: Option<u32>,
}

impl Link {
    pub(super) fn name(&self) -> &str {
        self.address.as_ref().map_or("the socket handed in", |address| &address.name)
    }

    /// Drops a connection over which nothing new must be asked.
    fn freshen(&mut self) {
        self.connection.take_if(|connection| connection.is_foreign() || !connection.is_silent());
    }

    /// The connection, made if there is none. `None`: not yet.
    fn connect(&mut self) -> Result<Option<&mut Connection>, Problem> {
        if self.connection.is_none() {
            let address =
                self.address.as_ref().ok_or("the connection is lost, and there is no path to connect again")?;
            self.connection = Connection::open(address)?;
        }
        match &self.connection {
            Some(connection) if !connection.is_trusted(self.peer_uid) => {
                self.connection = None;
                Err("neither root nor the user id that was set has opened this socket".into())
            }
            _ => Ok(self.connection.as_mut()),
        }
    }

    pub(super) fn connect_until(&mut self, end: Duration) -> Result<(), Problem> {
        self.freshen();
        while self.connect()?.is_none() {
            let left = end.saturating_sub(uptime());
            if left.is_zero() {
                return Err(too_late(false));
            }
            connection::wait(None, false, left.min(QUEUE_IS_FULL));
        }
        Ok(())
    }
}

fn too_late(connected: bool) -> Problem {
    match connected {
        true => "no answer in time".into(),
        false => "no connection in time: more connections wait there already than the daemon accepts".into(),
    }
}

pub(super) struct Question {
    domain: Domain,
    request: Vec<u8>,
    sent: usize,
    received: Vec<u8>,
    end: Duration,
    /// The connection was made for this question.
    connected_anew: bool,
    /// It failed before it could be waited for.
    failed: Option<Problem>,
}

impl Question {
    pub(super) fn new(domain: Domain, before_bounce: bool, end: Duration) -> Self {
        let key = [domain.as_str(), if before_bounce { " before-bounce" } else { "" }].concat();
        let mut request = Vec::new();
        Request { map: b"policy", key: key.as_bytes() }.encode(&mut request);
        Self { domain, request, sent: 0, received: Vec::new(), end, connected_anew: false, failed: None }
    }

    pub(super) fn is_sent(&self) -> bool {
        self.sent == self.request.len()
    }

    /// How long to wait at most, if nothing happens at the connection.
    pub(super) fn patience(&self, link: &Link) -> Duration {
        let left = self.end.saturating_sub(uptime());
        match link.connection {
            _ if self.failed.is_some() => Duration::ZERO,
            Some(_) => left,
            None => left.min(QUEUE_IS_FULL),
        }
    }

    pub(super) fn wait(&self, link: &Link) {
        connection::wait(link.connection.as_ref(), self.is_sent(), self.patience(link));
    }

    pub(super) fn begin(&mut self, link: &mut Link) {
        link.freshen();
        if let Err(problem) = self.send(link) {
            link.connection = None;
            self.failed = Some(problem);
        }
    }

    /// Goes on without waiting. The connection is closed if it may be out of step.
    pub(super) fn go_on(&mut self, link: &mut Link) -> Result<Option<Ruling>, NoRuling> {
        let answer = match self.advance(link) {
            Ok(true) => reply::read(&self.received, &self.domain),
            Ok(false) if uptime() < self.end => return Ok(None),
            Ok(false) => Err(NoRuling::OutOfStep(too_late(link.connection.is_some()))),
            Err(problem) => Err(NoRuling::OutOfStep(problem)),
        };
        if matches!(answer, Err(NoRuling::OutOfStep(_))) {
            link.connection = None;
        }
        answer.map(Some)
    }

    /// Whether the whole reply is there.
    fn advance(&mut self, link: &mut Link) -> Result<bool, Problem> {
        if let Some(problem) = self.failed.take() {
            return Err(problem);
        }
        // fork() since the last call: the reply is the parent's.
        if link.connection.take_if(|connection| connection.is_foreign()).is_some() {
            self.restart();
        }
        if !self.is_sent() {
            self.send(link)?;
            return Ok(false);
        }
        let Some(connection) = &link.connection else { return Ok(false) };
        loop {
            match connection.receive(&mut self.received) {
                Ok(0) => return self.lost(link, Errno::PIPE).map(|()| false),
                Ok(_) if reply::is_whole(&self.received)? => return Ok(true),
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(false),
                Err(error) => return self.lost(link, error).map(|()| false),
            }
        }
    }

    fn send(&mut self, link: &mut Link) -> Result<(), Problem> {
        while !self.is_sent() {
            self.connected_anew |= link.connection.is_none();
            let Some(connection) = link.connect()? else { break };
            match connection.send(&self.request[self.sent..]) {
                Ok(octets) => self.sent += octets,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(error) => return self.lost(link, error),
            }
        }
        Ok(())
    }

    /// A connection that was kept may have been closed meanwhile, as by a daemon that was started
    /// anew: then there is another attempt.
    fn lost(&mut self, link: &mut Link, error: Errno) -> Result<(), Problem> {
        if self.connected_anew || !self.received.is_empty() || link.address.is_none() {
            return Err(text(error));
        }
        link.connection = None;
        self.restart();
        self.send(link)
    }

    fn restart(&mut self) {
        self.sent = 0;
        self.received.clear();
    }
}
