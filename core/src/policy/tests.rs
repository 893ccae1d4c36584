use super::*;
use std::{format, string::String, string::ToString, vec, vec::Vec};

fn with(lines: &str) -> Result<Policy, PolicyErrorKind> {
    Policy::parse(format!("version: STSv1\nmode: enforce\n{lines}").as_bytes()).map_err(|e| e.kind)
}

fn mx(policy: &Policy) -> Vec<String> {
    policy.mx().map(|p| p.to_string()).collect()
}

#[test]
fn order_is_free_and_the_first_of_a_duplicate_counts() {
    let policy = Policy::parse(
        b"mx: a.example\nmax_age: 60\nmode: testing\nmode: none\nversion: STSv1\nversion: x\nmax_age: x\nmx: *.B.example.",
    )
    .unwrap();
    assert_eq!((policy.mode(), policy.max_age()), (Mode::Testing, 60));
    assert_eq!(mx(&policy), ["a.example", "*.B.example"]);
}

#[test]
fn errors_say_what_and_where() {
    for (text, kind, at) in [
        ("", PolicyErrorKind::NoVersion, 0),
        ("version: STSv2\nmode: x\n", PolicyErrorKind::BadVersion, 9),
        ("version: STSv1\nmode: x\n", PolicyErrorKind::BadMode, 21),
        ("version: STSv1\nmode: none\n", PolicyErrorKind::NoMaxAge, 26),
        ("version: STSv1\nmode: none\nmax_age: 1s", PolicyErrorKind::BadMaxAge, 35),
        ("version: STSv1\nmode: testing\nmax_age: 1", PolicyErrorKind::NoMx, 39),
        (
            "version: STSv1\nmode: testing\nmax_age: 1\nmx: a.*",
            PolicyErrorKind::BadMx(crate::mx::MxPatternErrorKind::Wildcard),
            46,
        ),
    ] {
        assert_eq!(Policy::parse(text.as_bytes()), Err(PolicyError { kind, at }), "{text:?}");
    }
}

#[test]
fn a_bad_pattern_beside_a_good_one_is_dropped() {
    let policy = with("mx: *\nmx: mail.example.com\nmax_age: 1").unwrap();
    assert_eq!(mx(&policy), ["mail.example.com"]);
}

#[test]
fn max_age_is_clamped_and_has_at_most_ten_digits() {
    assert_eq!(with("mx: a.example\nmax_age: 9999999999").unwrap().max_age(), Policy::MAX_MAX_AGE);
    assert_eq!(with("mx: a.example\nmax_age: 0000000060").unwrap().max_age(), 60);
    assert_eq!(with("mx: a.example\nmax_age: 00000000060"), Err(PolicyErrorKind::BadMaxAge));
}

#[test]
fn lines_end_in_lf_or_crlf_and_a_last_cr_is_dropped() {
    assert!(with("mx: a.example\r\nmax_age: 60\r").is_ok());
    assert_eq!(with("mx: a.example\rmax_age: 60\r").unwrap_err(), PolicyErrorKind::NoMaxAge);
}

#[test]
fn a_body_over_the_limit_is_an_error_and_never_cut() {
    let mut text = b"version: STSv1\nmode: none\nmax_age: 1\n".to_vec();
    text.resize(Policy::MAX_SIZE, b'x');
    assert!(Policy::parse(&text).is_ok());
    text.push(b'\n');
    let error = PolicyError { kind: PolicyErrorKind::TooLarge, at: Policy::MAX_SIZE };
    assert_eq!(Policy::parse(&text), Err(error));
}

#[test]
fn examine_lists_every_problem_with_its_place() {
    let text = "\u{feff}version: STSv1\n\nmode : enforce\n mx: a\nx\nmax_age: 9999999999\nmax_age: 1\nmx: *\n_x: 1\n";
    let found = examine(text.as_bytes());
    let problems: Vec<_> = found.problems.iter().map(|p| (p.kind, &text[p.start..p.end])).collect();
    use {PolicyErrorKind::*, ProblemKind::*};
    assert_eq!(
        problems,
        vec![
            (ByteOrderMark, "\u{feff}version: STSv1"),
            (BlankLine, ""),
            (SpaceBeforeColon, "mode : enforce"),
            (LeadingSpace, " mx: a"),
            (NoColon, "x"),
            (MaxAgeClamped, "max_age: 9999999999"),
            (Duplicate(Key::MaxAge), "max_age: 1"),
            (ProblemKind::BadMx(crate::mx::MxPatternErrorKind::Wildcard), "*"),
            (BadExtension, "_x: 1"),
            (Invalid(NoVersion), ""),
            (Invalid(NoMode), ""),
        ]
    );
    assert_eq!(found.policy.unwrap_err().kind, NoVersion);
}

#[test]
fn the_problem_list_is_bounded() {
    let found = examine(&[b'\n'; 60_000]);
    assert_eq!(found.problems.len(), Examination::MAX_PROBLEMS + 4, "and what makes it invalid");
    assert_eq!(found.problems.len() + found.omitted, 60_004);
}

#[test]
fn only_safe_lines_are_handed_on() {
    let policy =
        with("mx: a.example\nmx: *\nmode: none\nnote: fine\nevil: {x}\nq: \"a\"\n_b: x\nc1: \u{85}x\nmax_age: 9")
            .unwrap();
    let lines: Vec<_> = policy.safe_lines().collect();
    let expected = [("version", "STSv1"), ("mode", "enforce"), ("mx", "a.example"), ("note", "fine"), ("max_age", "9")];
    assert_eq!(lines, expected);
}
