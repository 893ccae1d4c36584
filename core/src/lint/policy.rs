//! Findings about a policy. Codes `STS-P…`, and `STS-F…` where the text is no policy at all.

use super::{Finding, Level, Rule};
use crate::{
    mx::{MxPattern, MxPatternErrorKind},
    policy::{Examination, Key, Line, LineKind, Lines, Mode, Policy, PolicyErrorKind, Problem, ProblemKind, examine},
};
use alloc::{string::String, vec::Vec};

const DAY: u32 = 86_400;

/// Everything worth saying about a policy body, in the order of the text. A text with very many
/// problems of one sort gives the first [`Examination::MAX_PROBLEMS`] of them.
#[must_use]
pub fn policy(body: &[u8]) -> Vec<Finding> {
    let Examination { policy, problems, .. } = examine(body);
    let valid = policy.is_ok();
    if let Some(rule) = not_a_policy(body).filter(|_| !valid) {
        return Vec::from([rule.at(body, 0, 0, body.len())]);
    }
    let mut findings: Vec<_> = problems.into_iter().map(|problem| of_problem(body, problem, valid)).collect();
    findings.extend(of_lines(body, valid));
    if let Ok(policy) = &policy {
        findings.extend(of_values(body, policy));
    }
    findings.sort_by_key(|finding| (finding.start, finding.end));
    findings
}

/// Texts of which each line would be a finding, where one says more.
fn not_a_policy(body: &[u8]) -> Option<Rule> {
    const OFF: Level = Level::Off;
    let begins =
        |prefix: &[u8]| body.trim_ascii_start().get(..prefix.len()).is_some_and(|b| b.eq_ignore_ascii_case(prefix));
    if body.is_empty() {
        Some(Rule::new("STS-P001", OFF, "the policy is empty, so senders ignore it", "serve the policy file"))
    } else if begins(b"<") {
        Some(Rule::new(
            "STS-F008",
            OFF,
            "this is a web page, not a policy, so senders ignore it",
            "let the policy host answer this URL with the policy file as text/plain",
        ))
    } else if body.starts_with(b"\xff\xfe")
        || body.starts_with(b"\xfe\xff")
        || body.iter().filter(|&&b| b == 0).count() > 8
    {
        Some(Rule::new(
            "STS-P003",
            OFF,
            "this is UTF-16 or binary data, so senders ignore it",
            "save the file as UTF-8 or ASCII without a byte order mark",
        ))
    } else if !body.contains(&b'\n') && body.contains(&b'\r') {
        Some(Rule::new(
            "STS-P004",
            OFF,
            "the lines end in CR alone, so senders see one long line and ignore the policy",
            "end lines in LF or CRLF",
        ))
    } else if begins(b"v=STSv1") {
        Some(Rule::new(
            "STS-P031",
            OFF,
            "this is the content of the TXT record, not a policy, so senders ignore it",
            "serve the policy here (version, mode, mx, max_age, each on its line) and keep this in DNS",
        ))
    } else {
        None
    }
}

