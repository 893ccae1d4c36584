//! `mta-sts report` as users and scripts see it.

mod common;

use common::{Run, run_with};
use serde_json::{Value, json};
use std::io::Write;

const REPORT: &str = r#"{"organization-name":"A\u001b[31m Inc.","date-range":{"start-datetime":"2026-05-11T02:00:00+02:00",
    "end-datetime":"2026-05-11T23:59:59Z"},"contact-info":"a@a.example","report-id":"1","policies":[{"policy":{
    "policy-type":"sts","policy-string":["version: STSv1"],"policy-domain":"example.com","mx-host":["*.example.com"]},
    "summary":{"total-successful-session-count":9,"total-failure-session-count":3},"failure-details":[
    {"result-type":"certificate-expired","sending-mta-ip":"192.0.2.1","receiving-mx-hostname":"mx1.example.com",
     "receiving-ip":"203.0.113.1","failed-session-count":1},
    {"result-type":"sts-policy-fetch-error","failed-session-count":1},
    {"result-type":"certificate-expired","receiving-mx-hostname":"mx1.example.com","failed-session-count":1}]}]}"#;

fn report(args: &[&str], input: &[u8]) -> Run {
    run_with([&["report"], args, &["-"]].concat(), input)
}

#[test]
fn the_exit_code_says_whether_there_are_failures() {
    assert_eq!(report(&[], REPORT.as_bytes()).code, 1);
    let healthy = REPORT.replace("\"total-failure-session-count\":3", "\"total-failure-session-count\":0");
    assert_eq!(report(&[], healthy.as_bytes()).code, 1, "the details still say so");
    let none = r#"{"date-range":{"start-datetime":"2026-05-11T00:00:00Z","end-datetime":"2026-05-12T00:00:00Z"},"policies":[]}"#;
    assert_eq!(report(&[], none.as_bytes()).code, 0);
    assert_eq!(report(&[], b"nonsense").code, 2);
    assert_eq!(report(&[], b"").code, 2);
}

#[test]
fn failures_are_grouped_and_explained() {
    let out = report(&[], REPORT.as_bytes()).out;
    assert!(out.starts_with("TLS report by A\\x1b[31m Inc.\n"), "{out}");
    assert!(out.contains("2026-05-11 00:00 UTC to 2026-05-11 23:59 UTC"), "{out}");
    assert!(out.contains("9 sessions succeeded, 3 failed (25.0 %)"), "{out}");
    assert!(
        out.contains("  certificate-expired: 2 sessions\n    the certificate of the MX host had expired\n"),
        "{out}"
    );
    assert!(out.contains("    MX hosts: mx1.example.com\n"), "{out}");
    assert!(out.contains("https://mta-sts.example.com/.well-known/mta-sts.txt"), "{out}");
    assert!(out.ends_with("\n3 sessions failed.\n"), "{out}");
}

#[test]
fn the_json_has_every_field() {
    let json = report(&["--json"], REPORT.as_bytes()).json();
    assert_eq!((&json["valid"], &json["error"]), (&json!(true), &Value::Null));
    let report = &json["report"];
    assert_eq!(report["organization_name"], "A\u{1b}[31m Inc.");
    assert_eq!(report["start"], "2026-05-11T00:00:00Z");
    assert_eq!(report["end"], "2026-05-11T23:59:59Z");
    let policy = &report["policies"][0];
    assert_eq!(policy["mx_host"], json!(["*.example.com"]));
    assert_eq!((&policy["successful_sessions"], &policy["failed_sessions"]), (&json!(9), &json!(3)));
    assert_eq!(
        policy["failure_details"][0],
        json!({"result_type": "certificate-expired", "sending_mta_ip": "192.0.2.1",
            "receiving_mx_hostname": "mx1.example.com", "receiving_mx_helo": null, "receiving_ip": "203.0.113.1",
            "failed_session_count": 1, "additional_information": null, "failure_reason_code": null})
    );
}

#[test]
fn what_is_no_report_says_why() {
    let json = report(&["--json"], b"{\"date-range\":1").json();
    assert_eq!((&json["valid"], &json["report"]), (&json!(false), &Value::Null));
    assert_eq!((&json["error"]["kind"], &json["error"]["line"]), (&json!("json"), &json!(1)));
}

#[test]
fn gzip_is_read_and_a_cut_one_is_not() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(REPORT.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    assert_eq!(report(&["--json"], &gzip).json(), report(&["--json"], REPORT.as_bytes()).json());
    assert_eq!(report(&["--json"], &gzip[..gzip.len() - 3]).json()["error"]["kind"], "gzip");
}
