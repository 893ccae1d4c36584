//! The configuration: a TOML file in which every key has a default.
//!
//! ```
//! use mta_sts_postfix::config::Config;
//!
//! let config = Config::parse("[server]\nlisten = [\"unix:/run/mta-sts/map.sock\"]", "config.toml")?;
//! assert_eq!(config.zones[0].name, "default");
//!
//! let error = Config::parse("[sever]\n", "config.toml").unwrap_err();
//! assert_eq!(error.to_string(), "config.toml:1:2: unknown table \"sever\"; did you mean \"server\"?");
//! # Ok::<(), mta_sts_postfix::config::ConfigError>(())
//! ```

mod advice;
mod defaults;
mod keys;
mod problem;
mod reader;
mod sections;
mod show;
mod value;

pub use problem::{ConfigError, Problem};
pub(crate) use show::key;

use crate::zone::{Zone, Zones};
use core::{fmt, net::SocketAddr, time::Duration};
use mta_sts::{Domain, IpNet, Mode, NameServer};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Longer files are no configuration.
const MAX_FILE: u64 = 1 << 20;

/// All settings of the daemon. [`Config::default`] is that of an empty file.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Sockets and clients.
    pub server: Server,
    /// How DNS is asked.
    pub dns: Dns,
    /// How policies are fetched.
    pub https: Https,
    /// Where policies are kept.
    pub store: Store,
    /// How policies are kept fresh.
    pub refresh: Refresh,
    /// The zone of all other map names, which is called `default`, and those that have names.
    pub zones: Vec<Zone>,
    /// Domains that are treated otherwise, in the order of the file.
    pub overrides: Vec<DomainOverride>,
    /// What `/healthz` looks at.
    pub health: Health,
    /// What is logged.
    pub log: Log,
}

/// `[server]`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Server {
    /// Where to listen; `None` if the file does not say. See [`Server::listens`].
    pub listen: Option<Vec<Listen>>,
    /// The mode of the unix sockets in `listen`. Default: `0o666`.
    pub socket_mode: u32,
    /// The owner of the unix sockets in `listen`, by name or number. Default: that of the process.
    pub socket_owner: Option<String>,
    /// The group of the same.
    pub socket_group: Option<String>,
    /// Default: 10,000.
    pub max_connections: u32,
    /// How long a client waits for a lookup. Default: 5 s.
    pub answer_timeout: Duration,
    /// How long the answers that are under way have at the end. Default: 20 s.
    pub drain: Duration,
    /// The admin socket.
    pub admin: Admin,
    /// Where `/metrics` and `/healthz` are served: a loopback address. Default: 127.0.0.1:8462.
    pub http: Option<SocketAddr>,
}

/// A socket for questions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Listen {
    /// `ADDRESS:PORT`.
    Tcp(SocketAddr),
    /// `unix:/path`.
    Unix(PathBuf),
}

/// Where the admin socket is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Admin {
    /// `admin.sock` in the runtime directory if there is one, else in the state directory.
    #[default]
    Default,
    /// Nowhere.
    Off,
    /// At this path.
    At(PathBuf),
}

/// `[dns]`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Dns {
    /// The recursive name servers; empty for the system's.
    pub servers: Vec<NameServer>,
    /// One question with all retries. Default: 5 s.
    pub timeout: Duration,
    /// What is trusted of DNSSEC; `None` if the file does not say. See [`Dns::effective_dnssec`].
    pub dnssec: Option<Dnssec>,
    /// The file of trust anchors for [`Dnssec::Validate`]. Default: the root's.
    pub trust_anchors: Option<PathBuf>,
}

/// Who checks DNSSEC, without which there is no DANE.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Dnssec {
    /// Nobody.
    Off,
    /// The name servers on loopback, by the AD bit.
    Ad,
    /// This program.
    Validate,
}

/// `[https]`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Https {
    /// A PEM file of CA certificates that are trusted too.
    pub ca_file: Option<PathBuf>,
    /// The system's CA certificates are not trusted. Default: `false`.
    pub only_ca_file: bool,
    /// The port of policy hosts. Default: 443.
    pub port: u16,
    /// A whole fetch. Default: 60 s.
    pub timeout: Duration,
    /// Nets that are connected to though they are not global.
    pub allow_nets: Vec<IpNet>,
}

/// `[store]`.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Store {
    /// Default: SQLite.
    pub kind: StoreKind,
    /// The SQLite file, relative to the state directory. Default: `policies.db`.
    pub path: PathBuf,
    /// The Redis server. May hold a password: [`Store::masked`] hides it.
    pub url: Option<String>,
    /// The Redis sentinels.
    pub sentinels: Vec<String>,
    /// The name by which sentinels know the master.
    pub master: Option<String>,
    /// Before every key in Redis. Default: `mta-sts:`.
    pub prefix: String,
    /// Entries in memory: all of them for [`StoreKind::Memory`], else those before the store.
    /// Default: 10,000.
    pub memory_entries: usize,
    /// One call of the store. Default: 50 ms.
    pub timeout: Duration,
    /// How long questions are put off while the store cannot be read. Default: 1 h.
    pub grace: Duration,
}

