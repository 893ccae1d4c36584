//! Findings about TXT records. Codes `STS-D…` for `_mta-sts`, `RPT-R…` for `_smtp._tls`.

use super::{Finding, Level, Rule};
use crate::{
    fields::RecordProblem,
    record::{self, RecordError, RecordErrorKind},
    tlsrpt::{self, TlsRptError, TlsRptErrorKind},
    txt::TxtRecords,
};
use alloc::vec::Vec;

const OFF: Level = Level::Off;
/// A hostile record gives no more findings than this.
const MAX_FINDINGS: usize = 100;

/// Everything worth saying about the TXT RRset of `_mta-sts.<policy domain>`.
#[must_use]
pub fn record(rrset: &TxtRecords) -> Vec<Finding> {
    let mut findings = Vec::new();
    let verdict = record::examine(rrset, &mut |problem| add(&mut findings, rrset, problem, of_record));
    match verdict {
        Err(RecordError::NotFound) => findings.extend(near_misses(rrset, "v=stsv1", &STS)),
        Err(RecordError::Several { .. }) => findings.push(STS.several.at(b"", 0, 0, 0)),
        _ => {}
    }
    if verdict.is_ok() {
        findings.extend(unrelated(rrset, b"v=STSv1"));
    }
    findings
}

/// Everything worth saying about the TXT RRset of `_smtp._tls.<policy domain>`.
#[must_use]
pub fn tlsrpt(rrset: &TxtRecords) -> Vec<Finding> {
    let mut findings = Vec::new();
    let verdict = tlsrpt::examine(rrset, &mut |problem| add(&mut findings, rrset, problem, of_tlsrpt));
    match verdict {
        Err(TlsRptError::NotFound) => findings.extend(near_misses(rrset, "v=tlsrptv1", &TLSRPT)),
        Err(TlsRptError::Several { .. }) => findings.push(TLSRPT.several.at(b"", 0, 0, 0)),
        Ok(_) => findings.extend(unrelated(rrset, b"v=TLSRPTv1")),
        Err(TlsRptError::Syntax { .. }) => {}
    }
    findings
}

/// What is said when no one record counts.
struct Absent {
    missing: Rule,
    several: Rule,
    version: Rule,
    quotes: Rule,
}

const STS: Absent = Absent {
    missing: Rule::new(
        "STS-D001",
        OFF,
        "there is no MTA-STS record, so senders look for no policy",
        "add a TXT record \"v=STSv1; id=20260101000000;\" at _mta-sts",
    )
    .per("RFC 8461 §3.1"),
    several: Rule::new(
        "STS-D003",
        OFF,
        "several records begin with \"v=STSv1;\", so senders use none",
        "delete all of them but one",
    )
    .per("RFC 8461 §3.1"),
    version: Rule::new(
        "STS-D005",
        OFF,
        "the record does not begin with exactly \"v=STSv1;\", so senders discard it",
        "begin it with \"v=STSv1;\", in these letters, with nothing before",
    )
    .per("RFC 8461 §3.1"),
    quotes: Rule::new(
        "STS-D006",
        OFF,
        "quotes are part of the record's text, so senders discard it",
        "type the value without quotes and backslashes",
    )
    .per("RFC 8461 §3.1"),
};

const TLSRPT: Absent = Absent {
    missing: Rule::new(
        "RPT-R001",
        OFF,
        "there is no TLSRPT record, so senders send no reports",
        "add a TXT record \"v=TLSRPTv1; rua=mailto:tls-reports@example.com\" at _smtp._tls",
    )
    .per("RFC 8460 §3"),
    several: Rule::new(
        "RPT-R002",
        OFF,
        "several records begin with \"v=TLSRPTv1;\", so senders use none",
        "delete all of them but one; one rua can list several destinations",
    )
    .per("RFC 8460 §3"),
    version: Rule::new(
        "RPT-R003",
        OFF,
        "the record does not begin with exactly \"v=TLSRPTv1;\", so senders discard it",
        "begin it with \"v=TLSRPTv1;\", in these letters, with nothing before",
    )
    .per("RFC 8460 §3"),
    quotes: Rule::new(
        "RPT-R003",
        OFF,
        "quotes are part of the record's text, so senders discard it",
        "type the value without quotes and backslashes",
    )
    .per("RFC 8460 §3"),
};

