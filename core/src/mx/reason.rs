//! Why a pattern matches a host, or does not.

use super::{MxPattern, MxPatternError};

/// Why a pattern matches a host, or does not. RFC 8461 §4.1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum MatchReason {
    /// The host is what the wildcard's name says: `*` needs a label before it.
    Apex,
    /// The host is below the pattern's name, and the pattern has no wildcard.
    Below,
    /// `*` stands for one label, and the host has more before the pattern's name.
    Depth {
        /// How many.
        labels: usize,
    },
    /// The names are equal: it matches.
    Exact,
    /// It is no host name, so nothing matches it.
    NotAHost(MxPatternError),
    /// The names have nothing to do with each other.
    OtherName,
    /// `*` stands for the first label of the host: it matches.
    Wildcard,
}

impl MatchReason {
    /// Its name for programs, such as `exact` or `depth`. Names never change.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apex => "apex",
            Self::Below => "below",
            Self::Depth { .. } => "depth",
            Self::Exact => "exact",
            Self::NotAHost(_) => "not-a-host",
            Self::OtherName => "other-name",
            Self::Wildcard => "wildcard",
        }
    }
}

impl MxPattern<'_> {
    /// Why the pattern [matches](MxPattern::matches) the MX host `host`, or does not.
    #[must_use]
    pub fn explain(self, host: impl AsRef<[u8]>) -> MatchReason {
        let host = host.as_ref();
        if self.matches(host) {
            return if self.wildcard { MatchReason::Wildcard } else { MatchReason::Exact };
        }
        if let Err(error) = MxPattern::parse(host) {
            return MatchReason::NotAHost(error);
        }
        match labels_before(host, self.name) {
            Some(0) => MatchReason::Apex,
            Some(labels) if self.wildcard => MatchReason::Depth { labels },
            Some(_) => MatchReason::Below,
            None => MatchReason::OtherName,
        }
    }
}

/// How many labels the host has before `name`; `None` if it does not end in it.
fn labels_before(host: &[u8], name: &[u8]) -> Option<usize> {
    let host = host.strip_suffix(b".").unwrap_or(host);
    let (before, end) = host.split_at_checked(host.len().checked_sub(name.len())?)?;
    match before {
        _ if !end.eq_ignore_ascii_case(name) => None,
        [] => Some(0),
        [labels @ .., b'.'] => Some(labels.split(|&b| b == b'.').count()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_says_what_differs() {
        for (pattern, host, reason) in [
            ("mx.example.com", "MX.example.com.", "exact"),
            ("*.example.com", "mx.example.com", "wildcard"),
            ("*.example.com", "example.com", "apex"),
            ("*.example.com", "a.b.example.com", "depth"),
            ("*.example.com", "mx.badexample.com", "other-name"),
            ("mx.example.com", "mx.example.net", "other-name"),
            ("example.com", "mx.example.com", "below"),
            ("*.example.com", "a b.example.com", "not-a-host"),
            ("*.example.com", "", "not-a-host"),
        ] {
            let explained = MxPattern::parse(pattern).unwrap().explain(host);
            assert_eq!(explained.as_str(), reason, "{pattern} {host}");
        }
    }
}
