//! `mta-sts query` against a small internet on loopback.

mod common;

use common::{Run, file, run};
use mta_sts_lab::{Answer, Lab, MxHost, PolicyHost, RecordType, Reply, Response, Tls, World};
use serde_json::{Value, json};
use std::path::PathBuf;

const ENFORCE: &str = "version: STSv1\nmode: enforce\nmx: *.NAME\nmax_age: 604800\n";

/// A lab and how to reach it.
struct Net {
    lab: Lab,
    ca: PathBuf,
}

impl Net {
    async fn start(name: &str) -> Self {
        let lab = Lab::start().await.expect("loopback has free ports");
        let ca = file(&format!("{name}.pem"), lab.ca_pem().as_bytes());
        Self { lab, ca }
    }

    fn world(&self) -> &World {
        self.lab.world()
    }

    /// A domain with a record, a policy in which NAME stands for it, and MX hosts.
    fn domain(&self, name: &str, policy: &str, mx: &[(&str, MxHost)]) {
        self.world().txt(&format!("_mta-sts.{name}"), &["v=STSv1; id=20260101;"]);
        let policy = PolicyHost::serving(policy.replace("NAME", name));
        self.world().policy_host(&format!("mta-sts.{name}"), policy);
        let names: Vec<_> = (10..).step_by(10).zip(mx).map(|(preference, (host, _))| (preference, *host)).collect();
        self.world().mx(name, &names);
        for (host, config) in mx {
            self.world().mx_host(host, config.clone()).expect("loopback has addresses");
        }
    }

    /// The lab goes on while the command runs.
    fn query(&self, args: &[&str]) -> Run {
        let lab = &self.lab;
        let settings = [
            "query".to_owned(),
            format!("--dns={}", lab.dns_addr()),
            format!("--ca={}", self.ca.display()),
            format!("--https-port={}", lab.https_port()),
            format!("--smtp-port={}", lab.smtp_port()),
            "--allow-net=127.0.0.0/8".to_owned(),
            "--allow-net=::1/128".to_owned(),
        ];
        tokio::task::block_in_place(|| run(settings.iter().map(String::as_str).chain(args.iter().copied())))
    }
}

