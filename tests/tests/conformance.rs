//! The vectors, as part of `cargo test`. The binary `conformance` runs them from any folder.

use mta_sts_tests::{
    faces::{CFace, Face, RustFace},
    run::{Totals, files, outcome, run},
    scenario::network::Network,
    score::{Verdict, score},
    vectors::{self, Rrset, Scenario},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn totals(folder: &Path, face: &mut dyn Face) -> (Totals, String) {
    let mut out = Vec::new();
    let totals = run(folder, face, false, &mut out).unwrap();
    (totals, String::from_utf8(out).unwrap())
}

#[test]
fn the_crates_pass_every_vector_and_skip_none() {
    for vectors in ["vectors", "vectors/extra"] {
        let (totals, out) = totals(&folder(vectors), &mut RustFace::default());
        assert!(totals.failed == 0 && totals.skipped == 0 && totals.passed > 20, "{out}");
    }
}

/// What the machine alone concludes, the driver concludes against real servers.
#[test]
fn machine_and_driver_agree_case_by_case() {
    let network = Network::start().unwrap();
    let mut replayed = 0;
    for vectors in ["vectors", "vectors/extra"] {
        for case in vectors::read(&folder(vectors), "fetch_rules.json").unwrap().unwrap() {
            let scenario: Scenario = serde_json::from_value(case.input.clone()).unwrap();
            // HTTP carries no body with these, so there is nothing to replay.
            let has_no_body = |status| [204, 205, 304].contains(&status);
            if case.needs != ["core"]
                || scenario.steps.iter().filter_map(|s| s.http.as_ref()).any(|h| has_no_body(h.status))
            {
                continue;
            }
            let driver = network.play(&scenario);
            assert_eq!(score(&case, &driver), Verdict::Passed, "{}: {driver}", case.id);
            let machine = RustFace::default().scenario(&scenario, &case.needs).unwrap();
            for key in ["decision", "cached_after", "http_requested", "tlsrpt_result_types", "alert_admin"] {
                let of = |outcome: &Value| -> Vec<Value> {
                    outcome["steps"].as_array().unwrap().iter().map(|step| step[key].clone()).collect()
                };
                assert_eq!(of(&machine), of(&driver), "{}: {key}", case.id);
            }
            replayed += 1;
        }
    }
    assert!(replayed > 70, "{replayed}");
}

/// The C library answers as the crates do, whether a vector asks for it or not.
#[test]
fn c_library_and_crates_agree_case_by_case() {
    let (mut library, mut crates) = (CFace::build().unwrap(), RustFace::default());
    let (mut compared, mut scenarios) = (0, 0);
    for vectors in ["vectors", "vectors/extra"] {
        let folder = folder(vectors);
        for (file, cases) in files(&folder).unwrap() {
            for case in &cases {
                let Some(got) = outcome(&folder, file, case, &mut library) else {
                    let is_report = file == "tlsrpt_reports/index.json";
                    assert!(is_report || !(case.needs.is_empty() || case.needs == ["core"]), "{} was skipped", case.id);
                    continue;
                };
                assert_eq!(Some(&got), outcome(&folder, file, case, &mut crates).as_ref(), "{}", case.id);
                assert_ne!(score(case, &got), Verdict::Failed, "{}: {got}", case.id);
                compared += 1;
                scenarios += usize::from(file == "fetch_rules.json");
            }
        }
    }
    assert!(compared > 300 && scenarios > 80, "{compared}, {scenarios} of them scenarios");
}

/// The machines also agree on scenarios that need more: they get the same answers without servers.
#[test]
fn c_library_and_core_agree_on_scenarios_that_need_servers() {
    let (mut library, mut crates) = (CFace::build().unwrap(), RustFace::default());
    let core = ["core".to_owned()];
    let mut compared = 0;
    for vectors in ["vectors", "vectors/extra"] {
        for case in vectors::read(&folder(vectors), "fetch_rules.json").unwrap().unwrap() {
            let scenario: Scenario = serde_json::from_value(case.input.clone()).unwrap();
            // The library takes A-labels only.
            if case.needs != core && case.input.to_string().is_ascii() {
                assert_eq!(library.scenario(&scenario, &core), crates.scenario(&scenario, &core), "{}", case.id);
                compared += 1;
            }
        }
    }
    assert!(compared > 50, "{compared}");
}

/// Strings that are too long for DNS reach the library joined, through functions of their own; and
/// a bounce is confirmed by DNS although the policy was checked lately.
#[test]
fn c_library_and_crates_agree_on_long_strings_and_bounces() {
    let (mut library, mut crates) = (CFace::build().unwrap(), RustFace::default());
    let long = |start: &str| json!([[format!("{start} note={};", "x".repeat(300))], []]);
    let (sts, tlsrpt) = (long("v=STSv1; id=new;"), long("v=TLSRPTv1; rua=mailto:reports@example.com;"));
    let rrset = |json: &Value| -> Rrset { serde_json::from_value(json.clone()).unwrap() };
    assert_eq!(library.txt(&rrset(&sts)), json!({ "ok": true, "id": "new" }));
    assert_eq!(library.tlsrpt(&rrset(&tlsrpt)), crates.tlsrpt(&rrset(&tlsrpt)));
    let step = |t: u64, event: &str, records: &Value| {
        json!({ "t": t, "event": event, "http": { "outcome": "connect-error" },
            "dns": { "_mta-sts.example.com": { "answer": "records", "records": records } } })
    };
    let scenario: Scenario = serde_json::from_value(json!({
        "policy_domain": "example.com",
        "sender": { "recheck_after": 300, "backoff": 300, "max_body": 65536 },
        "policies": { "OLD": { "text": "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\n" } },
        "cache": { "policy": "OLD", "id": "old", "fetched_at": 0, "checked_at": 0 },
        "steps": [step(10, "deliver-last-attempt", &json!([["v=STSv1; id=old;"]])), step(400, "deliver", &sts)],
    }))
    .unwrap();
    let played = library.scenario(&scenario, &["core".to_owned()]).unwrap();
    assert_eq!(played["steps"][0]["confirms_bounce"], true, "{played}");
    assert_eq!(played["steps"][1]["http_requested"], true, "{played}");
    assert_eq!(Some(played), crates.scenario(&scenario, &["core".to_owned()]));
}

/// A runner that cannot fail proves nothing.
#[test]
fn a_wrong_expectation_fails() {
    let scratch = std::env::temp_dir().join(format!("mta-sts-conformance-{}", std::process::id()));
    fs::create_dir_all(&scratch).unwrap();
    let mut changed = 0;
    for (file, from, to) in [
        ("policies.json", "\"mode\": \"testing\"", "\"mode\": \"enforce\""),
        ("txt_records.json", "\"ok\": false", "\"ok\": true"),
        ("mx_match.json", "\"match\": true", "\"match\": false"),
        (
            "tlsrpt_records.json",
            "\"usable\": [\"mailto:reports@example.com\"]",
            "\"usable\": [\"mailto:x@example.com\"]",
        ),
        ("fetch_rules.json", "\"decision\": \"apply:OLD\"", "\"decision\": \"no-policy\""),
    ] {
        let mut cases: Vec<Value> = serde_json::from_slice(&fs::read(folder("vectors").join(file)).unwrap()).unwrap();
        cases.retain(|case| case["expect"]["strictness"] == "must" && case.get("needs").is_none_or(|n| n[0] == "core"));
        cases.truncate(80);
        for case in &mut cases {
            let text = spaced(&case["expect"]).replace(from, to);
            changed += usize::from(text != spaced(&case["expect"]));
            case["expect"] = serde_json::from_str(&text).unwrap();
        }
        fs::write(scratch.join(file), serde_json::to_vec(&cases).unwrap()).unwrap();
    }
    let (totals, out) = totals(&scratch, &mut RustFace::default());
    fs::remove_dir_all(&scratch).unwrap();
    assert_eq!(totals.failed, changed, "{out}");
    assert!(changed > 100, "{changed}");
}

/// JSON with a space after each colon and comma, as the vectors' files have it.
fn spaced(value: &Value) -> String {
    value.to_string().replace("\":", "\": ").replace(",\"", ", \"")
}
