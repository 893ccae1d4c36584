//! The resolver that the configuration describes.

use super::{StartError, store::OpenStore};
use crate::{
    config::{Config, Dns, Dnssec},
    service::ServiceOptions,
};
use mta_sts::{BuildError, DaneTrust, Resolver, Timeouts};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

/// All CA certificates of a system take a tenth of it.
const MAX_FILE: u64 = 8 << 20;

/// `before`: the resolver whose place it takes.
pub(super) fn build(
    config: &Config,
    store: &OpenStore,
    options: &ServiceOptions,
    before: Option<&Resolver>,
) -> Result<Resolver, StartError> {
    let Config { server, dns, https, .. } = config;
    let defaults = Timeouts::default();
    let timeouts = Timeouts {
        dns: dns.timeout,
        connect: defaults.connect.min(https.timeout),
        fetch: https.timeout,
        caller: server.answer_timeout,
        store: config.store.timeout,
        ..defaults
    };
    let mut builder = Resolver::builder()
        .name_servers(dns.servers.iter().cloned())
        .only_extra_ca(https.only_ca_file)
        .https_port(https.port)
        .allow_nets(https.allow_nets.iter().copied())
        .timeouts(timeouts)
        .dane_trust(dane_trust(dns)?)
        .memory_level(store.memory_level(&config.store))
        .unused_after(config.refresh.unused_after)
        .store(store.shared());
    if let Some(before) = before {
        builder = builder.store_of(before);
    }
    if let Some(file) = &https.ca_file {
        let pem = read("https.ca_file", file)?;
        let bad = |error: BuildError| StartError::Resolver(error, Some(file.clone()));
        builder = builder.extra_ca_pem(&pem).map_err(bad)?;
    }
    let resolver = builder.build().map_err(|error| match error {
        BuildError::BadTrustAnchors => StartError::Resolver(error, dns.trust_anchors.clone()),
        error => StartError::Resolver(error, None),
    })?;
    refresh_by(&resolver, options);
    Ok(resolver)
}

/// Some domains are refreshed more often.
fn refresh_by(resolver: &Resolver, options: &ServiceOptions) {
    let overrides = options.overrides.clone();
    resolver.set_refresh_every(move |domain| overrides.refresh_every(domain));
}

fn dane_trust(dns: &Dns) -> Result<DaneTrust, StartError> {
    Ok(match dns.effective_dnssec() {
        Dnssec::Off => DaneTrust::Off,
        Dnssec::Ad => DaneTrust::AdBit,
        Dnssec::Validate => {
            let file = |path: &PathBuf| read("dns.trust_anchors", path);
            let octets = dns.trust_anchors.as_ref().map(file).transpose()?;
            // What is no text holds no trust anchor, which the resolver says.
            DaneTrust::Validate { anchors: octets.map(|octets| String::from_utf8_lossy(&octets).into_owned()) }
        }
    })
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, StartError> {
    let mut octets = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut octets));
    read.map(|_| octets).map_err(|error| StartError::File(key, path.to_owned(), error))
}
