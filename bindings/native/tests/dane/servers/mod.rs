//! Real name servers: what the AD bit of unbound comes to, and what validation here does.

mod signed_root;

use crate::common::domain;
use DaneStatus::{Absent, Broken, NotApplicable, Unusable, Usable};
use NextHopDane as Hop;
use mta_sts::{DaneStatus, DaneTrust, DnsError, NameServer, NextHopDane, Resolver, Timeouts};
use signed_root::SignedRoot;
use std::time::Duration;

/// A next hop and what comes of it.
const ROWS: &[(&str, NextHopDane, &[DaneStatus])] = &[
    ("usable.signed.test", Hop::Usable, &[Usable]),
    ("usable.nsec3.test", Hop::Usable, &[Usable]),
    ("unusable.signed.test", Hop::Unusable, &[Unusable]),
    ("none.signed.test", Hop::Insecure, &[Absent]),
    ("none.nsec3.test", Hop::Insecure, &[Absent]),
    ("bogus-tlsa.signed.test", Hop::Broken, &[Broken]),
    ("bogus-mx.signed.test", Hop::Unknown, &[]),
    ("bogus-address.signed.test", Hop::Broken, &[Broken]),
    ("silent.signed.test", Hop::Broken, &[Broken]),
    ("plain.test", Hop::Insecure, &[]),
    ("plain.opt-out.test", Hop::Insecure, &[]),
    ("usable.opt-out.test", Hop::Usable, &[Usable]),
    ("none.opt-out.test", Hop::Insecure, &[Absent]),
    ("island.test", Hop::Insecure, &[]),
    ("expired.test", Hop::Unknown, &[]),
    ("signed-host.plain.test", Hop::Insecure, &[]),
    ("foreign.signed.test", Hop::Insecure, &[NotApplicable]),
    ("alias.signed.test", Hop::Usable, &[Usable]),
    ("alias.plain.test", Hop::Insecure, &[]),
    ("alias-host.signed.test", Hop::Usable, &[Usable]),
    ("alias-of-plain.signed.test", Hop::Usable, &[Usable]),
    ("alias-of-tlsa.signed.test", Hop::Usable, &[Usable]),
    ("plain-alias-of-tlsa.signed.test", Hop::Insecure, &[Absent]),
    ("implicit.signed.test", Hop::Usable, &[Usable]),
    ("implicit.nsec3.test", Hop::Usable, &[Usable]),
    ("null.signed.test", Hop::Insecure, &[]),
    ("no-such-name.signed.test", Hop::Insecure, &[NotApplicable]),
    ("wildcard.signed.test", Hop::Usable, &[Usable]),
    ("wildcard.nsec3.test", Hop::Usable, &[Usable]),
    ("alias.nsec3.test", Hop::Usable, &[Usable]),
    ("bogus-and-none.signed.test", Hop::Mixed, &[Broken, Absent]),
    ("bogus-and-foreign.signed.test", Hop::Mixed, &[Broken, NotApplicable]),
    ("bogus-and-usable.signed.test", Hop::Usable, &[Broken, Usable]),
    ("none-and-usable.signed.test", Hop::Usable, &[Absent, Usable]),
];

/// [`DaneTrust::Validate`] says so: hickory does not understand a wildcard alias.
const UNLIKE: &str = "wildcard-alias.signed.test";

fn resolver(server: &NameServer, trust: DaneTrust) -> Resolver {
    let timeouts = Timeouts { dns: Duration::from_secs(3), ..Timeouts::default() };
    Resolver::builder().name_servers([server.clone()]).timeouts(timeouts).dane_trust(trust).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn unbound_and_validation_here_come_to_the_same() {
    let root = SignedRoot::start();
    let validate = || DaneTrust::Validate { anchors: Some(root.anchors.clone()) };
    // The real root's keys have signed none of this.
    let strange = resolver(&root.trusting, DaneTrust::Validate { anchors: None });
    assert_eq!(strange.dane(&domain("usable.signed.test")).await.status, Hop::Unknown);
    assert_eq!(strange.vouches_for(".").await, Err(DnsError::Bogus));
    let mut wrong = Vec::new();
    for (way, resolver) in [
        ("AD bit", resolver(&root.validating, DaneTrust::AdBit)),
        ("validation behind unbound that does not validate", resolver(&root.trusting, validate())),
        ("validation behind unbound that validates", resolver(&root.validating, validate())),
    ] {
        for (name, vouched_for) in
            [(".", true), ("signed.test.", true), ("no-such-name.signed.test", true), ("plain.test", false)]
        {
            assert_eq!(resolver.vouches_for(name).await, Ok(vouched_for), "{way}: {name}");
        }
        let unlike = if way == "AD bit" { Hop::Usable } else { Hop::Broken };
        assert_eq!(resolver.dane(&domain(UNLIKE)).await.status, unlike, "{way}");
        let asked = ROWS.iter().map(async |row| (row, resolver.dane(&domain(row.0)).await));
        for ((name, status, hosts), answer) in futures_util::future::join_all(asked).await {
            let found: Vec<_> = answer.hosts.iter().map(|(_, status)| *status).collect();
            if (answer.status, found.as_slice()) != (*status, *hosts) {
                wrong.push(format!("{way}: {name}: {:?} {found:?} in place of {status:?} {hosts:?}", answer.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
