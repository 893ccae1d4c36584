//! What serves the operator: metrics and health over HTTP, the admin socket, the MX check.

use super::{Environment, Reloader, StartError, live::Live};
use crate::{
    admin,
    config::{Admin, Config},
    http::Http,
    listener::{Listener, UnixSocketOptions},
    service::Service,
};
use std::{path::PathBuf, sync::Arc};
use tokio::net::UnixListener;

/// Only this user and root.
const ADMIN_MODE: u32 = 0o600;

/// What serves the operator. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Operator {
    live: Arc<Live>,
    _http: Option<Http>,
    _admin: Option<admin::Admin>,
}

impl Operator {
    pub(super) async fn start(
        config: &Config,
        environment: &mut Environment,
        service: &Service,
        reloader: &Reloader,
    ) -> Result<Self, StartError> {
        let (http, admin) = sockets(config, environment).await?;
        let live = Arc::new(Live::new(service.clone(), reloader.clone()));
        let health = service.health();
        let http = http.map(|socket| Http::start(socket, live.clone(), health.clone())).transpose()?;
        let mx = live.clone();
        let admin =
            admin.map(|socket| admin::Admin::start(socket, live.clone(), health.clone(), move || mx.mx_figures()));
        let operator = Self { live, _http: http, _admin: admin.transpose()? };
        operator.follow(config);
        health.set_serving(true);
        Ok(operator)
    }

    /// Does as the configuration says that is in force now.
    pub(super) fn follow(&self, config: &Config) {
        self.live.health().set_canary(config.health.canary.clone());
        self.live.check_mx(config.refresh.mx_check);
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.live.health().set_serving(false);
        // It holds what holds it.
        self.live.check_mx(None);
    }
}

/// For metrics and health: TCP on loopback. For administration: a unix socket of mode 0600, or the one
/// that the service manager passed. Those that there are to be.
async fn sockets(
    config: &Config,
    environment: &mut Environment,
) -> Result<(Option<Listener>, Option<Listener>), StartError> {
    let http = config.server.http.map(Listener::tcp).transpose()?;
    let admin = match (environment.inherited.admin(), admin_path(config, environment)) {
        (Some(passed), _) => {
            let listen = || {
                passed.set_nonblocking(true)?;
                UnixListener::from_std(passed)
            };
            Some(listen().map_err(|error| crate::ListenError::Io("admin".to_owned(), error))?.into())
        }
        (None, Some(path)) => {
            Some(Listener::unix(&UnixSocketOptions { mode: ADMIN_MODE, ..UnixSocketOptions::new(path) }).await?)
        }
        (None, None) => None,
    };
    Ok((http, admin))
}

/// Where the admin socket is, if there is to be one.
fn admin_path(config: &Config, environment: &Environment) -> Option<PathBuf> {
    let directory = environment.runtime_dir.as_ref().unwrap_or(&environment.state_dir);
    match &config.server.admin {
        Admin::Default => Some(directory.join("admin.sock")),
        Admin::Off => None,
        Admin::At(path) => Some(path.clone()),
    }
}
