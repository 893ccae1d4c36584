//! `mta-sts lint` as users and scripts see it.

mod common;

use common::{file, run, run_with};
use serde_json::{Value, json};

const GOOD: &str = "version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n";

fn lint(args: &[&str], input: &[u8]) -> common::Run {
    run_with([&["lint"], args, &["-"]].concat(), input)
}

#[test]
fn the_exit_code_is_that_of_the_worst_level() {
    for (policy, code) in [
        (GOOD.to_owned(), 0),
        (format!("{GOOD}note: x\n"), 0),
        (format!("{GOOD}\n"), 1),
        (GOOD.replace("604800", "60"), 1),
        (GOOD.replace("enforce", "Enforce"), 2),
        (String::new(), 2),
    ] {
        assert_eq!(lint(&[], policy.as_bytes()).code, code, "{policy:?}");
    }
    for (args, input, code) in [
        (["--txt"], "v=STSv1; id=1;\n", 0),
        (["--txt"], "v=STSv1; id=1; id=2\n", 1),
        (["--txt"], "", 2),
        (["--tlsrpt"], "v=TLSRPTv1; rua=mailto:a@example.com\n", 0),
        (["--tlsrpt"], "v=TLSRPTv1; rua=mailto:a@example.com,ftp://x\n", 1),
        (["--tlsrpt"], "v=TLSRPTv1;\n", 2),
    ] {
        assert_eq!(lint(&args, input.as_bytes()).code, code, "{input:?}");
    }
}

#[test]
fn the_json_has_all_its_keys_whatever_the_verdict() {
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let all = ["error", "file", "findings", "kind", "policy", "record", "rua", "valid"];
    for (args, input) in [
        (&["--json"][..], GOOD),
        (&["--json"], ""),
        (&["--json", "--txt"], "v=STSv1; id=1;"),
        (&["--json", "--tlsrpt"], ""),
    ] {
        assert_eq!(keys(&lint(args, input.as_bytes()).json()), all, "{args:?} {input:?}");
    }
    let policy = lint(&["--json"], format!("{GOOD}x: y\n").as_bytes()).json();
    assert_eq!(policy["kind"], "policy");
    assert_eq!(policy["error"], Value::Null);
    assert_eq!(
        policy["policy"],
        json!({"mode": "enforce", "max_age": 604_800, "mx": ["*.example.com"], "extensions": [{"name": "x", "value": "y"}]})
    );
    let invalid = lint(&["--json"], GOOD.replace("604800", "x").as_bytes()).json();
    assert_eq!((&invalid["valid"], &invalid["policy"]), (&json!(false), &Value::Null));
    assert_eq!((&invalid["error"]["kind"], &invalid["error"]["at"]), (&json!("bad-max-age"), &json!(56)));
    assert_eq!(lint(&["--json", "--txt"], b"v=STSv1; id=a1;").json()["record"], json!({"id": "a1"}));
    let rua = lint(&["--json", "--tlsrpt"], b"v=TLSRPTv1; rua=mailto:a@b.example").json();
    assert_eq!(rua["rua"], json!(["mailto:a@b.example"]));
}

#[test]
fn a_finding_in_json_says_what_and_where() {
    let finding = &lint(&["--json"], format!("{GOOD}  x: y\n").as_bytes()).json()["findings"][0];
    assert_eq!(finding["code"], "STS-P008");
    assert_eq!(finding["level"], "INTEROP");
    assert_eq!((&finding["line"], &finding["column"]), (&json!(5), &json!(1)));
    assert_eq!((&finding["start"], &finding["end"]), (&json!(63), &json!(69)));
    assert_eq!((&finding["record"], &finding["fix"]), (&json!(0), &json!("x: y")));
    for key in ["message", "advice", "reference"] {
        assert!(finding[key].as_str().is_some_and(|text| !text.is_empty()), "{key}");
    }
}

#[test]
fn findings_are_underlined_in_their_line() {
    let out = lint(&[], format!("{GOOD}mx: \u{fc}.example.com\tx\n").as_bytes()).out;
    assert!(out.starts_with("INTEROP STS-P024 <stdin>:5:5\n"), "{out}");
    assert!(out.contains(" 5 | mx: \u{fc}.example.com   x\n   |     ^^^^^^^^^^^^^^^^^\n"), "{out}");
    assert!(out.contains("\n  help: write the A-label"), "{out}");
    assert!(out.ends_with("mx *.example.com\n1 INTEROP\n"), "{out}");
}

