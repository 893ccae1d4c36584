//! What the servers of a lab share: the data they serve and the logs they write.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::dns::{Zones, key};
use crate::https::{HelloSeen, HttpSeen, PolicyHost};
use crate::pki::Authority;
use crate::smtp::{Mail, MxHost, MxHosts, SmtpSeen};
use crate::sync::{Log, locked};
use crate::{Answer, Record, RecordType, Tls};

const EVENTS_KEPT: usize = 100_000;
const MAILS_KEPT: usize = 1000;

/// What the servers of a [`Lab`](crate::Lab) serve and what they have seen. It may be changed from any thread while
/// they run; clones share it. Names are compared without case and without a final dot.
#[derive(Clone)]
pub struct World(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) authority: Authority,
    pub(crate) mx_hosts: MxHosts,
    pub(crate) zones: Mutex<Zones>,
    policy_hosts: Mutex<HashMap<String, Arc<PolicyHost>>>,
    pub(crate) cors: AtomicBool,
    pub(crate) queries: Log<(String, RecordType)>,
    pub(crate) hellos: Log<HelloSeen>,
    pub(crate) requests: Log<HttpSeen>,
    pub(crate) smtp: Log<SmtpSeen>,
    pub(crate) mails: Log<Mail>,
}

impl Inner {
    pub(crate) fn new(authority: Authority, mx_hosts: MxHosts) -> Self {
        Self {
            authority,
            mx_hosts,
            zones: Mutex::default(),
            policy_hosts: Mutex::default(),
            cors: AtomicBool::default(),
            queries: Log::keeping(EVENTS_KEPT),
            hellos: Log::keeping(EVENTS_KEPT),
            requests: Log::keeping(EVENTS_KEPT),
            smtp: Log::keeping(EVENTS_KEPT),
            mails: Log::keeping(MAILS_KEPT),
        }
    }

    /// The host that a server name leads to, with its own name.
    pub(crate) fn policy_host_for(&self, sni: &str) -> Option<(String, Arc<PolicyHost>)> {
        let hosts = locked(&self.policy_hosts);
        let is_chosen = |host: &PolicyHost| match &host.tls {
            Tls::ChosenBySni { sni: chosen } => chosen.eq_ignore_ascii_case(sni),
            _ => false,
        };
        hosts
            .get_key_value(sni)
            .or_else(|| hosts.iter().find(|(_, host)| is_chosen(host)))
            .map(|(name, host)| (name.clone(), host.clone()))
    }
}

/// DNS.
impl World {
    /// Sets the answer for a name and type; replaces the one it had.
    ///
    /// A [`Record::Cname`] is followed as a recursive resolver does. A name without an answer for a type has no
    /// data if it has any for another type, or if names lie below it; else it does not exist.
    pub fn set(&self, name: &str, kind: RecordType, answer: Answer) {
        locked(&self.0.zones).set(name, kind, answer);
    }

    /// Sets the answer for every name below `suffix` that has no answer of its own.
    pub fn set_wildcard(&self, suffix: &str, kind: RecordType, answer: Answer) {
        locked(&self.0.zones).set_wildcard(suffix, kind, answer);
    }

    /// Says whether the server vouches for `zone` and all below it: answers then carry the AD bit for clients that
    /// set AD or DO. The nearest zone counts; without one nothing is secure.
    pub fn set_secure(&self, zone: &str, secure: bool) {
        locked(&self.0.zones).set_secure(zone, secure);
    }

    /// The time in seconds that answers may be kept; 0 unless set.
    pub fn set_ttl(&self, seconds: u32) {
        locked(&self.0.zones).ttl = seconds;
    }

    /// Forgets the answer for a name and type.
    pub fn remove(&self, name: &str, kind: RecordType) {
        locked(&self.0.zones).remove(name, kind);
    }

    /// Forgets all answers for a name, but not the servers of that name.
    pub fn remove_name(&self, name: &str) {
        locked(&self.0.zones).remove_all(name);
    }

    /// Sets the TXT records of a name, one for each text.
    pub fn txt(&self, name: &str, records: &[&str]) {
        let records = records.iter().map(|text| Record::txt(text)).collect();
        self.set(name, RecordType::Txt, Answer::Records(records));
    }

    /// Sets the MX records of a domain: preference and host.
    pub fn mx(&self, domain: &str, hosts: &[(u16, &str)]) {
        let record =
            |(preference, host): &(u16, &str)| Record::Mx { preference: *preference, host: (*host).to_owned() };
        self.set(domain, RecordType::Mx, Answer::Records(hosts.iter().map(record).collect()));
    }

