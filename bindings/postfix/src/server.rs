//! The server: listeners, connections, and their end.

use crate::{
    connection::{Handle, serve},
    listener::{Listener, Stream},
    locked::locked,
    reply::Reply,
    workers::{Workers, connection_threads},
};
use core::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{self, JoinHandle},
    time::{sleep, timeout},
};

/// How long to wait for a connection to end, or for file descriptors, before looking again.
const RETRY: Duration = Duration::from_millis(50);

/// What gives the replies.
pub trait Answerer: Send + Sync + 'static {
    /// The reply to a request, if it can be had without waiting: then it is not asked for by
    /// [`answer`](Answerer::answer). It is called often and must be quick. Default: `None`.
    fn ready(&self, map: &[u8], key: &[u8]) -> Option<Reply> {
        let _ = (map, key);
        None
    }

    /// The reply to a request: a map name and a key of any octets. Requests of one connection are
    /// answered concurrently; the future is dropped when its client is gone.
    fn answer(&self, map: &[u8], key: &[u8]) -> impl Future<Output = Reply> + Send + use<Self>;
}

/// How much there may be, and how long things may take.
///
/// Postfix closes a connection that was idle for 10 s or is 100 s old, and waits 100 s for a reply.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Connections. When all are taken, a new one makes the longest idle one end, for which Postfix
    /// has a second try; if none is idle, it waits. Default 10,000.
    pub max_connections: u32,
    /// Requests of one connection that are answered at once; more are not read. At least 1.
    /// Default 64.
    pub pipelined: usize,
    /// An answer, after which the reply is a temporary failure. Default 90 s.
    pub answer: Duration,
    /// A request, from its first octet to its last. Default 60 s.
    pub request: Duration,
    /// Sending the replies that are ready. Default 60 s.
    pub reply: Duration,
    /// A connection without requests. Default 10 min.
    pub idle: Duration,
    /// The answers that are still under way in [`Server::drain`]. Default 20 s.
    pub drain: Duration,
    /// Threads that serve connections. Default: one for two cores, two at most.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            max_connections: 10_000,
            pipelined: 64,
            answer: seconds(90),
            request: seconds(60),
            reply: seconds(60),
            idle: seconds(600),
            drain: seconds(20),
            threads: connection_threads(),
        }
    }
}

/// A running server. Dropping it cuts all connections; [`Server::drain`] ends them in order.
#[derive(Debug)]
#[must_use = "dropping it ends the server"]
pub struct Server {
    connections: Arc<Connections>,
    acceptors: Vec<JoinHandle<()>>,
}

impl Server {
    /// Serves the listeners by threads of its own. Must be called in a tokio runtime, in which
    /// lookups are done.
    pub fn start(answerer: impl Answerer, listeners: impl IntoIterator<Item = Listener>, limits: Limits) -> Self {
        let answerer = Arc::new(answerer);
        let connections = Arc::new(Connections::new(limits));
        let accept = |listener| tokio::spawn(accept(listener, answerer.clone(), connections.clone()));
        let acceptors = listeners.into_iter().map(accept).collect();
        Self { connections, acceptors }
    }

    /// Serves one more listener, until [`Server::close`].
    pub fn listen(&mut self, answerer: impl Answerer, listener: Listener) -> task::Id {
        let acceptor = tokio::spawn(accept(listener, Arc::new(answerer), self.connections.clone()));
        let id = acceptor.id();
        self.acceptors.push(acceptor);
        id
    }

    /// Closes a listener. Connections that came by it stay open.
    pub async fn close(&mut self, listener: task::Id) {
        if let Some(at) = self.acceptors.iter().position(|acceptor| acceptor.id() == listener) {
            let acceptor = self.acceptors.swap_remove(at);
            acceptor.abort();
            let _ = acceptor.await;
        }
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.open().len()
    }

