//! Zones: what one map name is answered like.

use std::sync::Arc;

/// Asks for TLSRPT attributes at the end of any map name, in any letter case.
const WITH_TLSRPT: &[u8] = b"withTLSRPT";
/// The map name of postfix-tlspol, which takes it in any letter case.
const QUERY: &str = "QUERY";

/// The options of a map name: the last word of `socketmap:inet:127.0.0.1:8461:postfix`.
///
/// The defaults are those of postfix-mta-sts-resolver.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Zone {
    /// The map name.
    pub name: String,
    /// Policies in mode `testing` are enforced. Default: `false`.
    pub strict_testing: bool,
    /// `servername=hostname`, so that the name of the MX host is sent as SNI. Postfix before 3.4
    /// does not know it and defers all mail. Default: `true`.
    pub require_sni: bool,
    /// When the attributes for TLS reports are sent. Default: on request.
    pub tlsrpt: TlsRptAttributes,
    /// `[host]`, `[host]:port` and `host:port` are looked up as `host`: RFC 8461 §3.4 makes the
    /// next hop the policy domain of a smart host. `false`: not found. Default: `true`.
    pub smart_hosts: bool,
    /// What becomes of domains with DANE. Default: off.
    pub dane: DaneMode,
}

/// When the attributes `policy_type`, `policy_domain`, `mx_host_pattern` and `policy_string` are
/// sent.
///
/// Postfix 3.10 and later reports by them (RFC 8460), and 3.10.5 and later matches MX names by
/// them. An older Postfix takes them for an error and defers all mail.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum TlsRptAttributes {
    /// Never.
    Never,
    /// If the map name ends with `withTLSRPT`.
    #[default]
    OnRequest,
    /// Always.
    Always,
}

/// What becomes of a domain whose MX hosts have TLSA records. A `secure` answer overrides DANE in
/// Postfix, which RFC 8461 §2 forbids.
///
/// For now this is a setting without effect: every zone answers as with [`DaneMode::Off`].
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum DaneMode {
    /// DANE is not looked at.
    #[default]
    Off,
    /// The answer is `dane` or `dane-only`.
    Reply,
    /// Not found, so that Postfix goes by its own `smtp_tls_security_level = dane`.
    Yield,
}

impl Zone {
    /// A zone with the default options.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            strict_testing: false,
            require_sni: true,
            tlsrpt: TlsRptAttributes::default(),
            smart_hosts: true,
            dane: DaneMode::default(),
        }
    }

    /// The zone `QUERY` as postfix-tlspol answers it.
    #[must_use]
    pub fn query() -> Self {
        Self { smart_hosts: false, dane: DaneMode::Reply, ..Self::new(QUERY) }
    }
}

/// All zones.
///
/// `QUERY` is there in any letter case, and so is `dane`, which is the default zone with DANE; a
/// zone of that name takes its place. Any other map name stands for the default zone.
#[derive(Clone, Debug)]
pub struct Zones {
    default: Arc<Zone>,
    named: Vec<Arc<Zone>>,
}

/// What a map name asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    /// The zone.
    pub zone: Arc<Zone>,
    /// TLSRPT attributes are sent.
    pub tlsrpt: bool,
}

impl Default for Zones {
    fn default() -> Self {
        Self::new(Zone::new("default"), [])
    }
}

impl Zones {
    /// The default zone, for all other names, and the zones that have one. Of zones with the same
    /// name the first counts.
    pub fn new(default: Zone, named: impl IntoIterator<Item = Zone>) -> Self {
        let dane = Zone { name: "dane".to_owned(), dane: DaneMode::Reply, ..default.clone() };
        let named = named.into_iter().chain([Zone::query(), dane]).map(Arc::new).collect();
        Self { default: Arc::new(default), named }
    }

    /// What the map name asks for: any octets.
    #[must_use]
    pub fn get(&self, map: &[u8]) -> Asked {
        // A zone that is really called so comes before the meaning of its last letters.
        if let Some(zone) = self.named(map) {
            return Asked { zone: zone.clone(), tlsrpt: zone.tlsrpt == TlsRptAttributes::Always };
        }
        let (base, requests) = match map.len().checked_sub(WITH_TLSRPT.len()).map(|at| map.split_at(at)) {
            Some((base, end)) if end.eq_ignore_ascii_case(WITH_TLSRPT) => (base, true),
            _ => (map, false),
        };
        let zone = self.named(base).unwrap_or(&self.default).clone();
        let tlsrpt = match zone.tlsrpt {
            TlsRptAttributes::Never => false,
            TlsRptAttributes::OnRequest => requests,
            TlsRptAttributes::Always => true,
        };
        Asked { zone, tlsrpt }
    }

    fn named(&self, map: &[u8]) -> Option<&Arc<Zone>> {
        let is_query = map.eq_ignore_ascii_case(QUERY.as_bytes());
        let exact = self.named.iter().find(|zone| zone.name.as_bytes() == map);
        exact.or_else(|| self.named.iter().find(|zone| is_query && zone.name.eq_ignore_ascii_case(QUERY)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_map_name_has_a_zone_and_those_of_tlspol_have_theirs() {
        let strict = Zone { strict_testing: true, tlsrpt: TlsRptAttributes::Never, ..Zone::new("strict") };
        let always = Zone { tlsrpt: TlsRptAttributes::Always, ..Zone::new("always") };
        let zones = Zones::new(Zone::new("default"), [strict, always]);
        for (map, zone, tlsrpt) in [
            ("postfix", "default", false),
            ("postfixwithTLSRPT", "default", true),
            ("", "default", false),
            ("Strict", "default", false),
            ("strict", "strict", false),
            ("strictwithtlsrpt", "strict", false),
            ("always", "always", true),
            ("QUERY", "QUERY", false),
            ("query", "QUERY", false),
            ("QueryWithTlsRpt", "QUERY", true),
            ("dane", "dane", false),
            ("withTLSRPT", "default", true),
            ("\u{fffd}", "default", false),
        ] {
            let asked = zones.get(map.as_bytes());
            assert_eq!((&*asked.zone.name, asked.tlsrpt), (zone, tlsrpt), "{map}");
        }
        assert!(!zones.get(b"QUERY").zone.smart_hosts && zones.get(b"\xff").zone.smart_hosts);
    }

    #[test]
    fn a_zone_may_replace_a_built_in_one() {
        let mine = Zone { tlsrpt: TlsRptAttributes::Always, ..Zone::query() };
        let zones = Zones::new(Zone::new("default"), [mine]);
        assert!(zones.get(b"query").tlsrpt);
        assert_eq!(zones.get(b"dane").zone.dane, DaneMode::Reply);
    }
}
