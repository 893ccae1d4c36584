//! One row for each case, by the AD bit of the lab's name server.

use crate::common::*;
use DaneStatus::{Absent, Broken, NotApplicable, Unusable, Usable};
use NextHopDane as Hop;
use mta_sts::{BuildError, DaneAnswer, DaneStatus, DaneTrust, Domain, NameServer, NextHopDane, Resolver, Timeouts};
use mta_sts_lab::{Answer, Lab, Record, RecordType, World};
use std::time::Duration;

/// Long enough for a busy machine, short enough to wait for.
const DNS: Timeouts = Timeouts {
    dns: Duration::from_secs(1),
    connect: Duration::from_secs(10),
    fetch: Duration::from_secs(60),
    caller: Duration::from_secs(5),
    smtp: Duration::from_secs(30),
    store: Duration::from_millis(50),
};

fn resolver(lab: &Lab) -> Resolver {
    builder(lab).timeouts(DNS).dane_trust(DaneTrust::AdBit).build().unwrap()
}

/// A domain that is being made; `mx1`, `mx2` and so on below it are its MX hosts.
#[derive(Clone, Copy)]
struct Made<'a> {
    world: &'a World,
    domain: &'a str,
}

impl Made<'_> {
    /// A signed zone with so many MX hosts, which have addresses.
    fn hosts(self, count: u16) -> Self {
        let names: Vec<_> = (1..=count).map(|host| (host, self.name(&format!("mx{host}")))).collect();
        let named: Vec<_> = names.iter().map(|(preference, name)| (*preference, name.as_str())).collect();
        self.world.mx(self.domain, &named);
        names.iter().for_each(|(_, name)| self.world.host_address(name, &["192.0.2.1".parse().unwrap()]));
        self.secure("", true)
    }

    /// The first MX host is an alias of `to`, which has an address.
    fn alias(self) -> Self {
        self.hosts(1).address("to").cname("mx1", "to")
    }

    fn address(self, host: &str) -> Self {
        self.world.host_address(&self.name(host), &["192.0.2.1".parse().unwrap()]);
        self
    }

    fn no_address(self, host: &str) -> Self {
        self.world.host_address(&self.name(host), &[]);
        self
    }

    /// A name whose MX host is `mx`.
    fn mx(self, name: &str) -> Self {
        self.world.mx(&self.name(name), &[(10, &self.name("mx"))]);
        self
    }

    fn cname(self, name: &str, target: &str) -> Self {
        self.world.cname(&self.name(name), &self.name(target));
        self
    }

    /// A TLSA record of this usage with a SHA-256 digest.
    fn tlsa(self, host: &str, usage: u8) -> Self {
        self.tlsa_of_length(host, usage, 32)
    }

    fn tlsa_of_length(self, host: &str, usage: u8, length: usize) -> Self {
        let record = Record::Tlsa { usage, selector: 1, matching: 1, data: vec![7; length] };
        self.answers(&tlsa_of(host), RecordType::Tlsa, Answer::Records(vec![record]))
    }

    fn fails(self, host: &str, why: Answer) -> Self {
        self.answers(&tlsa_of(host), RecordType::Tlsa, why)
    }

    fn answers(self, name: &str, kind: RecordType, answer: Answer) -> Self {
        self.world.set(&self.name(name), kind, answer);
        self
    }

    fn secure(self, name: &str, secure: bool) -> Self {
        self.world.set_secure(&self.name(name), secure);
        self
    }

    /// The name below the domain; the domain for nothing.
    fn name(self, below: &str) -> String {
        if below.is_empty() { self.domain.to_owned() } else { format!("{below}.{}", self.domain) }
    }
}

fn tlsa_of(host: &str) -> String {
    if host.is_empty() { "_25._tcp".to_owned() } else { format!("_25._tcp.{host}") }
}

const BOGUS: Answer = Answer::Failure { refused: false, extended_error: 6 };

/// A name, how to make it, and what comes of it.
type Row = (&'static str, fn(Made<'_>) -> Made<'_>, NextHopDane, &'static [DaneStatus]);

