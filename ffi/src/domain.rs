//! Policy domains and MX patterns: what is a name.

use crate::{
    codes::{
        MTASTS_E_ABSENT, MTASTS_E_DOMAIN, MTASTS_E_PATTERN, MTASTS_NAME_BAD_OCTET, MTASTS_NAME_EDGE_HYPHEN,
        MTASTS_NAME_EMPTY, MTASTS_NAME_EMPTY_LABEL, MTASTS_NAME_IP_ADDRESS, MTASTS_NAME_LABEL_TOO_LONG,
        MTASTS_NAME_NOT_ASCII, MTASTS_NAME_OTHER, MTASTS_NAME_TOO_LONG, MTASTS_NAME_WILDCARD, MTASTS_NO, MTASTS_YES,
        mtasts_answer, mtasts_name_problem, mtasts_result,
    },
    guard::{Result, fill, guard, octets, out},
    text::CText,
};
use core::{ffi::c_char, mem::MaybeUninit};
use mta_sts_core::{Domain, MxPattern, domain::DomainErrorKind, mx::MxPatternErrorKind};

/// Reads a policy domain that C hands in.
pub(crate) fn domain(name: &[u8]) -> Result<Domain> {
    Domain::from_ascii(name).map_err(|_| MTASTS_E_DOMAIN)
}

/// The normal form of a policy domain: lower case, without a final dot. Use it as the key of a
/// cache. MTASTS_E_DOMAIN if the name is none: an address literal, a U-label, no host name. No
/// policy applies to such a name (RFC 8461 section 3.4), and nothing needs to be looked up.
///
/// The text with its NUL goes into `buf`; with `buf` NULL and `cap` 0 only `need` is written, the
/// octets needed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_domain_normalize(
    name: *const c_char,
    name_len: usize,
    buf: *mut c_char,
    cap: usize,
    need: Option<&mut MaybeUninit<usize>>,
) -> mtasts_result {
    guard(|| {
        let (name, need) = (octets!(name, name_len), out(need)?);
        let domain = domain(name)?;
        fill!(buf, cap, need, CText::new(domain.as_str()).octets_with_nul())
    })
}

/// Why a name is not a policy domain, and at which octet (from 0). MTASTS_E_ABSENT if it is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_domain_problem(
    name: *const c_char,
    name_len: usize,
    problem: Option<&mut MaybeUninit<mtasts_name_problem>>,
    at: Option<&mut MaybeUninit<usize>>,
) -> mtasts_result {
    guard(|| {
        let (problem, at) = (out(problem)?, out(at)?);
        let error = Domain::from_ascii(octets!(name, name_len)).err().ok_or(MTASTS_E_ABSENT)?;
        problem.write(match error.kind {
            DomainErrorKind::BadOctet => MTASTS_NAME_BAD_OCTET,
            DomainErrorKind::EdgeHyphen => MTASTS_NAME_EDGE_HYPHEN,
            DomainErrorKind::Empty => MTASTS_NAME_EMPTY,
            DomainErrorKind::EmptyLabel => MTASTS_NAME_EMPTY_LABEL,
            DomainErrorKind::IpAddress => MTASTS_NAME_IP_ADDRESS,
            DomainErrorKind::LabelTooLong => MTASTS_NAME_LABEL_TOO_LONG,
            DomainErrorKind::NotAscii => MTASTS_NAME_NOT_ASCII,
            DomainErrorKind::TooLong => MTASTS_NAME_TOO_LONG,
            _ => MTASTS_NAME_OTHER,
        });
        at.write(error.at);
        Ok(())
    })
}

/// Whether an MX pattern as it stands in a policy matches an MX host, the name in the MX record
/// (RFC 8461 section 4.1). MTASTS_E_PATTERN if the pattern is not valid: it matches nothing.
///
/// For the patterns of a policy there is mtasts_policy_permits_mx().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_pattern_match(
    pattern: *const c_char,
    pattern_len: usize,
    mx_host: *const c_char,
    mx_host_len: usize,
    matches: Option<&mut MaybeUninit<mtasts_answer>>,
) -> mtasts_result {
    guard(|| {
        let matches = out(matches)?;
        let pattern = MxPattern::parse(octets!(pattern, pattern_len)).map_err(|_| MTASTS_E_PATTERN)?;
        matches.write(answer(pattern.matches(octets!(mx_host, mx_host_len))));
        Ok(())
    })
}

/// Why an MX pattern is not valid, and at which octet (from 0). MTASTS_E_ABSENT if it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_pattern_problem(
    pattern: *const c_char,
    pattern_len: usize,
    problem: Option<&mut MaybeUninit<mtasts_name_problem>>,
    at: Option<&mut MaybeUninit<usize>>,
) -> mtasts_result {
    guard(|| {
        let (problem, at) = (out(problem)?, out(at)?);
        let error = MxPattern::parse(octets!(pattern, pattern_len)).err().ok_or(MTASTS_E_ABSENT)?;
        problem.write(pattern_problem(error.kind));
        at.write(error.at);
        Ok(())
    })
}

pub(crate) const fn pattern_problem(kind: MxPatternErrorKind) -> mtasts_name_problem {
    match kind {
        MxPatternErrorKind::BadOctet => MTASTS_NAME_BAD_OCTET,
        MxPatternErrorKind::EdgeHyphen => MTASTS_NAME_EDGE_HYPHEN,
        MxPatternErrorKind::Empty => MTASTS_NAME_EMPTY,
        MxPatternErrorKind::EmptyLabel => MTASTS_NAME_EMPTY_LABEL,
        MxPatternErrorKind::IpAddress => MTASTS_NAME_IP_ADDRESS,
        MxPatternErrorKind::LabelTooLong => MTASTS_NAME_LABEL_TOO_LONG,
        MxPatternErrorKind::NotAscii => MTASTS_NAME_NOT_ASCII,
        MxPatternErrorKind::TooLong => MTASTS_NAME_TOO_LONG,
        MxPatternErrorKind::Wildcard => MTASTS_NAME_WILDCARD,
        _ => MTASTS_NAME_OTHER,
    }
}

pub(crate) const fn answer(yes: bool) -> mtasts_answer {
    if yes { MTASTS_YES } else { MTASTS_NO }
}
