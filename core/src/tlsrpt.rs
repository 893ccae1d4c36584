//! TLSRPT: where reports go, and the words for failures. RFC 8460 §3, §4.3.

use crate::{
    fields::{self, Field, RecordProblem, Selected, trim_wsp},
    txt::TxtRecords,
};
use alloc::{string::String, vec::Vec};
use core::{error::Error, fmt};

/// A valid `_smtp._tls` record with at least one destination that can be used. RFC 8460 §3.
/// ```
/// # use mta_sts_core::{TlsRptRecord, TxtRecords};
/// let answer = TxtRecords::from_iter([["v=TLSRPTv1; rua=mailto:tls@example.com,https://r.example/v1"]]);
/// let record = TlsRptRecord::from_rrset(&answer)?;
/// assert_eq!(record.rua(), ["mailto:tls@example.com", "https://r.example/v1"]);
/// # Ok::<(), mta_sts_core::TlsRptError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsRptRecord {
    rua: Vec<String>,
}

impl TlsRptRecord {
    /// Finds the one valid record in the TXT RRset of `_smtp._tls.<policy domain>`.
    ///
    /// # Errors
    /// [`TlsRptError`]: the domain then wants no reports.
    pub fn from_rrset(rrset: &TxtRecords) -> Result<Self, TlsRptError> {
        examine(rrset, &mut |_| {})
    }

    /// The destinations that can be used, in order: `mailto:` and `https:` URIs.
    #[must_use]
    pub fn rua(&self) -> &[String] {
        &self.rua
    }
}

/// Reads the RRset, and tells `found` every problem rather than only the first.
pub(crate) fn examine(
    rrset: &TxtRecords,
    found: &mut dyn FnMut(RecordProblem<TlsRptErrorKind>),
) -> Result<TlsRptRecord, TlsRptError> {
    let (record, text, rest) = match fields::select(rrset, "v=TLSRPTv1") {
        Selected::None => return Err(TlsRptError::NotFound),
        Selected::Several(count) => return Err(TlsRptError::Several { count }),
        Selected::One { record, text, fields } => (record, text, fields),
    };
    let end = text.len();
    let mut first_error = None;
    let mut note = |kind, at, len| {
        found(RecordProblem { record, kind, start: at, end: at + len });
        if kind != TlsRptErrorKind::UnusableUri {
            first_error.get_or_insert(TlsRptError::Syntax { kind, at });
        }
    };
    let (mut has_rua, mut rua) = (false, Vec::new());
    for field in fields::fields(text, rest) {
        let Field { at, text } = field;
        // RFC 8460 §3: tlsrpt-rua may stand several times; all of them count.
        if let Some(list) = field.value_of("rua") {
            has_rua = true;
            // tlsrpt-rua = %s"rua=" tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri): no blank after "=".
            let begins_blank = list.first().is_some_and(|&b| fields::is_wsp(b));
            let mut at = at + text.len() - list.len();
            for item in list.split(|&b| b == b',') {
                let uri = trim_wsp(item);
                match destination(uri) {
                    _ if begins_blank => note(TlsRptErrorKind::BadUri, at, item.len()),
                    Ok(Some(uri)) => rua.push(uri.into()),
                    Ok(None) => note(TlsRptErrorKind::UnusableUri, at, item.len()),
                    Err(()) => note(TlsRptErrorKind::BadUri, at, item.len()),
                }
                at += item.len() + 1;
            }
        } else if text.is_empty() {
            note(TlsRptErrorKind::EmptyField, at, 0);
        } else if !field.is_extension() {
            note(TlsRptErrorKind::BadField, at, text.len());
        }
    }
    if !has_rua {
        note(TlsRptErrorKind::NoRua, end, 0);
    } else if rua.is_empty() {
        note(TlsRptErrorKind::NoUsableUri, end, 0);
    }
    first_error.map_or(Ok(TlsRptRecord { rua }), Err)
}

