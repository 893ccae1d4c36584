//! Asks the daemon to read its configuration anew, and waits for what becomes of it.

use tokio::sync::{mpsc, oneshot};

/// As the operator is told: what is in force now, or why all stays as it was.
pub(super) type Outcome = Result<String, String>;

/// More wait; nobody has reason to ask so often.
const MAX_WAITING: usize = 4;

/// A way to reload a daemon that [`run`](super::run) drives, besides SIGHUP. Clones share it.
#[derive(Clone, Debug)]
pub struct Reloader(mpsc::Sender<oneshot::Sender<Outcome>>);

/// The other end.
#[derive(Debug)]
pub(super) struct Requests(mpsc::Receiver<oneshot::Sender<Outcome>>);

impl Reloader {
    pub(super) fn new() -> (Self, Requests) {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        (Self(sender), Requests(receiver))
    }

    /// Reads the configuration anew, and says where the daemon listens now.
    ///
    /// # Errors
    /// Why the old configuration stays, in a sentence or several for the operator.
    pub async fn reload(&self) -> Result<String, String> {
        let (answer, outcome) = oneshot::channel();
        let ends = || "the daemon is about to end".to_owned();
        self.0.send(answer).await.map_err(|_| ends())?;
        outcome.await.map_err(|_| ends())?
    }
}

impl Requests {
    /// The next request: where its outcome is awaited.
    pub(super) async fn next(&mut self) -> Option<oneshot::Sender<Outcome>> {
        self.0.recv().await
    }
}
