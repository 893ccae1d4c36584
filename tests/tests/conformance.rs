//! The vectors, as part of `cargo test`. The binary `conformance` runs them from any folder.

use mta_sts_tests::{
    faces::{Face, RustFace},
    run::{Totals, run},
    scenario::network::Network,
    score::{Verdict, score},
    vectors::{self, Scenario},
};
use serde_json::Value;
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