#[test]
fn nothing_of_the_input_reaches_the_terminal_as_it_is() {
    let hostile = b"version: STSv1\n\x1b[2Jmode: enforce\x07\n\xff\xfe\r\r\n\xe2\x80\xaemx: a.example\x9b\0\n";
    for args in [&[][..], &["--txt"], &["--tlsrpt"]] {
        let out = lint(args, hostile).out;
        assert!(out.chars().all(|c| c == '\n' || !c.is_control()), "{out:?}");
        assert!(!out.contains('\u{202e}'), "{out:?}");
    }
    assert!(lint(&[], hostile).out.contains(r"\x1b[2Jmode: enforce\x07"));
}

#[test]
fn a_wide_line_is_cut_around_the_finding() {
    let text = format!("v=STSv1; id=1; {}; a=b", "x".repeat(3000));
    let out = lint(&["--txt"], text.as_bytes()).out;
    assert!(out.contains("STS-D013 <stdin>:1:16\n"), "{out}");
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    assert!(out.contains("id=1; xxx") && out.contains("xx…\n"), "{out}");
}

#[test]
fn every_octet_can_be_given_in_presentation_format() {
    for octet in 0..=255_u8 {
        let of = |record: &[u8]| lint(&["--json", "--tlsrpt"], record).json();
        let escaped = of(format!("\"v=TLSRPTv1; rua=mailto:a\\{octet:03}b@c.example\"\n").as_bytes());
        if octet.is_ascii_alphanumeric() {
            let uri = format!("mailto:a{}b@c.example", char::from(octet));
            assert_eq!(escaped["rua"], json!([uri]), "{octet}");
        }
        // The same octet by itself means the same, where a line can hold it.
        if !matches!(octet, b'\n' | b'\r' | b'"' | b'\\') {
            let raw = [b"\"v=TLSRPTv1; rua=mailto:a", &[octet][..], b"b@c.example\"\n"].concat();
            let raw = of(&raw);
            assert_eq!((&raw["valid"], &raw["rua"]), (&escaped["valid"], &escaped["rua"]), "{octet}");
        }
    }
}

#[test]
fn what_dig_prints_is_understood() {
    let dig = b"mta-sts.host.example.\n\"v=STSv1; \" \"id=20260101\\059\"\n";
    let run = lint(&["--json", "--txt"], dig);
    assert_eq!((run.code, &run.json()["record"]["id"]), (0, &json!("20260101")));
    assert_eq!(lint(&["--txt"], b";; communications error to 192.0.2.1#53: timed out\n").code, 3);
}

#[test]
fn malformed_presentation_format_is_wrong_usage() {
    for (input, place) in [("\"v=STSv1; id=1;", ":1:1:"), ("x\n\"a\" b", ":2:5:"), ("\"\\999\"", ":1:2:")] {
        let run = lint(&["--txt"], input.as_bytes());
        assert_eq!(run.code, 64, "{input:?}");
        assert!(run.err.contains(&format!("<stdin>{place}")) && run.out.is_empty(), "{run:?}");
    }
}

#[test]
fn files_are_read_and_named() {
    let path = file("policy.txt", GOOD.as_bytes());
    let run = run(["lint".as_ref(), path.as_os_str()]);
    assert_eq!(run.code, 0);
    assert!(run.out.contains("policy.txt: valid: mode enforce"), "{run:?}");
    assert!(run.out.contains("7 days"), "{run:?}");
}

#[test]
fn what_cannot_be_read_is_wrong_usage() {
    let run = run(["lint", "/nonexistent\u{1b}[31m"]);
    assert_eq!((run.code, run.out.as_str()), (64, ""));
    assert_eq!(run.err, "error: cannot read /nonexistent\\x1b[31m: No such file or directory\n");
}

#[test]
fn too_much_is_noticed() {
    let policy = format!("{GOOD}{}", "x: y\n".repeat(13_200));
    assert_eq!(lint(&["--json"], policy.as_bytes()).json()["error"]["kind"], "too-large");
    let run = lint(&[], &vec![b'x'; 3 << 20]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("only the first 1048576 octets"), "{}", run.err);
    assert_eq!(lint(&["--txt"], &vec![b'x'; 1 << 20]).code, 64);
}
