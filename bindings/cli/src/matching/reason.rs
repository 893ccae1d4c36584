//! Why a pattern allows a host, or does not. RFC 8461 §4.1.

use crate::output::{escape, words::shortened};
use mta_sts_core::{
    MxPattern, MxPatternError, Policy,
    mx::{MatchReason, MxPatternErrorKind},
};

/// Why `pattern` matches `host`, or does not.
pub(crate) fn of(pattern: MxPattern<'_>, host: &[u8]) -> String {
    let name = pattern.name();
    match pattern.explain(host) {
        MatchReason::Exact => "the names are equal".to_owned(),
        MatchReason::Wildcard => {
            let label = host.split(|&b| b == b'.').next().unwrap_or_default();
            format!("\"*\" stands for the one label \"{}\"", escape::octets(label))
        }
        MatchReason::Apex => format!("\"*\" needs exactly one label before {name}, and the host has none"),
        MatchReason::Depth { labels } => {
            format!("\"*\" stands for exactly one label, and the host has {labels} before {name}")
        }
        MatchReason::Below => format!("the pattern allows {name} itself and nothing below it; \"*.{name}\" would"),
        MatchReason::NotAHost(error) => not_a_host(error),
        _ if pattern.is_wildcard() => format!("the host is not below {name}"),
        _ => "the names differ".to_owned(),
    }
}

/// Why no pattern of `policy` matches `host`.
pub(crate) fn of_none(policy: &Policy, host: &[u8]) -> String {
    if let Err(error) = MxPattern::parse(host) {
        return not_a_host(error);
    }
    if policy.mx().len() == 0 {
        return "the policy has no mx pattern".to_owned();
    }
    // The pattern that was perhaps meant to.
    let near = policy.mx().find(|pattern| pattern.explain(host) != MatchReason::OtherName);
    if let Some(pattern) = near {
        return format!("not allowed by \"{pattern}\": {}", of(pattern, host));
    }
    format!("the policy names only {}", shortened(policy.mx().map(|pattern| pattern.to_string()), 8))
}

fn not_a_host(error: MxPatternError) -> String {
    match error.kind {
        MxPatternErrorKind::NotAscii => format!("not a host name in A-labels (xn--…): {error}"),
        MxPatternErrorKind::Empty => "not a host name: it is empty".to_owned(),
        _ => format!("not a host name: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_says_what_differs() {
        for (pattern, host, expected) in [
            ("mx.example.com", "MX.example.com.", "the names are equal"),
            ("*.example.com", "mx.example.com", "\"*\" stands for the one label \"mx\""),
            ("*.example.com", "example.com", "\"*\" needs exactly one label before example.com, and the host has none"),
            (
                "*.example.com",
                "a.b.example.com",
                "\"*\" stands for exactly one label, and the host has 2 before example.com",
            ),
            ("*.example.com", "mx.badexample.com", "the host is not below example.com"),
            ("mx.example.com", "mx.example.net", "the names differ"),
            (
                "example.com",
                "mx.example.com",
                "the pattern allows example.com itself and nothing below it; \"*.example.com\" would",
            ),
            ("*.example.com", "a b.example.com", "not a host name: a character that no host name has at octet 1"),
            ("*.example.com", "", "not a host name: it is empty"),
        ] {
            assert_eq!(of(MxPattern::parse(pattern).unwrap(), host.as_bytes()), expected);
        }
    }
}
