//! DNS for policies and addresses. "There is none" and "could not learn" stay apart.

use crate::{builder::BuildError, name_server::NameServer};
use core::{error::Error, fmt};
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    lookup::Lookup,
    net::{DnsError as WireError, NetError, NoRecords, runtime::TokioRuntimeProvider},
    proto::{
        dnssec::TrustAnchors,
        op::ResponseCode,
        rr::{Name, RData, RecordType},
    },
};
use mta_sts_core::TxtRecords;
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};

/// Asks recursive name servers in their order, the next one when one could not tell.
#[derive(Debug)]
pub(crate) struct Dns {
    servers: Vec<TokioResolver>,
    timeout: Duration,
}

/// What a name server said.
pub(crate) enum Found {
    Records(Lookup),
    /// NXDOMAIN or NODATA.
    Nothing(NoRecords),
}

impl Dns {
    /// With `anchors` every answer is validated by DNSSEC; one that fails is an error.
    pub(crate) fn new(
        servers: &[NameServer],
        timeout: Duration,
        tls: &rustls::ClientConfig,
        anchors: Option<&Arc<TrustAnchors>>,
    ) -> Result<Self, BuildError> {
        let configs = if servers.is_empty() {
            let (config, _) =
                hickory_resolver::system_conf::read_system_conf().map_err(|_| BuildError::NoNameServer)?;
            config.name_servers
        } else {
            servers.iter().map(name_server_config).collect()
        };
        let build = |config: NameServerConfig| {
            let config = ResolverConfig::from_name_servers(vec![config]);
            let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
                .with_options(options(timeout))
                .with_tls_config(tls.clone());
            builder.options_mut().ndots = 0;
            if let Some(anchors) = anchors {
                builder = builder.with_trust_anchor(anchors.clone());
            }
            builder.build().map_err(|_| BuildError::NoNameServer)
        };
        let servers: Vec<_> = configs.into_iter().map(build).collect::<Result<_, _>>()?;
        if servers.is_empty() { Err(BuildError::NoNameServer) } else { Ok(Self { servers, timeout }) }
    }

    /// The TXT records of a name; none if there are none. RFC 8461 §3.1: CNAMEs are followed.
    pub(crate) async fn txt(&self, name: &str) -> Result<TxtRecords, DnsError> {
        let mut records = TxtRecords::new();
        for data in self.records(name, RecordType::TXT).await? {
            if let RData::TXT(txt) = data {
                records.push(txt.txt_data.iter());
            }
        }
        Ok(records)
    }

    /// The addresses of a host, IPv6 first; none if it has none.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsError> {
        let (v6, v4) = tokio::join!(self.records(host, RecordType::AAAA), self.records(host, RecordType::A));
        let error = v6.as_ref().err().or(v4.as_ref().err()).copied();
        let both = v6.into_iter().chain(v4).flatten();
        let addresses: Vec<_> = both.filter_map(|data| data.ip_addr()).collect();
        match error {
            Some(error) if addresses.is_empty() => Err(error),
            _ => Ok(addresses),
        }
    }

    /// The data of all records of a name and type. `name` is absolute, with or without final dot:
    /// no search list, no hosts file.
    pub(crate) async fn records(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, DnsError> {
        let name = absolute(name).ok_or(DnsError::Malformed)?;
        match self.ask(&name, kind).await? {
            Found::Records(found) => {
                let of_kind = found.answers().iter().filter(|record| record.record_type() == kind);
                Ok(of_kind.map(|record| record.data.clone()).collect())
            }
            Found::Nothing(_) => Ok(Vec::new()),
        }
    }

    pub(crate) async fn ask(&self, name: &Name, kind: RecordType) -> Result<Found, DnsError> {
        let end = Instant::now() + self.timeout;
        let mut error = DnsError::Timeout;
        for (server, others) in self.servers.iter().zip((0..self.servers.len() as u32).rev()) {
            // A server that says nothing leaves time for those after it.
            let share = end.saturating_duration_since(Instant::now()) / (others + 1);
            match timeout(share, server.lookup(name.clone(), kind)).await {
                Ok(Ok(found)) => return Ok(Found::Records(found)),
                Ok(Err(why)) => match nothing(why) {
                    Ok(nothing) => return Ok(Found::Nothing(nothing)),
                    Err(why) => error = why,
                },
                Err(_) => error = DnsError::Timeout,
            }
        }
        Err(error)
    }
}

