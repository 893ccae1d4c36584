//! Every code has a name, and the words of RFC 8460 are those of the core.

use mta_sts_core::ResultType;
use mtasts::*;
use std::{collections::BTreeSet, ffi::CStr, fs, path::Path};

fn text(name: mtasts_str) -> String {
    // SAFETY: the library's text has a NUL at data[len].
    let text = unsafe { CStr::from_ptr(name.data) };
    assert_eq!(text.count_bytes(), name.len);
    text.to_str().unwrap().to_owned()
}

/// The name of the code that the header calls `constant`.
fn name(constant: &str, code: i32) -> String {
    let positive = || u32::try_from(code).unwrap();
    text(match constant.trim_start_matches("MTASTS_").split('_').next().unwrap() {
        "OK" | "E" => mtasts_result_name(code),
        "UNKNOWN" | "NO" | "YES" => mtasts_answer_name(positive()),
        "DECISION" => mtasts_decision_name(positive()),
        "WANT" => mtasts_want_name(positive()),
        "INTENT" => mtasts_intent_name(positive()),
        "TXT" => mtasts_txt_status_name(positive()),
        "MODE" => mtasts_mode_name(positive()),
        "CACHE" => mtasts_cache_name(positive()),
        "CLIENT" => mtasts_client_option_name(positive()),
        "OPTION" => mtasts_option_name(positive()),
        "FAILURE" => mtasts_failure_name(positive()),
        "TLSRPT" => mtasts_tlsrpt_result_name(positive()),
        "PROBLEM" => mtasts_problem_kind_name(positive()),
        "NAME" => mtasts_name_problem_name(positive()),
        "RECORD" => mtasts_record_problem_name(positive()),
        group => panic!("no function names the codes of {group}"),
    })
}

#[test]
fn every_code_has_a_name_of_its_own() {
    let codes = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("abi/codes.txt")).unwrap();
    for line in codes.lines() {
        let (constant, code) = line.split_once(' ').unwrap();
        // Events are for a loop and for no log.
        if constant.starts_with("MTASTS_EVENT_") {
            continue;
        }
        let word = constant.rsplit_once("MTASTS_").unwrap().1.to_lowercase().replace('_', "-");
        let name = name(constant, code.parse().unwrap());
        assert!(
            word.ends_with(&name) || name == "back-off" || name.starts_with("certificate"),
            "{constant} is {name:?}"
        );
    }
    assert_eq!(text(mtasts_result_name(-9999)), "unknown");
    assert_eq!(text(mtasts_decision_name(9999)), "unknown");
}

#[test]
fn the_words_of_reports_are_those_of_the_core() {
    let named: BTreeSet<_> = [201, 202, 203, 204, 205, 301, 302, 303, 304, 305, 306]
        .map(|code| text(mtasts_tlsrpt_result_name(code)))
        .into();
    assert_eq!(named, ResultType::ALL.map(|result| result.as_str().to_owned()).into());
}