fn of_problem(body: &[u8], Problem { kind, start, end }: Problem, valid: bool) -> Finding {
    // What is ignored matters as much as what is missing because of it.
    let level = if valid { Level::Interop } else { Level::Off };
    let rule = match kind {
        ProblemKind::Invalid(kind) => of_invalid(kind),
        ProblemKind::BadMx(kind) => of_bad_mx(kind).at_level(level),
        ProblemKind::BlankLine => Rule::new(
            "STS-P007",
            Level::Interop,
            "a blank line; the grammar has none and some senders refuse the policy",
            "remove the line",
        ),
        ProblemKind::ByteOrderMark => Rule::new(
            "STS-P002",
            level,
            "an invisible byte order mark stands before the first field, so senders do not see that field",
            "save the file as UTF-8 without a byte order mark",
        ),
        ProblemKind::LeadingSpace => {
            Rule::new("STS-P008", level, "white space before the field name, so senders ignore the line", "remove it")
        }
        ProblemKind::SpaceBeforeColon => {
            Rule::new("STS-P008", level, "white space before the colon, so senders ignore the line", "remove it")
        }
        ProblemKind::NoColon if body.get(start) == Some(&b'#') => comment(level),
        ProblemKind::BadExtension if body.get(start) == Some(&b'#') => comment(level),
        ProblemKind::NoColon => Rule::new(
            "STS-P011",
            level,
            "a line that is not a name, a colon and a value, so senders ignore it",
            "write it as \"name: value\" or remove it",
        ),
        ProblemKind::BadExtension => Rule::new(
            "STS-P032",
            level,
            "a line that is neither a known field nor a well-formed extension; some senders refuse the policy",
            "remove the line; check for characters that look like others",
        ),
        ProblemKind::Duplicate(_) => Rule::new(
            "STS-P030",
            Level::Interop,
            "the field stands there a second time; senders must use the first, and some use the last",
            "remove one of the two",
        ),
        ProblemKind::MaxAgeClamped => Rule::new(
            "STS-P018",
            Level::Interop,
            "max_age is over the maximum of 31557600 seconds (one year); some senders refuse the policy",
            "use 31557600 or less",
        ),
    };
    let mut finding = rule.at(body, 0, start, end);
    let text = &body[start.min(body.len())..end.min(body.len())];
    finding.fix = match kind {
        ProblemKind::ByteOrderMark | ProblemKind::LeadingSpace | ProblemKind::SpaceBeforeColon => {
            core::str::from_utf8(text).ok().map(|line| {
                let line = line.trim_start_matches('\u{feff}').trim_start();
                let (name, rest) = line.split_once(':').unwrap_or((line, ""));
                let colon = if rest.is_empty() { "" } else { ":" };
                [name.trim_end(), colon, rest].concat()
            })
        }
        ProblemKind::MaxAgeClamped => Some(String::from("max_age: 31557600")),
        _ => None,
    };
    finding
}

const fn comment(level: Level) -> Rule {
    Rule::new("STS-P010", level, "a comment; policies have none, and some senders refuse the policy", "remove the line")
}

const fn of_invalid(kind: PolicyErrorKind) -> Rule {
    const OFF: Level = Level::Off;
    match kind {
        PolicyErrorKind::NoVersion => Rule::new(
            "STS-P012",
            OFF,
            "there is no version, so senders ignore the policy",
            "begin with \"version: STSv1\"",
        ),
        PolicyErrorKind::BadVersion => Rule::new(
            "STS-P012",
            OFF,
            "the version is not STSv1 in exactly these letters, so senders ignore the policy",
            "write \"version: STSv1\"",
        ),
        PolicyErrorKind::NoMode => Rule::new(
            "STS-P014",
            OFF,
            "there is no mode, so senders ignore the policy",
            "add \"mode: testing\" or \"mode: enforce\"",
        ),
        PolicyErrorKind::BadMode => Rule::new(
            "STS-P015",
            OFF,
            "the mode is not enforce, testing or none in small letters, so senders ignore the policy",
            "write \"mode: testing\", \"mode: enforce\" or \"mode: none\"",
        ),
        PolicyErrorKind::NoMaxAge => Rule::new(
            "STS-P016",
            OFF,
            "there is no max_age, so senders ignore the policy",
            "add \"max_age: 604800\" (a week, in seconds)",
        ),
        PolicyErrorKind::BadMaxAge => Rule::new(
            "STS-P017",
            OFF,
            "max_age is not 1 to 10 digits, so senders ignore the policy",
            "write the seconds in digits only, such as \"max_age: 604800\"",
        ),
        PolicyErrorKind::NoMx => Rule::new(
            "STS-P021",
            OFF,
            "there is no mx, so senders ignore the policy",
            "add an \"mx: host\" line for each MX host of the domain",
        ),
        PolicyErrorKind::BadMx(kind) => of_bad_mx(kind),
        PolicyErrorKind::TooLarge => Rule::new(
            "STS-F007",
            OFF,
            "the policy is larger than 64 KiB, so senders give up",
            "serve a policy of less than 65536 octets",
        )
        .per("RFC 8461 §3.3"),
    }
}

const fn of_bad_mx(kind: MxPatternErrorKind) -> Rule {
    const OFF: Level = Level::Off;
    match kind {
        MxPatternErrorKind::NotAscii => Rule::new(
            "STS-P024",
            OFF,
            "an mx with characters outside ASCII matches no host",
            "write the A-label (xn--…) of an internationalised name",
        ),
        MxPatternErrorKind::Wildcard => Rule::new(
            "STS-P023",
            OFF,
            "a \"*\" that is not the whole first label matches no host",
            "write \"*.\" and a host name; it stands for exactly one label",
        ),
        MxPatternErrorKind::IpAddress => Rule::new(
            "STS-P023",
            OFF,
            "an mx that is an IP address matches no host",
            "write the name that the MX record has",
        ),
        _ => Rule::new(
            "STS-P023",
            OFF,
            "an mx that is not a host name, or \"*.\" and a host name, matches no host",
            "write one host name a line, without preference, port, quotes, commas or URL",
        ),
    }
}