const ROWS: &[Row] = &[
    ("usable", |it| it.hosts(1).tlsa("mx1", 3), Hop::Usable, &[Usable]),
    ("trust-anchor", |it| it.hosts(1).tlsa("mx1", 2), Hop::Usable, &[Usable]),
    ("pkix-usages", |it| it.hosts(2).tlsa("mx1", 0).tlsa("mx2", 1), Hop::Unusable, &[Unusable, Unusable]),
    ("wrong-length", |it| it.hosts(1).tlsa_of_length("mx1", 3, 31), Hop::Unusable, &[Unusable]),
    ("some-unusable", |it| it.hosts(2).tlsa("mx2", 0), Hop::Unusable, &[Absent, Unusable]),
    ("one-of-two", |it| it.hosts(2).tlsa("mx2", 3), Hop::Usable, &[Absent, Usable]),
    ("no-tlsa", |it| it.hosts(2), Hop::Insecure, &[Absent, Absent]),
    ("servfail", |it| it.hosts(1).fails("mx1", Answer::ServFail), Hop::Broken, &[Broken]),
    ("bogus", |it| it.hosts(1).fails("mx1", BOGUS), Hop::Broken, &[Broken]),
    ("refused", |it| it.hosts(1).fails("mx1", Answer::Refused), Hop::Broken, &[Broken]),
    ("silence", |it| it.hosts(1).fails("mx1", Answer::Silence), Hop::Broken, &[Broken]),
    ("broken-and-absent", |it| it.hosts(2).fails("mx1", BOGUS), Hop::Mixed, &[Broken, Absent]),
    ("broken-and-unusable", |it| it.hosts(2).fails("mx1", BOGUS).tlsa("mx2", 0), Hop::Mixed, &[Broken, Unusable]),
    ("broken-and-usable", |it| it.hosts(2).fails("mx1", BOGUS).tlsa("mx2", 3), Hop::Usable, &[Broken, Usable]),
    ("insecure-tlsa", |it| it.hosts(1).tlsa("mx1", 3).secure("_tcp.mx1", false), Hop::Insecure, &[Absent]),
    ("insecure-host", |it| it.hosts(1).tlsa("mx1", 3).secure("mx1", false), Hop::Insecure, &[NotApplicable]),
    ("insecure-mx", |it| it.hosts(1).tlsa("mx1", 3).secure("", false).secure("mx1", true), Hop::Insecure, &[]),
    ("mx-servfail", |it| it.secure("", true).answers("", RecordType::Mx, Answer::ServFail), Hop::Unknown, &[]),
    ("mx-silence", |it| it.secure("", true).answers("", RecordType::Mx, Answer::Silence), Hop::Unknown, &[]),
    ("null-mx", |it| it.secure("", true).answers("", RecordType::Mx, null_mx()), Hop::Insecure, &[]),
    ("implicit-mx", |it| it.secure("", true).address("").tlsa("", 3), Hop::Usable, &[Usable]),
    ("insecure-implicit-mx", |it| it.address("").tlsa("", 3), Hop::Insecure, &[]),
    ("no-address", |it| it.hosts(1).tlsa("mx1", 3).no_address("mx1"), Hop::Insecure, &[NotApplicable]),
    ("address-servfail", |it| it.hosts(1).answers("mx1", RecordType::A, BOGUS), Hop::Broken, &[Broken]),
    // One family of addresses is enough to deliver, and so it is to find the records.
    ("ipv6-bogus", |it| it.hosts(1).answers("mx1", RecordType::Aaaa, BOGUS).tlsa("mx1", 3), Hop::Usable, &[Usable]),
    // RFC 7672 §2.2.1: aliases of the next hop are followed.
    (
        "alias",
        |it| it.secure("", true).mx("real").address("mx").tlsa("mx", 3).cname("", "real"),
        Hop::Usable,
        &[Usable],
    ),
    // RFC 7671 §7: the records of the name that aliases of the host lead to go first.
    ("target-first", |it| it.alias().tlsa("to", 3).tlsa("mx1", 0), Hop::Usable, &[Usable]),
    ("itself-second", |it| it.alias().tlsa("mx1", 3), Hop::Usable, &[Usable]),
    ("target-servfail", |it| it.alias().fails("to", BOGUS).tlsa("mx1", 3), Hop::Broken, &[Broken]),
    // RFC 7672 §2.2.2: the alias is secure, what it leads to is not.
    ("insecure-target", |it| it.alias().secure("to", false).tlsa("mx1", 3).tlsa("to", 0), Hop::Usable, &[Usable]),
    ("insecure-alias", |it| it.alias().secure("mx1", false).tlsa("to", 3), Hop::Insecure, &[NotApplicable]),
    ("alias-of-tlsa", |it| it.hosts(1).tlsa("all", 3).cname("_25._tcp.mx1", "_25._tcp.all"), Hop::Usable, &[Usable]),
    (
        "insecure-alias-of-tlsa",
        |it| it.hosts(1).tlsa("all", 3).cname("_25._tcp.mx1", "_25._tcp.all").secure("all", false),
        Hop::Insecure,
        &[Absent],
    ),
    // The twenty-first host is not looked at.
    ("many-hosts", |it| it.hosts(25).tlsa("mx21", 3), Hop::Insecure, &[Absent; 20]),
];