/// A URI as text if reports can be sent there, `None` if it is some other URI.
fn destination(uri: &[u8]) -> Result<Option<&str>, ()> {
    let (scheme, rest) = split_uri(uri).ok_or(())?;
    let usable = if scheme.eq_ignore_ascii_case(b"mailto") {
        // RFC 6068: an address; RFC 8460 §3 wants one that mail can be sent to.
        let address = rest.split(|&b| b == b'?').next().unwrap_or_default();
        let at = address.iter().rposition(|&b| b == b'@');
        at.is_some_and(|at| at > 0 && at + 1 < address.len())
    } else if scheme.eq_ignore_ascii_case(b"https") {
        let host = |authority: &[u8]| !authority.is_empty() && !matches!(authority[0], b'/' | b'?' | b'#' | b':');
        rest.strip_prefix(b"//").is_some_and(host)
    } else {
        false
    };
    let text = core::str::from_utf8(uri).map_err(drop)?;
    Ok(usable.then_some(text))
}

/// RFC 3986 §3: scheme ":" and what follows, in URI characters. RFC 8460 §3: "!" must be encoded,
/// as must "," and ";", which cannot reach this place.
fn split_uri(uri: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = uri.iter().position(|&b| b == b':')?;
    let (scheme, rest) = (&uri[..colon], &uri[colon + 1..]);
    let scheme_ok =
        scheme.first()?.is_ascii_alphabetic() && scheme.iter().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b));
    let rest_ok = rest.iter().enumerate().all(|(i, b)| match b {
        b'%' => rest.get(i + 1..i + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)),
        b => b.is_ascii_alphanumeric() || b"-._~:/?#[]@$&'()*+=".contains(b),
    });
    (scheme_ok && rest_ok).then_some((scheme, rest))
}

/// Why an RRset says nothing about where reports go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TlsRptError {
    /// No record begins with `v=TLSRPTv1;`.
    NotFound,
    /// More than one record begins with `v=TLSRPTv1;`.
    Several {
        /// How many do.
        count: usize,
    },
    /// The one record is not what the grammar allows, or has no destination that can be used.
    Syntax {
        /// What is wrong.
        kind: TlsRptErrorKind,
        /// Where, in octets from the start of the joined record.
        at: usize,
    },
}

/// What can be wrong inside an `_smtp._tls` record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TlsRptErrorKind {
    /// A field that is not `name=value` in the characters allowed.
    BadField,
    /// An item of `rua` that is not a URI.
    BadUri,
    /// Nothing between two semicolons.
    EmptyField,
    /// No `rua`.
    NoRua,
    /// A `rua`, but no `mailto:` or `https:` URI in it.
    NoUsableUri,
    /// A URI that reports cannot be sent to: skipped, never an error of its own.
    UnusableUri,
}

impl TlsRptError {
    /// Its name for programs, such as `not-found` or `no-rua`. Names never change.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Several { .. } => "several",
            Self::Syntax { kind, .. } => match kind {
                TlsRptErrorKind::BadField => "bad-field",
                TlsRptErrorKind::BadUri => "bad-uri",
                TlsRptErrorKind::EmptyField => "empty-field",
                TlsRptErrorKind::NoRua => "no-rua",
                TlsRptErrorKind::NoUsableUri => "no-usable-uri",
                TlsRptErrorKind::UnusableUri => "unusable-uri",
            },
        }
    }

    /// Where, in octets from the start of the joined record, if it is in one.
    #[must_use]
    pub const fn at(self) -> Option<usize> {
        match self {
            Self::Syntax { at, .. } => Some(at),
            _ => None,
        }
    }
}

impl fmt::Display for TlsRptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no record begins with \"v=TLSRPTv1;\""),
            Self::Several { count } => write!(f, "{count} records begin with \"v=TLSRPTv1;\", there must be one"),
            Self::Syntax { kind, at } => write!(f, "{kind} at octet {at} of the record"),
        }
    }
}

impl fmt::Display for TlsRptErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadField => "a field that is not name=value",
            Self::BadUri => "a destination that is not a URI",
            Self::EmptyField => "an empty field",
            Self::NoRua => "no rua",
            Self::NoUsableUri => "no mailto: or https: destination",
            Self::UnusableUri => "a destination that reports cannot be sent to",
        })
    }
}

