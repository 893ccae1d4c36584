//! Locks, logs and tasks as the servers share them.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

const CONNECTIONS_AT_ONCE: usize = 1024;

/// Locks; a thread that panicked in a test must not take the others along.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The last events of a kind, the oldest first.
pub(crate) struct Log<T> {
    events: Mutex<VecDeque<T>>,
    kept: usize,
}

impl<T: Clone> Log<T> {
    pub(crate) fn keeping(kept: usize) -> Self {
        Self { events: Mutex::default(), kept }
    }

    pub(crate) fn push(&self, event: T) {
        let mut events = locked(&self.events);
        if events.len() >= self.kept {
            events.pop_front();
        }
        events.push_back(event);
    }

    pub(crate) fn all(&self) -> Vec<T> {
        locked(&self.events).iter().cloned().collect()
    }

    /// Empties it.
    pub(crate) fn take(&self) -> Vec<T> {
        locked(&self.events).drain(..).collect()
    }

    pub(crate) fn clear(&self) {
        locked(&self.events).clear();
    }
}

/// A running task that ends with its owner.
pub(crate) struct Task(pub(crate) AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Hands every connection to `serve`, for ever; those still open end when this future is dropped.
pub(crate) async fn accept<F, Served>(listener: TcpListener, serve: F)
where
    F: Fn(TcpStream) -> Served,
    Served: Future<Output = ()> + Send + 'static,
{
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if open.len() < CONNECTIONS_AT_ONCE => match accepted {
                Ok((stream, _)) => {
                    open.spawn(serve(stream));
                }
                // Out of file descriptors or the like: wait for some connection to end.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = open.join_next() => {}
        }
    }
}
