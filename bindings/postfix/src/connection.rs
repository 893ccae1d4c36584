//! One connection: requests in, replies out in their order.

use crate::{
    locked::locked,
    reply::Reply,
    server::{Answerer, Limits},
    workers::Workers,
};
use core::{
    future::ready,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use futures_util::{FutureExt, StreamExt, future::Either, stream::FuturesOrdered};
use mta_sts::core::socketmap::{Frame, MAX_REQUEST, Request, SocketmapError, decode};
use std::{io, sync::Mutex};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::Notify,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

/// Replies that wait to be sent, in octets; beyond it no more are taken.
const MAX_WAITING: usize = 256 * 1024;
/// Room to read into. Requests are short. A read that leaves room saves the one that finds nothing more.
const READ_SIZE: usize = 1024;
/// Buffers larger than this are given back when they are empty.
const KEPT_SIZE: usize = 4096;
/// How long a client has to read the last replies before unread input makes the system discard them.
const LINGER: Duration = Duration::from_secs(1);

/// What others may know of a connection and ask of it.
#[derive(Debug)]
pub(crate) struct Handle {
    idle_since: Mutex<Option<Instant>>,
    finishes: AtomicBool,
    finish: Notify,
    cut: Notify,
}

impl Handle {
    pub(crate) fn new() -> Self {
        Self {
            idle_since: Mutex::new(Some(Instant::now())),
            finishes: AtomicBool::new(false),
            finish: Notify::new(),
            cut: Notify::new(),
        }
    }

    /// Since when nothing is under way; `None` also if it is ending already.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let idle_since = *locked(&self.idle_since);
        idle_since.filter(|_| !self.finishes.load(Ordering::Relaxed))
    }

    fn set_idle_since(&self, since: Option<Instant>) {
        *locked(&self.idle_since) = since;
    }

    /// Reads no more, answers what was received, ends.
    pub(crate) fn finish(&self) {
        self.finishes.store(true, Ordering::Relaxed);
        self.finish.notify_one();
    }

    /// Ends at once.
    pub(crate) fn cut(&self) {
        self.cut.notify_one();
    }

    pub(crate) async fn is_cut(&self) {
        self.cut.notified().await;
    }
}