/// A host that is there and one that is as the test has it.
fn host() -> MxHost {
    MxHost::default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_enforces_is_fine_if_all_hosts_are_permitted() {
    let net = Net::start("fine").await;
    net.domain("fine.test", ENFORCE, &[("a.fine.test", host()), ("b.fine.test", host())]);
    let run = net.query(&["--probe", "Fine.test."]);
    assert_eq!(run.code, 0, "{run:?}");
    for expected in [
        "\"v=STSv1; id=20260101;\", id 20260101",
        "mode enforce, max_age 7 days",
        "https://mta-sts.fine.test/.well-known/mta-sts.txt",
        "10 a.fine.test permitted: by \"*.fine.test\"",
        "with a valid certificate",
        "only over verified TLS, to a.fine.test or",
    ] {
        let words = run.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(expected), "{expected}: {}", run.out);
    }
    assert_eq!(run.err, "");
    let verbose = net.query(&["-v", "fine.test"]);
    assert!(verbose.err.contains("policy decision") && !verbose.err.contains("hickory"), "{}", verbose.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_json_has_all_its_keys_whatever_is_learnt() {
    let net = Net::start("keys").await;
    net.domain("keys.test", ENFORCE, &[("a.keys.test", host())]);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let good = net.query(&["--json", "keys.test"]).json();
    assert_eq!(keys(&good), keys(&net.query(&["--json", "nothing.test"]).json()));
    assert_eq!(
        (&good["domain"], &good["id"], &good["decision"], &good["source"]),
        (&json!("keys.test"), &json!("20260101"), &json!("enforce"), &json!("fetched"))
    );
    assert_eq!(good["records"], json!(["v=STSv1; id=20260101;"]));
    assert_eq!(good["policy"], json!({"mode": "enforce", "max_age": 604_800, "mx": ["*.keys.test"], "extensions": []}));
    assert!((604_700..=604_800).contains(&good["remaining_seconds"].as_u64().unwrap()));
    assert_eq!((&good["failure"], &good["exit"]), (&Value::Null, &json!(0)));
    assert_eq!(
        good["mx"][0],
        json!({"host": "a.keys.test", "preference": 10, "permitted": true, "pattern": "*.keys.test",
            "reason": "\"*\" stands for the one label \"a\"", "probe": null, "verdict": "deliver", "tls": "verified",
            "message": "deliver with verified TLS", "result_types": []})
    );
    assert_eq!(
        good["delivery"],
        json!({"action": "deliver", "host": "a.keys.test", "tls": "verified", "reason": null})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_are_refused_are_a_risk_or_the_end_of_mail() {
    let net = Net::start("refused").await;
    net.domain("some.test", ENFORCE, &[("a.some.test", host()), ("mx.other.test", host())]);
    let run = net.query(&["some.test"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.out.contains("20 mx.other.test refused: the policy names only *.some.test"), "{}", run.out);
    assert!(run.out.contains("It refuses"), "{}", run.out);

    net.domain("all.test", ENFORCE, &[("mx.other.test", host())]);
    let run = net.query(&["all.test"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.out.contains("would not deliver"), "{}", run.out);

    let testing = ENFORCE.replace("enforce", "testing");
    net.domain("testing.test", &testing, &[("mx.other.test", host())]);
    let run = net.query(&["testing.test"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.out.contains("would refuse mx.other.test"), "{}", run.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_finds_what_dns_does_not_say() {
    let net = Net::start("probe").await;
    let no_starttls = MxHost { starttls: false, ..host() };
    net.domain("probe.test", ENFORCE, &[("a.probe.test", Tls::Expired.into()), ("b.probe.test", no_starttls)]);
    assert_eq!(net.query(&["probe.test"]).code, 0);
    let run = net.query(&["--json", "--probe", "probe.test"]);
    assert_eq!(run.code, 2, "{run:?}");
    let json = run.json();
    assert_eq!((&json["mx"][0]["verdict"], &json["mx"][0]["probe"]["kind"]), (&json!("refuse"), &json!("certificate")));
    assert_eq!(json["mx"][0]["result_types"], json!(["certificate-expired"]));
    assert_eq!(json["mx"][1]["probe"]["kind"], "no-starttls");

    let unreachable = MxHost { reachable: false, ..host() };
    net.domain("gone.test", ENFORCE, &[("a.gone.test", unreachable)]);
    assert_eq!(net.query(&["--probe", "gone.test"]).code, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_hosts_are_judged_in_place_of_those_in_dns() {
    let net = Net::start("given").await;
    net.domain("given.test", ENFORCE, &[("a.given.test", host())]);
    let run = net.query(&["--json", "--mx", "new.given.test", "--mx", "x\u{1b}.test", "given.test"]);
    assert_eq!(run.code, 1, "{run:?}");
    let json = run.json();
    assert_eq!((&json["mx_source"], &json["mx"].as_array().unwrap().len()), (&json!("given"), &2));
    assert_eq!((&json["mx"][0]["permitted"], &json["mx"][1]["verdict"]), (&json!(true), &json!("refuse")));
    assert_eq!(net.query(&["--mx", "b.given.test", "--probe", "given.test"]).code, 3, "there is no such host");
    assert_eq!(net.query(&["--mx", "a.given.test", "--probe", "given.test"]).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_policy_is_told_from_not_known() {
    let net = Net::start("off").await;
    net.world().mx("off.test", &[(10, "mx.off.test")]);
    let run = net.query(&["off.test"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.out.contains("MTA-STS is off: the domain has no record."), "{}", run.out);

    net.world().set("_mta-sts.fail.test", RecordType::Txt, Answer::ServFail);
    let run = net.query(&["fail.test"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.out.contains("is not known"), "{}", run.out);

    net.domain("none.test", "version: STSv1\nmode: none\nmax_age: 86400\n", &[("mx.none.test", host())]);
    let run = net.query(&["none.test"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.out.contains("the policy says mode none"), "{}", run.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_is_named_with_what_to_do() {
    let net = Net::start("broken").await;
    net.domain("record.test", ENFORCE, &[("a.record.test", host())]);
    net.world().txt("_mta-sts.record.test", &["v=STSv1; id=a-b;\u{1b}[31m"]);
    let run = net.query(&["record.test"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.out.contains("v=STSv1; id=a-b;\\x1b[31m") && run.out.contains("1 to 32 letters"), "{}", run.out);
    assert!(!run.out.contains('\u{1b}'));

    net.domain("status.test", ENFORCE, &[("a.status.test", host())]);
    let redirect = PolicyHost { reply: Reply::Response(Response::status(301)), ..PolicyHost::serving("") };
    net.world().policy_host("mta-sts.status.test", redirect);
    let run = net.query(&["--json", "status.test"]);
    assert_eq!(run.code, 2, "{run:?}");
    let failure = &run.json()["failure"];
    assert_eq!(
        (&failure["kind"], &failure["detail"], &failure["status"], &failure["result_type"]),
        (&json!("fetch"), &json!("status"), &json!(301), &json!("sts-policy-fetch-error"))
    );
    assert!(net.query(&["status.test"]).out.contains("senders follow no redirect"));

    net.domain("cert.test", ENFORCE, &[("a.cert.test", host())]);
    let expired = PolicyHost { tls: Tls::Expired, ..PolicyHost::serving(ENFORCE) };
    net.world().policy_host("mta-sts.cert.test", expired);
    let json = net.query(&["--json", "cert.test"]).json();
    assert_eq!(json["failure"]["result_type"], "sts-webpki-invalid");

    net.domain("policy.test", "version: STSv1\n", &[("a.policy.test", host())]);
    let json = net.query(&["--json", "policy.test"]).json();
    assert_eq!((&json["failure"]["kind"], &json["failure"]["detail"]), (&json!("policy"), &json!("no-mode")));
}

#[tokio::test(flavor = "multi_thread")]
async fn u_labels_are_converted() {
    let net = Net::start("idn").await;
    net.domain("xn--bcher-kva.test", ENFORCE, &[("a.xn--bcher-kva.test", host())]);
    let run = net.query(&["B\u{fc}cher.test"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.out.starts_with("xn--bcher-kva.test (B\u{fc}cher.test)\n"), "{}", run.out);
}

#[test]
fn what_is_no_domain_is_wrong_usage_with_the_reason() {
    for (domain, reason) in [
        ("a@example.com", "give what stands after the @"),
        ("192.0.2.1", "an IP address has no MTA-STS policy"),
        ("a..b", "empty label"),
        ("\u{1b}[31m", "\\x1b[31m"),
    ] {
        let run = run(["query", domain]);
        assert_eq!((run.code, run.out.as_str()), (64, ""), "{domain:?}");
        assert!(run.err.contains(reason) && !run.err.contains('\u{1b}'), "{}", run.err);
    }
}

#[test]
fn a_dead_name_server_is_not_an_answer() {
    // Nothing listens at the discard port of loopback.
    let run = run(["query", "--json", "--timeout", "1", "--dns", "127.0.0.1:9", "example.test"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert_eq!(run.json()["failure"]["kind"], "dns-temporary");
}

#[test]
fn a_ca_file_without_certificates_is_wrong_usage() {
    let ca = file("empty.pem", b"nothing");
    let run = run(["query".as_ref(), "--ca".as_ref(), ca.as_os_str(), "example.test".as_ref()]);
    assert_eq!(run.code, 64, "{run:?}");
}