impl Error for TlsRptError {}

/// The result types of RFC 8460 §4.3.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ResultType {
    /// The MX host's certificate has expired.
    CertificateExpired,
    /// The MX host's certificate does not name it.
    CertificateHostMismatch,
    /// The MX host's certificate has no trusted chain.
    CertificateNotTrusted,
    /// DANE was required and there was none.
    DaneRequired,
    /// DNSSEC answers did not validate.
    DnssecInvalid,
    /// The MX host does not offer STARTTLS.
    StarttlsNotSupported,
    /// The policy could not be fetched.
    StsPolicyFetchError,
    /// The policy was fetched and is not valid.
    StsPolicyInvalid,
    /// The policy host's certificate is not valid.
    StsWebpkiInvalid,
    /// The TLSA record and the certificate do not agree.
    TlsaInvalid,
    /// Another failure, such as an MX host that the policy does not name.
    ValidationFailure,
}

impl ResultType {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::CertificateExpired,
        Self::CertificateHostMismatch,
        Self::CertificateNotTrusted,
        Self::DaneRequired,
        Self::DnssecInvalid,
        Self::StarttlsNotSupported,
        Self::StsPolicyFetchError,
        Self::StsPolicyInvalid,
        Self::StsWebpkiInvalid,
        Self::TlsaInvalid,
        Self::ValidationFailure,
    ];

    /// The word that stands in a report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateHostMismatch => "certificate-host-mismatch",
            Self::CertificateNotTrusted => "certificate-not-trusted",
            Self::DaneRequired => "dane-required",
            Self::DnssecInvalid => "dnssec-invalid",
            Self::StarttlsNotSupported => "starttls-not-supported",
            Self::StsPolicyFetchError => "sts-policy-fetch-error",
            Self::StsPolicyInvalid => "sts-policy-invalid",
            Self::StsWebpkiInvalid => "sts-webpki-invalid",
            Self::TlsaInvalid => "tlsa-invalid",
            Self::ValidationFailure => "validation-failure",
        }
    }
}

impl fmt::Display for ResultType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rua(record: &str) -> Result<Vec<String>, TlsRptError> {
        TlsRptRecord::from_rrset(&TxtRecords::from_iter([[record]])).map(|r| r.rua)
    }

    #[test]
    fn every_rua_field_counts() {
        let record = "v=TLSRPTv1; rua=mailto:a@example.com , https://[2001:db8::1]/r;rua=MAILTO:b@example.com;";
        assert_eq!(rua(record).unwrap(), ["mailto:a@example.com", "https://[2001:db8::1]/r", "MAILTO:b@example.com"]);
    }

    #[test]
    fn only_mail_and_https_destinations_are_used() {
        assert_eq!(rua("v=TLSRPTv1; rua=http://x.example,mailto:a@b").unwrap(), ["mailto:a@b"]);
        for uri in ["javascript:alert(1)", "mailto:a", "mailto:a@", "https:x", "https:///x"] {
            let error = rua(&alloc::format!("v=TLSRPTv1; rua={uri}")).unwrap_err();
            assert!(matches!(error, TlsRptError::Syntax { kind: TlsRptErrorKind::NoUsableUri, .. }), "{uri}");
        }
    }

    #[test]
    fn what_is_not_a_uri_makes_the_record_invalid() {
        for uri in [
            "",
            "a@b",
            "//x",
            "mailto:a@b,",
            "mailto:a@b!10m",
            "mailto:%zz@b",
            "https://m\u{fc}.example",
            " mailto:a@b",
        ] {
            let error = rua(&alloc::format!("v=TLSRPTv1; rua={uri}")).unwrap_err();
            let at = if uri.ends_with(',') { 27 } else { 16 };
            assert_eq!(error, TlsRptError::Syntax { kind: TlsRptErrorKind::BadUri, at }, "{uri}");
        }
    }
}
