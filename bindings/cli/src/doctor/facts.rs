//! What the daemon's configuration says, and the command line in its place.

use super::{Args, finding::Finding};
use crate::{
    output::words,
    query::via::{Place, Server},
};
use mta_sts::{IpNet, NameServer, RedisOptions};
use mta_sts_core::Domain;
use mta_sts_postfix::{
    Zones,
    config::{Config, ConfigError, Dnssec, Listen, Problem, StoreKind},
};
use std::{
    fs::File,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
};

pub(super) struct Facts {
    /// Where the daemon listens for Postfix; at least one.
    pub(super) sockets: Vec<Server>,
    /// The map names that Postfix may ask for.
    pub(super) zones: Zones,
    /// None: the system's.
    pub(super) dns: Vec<NameServer>,
    pub(super) dnssec: Dnssec,
    pub(super) trust_anchors: Option<PathBuf>,
    pub(super) ca: Option<PathBuf>,
    pub(super) only_ca: bool,
    pub(super) https_port: u16,
    pub(super) allow_nets: Vec<IpNet>,
    /// The Redis in which policies are kept.
    pub(super) redis: Option<RedisOptions>,
    /// The domain that /healthz goes by.
    pub(super) canary: Option<Domain>,
}

/// All facts, and what is to be said of the configuration. With a broken one they are the defaults.
pub(super) fn gather(args: &Args) -> (Facts, Vec<Finding>) {
    let looked_at = "configuration";
    let name = args.file.name();
    let (mut config, findings) = match args.file.load() {
        Ok(config) => {
            let found = match config.warnings().len() {
                0 => name,
                number => format!("{name}, with {}", words::count(number as u64, "warning")),
            };
            let finding = Finding::ok("config", looked_at, found);
            (config, vec![finding])
        }
        Err(error) => (Config::default(), broken(args, looked_at, &error)),
    };
    override_by(args, &mut config);
    (Facts::of(config, args), findings)
}

/// A line for each error.
fn broken(args: &Args, looked_at: &str, error: &ConfigError) -> Vec<Finding> {
    let is_denied =
        |path: PathBuf| File::open(path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    if args.file.path().is_some_and(is_denied) {
        let finding = Finding::unknown("config", looked_at, error.to_string());
        return vec![
            finding
                .means("what follows was looked at with the defaults")
                .fix("run this as root or as the user of the daemon"),
        ];
    }
    let finding = |problem: &Problem| {
        let of_one = ConfigError { file: error.file.clone(), problems: vec![problem.clone()] };
        Finding::fail("config", looked_at, of_one.to_string())
    };
    let mut findings: Vec<_> = error.problems.iter().map(finding).collect();
    if let Some(last) = findings.pop() {
        findings.push(
            last.means(
                "the daemon does not start, or goes by what it read before; what follows was looked at with the defaults",
            )
            .fix("mend the file until \"mta-sts config check\" is content"),
        );
    }
    findings
}

fn override_by(args: &Args, config: &mut Config) {
    if !args.dns.is_empty() {
        config.dns.servers.clone_from(&args.dns);
    }
    if args.ca.is_some() {
        config.https.ca_file.clone_from(&args.ca);
    }
    if let Some(port) = args.https_port {
        config.https.port = port;
    }
    config.https.allow_nets.extend(&args.allow_net);
    if args.redis.is_some() {
        let store = &mut config.store;
        store.kind = StoreKind::Redis;
        store.url.clone_from(&args.redis);
        (store.sentinels, store.master) = (Vec::new(), None);
    }
}

impl Facts {
    fn of(config: Config, args: &Args) -> Self {
        let mut sockets = args.socket.clone();
        if sockets.is_empty() {
            sockets.extend(config.server.listens().iter().map(server));
        }
        if sockets.is_empty() {
            // systemd passes them; this is what the unit for it opens.
            sockets.extend(Config::default().server.listens().iter().map(server));
        }
        let (zones, dnssec) = (config.all_zones(), config.dns.effective_dnssec());
        let Config { dns, https, store, health, .. } = config;
        let defaults = RedisOptions::default();
        let redis = (store.kind == StoreKind::Redis).then(|| RedisOptions {
            url: store.url.unwrap_or(defaults.url),
            sentinels: store.sentinels,
            master: store.master,
            ..defaults
        });
        Self {
            sockets,
            zones,
            dns: dns.servers,
            dnssec,
            trust_anchors: dns.trust_anchors,
            ca: https.ca_file,
            only_ca: https.only_ca_file,
            https_port: https.port,
            allow_nets: https.allow_nets,
            redis,
            canary: health.canary,
        }
    }
}

/// Where a client finds it.
fn server(listen: &Listen) -> Server {
    Server::at(match listen {
        Listen::Unix(path) => Place::Unix(path.clone()),
        Listen::Tcp(address) => {
            let ip = match address.ip() {
                IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
                ip => ip,
            };
            Place::Tcp(ip.to_string(), address.port())
        }
    })
}
