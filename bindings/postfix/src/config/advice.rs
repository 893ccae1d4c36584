//! What works and may still not be meant.

use super::{Config, Dnssec, Listen, StoreKind};
use crate::zone::DaneMode;
use std::path::Path;

/// Where the smtp(8) of most systems is locked up.
const CHROOT: &str = "/var/spool/postfix";

impl Config {
    /// What may not be meant, one sentence each without a final dot.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        self.sockets(&mut warnings);
        self.rest(&mut warnings);
        warnings
    }

    fn sockets(&self, warnings: &mut Vec<String>) {
        let server = &self.server;
        let listens = server.listens();
        if listens.is_empty() {
            warnings.push("server.listen: empty: it starts only if systemd passes a socket".to_owned());
        }
        for listen in &listens {
            match listen {
                Listen::Tcp(address) if !address.ip().to_canonical().is_loopback() => warnings.push(format!(
                    "server.listen: {address} is not a loopback address: whoever reaches it may ask, and changed \
                     answers would not be noticed"
                )),
                Listen::Unix(path) if !path.starts_with(CHROOT) && Path::new(CHROOT).is_dir() => {
                    warnings.push(format!(
                        "server.listen: {listen}: an smtp(8) with chroot reaches only sockets under {CHROOT}; \
                     \"postconf -M smtp/unix\" says whether it has one"
                    ))
                }
                _ => {}
            }
        }
        let has_unix = listens.iter().any(|listen| matches!(listen, Listen::Unix(_)));
        if !has_unix && (server.socket_owner.is_some() || server.socket_group.is_some()) {
            warnings.push("server.socket_owner, server.socket_group: no unix socket is in server.listen".to_owned());
        }
        for (key, name, is_known) in [
            (
                "owner",
                &server.socket_owner,
                server.socket_owner.as_deref().map(|name| crate::daemon::user(name).is_some()),
            ),
            (
                "group",
                &server.socket_group,
                server.socket_group.as_deref().map(|name| crate::daemon::group(name).is_some()),
            ),
        ] {
            if let (Some(name), Some(false)) = (name, is_known) {
                let name = name.escape_debug();
                warnings.push(format!("server.socket_{key}: \"{name}\" is not known on this machine"));
            }
        }
    }

    fn rest(&self, warnings: &mut Vec<String>) {
        let mut warn = |warning: &str| warnings.push(warning.to_owned());
        match self.store.kind {
            StoreKind::Memory => warn(
                "store.kind: \"memory\" forgets all policies at a restart, and with them the protection until each is \
                 fetched anew; \"sqlite\" keeps them",
            ),
            StoreKind::Redis => {}
            StoreKind::Sqlite if self.store.url.is_some() || !self.store.sentinels.is_empty() => {
                warn("store.url, store.sentinels: of no use unless store.kind is \"redis\"");
            }
            StoreKind::Sqlite => {}
        }
        if !self.refresh.enabled {
            warn("refresh.enabled: false: policies end without being renewed, and with them the protection");
        }
        if self.dns.trust_anchors.is_some() && self.dns.effective_dnssec() != Dnssec::Validate {
            warn("dns.trust_anchors: of no use unless dns.dnssec is \"validate\"");
        }
        let asks_dane = |mode| self.zones.iter().find(|zone| zone.dane == mode);
        let dane = asks_dane(DaneMode::Reply).or_else(|| asks_dane(DaneMode::Yield));
        if let (Some(zone), Dnssec::Off) = (dane, self.dns.effective_dnssec()) {
            let name = zone.name.escape_debug();
            warn(&format!(
                "zones.{name}.dane: nobody checks DNSSEC, so that no domain has DANE: name a validating server on \
                 loopback in dns.servers, or set dns.dnssec = \"validate\""
            ));
        }
        if let Some(file) = self.https.ca_file.as_deref().filter(|file| !file.is_file()) {
            let what = if file.exists() { "not a regular file" } else { "there is no file" };
            warn(&format!("https.ca_file: {what}: {}", file.display().to_string().escape_debug()));
        }
    }
}