    /// Makes a name an alias, in place of all other answers it had.
    pub fn cname(&self, name: &str, target: &str) {
        let alias = Answer::Records(vec![Record::Cname(target.to_owned())]);
        let mut zones = locked(&self.0.zones);
        zones.remove_all(name);
        zones.set(name, RecordType::Cname, alias);
    }

    /// Sets the A and AAAA records of a name.
    pub fn host_address(&self, name: &str, addresses: &[IpAddr]) {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for address in addresses {
            match address {
                IpAddr::V4(address) => v4.push(Record::A(*address)),
                IpAddr::V6(address) => v6.push(Record::Aaaa(*address)),
            }
        }
        self.set(name, RecordType::A, Answer::Records(v4));
        self.set(name, RecordType::Aaaa, Answer::Records(v6));
    }

    /// All questions so far: the name in lower case without final dot, and the type.
    #[must_use]
    pub fn dns_log(&self) -> Vec<(String, RecordType)> {
        self.0.queries.all()
    }
}

/// HTTPS.
impl World {
    /// Adds or replaces a policy host, and sets the name's A and AAAA answers by [`PolicyHost::address`].
    pub fn policy_host(&self, name: &str, host: PolicyHost) {
        let (v4, v6) = host.address.answers();
        self.set(name, RecordType::A, v4);
        self.set(name, RecordType::Aaaa, v6);
        locked(&self.0.policy_hosts).insert(key(name), Arc::new(host));
    }

    /// Says whether all policy hosts send `Access-Control-Allow-Origin: *`, so that web pages can read what they serve.
    /// They don't unless told to.
    pub fn set_cors(&self, cors: bool) {
        self.0.cors.store(cors, Ordering::Relaxed);
    }

    /// All requests so far.
    #[must_use]
    pub fn http_log(&self) -> Vec<HttpSeen> {
        self.0.requests.all()
    }

    /// All `ClientHello`s at the HTTPS port so far, whether or not the handshake succeeded.
    #[must_use]
    pub fn hello_log(&self) -> Vec<HelloSeen> {
        self.0.hellos.all()
    }
}

/// SMTP.
impl World {
    /// Adds or replaces an MX host and sets the name's A answer to its address, which is returned.
    ///
    /// # Errors
    ///
    /// When that address cannot be listened at, or the [`Lab`](crate::Lab) is gone.
    pub fn mx_host(&self, name: &str, host: MxHost) -> io::Result<Ipv4Addr> {
        let name = key(name);
        self.0.authority.identity(&name, &host.tls)?;
        let address = self.0.mx_hosts.set(&self.0, &name, host)?;
        self.host_address(&name, &[address.into()]);
        Ok(address)
    }

    /// Where an MX host is.
    #[must_use]
    pub fn mx_address(&self, name: &str) -> Option<Ipv4Addr> {
        self.0.mx_hosts.address(&key(name))
    }

    /// The SHA-256 digest of the public key that an MX host shows: what a TLSA record `3 1 1` is to hold.
    ///
    /// For a host that shows none, or that is not there, it is the key of its [`Tls::Valid`] certificate.
    #[must_use]
    pub fn tlsa_for(&self, host: &str) -> Vec<u8> {
        let name = key(host);
        let tls = self.0.mx_hosts.config(&name).map_or(Tls::Valid, |config| config.tls.clone());
        self.0.authority.identity(&name, &tls).map(|identity| identity.spki_sha256.clone()).unwrap_or_default()
    }

    /// The last mails accepted, at most a thousand.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.0.mails.all()
    }

    /// As [`mails`](Self::mails), and forgets them: what is accepted later comes with the next call.
    #[must_use]
    pub fn take_mails(&self) -> Vec<Mail> {
        self.0.mails.take()
    }

    /// All that has happened at the MX hosts so far.
    #[must_use]
    pub fn smtp_log(&self) -> Vec<SmtpSeen> {
        self.0.smtp.all()
    }
}

/// Everything.
impl World {
    /// Back to an empty world: no names, no hosts, no mails, no logs.
    pub fn clear(&self) {
        *locked(&self.0.zones) = Zones::default();
        locked(&self.0.policy_hosts).clear();
        self.set_cors(false);
        self.0.mx_hosts.clear();
        self.clear_logs();
    }

    /// Forgets what has been seen: queries, requests, mails. What is served stays.
    pub fn clear_logs(&self) {
        self.0.queries.clear();
        self.0.hellos.clear();
        self.0.requests.clear();
        self.0.smtp.clear();
        self.0.mails.clear();
    }
}
