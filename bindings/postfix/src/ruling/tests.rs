use super::*;
use crate::zone::{Zone, Zones};
use mta_sts::{NameServer, Resolver, core::socketmap};
use mta_sts_lab::{Answer as DnsAnswer, Lab, PolicyHost, RecordType};

const SECURE: &str = "OK secure match=mx.example servername=hostname";
const NOW: UnixTime = UnixTime(1_800_000_000);

fn zones(dane: DaneMode) -> Zones {
    let zone = |name: &str| Zone { dane, ..Zone::new(name) };
    Zones::new(zone("default"), [Zone { strict_testing: true, ..zone("strict") }, zone("policy")])
}

fn domain() -> Domain {
    Domain::from_ascii("example.com").unwrap()
}

fn policy(mode: &str) -> Policy {
    Policy::parse(format!("version: STSv1\nmode: {mode}\nmx: mx.example\nmax_age: 86400\n").as_bytes()).unwrap()
}

/// What the resolver learns of a domain with a policy in that mode; "absent" and "unknown" are
/// without one, the latter because DNS fails.
async fn learn(mode: &str) -> Answer {
    let lab = Lab::start().await.unwrap();
    let domain = domain();
    match mode {
        "unknown" => lab.world().set("_mta-sts.example.com", RecordType::Txt, DnsAnswer::ServFail),
        "absent" => {}
        mode => {
            lab.world().txt("_mta-sts.example.com", &["v=STSv1; id=1;"]);
            let text = policy(mode).text().to_vec();
            lab.world().policy_host("mta-sts.example.com", PolicyHost::serving(String::from_utf8(text).unwrap()));
        }
    }
    let resolver = Resolver::builder()
        .name_servers([NameServer::Plain(lab.dns_addr())])
        .extra_ca_pem(lab.ca_pem().as_bytes())
        .unwrap()
        .https_port(lab.https_port())
        .allow_nets(["127.0.0.0/8".parse().unwrap()])
        .build()
        .unwrap();
    resolver.resolve_with(&domain, mta_sts::Intent::Deliver).await
}

