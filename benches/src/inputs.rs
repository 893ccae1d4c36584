//! The texts that are measured. All are made without chance, so that runs can be compared.

use std::fmt::Write as _;

/// The largest body that a sender reads, and the size of every hostile policy, in octets.
pub const HOSTILE_SIZE: usize = mta_sts_core::Policy::MAX_SIZE;

/// A policy like Gmail's, with four `mx`.
pub const GMAIL_LIKE: &str = "version: STSv1\n\
    mode: enforce\n\
    mx: gmail-smtp-in.l.example.com\n\
    mx: *.gmail-smtp-in.l.example.com\n\
    mx: alt1.smtp-in.example.net\n\
    mx: *.smtp-in.example.net\n\
    max_age: 86400\n";

/// A host that this policy permits.
pub const GMAIL_HOST: &str = "gmail-smtp-in.l.example.com";

/// The `_mta-sts` record of a domain, as one of three in its RRset.
pub const TXT_RECORDS: [&str; 3] = [
    "v=spf1 include:_spf.example.com ~all",
    "v=STSv1; id=20190429T010101;",
    "example-site-verification=0123456789abcdef",
];

/// A valid policy with `count` patterns; every third is a wildcard.
#[must_use]
pub fn policy_with_mx(count: usize) -> String {
    let mut text = String::from("version: STSv1\nmode: enforce\nmax_age: 604800\n");
    for i in 0..count {
        let star = if i % 3 == 2 { "*." } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "mx: {star}{}", mx_name(i));
    }
    text
}

/// A host that only the last of `count` patterns allows.
#[must_use]
pub fn last_mx_host(count: usize) -> String {
    let last = count - 1;
    let label = if last % 3 == 2 { "any." } else { "" };
    format!("{label}{}", mx_name(last))
}

/// A host of the same length as the patterns, which none allows: the longest comparison.
#[must_use]
pub fn missing_mx_host() -> String {
    mx_name(99_999)
}

fn mx_name(i: usize) -> String {
    format!("mx{i:05}.mail.example.com")
}

/// A policy made to be slow to read.
#[derive(Clone, Debug)]
pub struct Hostile {
    /// What it is made of.
    pub name: &'static str,
    /// Exactly [`HOSTILE_SIZE`] octets.
    pub text: Vec<u8>,
}

/// All hostile policies.
#[must_use]
pub fn hostile() -> Vec<Hostile> {
    let valid = b"version: STSv1\nmode: enforce\nmax_age: 86400\nmx: a.example\n";
    let lines = |name, head: &[u8], line: &[u8]| {
        let mut text = head.to_vec();
        text.extend(line.iter().copied().cycle().take(HOSTILE_SIZE - head.len()));
        Hostile { name, text }
    };
    vec![
        lines("tiny_mx", valid, b"mx:a\n"),
        lines("bad_mx", valid, b"mx:*\n"),
        lines("only_bad_mx", &valid[..44], b"mx:*\n"),
        lines("long_labels", valid, format!("mx:{}\n", ["a"; 127].join(".")).as_bytes()),
        lines("one_line", &[valid, &b"x: "[..]].concat(), b"a"),
        lines("one_mx", &[valid, &b"mx: "[..]].concat(), b"a."),
        lines("newlines", b"", b"\n"),
        lines("crlfs", valid, b"\r\n"),
        lines("carriage_returns", valid, b"\r"),
        lines("blanks", valid, b" "),
        lines("blank_lines", valid, b" \n"),
        lines("colons", valid, b":"),
        lines("colon_lines", valid, b":\n"),
        lines("tiny_lines", valid, b"a\n"),
        lines("tiny_extensions", valid, b"a:b\n"),
        lines("duplicates", valid, b"mode:none\n"),
        lines("utf8_extensions", valid, "x:\u{fc}\u{1f4e7}\n".as_bytes()),
        lines("bad_utf8_extensions", valid, b"x:\xc3\xbc\xff\n"),
        lines("not_utf8", valid, b"\xff"),
        lines("zeros", valid, b"\0"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use mta_sts_core::{Mode, Policy};

    #[test]
    fn the_gmail_like_policy_has_four_patterns() {
        let policy = Policy::parse(GMAIL_LIKE.as_bytes()).expect("it is valid");
        assert_eq!((policy.mode(), policy.mx().len()), (Mode::Enforce, 4));
    }

    #[test]
    fn every_hostile_policy_is_as_large_as_allowed() {
        for Hostile { name, text } in hostile() {
            assert_eq!(text.len(), HOSTILE_SIZE, "{name}");
        }
    }
}
