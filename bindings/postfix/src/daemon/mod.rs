//! The daemon: the parts that a [`Config`] asks for, put together, changed and ended in order.

mod live;
mod notify;
mod operator;
mod options;
mod reloader;
mod resolver;
mod run;
mod sockets;
mod start_error;
mod store;

pub use reloader::Reloader;
pub use run::run;
pub use sockets::{InheritError, Inherited};
pub(crate) use sockets::{group, user};
pub use start_error::StartError;

pub use crate::workers::{connection_threads, lookup_threads};

use crate::{
    config::{Config, Listen, LogLevel, Store},
    server::{Limits, Server},
    service::Service,
};
use core::{fmt, time::Duration};
use mta_sts::RefresherHandle;
use operator::Operator;
use sockets::Sockets;
use std::path::{Path, PathBuf};
use store::OpenStore;
use tokio::time::timeout;

/// How long the store has to close.
const CLOSE: Duration = Duration::from_secs(5);

/// What the daemon gets from outside, besides its configuration.
pub struct Environment {
    /// Where it keeps its files; made if it is missing.
    pub state_dir: PathBuf,
    /// Where its sockets are, if the service manager made such a directory.
    pub runtime_dir: Option<PathBuf>,
    /// Sockets that the service manager opened.
    pub inherited: Inherited,
    /// Changes what is logged from now on.
    pub set_log_level: Box<dyn Fn(LogLevel) + Send + Sync>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("state_dir", &self.state_dir)
            .field("runtime_dir", &self.runtime_dir)
            .field("inherited", &self.inherited)
            .finish_non_exhaustive()
    }
}

/// A running daemon. [`run`] drives one by signals; others may do so themselves.
#[derive(Debug)]
#[must_use = "dropping it ends the daemon without order"]
pub struct Daemon {
    config: Config,
    environment: Environment,
    store: OpenStore,
    service: Service,
    sockets: Sockets,
    server: Server,
    operator: Operator,
    refresher: Option<RefresherHandle>,
}

impl Daemon {
    /// Opens the store and the sockets, and answers. Must be called in a tokio runtime.
    ///
    /// `reloader` is for the operator who asks by the admin socket.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left behind but a state directory.
    pub async fn start(config: Config, mut environment: Environment, reloader: &Reloader) -> Result<Self, StartError> {
        store::make_state_dir(&environment.state_dir)?;
        let store = store::open(&config.store, &environment.state_dir).await?;
        let options = options::of(&config)?;
        let resolver = resolver::build(&config, &store, &options, None)?;
        let refresher = config.refresh.enabled.then(|| resolver.spawn_refresher());
        let service = Service::new(resolver, options);
        let mut server = Server::start(service.clone(), [], limits(&config));
        let mut sockets = Sockets::new(&mut environment.inherited);
        sockets.open(&config.server, &mut server, &service).await?;
        if sockets.is_empty() {
            return Err(StartError::NoListener);
        }
        let operator = Operator::start(&config, &mut environment, &service, reloader).await?;
        Ok(Self { config, environment, store, service, sockets, server, operator, refresher })
    }

    /// The sockets that are listened on, with the ports that the system chose.
    #[must_use]
    pub fn listens(&self) -> Vec<Listen> {
        self.sockets.listens()
    }

    /// Goes over to another configuration. Connections stay open, and so do the sockets that are in
    /// both.
    ///
    /// # Errors
    /// [`StartError`] if something of it cannot be had: then all is as before.
    pub async fn reload(&mut self, config: Config) -> Result<(), StartError> {
        let options = options::of(&config)?;
        // Always a new one: the system's name servers and CA certificates may be others now.
        let resolver = resolver::build(&config, &self.store, &options, Some(&self.service.resolver()))?;
        self.sockets.open(&config.server, &mut self.server, &self.service).await?;
        self.sockets.close_others(&config.server, &mut self.server).await;
        // The old one goes with its refresher, when the last lookup that uses it has ended.
        self.refresher = config.refresh.enabled.then(|| resolver.spawn_refresher());
        self.service.replace(resolver, options);
        self.operator.follow(&config);
        (self.environment.set_log_level)(config.log.level);
        for key in needs_restart(&self.config, &config) {
            tracing::warn!(key, "this change takes effect at the next start");
        }
        let (store, format) = (self.config.store.clone(), self.config.log.format);
        self.config = config;
        // What is still so, to be compared with the next configuration.
        self.config.store = store;
        self.config.log.format = format;
        Ok(())
    }

    /// Answers what was received, ends the connections and closes the store. Says how many
    /// connections had to be cut because they did not end in time.
    pub async fn stop(self) -> usize {
        let Self { store, service, server, operator, refresher, .. } = self;
        drop((operator, refresher));
        let cut = server.drain().await;
        // A disk that hangs must not keep the process.
        let close = async {
            service.resolver().flush().await;
            drop(service);
            store.close().await;
        };
        if timeout(CLOSE, close).await.is_err() {
            tracing::warn!("the policy store does not close; what it acknowledged is on disk");
        }
        cut
    }

    /// Where files are kept.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.environment.state_dir
    }
}

fn limits(config: &Config) -> Limits {
    Limits { max_connections: config.server.max_connections, drain: config.server.drain, ..Limits::default() }
}

/// What cannot be changed while it runs.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    [
        ("[store]", Store { grace: new.store.grace, ..old.store.clone() } != new.store),
        ("server.max_connections", old.server.max_connections != new.server.max_connections),
        ("server.socket_mode", old.server.socket_mode != new.server.socket_mode),
        ("server.socket_owner", old.server.socket_owner != new.server.socket_owner),
        ("server.socket_group", old.server.socket_group != new.server.socket_group),
        ("server.drain", old.server.drain != new.server.drain),
        ("server.http", old.server.http != new.server.http),
        ("server.admin", old.server.admin != new.server.admin),
        ("log.format", old.log.format != new.log.format),
    ]
    .into_iter()
    .filter_map(|(key, differs)| differs.then_some(key))
    .collect()
}