/// No record counts: which one was meant to?
fn near_misses(rrset: &TxtRecords, version: &str, absent: &Absent) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, text) in rrset.iter().enumerate() {
        let bare: Vec<u8> = text.iter().copied().filter(u8::is_ascii_graphic).collect();
        let quoted = bare.first().is_some_and(|b| b"\"'`\\".contains(b));
        let unquoted = bare.strip_prefix(&bare[..usize::from(quoted)]).unwrap_or_default();
        let scheme = version.trim_start_matches("v=").trim_end_matches('1');
        let meant = |of: &[u8]| of.windows(scheme.len()).take(8).any(|w| w.eq_ignore_ascii_case(scheme.as_bytes()));
        if quoted && meant(unquoted) {
            findings.push(absent.quotes.at(text, index, 0, text.len()));
        } else if meant(unquoted) {
            findings.push(absent.version.at(text, index, 0, text.len()));
        }
    }
    if findings.is_empty() {
        findings.push(absent.missing.at(b"", 0, 0, 0));
    }
    findings
}

/// Other records at the same name.
fn unrelated(rrset: &TxtRecords, version: &[u8]) -> Vec<Finding> {
    const RULE: Rule = Rule::new(
        "STS-D004",
        Level::Tip,
        "another TXT record at this name; senders discard it",
        "remove it unless something else needs it here; a wildcard record may be the cause",
    )
    .per("RFC 8461 §3.1");
    let others = rrset.iter().enumerate().filter(|(_, text)| !text.starts_with(version));
    others.map(|(index, text)| RULE.at(text, index, 0, text.len())).collect()
}

fn add<K>(findings: &mut Vec<Finding>, rrset: &TxtRecords, problem: RecordProblem<K>, rule: fn(K, &[u8]) -> Rule) {
    let RecordProblem { record, kind, start, end } = problem;
    let text = rrset.iter().nth(record).unwrap_or_default();
    let rule = rule(kind, &text[start..end]);
    // Over the limit only what says that the record is of no use, and that once.
    if findings.len() < MAX_FINDINGS || (rule.level == OFF && findings.iter().all(|f| f.level != OFF)) {
        findings.push(rule.at(text, record, start, end));
    }
}

fn of_record(kind: RecordErrorKind, text: &[u8]) -> Rule {
    let rule = match kind {
        RecordErrorKind::NoId => {
            Rule::new("STS-D009", OFF, "there is no id, so senders ignore the record", "add \"id=20260101000000;\"")
        }
        RecordErrorKind::BadId => Rule::new(
            "STS-D010",
            OFF,
            "the id is not 1 to 32 letters and digits, so senders ignore the record",
            "use the date and time of the change, such as id=20260101000000",
        ),
        RecordErrorKind::DuplicateId => Rule::new(
            "STS-D011",
            Level::Interop,
            "a second id; senders must use the first, and some use the last",
            "remove one of the two",
        ),
        RecordErrorKind::BadField if text.contains(&b'\\') => Rule::new(
            "STS-D007",
            OFF,
            "a backslash is part of the record's text, so senders ignore the record",
            "type the value without backslashes",
        ),
        RecordErrorKind::BadField | RecordErrorKind::EmptyField => Rule::new(
            "STS-D013",
            OFF,
            "a field that is not name=value in plain characters, so senders ignore the record",
            "remove it; fields are separated by single semicolons",
        ),
    };
    rule.per("RFC 8461 §3.1")
}