/// Where the example domain stands, by name.
struct Standings(Vec<(&'static str, Standing)>);

impl Standings {
    async fn new() -> Self {
        let mut all = vec![("exempt", Standing::Exempt)];
        for (name, mode) in [("static", "enforce"), ("static testing", "testing"), ("static none", "none")] {
            all.push((name, Standing::Static(Arc::new(policy(mode)))));
        }
        for mode in ["enforce", "testing", "none", "absent", "unknown"] {
            all.push((mode, Standing::Learnt(Box::new(learn(mode).await), Store::Read)));
        }
        for (name, store) in [("store down", Store::Unreadable), ("store down long", Store::GraceOver)] {
            all.push((name, Standing::Learnt(Box::new(learn("unknown").await), store)));
        }
        Self(all)
    }

    fn get(&self, name: &str) -> &Standing {
        &self.0.iter().find(|(other, _)| *other == name).unwrap().1
    }
}

fn ruling(asked: &Asked, policy: Option<&Standing>, dane: Option<Dane>) -> Ruling {
    // The policy names mx.example alone.
    let unbroken = ["MX.example.", "other.example", "a b } {", "nexthop"].map(str::to_owned).to_vec();
    let found = dane.map(|status| Found { status, was_known: false, unbroken });
    ruling_from(&Case { asked, domain: &domain(), policy, dane: found.as_ref(), before_bounce: false, now: NOW })
}

fn payload(reply: &Reply) -> Vec<u8> {
    let mut wire = Vec::new();
    reply.as_socketmap().encode(&mut wire);
    let Ok(socketmap::Frame::Complete { payload, .. }) = socketmap::decode(&wire, socketmap::MAX_REPLY) else {
        panic!("no netstring")
    };
    payload.to_vec()
}

#[tokio::test]
async fn what_is_answered_case_by_case() {
    use Dane::*;
    use DaneMode::{Off, Reply as Answers, Yield};
    const NOT_FOUND: &str = "NOTFOUND ";
    let temp_store = "TEMP the MTA-STS policy store cannot be read, and no policy was learnt in its place";
    let temp_dane = "TEMP the DANE records of the MX hosts cannot be looked up";
    let standings = Standings::new().await;
    for (dane_mode, map, policy, dane, reply, decision, reason) in [
        // DANE is not looked at.
        (Off, "postfix", "enforce", Usable, SECURE, "enforce", "policy"),
        (Off, "postfix", "enforce", Broken, SECURE, "enforce", "policy"),
        (Off, "postfix", "testing", Unknown, NOT_FOUND, "testing", "policy"),
        (Off, "strict", "testing", Unknown, SECURE, "enforce", "strict-testing"),
        (Off, "postfix", "none", Unknown, NOT_FOUND, "no-policy", "mode-none"),
        (Off, "postfix", "absent", Unknown, NOT_FOUND, "no-policy", "no-record"),
        (Off, "postfix", "unknown", Unknown, NOT_FOUND, "no-policy", "dns-temporary"),
        (Off, "postfix", "store down", Unknown, temp_store, "unknown", "store-unreadable"),
        (Off, "postfix", "store down long", Unknown, NOT_FOUND, "no-policy", "store-grace-over"),
        // Overrides.
        (Off, "postfix", "exempt", Unknown, NOT_FOUND, "no-policy", "exempt"),
        (Answers, "postfix", "exempt", Usable, NOT_FOUND, "no-policy", "exempt"),
        (Answers, "postfix", "exempt", Broken, NOT_FOUND, "no-policy", "exempt"),
        (Off, "postfix", "static", Unknown, SECURE, "enforce", "override"),
        (Answers, "postfix", "static", Insecure, SECURE, "enforce", "override"),
        (Answers, "postfix", "static", Usable, "OK dane-only", "dane-only", "dane"),
        (Answers, "postfix", "static", Broken, temp_dane, "unknown", "dane-broken"),
        (Off, "postfix", "static testing", Unknown, NOT_FOUND, "testing", "override"),
        (Off, "strict", "static testing", Unknown, SECURE, "enforce", "override"),
        (Answers, "postfix", "static none", Usable, "OK dane", "dane", "dane"),
        // At least one MX host has usable TLSA records.
        (Answers, "postfix", "enforce", Usable, "OK dane-only", "dane-only", "dane"),
        (Answers, "postfixwithTLSRPT", "enforce", Usable, "OK dane-only", "dane-only", "dane"),
        (Answers, "postfix", "testing", Usable, "OK dane", "dane", "dane"),
        (Answers, "strict", "testing", Usable, "OK dane-only", "dane-only", "dane"),
        (Answers, "postfix", "none", Usable, "OK dane", "dane", "dane"),
        (Answers, "postfix", "absent", Usable, "OK dane", "dane", "dane"),
        (Answers, "postfixwithTLSRPT", "absent", Usable, "OK dane", "dane", "dane"),
        (Answers, "postfix", "unknown", Usable, "OK dane", "dane", "dane"),
        // The store may hide an enforced policy: hosts with TLSA records get the mail, others wait.
        (Answers, "postfix", "store down", Usable, "OK dane-only", "dane-only", "dane"),
        (Answers, "postfix", "store down long", Usable, "OK dane", "dane", "dane"),
        // Some lookups fail: the enforced policy is left to the other hosts, and to them alone.
        (Answers, "postfix", "enforce", Mixed, SECURE, "enforce", "dane-mixed"),
        (Answers, "postfixwithTLSRPT", "enforce", Mixed, SECURE, "enforce", "dane-mixed"),
        (Answers, "strict", "testing", Mixed, SECURE, "enforce", "dane-mixed"),
        (Answers, "postfix", "static", Mixed, SECURE, "enforce", "dane-mixed"),
        (Answers, "postfix", "store down", Mixed, "OK dane-only", "dane-only", "dane"),
        (Answers, "postfix", "testing", Mixed, "OK dane", "dane", "dane"),
        (Answers, "postfix", "absent", Mixed, "OK dane", "dane", "dane"),
        // The MX records are insecure, no TLSA record can be used, or nothing is known of DNSSEC.
        (Answers, "postfix", "enforce", Insecure, SECURE, "enforce", "policy"),
        (Answers, "postfix", "enforce", Unusable, SECURE, "enforce", "policy"),
        (Answers, "postfix", "enforce", Unknown, SECURE, "enforce", "policy"),
        (Answers, "postfix", "absent", Insecure, NOT_FOUND, "no-policy", "no-record"),
        (Answers, "postfix", "absent", Unusable, NOT_FOUND, "no-policy", "no-record"),
        (Answers, "postfix", "absent", Unknown, NOT_FOUND, "no-policy", "no-record"),
        (Answers, "postfix", "store down", Insecure, temp_store, "unknown", "store-unreadable"),
        // Every MX host is unusable.
        (Answers, "postfix", "enforce", Broken, temp_dane, "unknown", "dane-broken"),
        (Answers, "postfix", "absent", Broken, temp_dane, "unknown", "dane-broken"),
        // Postfix does DANE by itself.
        (Yield, "postfix", "enforce", Usable, NOT_FOUND, "no-policy", "dane-yielded"),
        (Yield, "postfix", "absent", Usable, NOT_FOUND, "no-policy", "dane-yielded"),
        (Yield, "postfix", "store down", Usable, NOT_FOUND, "no-policy", "dane-yielded"),
        (Yield, "postfix", "absent", Broken, NOT_FOUND, "no-policy", "dane-yielded"),
        (Yield, "postfix", "testing", Mixed, NOT_FOUND, "no-policy", "dane-yielded"),
        (Yield, "postfix", "enforce", Broken, temp_dane, "unknown", "dane-broken"),
        (Yield, "postfix", "enforce", Mixed, SECURE, "enforce", "dane-mixed"),
        (Yield, "postfix", "store down", Mixed, temp_dane, "unknown", "dane-broken"),
        (Yield, "strict", "testing", Broken, temp_dane, "unknown", "dane-broken"),
        (Yield, "postfix", "store down", Broken, temp_dane, "unknown", "dane-broken"),
        (Yield, "postfix", "enforce", Insecure, SECURE, "enforce", "policy"),
        (Yield, "postfix", "enforce", Unusable, SECURE, "enforce", "policy"),
        (Yield, "postfix", "enforce", Unknown, SECURE, "enforce", "policy"),
    ] {
        let row = format!("{dane_mode:?} {map} {policy} {dane:?}");
        let ruling = ruling(zones(dane_mode).get(map.as_bytes()), Some(standings.get(policy)), Some(dane));
        assert_eq!(String::from_utf8(payload(&ruling.reply)).unwrap(), reply, "{row}");
        assert_eq!(ruling.decision.map_or("unknown", PolicyDecision::as_str), decision, "{row}");
        assert_eq!(ruling.reason, reason, "{row}");
    }
}

#[tokio::test]
async fn what_is_not_waited_for_changes_no_reply() {
    let standings = Standings::new().await;
    // Both are needed under DANE; exemptions are known from the start.
    let later = || standings.0.iter().map(|(_, standing)| standing).filter(|s| !matches!(s, Standing::Exempt));
    let mut early = 0;
    for mode in [DaneMode::Off, DaneMode::Reply, DaneMode::Yield] {
        for map in ["postfix", "strict", "policy", "postfixwithTLSRPT"] {
            let asked = zones(mode).get(map.as_bytes()).clone();
            assert!(!is_settled(&asked, None, None));
            for (name, policy) in &standings.0 {
                let policy = Some(policy);
                assert!(Dane::ALL.into_iter().all(|dane| is_settled(&asked, policy, Some(dane))));
                if is_settled(&asked, policy, None) {
                    early += 1;
                    for dane in Dane::ALL {
                        let whole = ruling(&asked, policy, Some(dane));
                        assert_eq!(ruling(&asked, policy, None).reply, whole.reply, "{mode:?} {map} {name} {dane:?}");
                    }
                }
            }
            for dane in Dane::ALL {
                if is_settled(&asked, None, Some(dane)) {
                    early += 1;
                    for policy in later() {
                        let whole = ruling(&asked, Some(policy), Some(dane));
                        assert_eq!(ruling(&asked, None, Some(dane)).reply, whole.reply, "{mode:?} {map} {dane:?}");
                    }
                }
            }
        }
    }
    assert!(early > 50, "{early}");
}

#[tokio::test]
async fn clients_are_told_what_postfix_is_told() {
    let standings = Standings::new().await;
    for mode in [DaneMode::Off, DaneMode::Reply, DaneMode::Yield] {
        for (name, policy) in &standings.0 {
            for dane in Dane::ALL {
                let rule = |map: &[u8]| ruling(zones(mode).get(map), Some(policy), Some(dane));
                let (mut postfix, clients) = (rule(b"postfix"), rule(b"policy"));
                if postfix.reason == "dane-mixed" {
                    // There are no words for hosts to leave out, so that they wait as all others do.
                    postfix.decision = Some(PolicyDecision::DaneOnly);
                }
                let row = format!("{mode:?} {name} {dane:?}");
                assert_eq!((postfix.decision, postfix.reason), (clients.decision, clients.reason), "{row}");
                let value = payload(&clients.reply);
                match &postfix.reply {
                    Reply::Temp(_) => assert_eq!(postfix.reply, clients.reply, "{row}"),
                    _ => {
                        let value = PolicyReply::decode(value.strip_prefix(b"OK ").unwrap()).unwrap();
                        assert_eq!(Some(value.decision), postfix.decision, "{row}");
                        assert_eq!(value.reason, postfix.reason, "{row}");
                        let holds =
                            !matches!(*name, "exempt" | "absent" | "unknown" | "store down" | "store down long");
                        assert_eq!(value.entry.is_some(), holds, "{row}");
                        assert_eq!(value.valid_until, value.entry.as_ref().and_then(Entry::expires_at), "{row}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_policy_that_cannot_be_expressed_is_not_taken_for_none() {
    let text = b"version: STSv1\nmode: enforce\nmx: hostname\nmax_age: 86400\n";
    let standing = Standing::Static(Arc::new(Policy::parse(text).unwrap()));
    let ruling = ruling(zones(DaneMode::Off).get(b"postfix"), Some(&standing), None);
    assert!(matches!(ruling.reply, Reply::Temp(_)));
    assert_eq!((ruling.decision, ruling.reason), (Some(PolicyDecision::Enforce), "not-expressible"));
}

#[test]
fn if_only_hosts_with_broken_dane_are_in_the_policy_mail_waits() {
    let standing = Standing::Static(Arc::new(policy("enforce")));
    let unbroken = vec!["other.example".to_owned(), "mx.example:evil".to_owned()];
    let found = Found { status: Dane::Mixed, was_known: false, unbroken };
    for mode in [DaneMode::Reply, DaneMode::Yield] {
        let (asked, domain) = (zones(mode).get(b"postfix").clone(), domain());
        let case = Case {
            asked: &asked,
            domain: &domain,
            policy: Some(&standing),
            dane: Some(&found),
            before_bounce: false,
            now: NOW,
        };
        assert!(matches!(ruling_from(&case).reply, Reply::Temp(_)));
    }
}