/// NXDOMAIN and NODATA are answers, what else comes as an error is one.
fn nothing(error: NetError) -> Result<NoRecords, DnsError> {
    match error {
        NetError::Dns(WireError::NoRecordsFound(none))
            if matches!(none.response_code, ResponseCode::NoError | ResponseCode::NXDomain) =>
        {
            Ok(none)
        }
        // RFC 9276 §3.2: too many NSEC3 iterations make a denial an insecure one.
        NetError::Dns(WireError::Nsec { query, response, proof, .. }) if proof.is_insecure() => {
            Ok(NoRecords::new(query, response.response_code))
        }
        error => Err(DnsError::of(&error)),
    }
}

/// The name with its final dot.
pub(crate) fn absolute(name: &str) -> Option<Name> {
    let mut name = Name::from_ascii(name.strip_suffix('.').unwrap_or(name)).ok()?;
    name.set_fqdn(true);
    Some(name)
}

fn options(timeout: Duration) -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = timeout;
    options.attempts = 1;
    options.num_concurrent_reqs = 1;
    options.use_hosts_file = ResolveHosts::Never;
    // The recursive name server has a cache. Another one here would hide a new policy id.
    options.cache_size = 0;
    // Of one connection to a name server; more than we ever ask at once.
    options.max_active_requests = 4096;
    options
}

fn name_server_config(server: &NameServer) -> NameServerConfig {
    let mut connections = match server {
        NameServer::Plain(_) => vec![ConnectionConfig::udp(), ConnectionConfig::tcp()],
        NameServer::Tls { name, .. } => vec![ConnectionConfig::tls(name.as_str().into())],
        NameServer::Https { name, path, .. } => {
            vec![ConnectionConfig::https(name.as_str().into(), Some(path.as_str().into()))]
        }
    };
    let addr = server.addr();
    connections.iter_mut().for_each(|connection| connection.port = addr.port());
    NameServerConfig::new(addr.ip(), true, connections)
}

/// Why DNS did not say whether there are records: a temporary condition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DnsError {
    /// The answer is not what DNSSEC says it must be; only with
    /// [`DaneTrust::Validate`](crate::DaneTrust::Validate). A validating name server answers SERVFAIL then.
    Bogus,
    /// The answer, or the name, makes no sense.
    Malformed,
    /// An error response, with its RCODE: 2 is SERVFAIL, 5 is REFUSED.
    Response(u16),
    /// Nobody answered in time.
    Timeout,
    /// No name server could be reached.
    Unreachable,
}

impl DnsError {
    fn of(error: &NetError) -> Self {
        match error {
            NetError::Dns(WireError::NoRecordsFound(NoRecords { response_code: code, .. })) => {
                Self::Response((*code).into())
            }
            NetError::Dns(WireError::ResponseCode(code)) => Self::Response((*code).into()),
            NetError::Dns(WireError::DnssecBogus | WireError::Nsec { .. }) => Self::Bogus,
            NetError::Timeout => Self::Timeout,
            NetError::Io(_) | NetError::NoConnections | NetError::Busy => Self::Unreachable,
            _ => Self::Malformed,
        }
    }
}

impl fmt::Display for DnsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bogus => f.write_str("the DNS answer fails DNSSEC validation"),
            Self::Malformed => f.write_str("the DNS answer makes no sense"),
            Self::Response(2) => f.write_str("DNS answers SERVFAIL"),
            Self::Response(5) => f.write_str("DNS answers REFUSED"),
            Self::Response(code) => write!(f, "DNS answers error {code}"),
            Self::Timeout => f.write_str("DNS did not answer in time"),
            Self::Unreachable => f.write_str("no name server can be reached"),
        }
    }
}

impl Error for DnsError {}
