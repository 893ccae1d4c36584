//! What the doctor must know of the daemon's configuration.

use super::Args;
use crate::query::via::Server;
use mta_sts::{IpNet, NameServer};
use mta_sts_postfix::Zones;
use std::path::PathBuf;

pub(super) struct Facts {
    /// Where the daemon listens for Postfix.
    pub(super) sockets: Vec<Server>,
    /// The map names that Postfix may ask for.
    pub(super) zones: Zones,
    /// None: the system's.
    pub(super) dns: Vec<NameServer>,
    pub(super) ca: Option<PathBuf>,
    pub(super) only_ca: bool,
    pub(super) https_port: u16,
    pub(super) allow_nets: Vec<IpNet>,
    /// The URL of the Redis in which policies are kept.
    pub(super) redis: Option<String>,
}

impl Facts {
    pub(super) fn of(args: &Args) -> Self {
        Self {
            sockets: args.socket.clone(),
            zones: Zones::default(),
            dns: args.dns.clone(),
            ca: args.ca.clone(),
            only_ca: false,
            https_port: args.https_port,
            allow_nets: args.allow_net.clone(),
            redis: args.redis.clone(),
        }
    }
}
