//! The text of the TXT records, to show it.
//!
//! The decision does not depend on it: `Resolver` asks for itself and tells only what it took from them.

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
    proto::rr::{Name, RData},
};
use mta_sts::NameServer;
use mta_sts_core::{Domain, TxtRecords};
use std::time::Duration;

/// The TXT records of `_mta-sts`; `None` if there are none, or they cannot be had in plain DNS.
pub(super) async fn look_up(domain: &Domain, servers: &[NameServer], timeout: Duration) -> Option<TxtRecords> {
    let resolver = resolver(servers, timeout)?;
    let mut name = Name::from_ascii(domain.txt_name()).ok()?;
    name.set_fqdn(true);
    let found = tokio::time::timeout(timeout, resolver.txt_lookup(name)).await.ok()?.ok()?;
    let mut records = TxtRecords::new();
    for record in found.answers() {
        if let RData::TXT(txt) = &record.data {
            records.push(txt.txt_data.iter());
        }
    }
    Some(records)
}

fn resolver(servers: &[NameServer], timeout: Duration) -> Option<TokioResolver> {
    let plain = servers.iter().filter_map(|server| match server {
        NameServer::Plain(addr) => {
            let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
            connections.iter_mut().for_each(|connection| connection.port = addr.port());
            Some(NameServerConfig::new(addr.ip(), true, connections))
        }
        _ => None,
    });
    let config = if servers.is_empty() {
        hickory_resolver::system_conf::read_system_conf().ok()?.0.name_servers
    } else {
        plain.collect()
    };
    if config.is_empty() {
        return None;
    }
    let config = ResolverConfig::from_name_servers(config);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let options = builder.options_mut();
    (options.timeout, options.attempts, options.ndots) = (timeout, 1, 0);
    options.use_hosts_file = ResolveHosts::Never;
    builder.build().ok()
}