/// The kind of a store.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum StoreKind {
    /// A file.
    Sqlite,
    /// Nothing that outlives the process.
    Memory,
    /// Redis or Valkey.
    Redis,
}

/// `[refresh]`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Refresh {
    /// Policies are renewed before they end. Default: `true`.
    pub enabled: bool,
    /// Domains without mail for so long are let go. Default: 180 days.
    pub unused_after: Duration,
    /// How often the MX names of held policies are checked; `None` for never. Default: daily.
    pub mx_check: Option<Duration>,
}

/// `[overrides.NAME]`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct DomainOverride {
    /// The domain.
    pub domain: Domain,
    /// It is for all domains below this one, and not for itself.
    pub below: bool,
    /// What is otherwise.
    pub what: OverrideKind,
}

/// What an override does.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum OverrideKind {
    /// There is no policy.
    Exempt,
    /// This is the policy.
    Policy {
        /// What is done with hosts that fail it.
        mode: Mode,
        /// Valid MX patterns; at least one unless the mode is `none`.
        mx: Vec<String>,
    },
    /// The policy is fetched anew that often.
    Refresh(Duration),
}

/// `[health]`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Health {
    /// A domain that `/healthz` resolves.
    pub canary: Option<Domain>,
}

/// `[log]`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Log {
    /// Default: info.
    pub level: LogLevel,
    /// Default: text.
    pub format: LogFormat,
}

/// The least important lines that are logged.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[allow(missing_docs)]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// All that is wrong with it. `file` is its name in the messages.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        sections::config(text).map_err(|problems| ConfigError { file: file.to_owned(), problems })
    }

    /// Reads the configuration of a file, of at most 1 MiB.
    ///
    /// # Errors
    /// All that is wrong with it, or why it cannot be read.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string().escape_debug().to_string();
        let cannot = |message: String| ConfigError {
            file: file.clone(),
            problems: vec![Problem { place: None, message: format!("cannot read it: {message}") }],
        };
        let mut octets = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut octets))
            .map_err(|error: io::Error| cannot(error.to_string()))?;
        if octets.len() as u64 > MAX_FILE {
            return Err(cannot("it is longer than 1 MiB".to_owned()));
        }
        let text = String::from_utf8(octets).map_err(|_| cannot("it is not UTF-8".to_owned()))?;
        Self::parse(&text, &file)
    }

    /// The zones by map name, those that are always there included.
    #[must_use]
    pub fn all_zones(&self) -> Zones {
        let mut zones = self.zones.iter().cloned();
        match zones.next() {
            Some(default) => Zones::new(default, zones),
            None => Zones::default(),
        }
    }
}

impl Server {
    /// Where to listen: 127.0.0.1:8461 unless the file says otherwise.
    #[must_use]
    pub fn listens(&self) -> Vec<Listen> {
        self.listen.clone().unwrap_or_else(|| vec![Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 8461)))])
    }
}

impl Dns {
    /// What is trusted of DNSSEC: unless the file says so, the AD bit if all name servers are named
    /// and plain ones on loopback, and else nothing.
    #[must_use]
    pub fn effective_dnssec(&self) -> Dnssec {
        self.dnssec.unwrap_or(if self.are_on_loopback() { Dnssec::Ad } else { Dnssec::Off })
    }

    pub(crate) fn are_on_loopback(&self) -> bool {
        let is_near = |server: &NameServer| matches!(server, NameServer::Plain(address) if address.ip().is_loopback());
        !self.servers.is_empty() && self.servers.iter().all(is_near)
    }
}

impl Store {
    /// A URL with its password hidden.
    #[must_use]
    pub fn masked(url: &str) -> String {
        let Some((scheme, rest)) = url.split_once("://") else {
            return url.split('?').next().unwrap_or_default().to_owned();
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        // The last one: a password may hold others.
        let shown = match rest.rfind('@').filter(|at| !rest[..*at].is_empty()) {
            Some(at) => format!("***{}", &rest[at..]),
            None => rest[..end].to_owned() + &rest[end..],
        };
        // "unix:///path?pass=…"
        format!("{scheme}://{}", shown.split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masked: Vec<_> = self.sentinels.iter().map(|url| Self::masked(url)).collect();
        f.debug_struct("Store")
            .field("kind", &self.kind)
            .field("path", &self.path)
            .field("url", &self.url.as_deref().map(Self::masked))
            .field("sentinels", &masked)
            .field("master", &self.master)
            .field("prefix", &self.prefix)
            .field("memory_entries", &self.memory_entries)
            .field("timeout", &self.timeout)
            .field("grace", &self.grace)
            .finish()
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
