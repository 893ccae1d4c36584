//! The threads that serve connections.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll},
    thread,
};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::{JoinError, JoinHandle},
};

/// How many threads do lookups: one for each core, and four at most.
#[must_use]
pub fn lookup_threads() -> usize {
    const MOST: usize = 4;
    thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST))
}

/// How many threads serve connections: half as many. Answers from the cache are soon given, and the
/// machine has a mail server to run.
#[must_use]
pub fn connection_threads() -> usize {
    lookup_threads().div_ceil(2)
}

/// Threads with a runtime each. A connection stays with one of them, so that a request that is
/// answered from memory wakes no other thread; lookups are for the runtime that the server was
/// started in.
#[derive(Debug)]
pub(crate) struct Workers {
    lookups: Handle,
    threads: Vec<Worker>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Worker {
    runtime: Handle,
    /// The thread ends when it is dropped.
    _stop: oneshot::Sender<()>,
}

impl Workers {
    /// Must be called in a runtime.
    pub(crate) fn start(threads: usize) -> Self {
        let started: io::Result<Vec<_>> = (0..threads.max(1)).map(|_| Worker::start()).collect();
        let threads = started.unwrap_or_else(|error| {
            tracing::warn!(%error, "no threads of their own for connections; answers may be slower");
            Vec::new()
        });
        Self { lookups: Handle::current(), threads, next: AtomicUsize::new(0) }
    }

    /// The runtime for the next connection.
    pub(crate) fn next(&self) -> &Handle {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let worker = turn.checked_rem(self.threads.len()).and_then(|at| self.threads.get(at));
        worker.map_or(&self.lookups, |worker| &worker.runtime)
    }

    /// Has a lookup done where lookups are done. It ends when what is returned is dropped.
    pub(crate) fn look_up<T: Send + 'static>(&self, lookup: impl Future<Output = T> + Send + 'static) -> Elsewhere<T> {
        Elsewhere(self.lookups.spawn(lookup))
    }
}

impl Worker {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let handle = runtime.handle().clone();
        thread::Builder::new().name("mta-sts-answers".to_owned()).spawn(move || {
            // It is only ever dropped.
            let _ = runtime.block_on(stopped);
        })?;
        Ok(Self { runtime: handle, _stop: stop })
    }
}

/// A task in another runtime, which is there for whoever waits for it.
#[derive(Debug)]
pub(crate) struct Elsewhere<T>(JoinHandle<T>);

impl<T> Future for Elsewhere<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Elsewhere<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