/// What the lines show that is no problem of the parser's.
fn of_lines(body: &[u8], valid: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut first_field = true;
    for line in Lines::new(body) {
        if findings.len() >= Examination::MAX_PROBLEMS {
            break;
        }
        let mut note = |rule: Rule| findings.push(rule.at(body, 0, line.start, line.end()));
        let is_field = matches!(line.kind, LineKind::Field(_));
        if first_field && is_field && line.kind != LineKind::Field(Key::Version) {
            note(Rule::new(
                "STS-P013",
                Level::Interop,
                "the first field is not the version; that is allowed, but some senders want it first",
                "move \"version: STSv1\" to the first line",
            ));
        }
        first_field &= !is_field;
        if line.kind == LineKind::Extension {
            note(of_extension(&line, valid));
        }
    }
    let crlf = body.windows(2).filter(|pair| pair == b"\r\n").count();
    let lf = body.iter().filter(|&&b| b == b'\n').count();
    if crlf != 0 && crlf != lf {
        let rule = Rule::new("STS-P005", Level::Tip, "some lines end in LF and some in CRLF", "use one of the two");
        findings.push(rule.at(body, 0, 0, 0));
    }
    findings
}

/// An unknown name: an extension, or a known name written wrongly.
fn of_extension(line: &Line<'_>, valid: bool) -> Rule {
    let near =
        |key: Key| distance(line.name, key.as_str().as_bytes()) <= key.as_str().len() / 3 + usize::from(key == Key::Mx);
    if line.name.eq_ignore_ascii_case(b"id") {
        return Rule::new("STS-P035", Level::Tip, "an id has no effect in the policy", "put it in the TXT record only");
    }
    if [Key::Version, Key::Mode, Key::MaxAge, Key::Mx].into_iter().any(near) {
        return Rule::new(
            "STS-P029",
            if valid { Level::Risk } else { Level::Off },
            "this looks like a known field written differently, so senders ignore the line",
            "field names are version, mode, max_age and mx, in small letters",
        );
    }
    Rule::new("STS-P028", Level::Tip, "an unknown field; senders ignore it", "remove it unless it is meant to be there")
}

/// What a valid policy says, and is perhaps not meant to say.
fn of_values(body: &[u8], policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: Vec<MxPattern<'_>> = Vec::new();
    for line in Lines::new(body) {
        let mut note =
            |rule: Rule| findings.push(rule.at(body, 0, line.value_start, line.value_start + line.value.len()));
        match line.kind {
            LineKind::Field(Key::MaxAge) if policy.mode() != Mode::None => {
                if let Some(rule) = of_max_age(policy) {
                    note(rule);
                }
            }
            LineKind::Field(Key::Mx) => {
                let Ok(pattern) = MxPattern::parse(line.value) else { continue };
                if line.value.ends_with(b".") || line.value.contains(&b'_') {
                    note(Rule::new(
                        "STS-P023",
                        Level::Interop,
                        "an mx with a final dot or an underscore; some senders refuse the policy",
                        "write the host name without a final dot, and name MX hosts without underscores",
                    ));
                }
                if pattern.is_wildcard() && !pattern.name().contains('.') {
                    note(
                        Rule::new(
                            "STS-P027",
                            Level::Risk,
                            "a wildcard over a top-level domain allows hosts that are not yours",
                            "name the hosts, or a wildcard in a domain of yours",
                        )
                        .per("RFC 8461 §10.4"),
                    );
                }
                // A policy has few patterns; the bound keeps a hostile one from costing its square.
                if seen.len() < 256 {
                    if seen.contains(&pattern) {
                        note(Rule::new("STS-P025", Level::Tip, "the same mx stands there twice", "remove one of them"));
                    } else if seen.iter().any(|other| !pattern.is_wildcard() && other.matches(pattern.name())) {
                        note(Rule::new(
                            "STS-P026",
                            Level::Tip,
                            "an earlier wildcard allows this host already",
                            "keep it if you plan to remove the wildcard",
                        ));
                    }
                    seen.push(pattern);
                }
            }
            _ => {}
        }
    }
    findings
}

