//! The one connection: made behind, watched, and made anew.

use super::target::{Connected, Target, failed};
use crate::{bounded::locked, store::StoreError};
use redis::aio::MultiplexedConnection;
use ring::rand::{SecureRandom, SystemRandom};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    task::AbortHandle,
    time::{sleep, timeout},
};

/// How long a server, or a sentinel, may take to answer before it counts as hung.
pub(super) const ANSWER: Duration = Duration::from_secs(1);
/// How long TCP, TLS and the first words with the server may take, and the sentinels before it.
const CONNECT: Duration = Duration::from_secs(5);
/// The server is looked after this often if nothing gives a reason to.
const BETWEEN_CHECKS: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Link {
    shared: Arc<Shared>,
    keeper: Mutex<Option<AbortHandle>>,
}

struct Shared {
    target: Target,
    state: watch::Sender<State>,
    /// A call got no answer, or a strange one.
    suspect: Notify,
}

enum State {
    /// Nobody keeps the connection: not yet, or the runtime ended.
    Idle,
    Down(StoreError),
    Up(MultiplexedConnection),
}

/// Makes a call that is dropped before its end a reason to look after the server.
pub(super) struct Call<'a>(Option<&'a Shared>);

impl Link {
    /// Begins to connect if there is a runtime, else with the first call.
    pub(super) fn new(target: Target) -> Self {
        let shared = Shared { target, state: watch::Sender::new(State::Idle), suspect: Notify::new() };
        let link = Self { shared: Arc::new(shared), keeper: Mutex::default() };
        link.keep();
        link
    }

    /// The connection if it is there now.
    pub(super) fn connection(&self) -> Result<MultiplexedConnection, StoreError> {
        match &*self.shared.state.borrow() {
            State::Up(connection) => return Ok(connection.clone()),
            State::Down(why) => return Err(why.clone()),
            State::Idle => {}
        }
        self.keep();
        Err(not_yet())
    }

    pub(super) async fn connected(&self) {
        self.keep();
        // The sender lives in `self`.
        let _ = self.shared.state.subscribe().wait_for(|state| matches!(state, State::Up(_))).await;
    }

    pub(super) fn call(&self) -> Call<'_> {
        Call(Some(&self.shared))
    }

    fn keep(&self) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut keeper = locked(&self.keeper);
        if matches!(&*self.shared.state.borrow(), State::Idle) {
            self.shared.state.send_replace(State::Down(not_yet()));
            let kept = Kept(self.shared.clone());
            *keeper = Some(runtime.spawn(async move { kept.0.keep().await }).abort_handle());
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(keeper) = locked(&self.keeper).take() {
            keeper.abort();
        }
    }
}

/// Says that nobody keeps the connection any longer, however that ended.
struct Kept(Arc<Shared>);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.state.send_replace(State::Idle);
    }
}

impl Shared {
    async fn keep(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let connecting = timeout(CONNECT, self.target.connect()).await;
            let why = match connecting.unwrap_or_else(|_| Err(failed("the Redis server does not answer"))) {
                Ok(Connected { connection, driver }) => {
                    self.state.send_replace(State::Up(connection.clone()));
                    let why = tokio::select! {
                        () = driver => failed("the Redis server closed the connection"),
                        why = self.watch(connection, &mut pause) => why,
                    };
                    tracing::debug!(%why, "the connection to Redis is lost");
                    why
                }
                Err(why) => why,
            };
            self.state.send_replace(State::Down(why));
            sleep(with_jitter(pause)).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Until the server no longer answers, or is no longer the right one. It says why.
    async fn watch(&self, mut connection: MultiplexedConnection, pause: &mut Duration) -> StoreError {
        loop {
            match timeout(ANSWER, self.target.check(&mut connection)).await {
                // Only a server that answers ends the pauses.
                Ok(Ok(())) => *pause = FIRST_PAUSE,
                Ok(Err(why)) => return why,
                Err(_) => return failed("the Redis server does not answer"),
            }
            let _ = timeout(BETWEEN_CHECKS, self.suspect.notified()).await;
        }
    }
}

impl Call<'_> {
    /// It ended with an answer.
    pub(super) fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(shared) = self.0 {
            shared.suspect.notify_one();
        }
    }
}

fn not_yet() -> StoreError {
    failed("the connection to Redis is not there yet")
}

/// Between a half and the whole of it, so that many clients do not come back at one moment.
fn with_jitter(pause: Duration) -> Duration {
    let mut random = [0];
    // Without randomness, without jitter.
    let _ = SystemRandom::new().fill(&mut random);
    pause - pause / 2 * u32::from(random[0]) / 256
}