fn null_mx() -> Answer {
    Answer::Records(vec![Record::Mx { preference: 0, host: ".".to_owned() }])
}

#[tokio::test]
async fn each_case_has_its_answer() {
    let lab = Lab::start().await.unwrap();
    let resolver = resolver(&lab);
    let rows: Vec<_> = ROWS.iter().map(|row| (row, domain(&format!("{}.test", row.0)))).collect();
    for ((_, make, ..), domain) in &rows {
        make(Made { world: lab.world(), domain: domain.as_str() });
    }
    let asked = rows.iter().map(async |(row, domain)| (row.0, resolver.dane(domain).await, *row));
    for (name, answer, (_, _, status, hosts)) in futures_util::future::join_all(asked).await {
        let found: Vec<_> = answer.hosts.iter().map(|(_, status)| *status).collect();
        assert_eq!((answer.status, found.as_slice()), (*status, *hosts), "{name}");
    }
}

#[tokio::test]
async fn a_plan_comes_to_the_same_for_each_host() {
    let lab = Lab::start().await.unwrap();
    let resolver = resolver(&lab);
    for (name, make, _, hosts) in ROWS.iter().filter(|row| !row.3.is_empty() && row.3.len() < 20) {
        let domain = domain(&format!("{name}.test"));
        make(Made { world: lab.world(), domain: domain.as_str() });
        let plan = resolver.plan(&domain, &Default::default()).await;
        let found: Vec<_> = plan.hosts.iter().map(|host| host.dane).collect();
        assert_eq!(found, *hosts, "{name}");
    }
}

#[tokio::test]
async fn hosts_whose_lookups_failed_are_not_to_be_used() {
    let lab = Lab::start().await.unwrap();
    let domain = domain("a.test");
    Made { world: lab.world(), domain: "a.test" }.hosts(3).fails("mx2", BOGUS);
    let answer: DaneAnswer = resolver(&lab).dane(&domain).await;
    assert_eq!(answer.unbroken().collect::<Vec<_>>(), ["mx1.a.test", "mx3.a.test"]);
}

#[tokio::test]
async fn without_dane_nothing_is_asked_and_nothing_known() {
    let lab = Lab::start().await.unwrap();
    Made { world: lab.world(), domain: "a.test" }.hosts(1).tlsa("mx1", 3);
    let resolver = builder(&lab).build().unwrap();
    let domain: Domain = domain("a.test");
    assert_eq!(resolver.dane(&domain).await.status, NextHopDane::Unknown);
    assert_eq!(resolver.known_dane(&domain).map(|known| known.status), Some(NextHopDane::Unknown));
    assert!(lab.world().dns_log().is_empty());
}

#[tokio::test]
async fn the_ad_bit_counts_from_loopback_and_validation_needs_anchors() {
    let lab = Lab::start().await.unwrap();
    let far = NameServer::Plain("192.0.2.53:53".parse().unwrap());
    let refused = |servers: Vec<NameServer>, trust| builder(&lab).name_servers(servers).dane_trust(trust).build().err();
    assert_eq!(refused(vec![far.clone()], DaneTrust::AdBit), Some(BuildError::DaneNeedsLoopback));
    assert_eq!(refused(Vec::new(), DaneTrust::AdBit), Some(BuildError::DaneNeedsLoopback));
    assert_eq!(refused(vec![far.clone()], DaneTrust::Validate { anchors: None }), None);
    let anchors = Some(". IN DS 1 8 2 00".to_owned());
    assert_eq!(refused(vec![far], DaneTrust::Validate { anchors }), Some(BuildError::BadTrustAnchors));
}