fn of_tlsrpt(kind: TlsRptErrorKind, _: &[u8]) -> Rule {
    let rule = match kind {
        TlsRptErrorKind::NoRua => Rule::new(
            "RPT-R004",
            OFF,
            "there is no rua, so senders send no reports",
            "add \"rua=mailto:tls-reports@example.com\"",
        ),
        TlsRptErrorKind::NoUsableUri => Rule::new(
            "RPT-R005",
            OFF,
            "no destination is a mailto: or https: URI, so senders send no reports",
            "write \"rua=mailto:\" and an address",
        ),
        TlsRptErrorKind::UnusableUri => Rule::new(
            "RPT-R005",
            Level::Interop,
            "a destination that is not a mailto: or https: URI; senders skip it",
            "remove it, or write it as mailto: or https:",
        ),
        TlsRptErrorKind::BadUri => Rule::new(
            "RPT-R006",
            OFF,
            "a destination that is not a URI, so senders ignore the record",
            "write mailto: or https: before it, and encode \",\", \"!\" and \";\" in it",
        ),
        TlsRptErrorKind::BadField | TlsRptErrorKind::EmptyField => Rule::new(
            "RPT-R003",
            OFF,
            "a field that is not name=value in plain characters, so senders ignore the record",
            "remove it; fields are separated by single semicolons",
        ),
    };
    rule.per("RFC 8460 §3")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{StsRecord, TlsRptRecord};

    fn rrset(texts: &[&str]) -> TxtRecords {
        TxtRecords::from_iter(texts.iter().map(|text| [text]))
    }

    fn codes(findings: &[Finding]) -> Vec<&'static str> {
        findings.iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn records_are_explained() {
        for (texts, expected) in [
            (&["v=STSv1; id=1;"][..], &[][..]),
            (&[], &["STS-D001"]),
            (&["v=spf1 -all"], &["STS-D001"]),
            (&["v=STSv1; id=1", "v=spf1 -all"], &["STS-D004"]),
            (&["v=STSv1; id=1", "v=STSv1; id=2"], &["STS-D003"]),
            (&["\"v=STSv1; id=1\""], &["STS-D006"]),
            (&["v=stsv1; id=1"], &["STS-D005"]),
            (&["v=STSv1; id=1; id=2"], &["STS-D011"]),
            (&["v=STSv1; id=a-b; x"], &["STS-D010", "STS-D013"]),
            (&["v=STSv1; id=1\\; x=\\"], &["STS-D010"]),
            (&["v=STSv1;"], &["STS-D009"]),
        ] {
            assert_eq!(codes(&record(&rrset(texts))), expected, "{texts:?}");
        }
    }

    #[test]
    fn tlsrpt_records_are_explained() {
        for (texts, expected) in [
            (&["v=TLSRPTv1; rua=mailto:a@example.com"][..], &[][..]),
            (&[], &["RPT-R001"]),
            (&["v=TLSRPTv1; rua=a@example.com"], &["RPT-R006", "RPT-R005"]),
            (&["v=TLSRPTv1; rua=mailto:a@example.com,ftp://x"], &["RPT-R005"]),
            (&["v=TLSRPTv1; ruf=mailto:a@example.com"], &["RPT-R004"]),
        ] {
            assert_eq!(codes(&tlsrpt(&rrset(texts))), expected, "{texts:?}");
        }
    }

    #[test]
    fn findings_stand_where_the_fault_is() {
        let set = rrset(&["v=TLSRPTv1foo", "v=TLSRPTv1; rua=mailto:a@b.example,x; ;y"]);
        let spans: Vec<_> = tlsrpt(&set).iter().map(|f| (f.code, f.record, f.start, f.end)).collect();
        let expected = [("RPT-R006", 1, 35, 36), ("RPT-R003", 1, 38, 38), ("RPT-R003", 1, 39, 40)];
        assert_eq!(spans, expected);
    }

    #[test]
    fn a_hostile_record_gives_a_bounded_list() {
        let hostile = alloc::format!("v=STSv1;{}", ";".repeat(60_000));
        assert!(record(&rrset(&[&hostile])).len() <= MAX_FINDINGS + 1);
        let hostile = alloc::format!("v=STSv1;{}id=a-b", "id=a;x=y;id=;".repeat(1000));
        assert!(record(&rrset(&[&hostile])).len() <= MAX_FINDINGS + 1);
        let hostile = alloc::format!("v=STSv1;id=a;{};", "id=a;".repeat(1000));
        assert_eq!(record(&rrset(&[&hostile])).last().unwrap().level, OFF);
        let hostile = alloc::format!("v=TLSRPTv1;rua={}", ",".repeat(60_000));
        assert!(tlsrpt(&rrset(&[&hostile])).len() <= MAX_FINDINGS + 1);
    }

    #[test]
    fn off_means_that_the_parsers_find_no_record() {
        for text in ["", "v=STSv1; id=1", "v=STSv1; id=", "v=TLSRPTv1; rua=mailto:a@b", "v=TLSRPTv1; rua=x", "\u{0}"] {
            let set = rrset(&[text]);
            let off = |findings: &[Finding]| findings.iter().any(|finding| finding.level == OFF);
            assert_eq!(off(&record(&set)), StsRecord::from_rrset(&set).is_err(), "{text:?}");
            assert_eq!(off(&tlsrpt(&set)), TlsRptRecord::from_rrset(&set).is_err(), "{text:?}");
        }
    }
}
