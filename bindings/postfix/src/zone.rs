//! Zones: what one map name is answered like.

use std::sync::Arc;

/// Asks for TLSRPT attributes at the end of any map name, in any letter case.
const WITH_TLSRPT: &[u8] = b"withTLSRPT";
/// The map name of postfix-tlspol, which takes it in any letter case.
const QUERY: &str = "QUERY";
/// The map that answers with what is decided, rather than with a policy of Postfix's.
const POLICY: &str = "policy";

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
/// Where DNSSEC vouches for no TLSA records, or none can be used, MTA-STS decides in every mode.
/// Where the lookups of some MX hosts fail and no other has usable records, an enforced policy goes
/// on for the others: `secure` with the names of those that it permits. Whoever blocks TLSA records is
/// rid neither of DANE nor of the policy.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum DaneMode {
    /// DANE is not looked at.
    #[default]
    Off,
    /// The answer is `dane-only` under an enforced policy, so that hosts without TLSA records get no
    /// mail, and else `dane`. If the lookups of all MX hosts fail it is a temporary failure.
    Reply,
    /// Not found, so that Postfix goes by its own `smtp_tls_security_level = dane`; an enforced
    /// policy then does not count. But if the lookups of all MX hosts fail it is a temporary failure
    /// under such a policy, or else whoever blocks them could be rid of it.
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
/// `QUERY` is there in any letter case, and so are `dane` and `policy`, which are the default zone
/// with DANE; a zone of that name takes its place. Any other map name stands for the default zone,
/// also postfix-tlspol's commands `JSON`, `DUMP`, `EXPORT` and `PURGE`: these sockets only answer.
///
/// The map `policy` always answers with a [`PolicyReply`](mta_sts::core::socketmap::PolicyReply).
#[derive(Clone, Debug)]
pub struct Zones {
    /// The default zone, the zones by name, and last that of the map `policy`: without a request for
    /// TLSRPT attributes, and with one. Nothing is made for a request.
    all: Vec<[Asked; 2]>,
}

/// What a map name asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    /// The zone.
    pub zone: Arc<Zone>,
    /// TLSRPT attributes are sent.
    pub tlsrpt: bool,
    /// The answer is what is decided, for clients that judge MX hosts themselves.
    pub(crate) for_clients: bool,
    /// Where the zone is among all.
    pub(crate) place: usize,
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
        let with_dane = |name: &str| Zone { name: name.to_owned(), dane: DaneMode::Reply, ..default.clone() };
        let (policy, mut named): (Vec<_>, Vec<_>) = named.into_iter().partition(|zone| zone.name == POLICY);
        named.extend([Zone::query(), with_dane("dane")]);
        named.push(policy.into_iter().next().unwrap_or_else(|| with_dane(POLICY)));
        let all = [default].into_iter().chain(named).map(Arc::new).enumerate();
        Self { all: all.map(|(place, zone)| [false, true].map(|requests| Asked::of(&zone, place, requests))).collect() }
    }

    /// What the map name asks for: any octets.
    #[must_use]
    pub fn get(&self, map: &[u8]) -> &Asked {
        // A zone that is really called so comes before the meaning of its last letters.
        if let Some(place) = self.named(map) {
            return &self.all[place][0];
        }
        let (base, requests) = match map.len().checked_sub(WITH_TLSRPT.len()).map(|at| map.split_at(at)) {
            Some((base, end)) if end.eq_ignore_ascii_case(WITH_TLSRPT) => (base, true),
            _ => (map, false),
        };
        let place = self.named(base).filter(|&place| !self.all[place][0].for_clients).unwrap_or(0);
        &self.all[place][usize::from(requests)]
    }

    /// All zones, by their places.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Zone> {
        self.all.iter().map(|[asked, _]| &*asked.zone)
    }

    /// The place of a zone that is not the default one.
    fn named(&self, map: &[u8]) -> Option<usize> {
        let find = |is_it: &dyn Fn(&[u8]) -> bool| self.all().skip(1).position(|zone| is_it(zone.name.as_bytes()));
        let exact = find(&|name| name == map);
        let is_query = |name: &[u8]| name.eq_ignore_ascii_case(QUERY.as_bytes());
        let found = exact.or_else(|| if is_query(map) { find(&is_query) } else { None });
        found.map(|place| place + 1)
    }
}

impl Asked {
    fn of(zone: &Arc<Zone>, place: usize, requests_tlsrpt: bool) -> Self {
        let tlsrpt = match zone.tlsrpt {
            TlsRptAttributes::Never => false,
            TlsRptAttributes::OnRequest => requests_tlsrpt,
            TlsRptAttributes::Always => true,
        };
        // The default zone is not asked for by its name.
        let for_clients = place > 0 && zone.name == POLICY;
        Self { zone: zone.clone(), tlsrpt, for_clients, place }
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
            ("policy", "policy", false),
            ("Policy", "default", false),
            ("policywithTLSRPT", "default", true),
            ("JSON", "default", false),
            ("DUMP", "default", false),
            ("EXPORT", "default", false),
            ("PURGE", "default", false),
        ] {
            let asked = zones.get(map.as_bytes());
            assert_eq!((&*asked.zone.name, asked.tlsrpt), (zone, tlsrpt), "{map}");
            assert_eq!(asked.for_clients, map == "policy", "{map}");
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
    #[test]
    fn the_default_zone_is_not_asked_for_by_its_name_and_policy_keeps_its_meaning() {
        // The default zone may be called like any other.
        let zones = Zones::new(Zone::new("policy"), [Zone { strict_testing: true, ..Zone::new("policy") }]);
        let asked = zones.get(b"policy");
        assert!(asked.for_clients && asked.zone.strict_testing && asked.zone.dane == DaneMode::Off);
        assert!(!zones.get(b"postfix").for_clients);
        let zones = Zones::default();
        assert_eq!(zones.get(b"policy").zone.dane, DaneMode::Reply);
    }
}