fn of_max_age(policy: &Policy) -> Option<Rule> {
    match policy.max_age() {
        0 => Some(Rule::new(
            "STS-P019",
            Level::Risk,
            "a max_age of 0 is never cached, so it protects from nobody who can suppress DNS answers",
            "use 604800 (a week) or more",
        )),
        1..DAY => Some(Rule::new(
            "STS-P019",
            Level::Risk,
            "max_age is less than a day, so an attacker need not wait long for the policy to run out",
            "use 604800 (a week) or more once all works",
        )),
        age if age < 7 * DAY && policy.mode() == Mode::Enforce => Some(Rule::new(
            "STS-P019",
            Level::Tip,
            "max_age is less than a week; the policy protects the better the longer it lives",
            "use 604800 (a week) or more once all works",
        )),
        age if age > 14 * DAY && policy.mode() == Mode::Testing => Some(Rule::new(
            "STS-P020",
            Level::Tip,
            "a long max_age while testing; senders may not notice a change before it is over",
            "use 86400 (a day) to 604800 (a week) while testing",
        )),
        _ => None,
    }
}

/// The edit distance of two short names, letter case and the kind of dash not counted; large if
/// they are not short.
fn distance(a: &[u8], b: &[u8]) -> usize {
    if a.len() > 16 {
        return usize::MAX;
    }
    let fold = |c: u8| if c == b'-' || c == b'.' { b'_' } else { c.to_ascii_lowercase() };
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(fold(x) != fold(y));
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    fn codes(text: &str) -> Vec<(&'static str, Level, usize, usize)> {
        policy(text.as_bytes()).into_iter().map(|f| (f.code, f.level, f.line, f.column)).collect()
    }

    const GOOD: &str = "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n";

    #[test]
    fn a_good_policy_has_no_findings() {
        assert_eq!(codes(GOOD), []);
        assert_eq!(codes(&GOOD.replace('\n', "\r\n")), []);
    }

    #[test]
    fn findings_say_where_and_how_bad() {
        use Level::*;
        for (text, expected) in [
            (format!("{GOOD}\n"), ("STS-P007", Interop, 5, 1)),
            (format!("{GOOD}# note\n"), ("STS-P010", Interop, 5, 1)),
            (format!("{GOOD}Mx: b.example.com\n"), ("STS-P029", Risk, 5, 1)),
            (format!("{GOOD}note: é\n"), ("STS-P028", Tip, 5, 1)),
            (GOOD.replace("mx.example.com", "*.com"), ("STS-P027", Risk, 3, 5)),
            (GOOD.replace("604800", "60"), ("STS-P019", Risk, 4, 10)),
            (GOOD.replace("604800", "99999999"), ("STS-P018", Interop, 4, 1)),
            (GOOD.replace("mx.example.com", "mx.example.com."), ("STS-P023", Interop, 3, 5)),
            (GOOD.replace("enforce", "Enforce"), ("STS-P015", Off, 2, 7)),
            (GOOD.replace("mx.example.com", "mx.*"), ("STS-P023", Off, 3, 8)),
            (GOOD.replace('\n', "\r"), ("STS-P004", Off, 1, 1)),
            (String::new(), ("STS-P001", Off, 1, 1)),
        ] {
            assert_eq!(codes(&text)[0], expected, "{text:?}");
        }
    }

    #[test]
    fn off_means_that_the_parser_finds_no_policy() {
        let long = "\n".repeat(60_000);
        for text in [
            "",
            "x",
            GOOD,
            &long,
            "version: STSv1\n\n",
            "<!-- x -->\nversion: STSv1\nmode: none\nmax_age: 1\n",
            "\u{feff}version: STSv1\nmode: none\nmax_age: 1\n",
            "<p>",
        ] {
            let off = policy(text.as_bytes()).iter().any(|finding| finding.level == Level::Off);
            assert_eq!(off, Policy::parse(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn fixes_are_what_was_meant() {
        for (text, fixed) in [
            ("\u{feff}version: STSv1\n", "version: STSv1"),
            ("  mode : none\n", "mode: none"),
            ("mode : none\n", "mode: none"),
        ] {
            assert_eq!(policy(text.as_bytes())[0].fix.as_deref(), Some(fixed), "{text:?}");
        }
    }
}