    /// Closes the listeners, answers the requests that were received whole, and ends the
    /// connections. After [`Limits::drain`] the rest is cut: says how many.
    pub async fn drain(mut self) -> usize {
        for acceptor in self.acceptors.drain(..) {
            acceptor.abort();
            // Only then the socket is closed and its file gone.
            let _ = acceptor.await;
        }
        self.connections.open().values().for_each(|handle| handle.finish());
        let all_ended = self.connections.places.acquire_many(self.connections.max());
        let _ = timeout(self.connections.limits.drain, all_ended).await;
        self.connections()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.acceptors.iter().for_each(JoinHandle::abort);
        let open = self.connections.open();
        // An acceptor may be at work this moment.
        self.connections.is_closed.store(true, Ordering::Relaxed);
        open.values().for_each(|handle| handle.cut());
    }
}

async fn accept<A: Answerer>(listener: Listener, answerer: Arc<A>, connections: Arc<Connections>) {
    let mut fails = false;
    loop {
        match listener.accept().await {
            Ok(stream) => {
                fails = false;
                let place = connections.place().await;
                connections.spawn(stream, place, answerer.clone());
            }
            Err(error) => {
                // Most likely out of file descriptors.
                if !core::mem::replace(&mut fails, true) {
                    tracing::warn!(%error, "cannot accept connections; tries again");
                }
                connections.end_longest_idle();
                sleep(RETRY).await;
            }
        }
    }
}

/// The open connections of all listeners.
#[derive(Debug)]
struct Connections {
    limits: Limits,
    workers: Workers,
    places: Arc<Semaphore>,
    open: Mutex<HashMap<u64, Arc<Handle>>>,
    next: AtomicU64,
    /// No more are taken. It changes while `open` is locked.
    is_closed: AtomicBool,
}

impl Connections {
    fn new(limits: Limits) -> Self {
        let limits = Limits { max_connections: limits.max_connections.max(1), ..limits };
        let places = Arc::new(Semaphore::new(limits.max_connections as usize));
        Self {
            limits,
            workers: Workers::start(limits.threads),
            places,
            open: Mutex::default(),
            next: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
        }
    }

    fn max(&self) -> u32 {
        self.limits.max_connections
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Arc<Handle>>> {
        locked(&self.open)
    }

    /// A place for a connection, if need be that of the longest idle one.
    async fn place(&self) -> OwnedSemaphorePermit {
        loop {
            if let Ok(place) = self.places.clone().try_acquire_owned() {
                return place;
            }
            self.end_longest_idle();
            // The semaphore is never closed, so that this fails only by its time.
            if let Ok(Ok(place)) = timeout(RETRY, self.places.clone().acquire_owned()).await {
                return place;
            }
        }
    }

    fn end_longest_idle(&self) {
        let open = self.open();
        let idle = open.values().filter_map(|handle| Some((handle.idle_since()?, handle)));
        if let Some((_, handle)) = idle.min_by_key(|(since, _)| *since) {
            tracing::debug!("the longest idle connection ends to make room");
            handle.finish();
        }
    }

    fn spawn<A: Answerer>(self: &Arc<Self>, stream: Stream, place: OwnedSemaphorePermit, answerer: Arc<A>) {
        let handle = Arc::new(Handle::new());
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        {
            let mut open = self.open();
            if self.is_closed.load(Ordering::Relaxed) {
                return;
            }
            open.insert(id, handle.clone());
        }
        let entry = Registered { connections: self.clone(), id, _place: place };
        self.workers.next().spawn(async move {
            // Moved in, so that it also goes when the task panics.
            let entry = entry;
            let Connections { limits, workers, .. } = &*entry.connections;
            let served = async {
                match stream.into_here() {
                    Ok(Stream::Tcp(mut stream)) => {
                        let (reader, writer) = stream.split();
                        serve(reader, writer, &*answerer, limits, workers, &handle).await;
                    }
                    Ok(Stream::Unix(mut stream)) => {
                        let (reader, writer) = stream.split();
                        serve(reader, writer, &*answerer, limits, workers, &handle).await;
                    }
                    Err(error) => tracing::warn!(%error, "cannot serve a connection"),
                }
            };
            tokio::select! {
                () = served => {}
                () = handle.is_cut() => {}
            }
        });
    }
}

/// A connection in the list of open ones, and its place.
struct Registered {
    connections: Arc<Connections>,
    id: u64,
    _place: OwnedSemaphorePermit,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.connections.open().remove(&self.id);
    }
}