/// Serves a connection to its end.
pub(crate) async fn serve<A: Answerer>(
    mut reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    answerer: &A,
    limits: &Limits,
    workers: &Workers,
    handle: &Handle,
) {
    let pipelined = limits.pipelined.max(1);
    let mut input = Input::default();
    let mut output = Output::default();
    let mut answers = FuturesOrdered::new();
    let mut is_open = true;
    let mut lingers = true;
    let mut idle_since = Some(Instant::now());
    // One coarse timer for all that can stall, rather than one that is set at each request.
    let period = (limits.idle.min(limits.request).min(limits.reply) / 4).max(Duration::from_millis(1));
    let mut tick = interval_at(Instant::now() + period, period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut finish = pin!(handle.finish.notified());
    loop {
        let mut has_served = false;
        let mut is_held_up = true;
        while answers.len() < pipelined && output.has_room() {
            match input.next() {
                Ok(Some(Request { map, key })) => match answerer.ready(map, key) {
                    // The usual case: nothing to wait for, and no reply before it.
                    Some(reply) if answers.is_empty() => {
                        output.push(&reply);
                        has_served = true;
                    }
                    Some(reply) => answers.push_back(Either::Left(ready(Ok(Ok(reply))))),
                    None => {
                        let answer = workers.look_up(answerer.answer(map, key));
                        answers.push_back(Either::Right(timeout(limits.answer, answer)));
                    }
                },
                Ok(None) => {
                    is_held_up = false;
                    break;
                }
                Err(error) => {
                    tracing::debug!(%error, "a client does not speak socketmap");
                    input.clear();
                    is_open = false;
                }
            }
        }
        if has_served {
            // Most likely there is room in the socket.
            match writer.write(output.unsent()).now_or_never() {
                Some(Ok(octets @ 1..)) => output.sent(octets),
                Some(_) => return,
                None => {}
            }
        }
        if !is_open && answers.is_empty() && output.is_empty() {
            break;
        }
        output.is_awaited();
        if is_held_up && answers.len() < pipelined && output.has_room() {
            // There may be more requests in what was read.
            continue;
        }
        let takes_more = is_open && answers.len() < pipelined && output.has_room();
        input.is_awaited(takes_more);
        // Half a request is no work: its connection is the first to go when others wait for a place.
        let is_idle = answers.is_empty() && output.is_empty();
        if is_idle != idle_since.is_some() || has_served {
            idle_since = is_idle.then(Instant::now);
            handle.set_idle_since(idle_since);
        }
        if is_idle && input.is_empty() {
            input.make_small();
            output.make_small();
        }
        input.reserve();
        tokio::select! {
            // Answers that are ready go out together.
            biased;
            Some(answer) = answers.next(), if output.has_room() => {
                output.push(&match answer {
                    Ok(Ok(reply)) => reply,
                    Ok(Err(_)) => Reply::Temp("the lookup failed by an error in the server"),
                    Err(_) => Reply::Temp("the lookup took too long"),
                });
            }
            written = writer.write(output.unsent()), if !output.is_empty() => match written {
                Ok(octets @ 1..) => output.sent(octets),
                _ => return,
            },
            // Before a client that always has more to say.
            () = &mut finish, if is_open => {
                is_open = false;
                lingers = !is_idle;
            }
            read = reader.read_buf(&mut input.octets), if takes_more => match read {
                Ok(0) => {
                    // Whoever has no more requests may still read the replies.
                    is_open = false;
                }
                Ok(_) => {}
                Err(error) => return gone(&error),
            },
            _ = tick.tick() => {
                let stalled = |since: Option<Instant>, limit| since.is_some_and(|since| since.elapsed() >= limit);
                if stalled(idle_since, limits.idle)
                    || stalled(input.since, limits.request)
                    || stalled(output.since, limits.reply)
                {
                    tracing::debug!("a silent or slow client is let go");
                    return;
                }
            }
        }
    }
    if !lingers {
        return;
    }
    // To close a socket with unread input discards the replies that the client has not read yet.
    let _ = timeout(LINGER, async {
        let _ = writer.shutdown().await;
        let mut ignored = [0; READ_SIZE];
        while reader.read(&mut ignored).await.is_ok_and(|n| n > 0) {}
    })
    .await;
}

fn gone(error: &io::Error) {
    tracing::debug!(%error, "a client is gone");
}

/// What was received and not yet taken.
#[derive(Default)]
struct Input {
    octets: Vec<u8>,
    taken: usize,
    /// Since when the client owes the rest of a request.
    since: Option<Instant>,
}

impl Input {
    /// Takes the next request, if it is there as a whole.
    fn next(&mut self) -> Result<Option<Request<'_>>, SocketmapError> {
        let (payload, len) = match decode(&self.octets[self.taken..], MAX_REQUEST)? {
            Frame::Complete { payload, len } => (payload.len(), len),
            Frame::Partial => return Ok(None),
        };
        self.taken += len;
        self.since = None;
        // The payload stands before the final comma.
        let end = self.taken - 1;
        let payload = &self.octets[end - payload..end];
        // A map name without a key: nothing is found by it, but the client speaks the protocol.
        Ok(Some(Request::parse(payload).unwrap_or(Request { map: payload, key: b"" })))
    }

    fn is_empty(&self) -> bool {
        self.taken == self.octets.len()
    }

    /// Says whether the client is the one to go on.
    fn is_awaited(&mut self, is_awaited: bool) {
        match is_awaited && !self.is_empty() {
            true => self.since = self.since.or_else(|| Some(Instant::now())),
            false => self.since = None,
        }
    }

    fn clear(&mut self) {
        self.octets.clear();
        self.taken = 0;
    }

    fn reserve(&mut self) {
        self.octets.drain(..self.taken);
        self.taken = 0;
        self.octets.reserve(READ_SIZE);
    }

    fn make_small(&mut self) {
        self.clear();
        if self.octets.capacity() > KEPT_SIZE {
            self.octets = Vec::new();
        }
    }
}

/// The replies that go out, and those that wait behind them: a client must take the former in time
/// however many follow.
#[derive(Default)]
struct Output {
    sending: Vec<u8>,
    sent: usize,
    waiting: Vec<u8>,
    /// Since when the client has been sent `sending`.
    since: Option<Instant>,
}

impl Output {
    fn push(&mut self, reply: &Reply) {
        reply.as_socketmap().encode(&mut self.waiting);
    }

    fn is_empty(&self) -> bool {
        self.sending.is_empty() && self.waiting.is_empty()
    }

    fn has_room(&self) -> bool {
        self.waiting.len() < MAX_WAITING
    }

    fn unsent(&mut self) -> &[u8] {
        if self.sending.is_empty() && !self.waiting.is_empty() {
            core::mem::swap(&mut self.sending, &mut self.waiting);
            self.since = None;
        }
        &self.sending[self.sent..]
    }

    /// Says that the client is the one to go on, if there is something for it to take.
    fn is_awaited(&mut self) {
        if !self.unsent().is_empty() {
            self.since.get_or_insert_with(Instant::now);
        }
    }

    fn sent(&mut self, octets: usize) {
        self.sent += octets;
        if self.sent == self.sending.len() {
            self.sending.clear();
            self.sent = 0;
            self.since = None;
        }
    }

    fn make_small(&mut self) {
        for buffer in [&mut self.sending, &mut self.waiting] {
            if buffer.capacity() > KEPT_SIZE {
                *buffer = Vec::new();
            }
        }
    }
}
