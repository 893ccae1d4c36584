//! `mta-sts match` as users and scripts see it.

mod common;

use common::{file, run, run_with};
use serde_json::json;

#[test]
fn the_exit_code_says_whether_all_match() {
    assert_eq!(run(["match", "*.example.com", "a.example.com", "B.Example.COM."]).code, 0);
    assert_eq!(run(["match", "*.example.com", "a.example.com", "example.com"]).code, 2);
    assert_eq!(run(["match", "*", "a"]).code, 2);
    assert_eq!(run(["match", "*.example.com"]).code, 64);
    assert_eq!(run(["match"]).code, 64);
}

#[test]
fn each_host_has_its_reason() {
    let out = run(["match", "*.example.com", "a.example.com", "a.b.example.com", "\u{1b}[31m"]).out;
    assert!(out.contains("yes  a.example.com: \"*\" stands for the one label \"a\"\n"), "{out}");
    assert!(out.contains("no   a.b.example.com: "), "{out}");
    assert!(out.contains("no   \\x1b[31m: not a host name"), "{out}");
}

#[test]
fn the_json_is_a_list_of_results() {
    let json = run(["match", "--json", "mx.example.com", "MX.example.com", "x"]).json();
    let first =
        json!({"pattern": "mx.example.com", "host": "MX.example.com", "match": true, "reason": "the names are equal"});
    assert_eq!(json["results"][0], first);
    assert_eq!(json["results"][1]["match"], false);
}

#[test]
fn a_policy_names_the_pattern_that_matched() {
    let policy = file("match.txt", b"version: STSv1\nmode: enforce\nmx: a.example\nmx: *.b.example\nmax_age: 86400\n");
    let policy = policy.to_str().unwrap();
    let some = run(["match", "--json", "--policy", policy, "x.b.example", "c.example"]);
    assert_eq!(some.code, 2);
    let results = &some.json()["results"];
    assert_eq!((&results[0]["match"], &results[0]["pattern"]), (&json!(true), &json!("*.b.example")));
    assert_eq!((&results[1]["match"], &results[1]["pattern"]), (&json!(false), &json!(null)));
    assert_eq!(run(["match", "--policy", policy, "a.example"]).code, 0);
}

#[test]
fn an_invalid_policy_allows_nobody() {
    let run = run_with(["match", "--policy", "-", "a.example"], b"mx: a.example\n");
    assert_eq!(run.code, 2);
    assert!(run.out.contains("the policy is invalid"), "{}", run.out);
}

#[test]
fn pairs_may_hold_any_octets() {
    let pairs = b"*.example.com\ta.example.com\n\n\t\nmx.example\t\"mx\\000.example\"\nmx.example\t\xffmx.example\r\n\"mx\\.example\"\tmx.example\n";
    let run = run_with(["match", "--json", "--pairs", "-"], pairs);
    assert_eq!(run.code, 2, "{run:?}");
    let results = run.json()["results"].as_array().unwrap().clone();
    let matches: Vec<_> = results.iter().map(|result| result["match"].as_bool().unwrap()).collect();
    assert_eq!(matches, [true, false, false, false, true]);
    assert_eq!(results[2]["host"], "mx\0.example");
    assert_eq!(results[3]["host"], "\\xffmx.example");
    for octet in 0..=255_u8 {
        let pair = format!("*.example\t\"a\\{octet:03}b.example\"\n");
        let allowed = octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
        assert_eq!(run_with(["match", "--pairs", "-"], pair.as_bytes()).code == 0, allowed, "{octet}");
    }
}

#[test]
fn malformed_pairs_are_wrong_usage() {
    for (pairs, message) in
        [("a b\n", "<stdin>:1:4: a tab is missing"), ("a\tb\nc\td\te\n", "<stdin>:2:4: there is more")]
    {
        let run = run_with(["match", "--pairs", "-"], pairs.as_bytes());
        assert_eq!(run.code, 64);
        assert!(run.err.contains(message), "{}", run.err);
    }
}

#[cfg(unix)]
#[test]
fn arguments_need_not_be_utf_8() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let host = OsStr::from_bytes(b"a\xff.example.com");
    let run = run(["match".as_ref(), "--json".as_ref(), "*.example.com".as_ref(), host]);
    assert_eq!((run.code, &run.json()["results"][0]["host"]), (2, &json!("a\\xff.example.com")));
}
