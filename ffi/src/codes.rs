//! The numbers of the interface and their names. Append only: `abi/codes.txt` is checked by a test.

use crate::text::mtasts_str;
use core::ffi::CStr;

/// What a call came to: MTASTS_OK or one of MTASTS_E_*.
pub type mtasts_result = i32;
/// Done. Only now the out parameters were written.
pub const MTASTS_OK: mtasts_result = 0;
/// A pointer is NULL that must not be.
pub const MTASTS_E_NULL: mtasts_result = -1;
/// An error inside the library was caught, now or in an earlier call with this object. Free the
/// object and defer the message.
pub const MTASTS_E_PANIC: mtasts_result = -2;
/// A number is none of those named for its type, or out of its range.
pub const MTASTS_E_VALUE: mtasts_result = -3;
/// A time is negative.
pub const MTASTS_E_TIME: mtasts_result = -4;
/// A length is over the limit.
pub const MTASTS_E_TOO_LARGE: mtasts_result = -5;
/// The object does not want this now, or has no answer yet. Nothing was changed.
pub const MTASTS_E_OUT_OF_TURN: mtasts_result = -6;
/// The buffer is too small. Ask with NULL and 0 how large it must be.
pub const MTASTS_E_SPACE: mtasts_result = -7;
/// There is no such thing: an index past the end, a policy where none applies, a value not set.
pub const MTASTS_E_ABSENT: mtasts_result = -8;
/// The name is not a policy domain. mtasts_domain_problem() says why.
pub const MTASTS_E_DOMAIN: mtasts_result = -9;
/// The policy is not valid. mtasts_problems_new() says why.
pub const MTASTS_E_POLICY: mtasts_result = -10;
/// The MX pattern is not valid. mtasts_pattern_problem() says why.
pub const MTASTS_E_PATTERN: mtasts_result = -11;
/// The octets are not what was encoded, or not in DNS form: cut, garbled or of another version.
pub const MTASTS_E_FORMAT: mtasts_result = -12;
/// The cache entry belongs to another domain.
pub const MTASTS_E_OTHER_DOMAIN: mtasts_result = -13;
/// No record has the right version (RFC 8461 section 3.1, RFC 8460 section 3).
pub const MTASTS_E_NO_RECORD: mtasts_result = -14;
/// Several records have the right version, and there must be one.
pub const MTASTS_E_SEVERAL_RECORDS: mtasts_result = -15;
/// The record, or the id given, is not what the grammar allows.
pub const MTASTS_E_RECORD: mtasts_result = -16;
/// The daemon gave no answer that can be trusted: defer the message, unless the administrator has
/// chosen otherwise. mtasts_client_problem() says why.
pub const MTASTS_E_UNAVAILABLE: mtasts_result = -17;
/// Not yet: wait for the file descriptor or the time, and continue.
pub const MTASTS_E_AGAIN: mtasts_result = -18;
/// The daemon answers that mail for the domain has to wait: defer the message, whatever was chosen
/// for MTASTS_E_UNAVAILABLE. mtasts_client_problem() says why.
pub const MTASTS_E_WAIT: mtasts_result = -19;

/// An answer that is yes or no. 0 is neither.
pub type mtasts_answer = u32;
/// Not answered.
pub const MTASTS_UNKNOWN: mtasts_answer = 0;
/// No.
pub const MTASTS_NO: mtasts_answer = 1;
/// Yes.
pub const MTASTS_YES: mtasts_answer = 2;

/// What to do with mail for the domain (RFC 8461 section 5).
pub type mtasts_decision = u32;
/// Not decided: defer the message.
pub const MTASTS_DECISION_UNKNOWN: mtasts_decision = 0;
/// Deliver as if the domain had no MTA-STS.
pub const MTASTS_DECISION_NO_POLICY: mtasts_decision = 1;
/// Deliver, and report hosts that fail the policy (RFC 8460).
pub const MTASTS_DECISION_TESTING: mtasts_decision = 2;
/// Deliver only to MX hosts that the policy permits, over TLS with a certificate that is valid
/// for the MX host.
pub const MTASTS_DECISION_ENFORCE: mtasts_decision = 3;
/// Deliver to hosts with TLSA records by DANE, to others as if the domain had no MTA-STS. Only
/// the daemon decides so.
pub const MTASTS_DECISION_DANE: mtasts_decision = 4;
/// Deliver only to hosts with TLSA records, by DANE: an enforced policy lets no others in. Only
/// the daemon decides so.
pub const MTASTS_DECISION_DANE_ONLY: mtasts_decision = 5;

/// What a lookup wants its caller to do.
pub type mtasts_want = u32;
/// It is broken: free it and defer the message.
pub const MTASTS_WANT_FAILED: mtasts_want = 0;
/// Nothing: it has ended.
pub const MTASTS_WANT_NOTHING: mtasts_want = 1;
/// Ask DNS for the TXT records of mtasts_lookup_txt_name().
pub const MTASTS_WANT_TXT: mtasts_want = 2;
/// GET mtasts_lookup_https_url().
pub const MTASTS_WANT_HTTPS: mtasts_want = 3;

/// Why a domain is looked up.
pub type mtasts_intent = u32;
/// A message is about to be delivered.
pub const MTASTS_INTENT_DELIVER: mtasts_intent = 1;
/// A message failed under an enforce policy and would now be returned to its sender. DNS is
/// always asked (RFC 8461 sections 5 and 5.1).
pub const MTASTS_INTENT_BEFORE_BOUNCE: mtasts_intent = 2;
/// Nothing is waiting; the cached policy is renewed before it ends (RFC 8461 sections 3.3, 10.2).
/// mtasts_entry_refresh_at() says when that is due.
pub const MTASTS_INTENT_REFRESH: mtasts_intent = 3;

/// How the question for TXT records ended.
pub type mtasts_txt_status = u32;
/// There are records; they were handed in before.
pub const MTASTS_TXT_RECORDS: mtasts_txt_status = 1;
/// There is none: NXDOMAIN, or an empty answer.
pub const MTASTS_TXT_ABSENT: mtasts_txt_status = 2;
/// It could not be learnt whether there are any: SERVFAIL, REFUSED, a time-out, a broken answer.
pub const MTASTS_TXT_TEMPFAIL: mtasts_txt_status = 3;

/// The mode of a policy (RFC 8461 section 5).
pub type mtasts_mode = u32;
/// Mail must not go to a host that fails the policy.
pub const MTASTS_MODE_ENFORCE: mtasts_mode = 1;
/// Failures are reported, and mail is delivered.
pub const MTASTS_MODE_TESTING: mtasts_mode = 2;
/// As if there were no policy.
pub const MTASTS_MODE_NONE: mtasts_mode = 3;

/// What a lookup does to the cache.
pub type mtasts_cache = u32;
/// Nothing: there is no need to write.
pub const MTASTS_CACHE_KEEP: mtasts_cache = 1;
/// A policy was fetched.
pub const MTASTS_CACHE_FETCHED: mtasts_cache = 2;
/// DNS was asked, and the policy held stays.
pub const MTASTS_CACHE_CHECKED: mtasts_cache = 3;
/// A fetch failed, and what is held stays.
pub const MTASTS_CACHE_FAILED: mtasts_cache = 4;

/// A setting of mtasts_config.
pub type mtasts_option = u32;
/// For how many seconds after DNS was asked a live policy is used without asking again; 300
/// unless set, 0 asks at each delivery (RFC 8461 section 5.1).
pub const MTASTS_OPTION_RECHECK_AFTER: mtasts_option = 1;
/// For how many seconds an id whose fetch failed is not fetched again; 300 unless set, and RFC
/// 8461 section 3.3 wants no less.
pub const MTASTS_OPTION_BACKOFF: mtasts_option = 2;
/// The largest policy body in octets; 65536 unless set (RFC 8461 section 3.3).
pub const MTASTS_OPTION_MAX_BODY: mtasts_option = 3;

/// A setting of mtasts_client.
pub type mtasts_client_option = u32;
/// How many milliseconds a question may take, from 1 to 4294967295; 5000 unless set.
pub const MTASTS_CLIENT_OPTION_DEADLINE: mtasts_client_option = 1;
/// The user id that the daemon may have besides root's, from 0 to 4294967294. It is that of the
/// process which opened the daemon's socket: root's, if systemd did.
pub const MTASTS_CLIENT_OPTION_PEER_UID: mtasts_client_option = 2;

/// What to wait for at a file descriptor; a sum.
pub type mtasts_events = u32;
/// That it can be read.
pub const MTASTS_EVENT_READ: mtasts_events = 1;
/// That it can be written.
pub const MTASTS_EVENT_WRITE: mtasts_events = 2;

/// What a lookup could not learn. Those up to 20 are failures of the fetch.
pub type mtasts_failure = u32;
/// The policy host's certificate is not valid for it (RFC 8461 section 3.3).
pub const MTASTS_FAILURE_CERTIFICATE: mtasts_failure = 1;
/// No connection to the policy host.
pub const MTASTS_FAILURE_CONNECT: mtasts_failure = 2;
/// The policy host has no address.
pub const MTASTS_FAILURE_DNS: mtasts_failure = 3;
/// The body is content-encoded. Found by the library.
pub const MTASTS_FAILURE_ENCODING: mtasts_failure = 4;
/// The response is not HTTP.
pub const MTASTS_FAILURE_HTTP: mtasts_failure = 5;
/// The body ended before it was complete.
pub const MTASTS_FAILURE_INCOMPLETE: mtasts_failure = 6;
/// The Content-Type is not text/plain. Found by the library.
pub const MTASTS_FAILURE_MEDIA_TYPE: mtasts_failure = 7;
/// The policy host's addresses are not allowed to be connected to.
pub const MTASTS_FAILURE_NOT_ALLOWED: mtasts_failure = 8;
/// The caller did not try, for a reason of its own such as too much under way. It is no fault of
/// the policy host, so it causes no back-off.
pub const MTASTS_FAILURE_NOT_TRIED: mtasts_failure = 9;
/// The body is not a valid policy. Found by the library.
pub const MTASTS_FAILURE_POLICY: mtasts_failure = 10;
/// A status other than 200. Found by the library.
pub const MTASTS_FAILURE_STATUS: mtasts_failure = 11;
/// It took too long.
pub const MTASTS_FAILURE_TIMEOUT: mtasts_failure = 12;
/// No TLS session, for a reason other than the certificate.
pub const MTASTS_FAILURE_TLS: mtasts_failure = 13;
/// The body is over the limit. Found by the library.
pub const MTASTS_FAILURE_TOO_LARGE: mtasts_failure = 14;
/// A fetch failed lately, so none was tried.
pub const MTASTS_FAILURE_BACKOFF: mtasts_failure = 21;
/// DNS did not say whether there is a record.
pub const MTASTS_FAILURE_DNS_TEMPORARY: mtasts_failure = 22;
/// There is no record, though a live policy says that there should be one.
pub const MTASTS_FAILURE_NO_RECORD: mtasts_failure = 23;
/// There are several records, and there must be one.
pub const MTASTS_FAILURE_SEVERAL_RECORDS: mtasts_failure = 24;
/// The record is not what the grammar allows.
pub const MTASTS_FAILURE_RECORD: mtasts_failure = 25;

/// The result types of RFC 8460 section 4.3, with the numbers that libtlsrpt has for them.
pub type mtasts_tlsrpt_result = u32;
/// The MX host does not offer STARTTLS.
pub const MTASTS_TLSRPT_STARTTLS_NOT_SUPPORTED: mtasts_tlsrpt_result = 201;
/// The MX host's certificate does not name it.
pub const MTASTS_TLSRPT_CERTIFICATE_HOST_MISMATCH: mtasts_tlsrpt_result = 202;
/// The MX host's certificate has no trusted chain.
pub const MTASTS_TLSRPT_CERTIFICATE_NOT_TRUSTED: mtasts_tlsrpt_result = 203;
/// The MX host's certificate has expired.
pub const MTASTS_TLSRPT_CERTIFICATE_EXPIRED: mtasts_tlsrpt_result = 204;
/// Another failure, such as an MX host that the policy does not name.
pub const MTASTS_TLSRPT_VALIDATION_FAILURE: mtasts_tlsrpt_result = 205;
/// The policy could not be fetched.
pub const MTASTS_TLSRPT_STS_POLICY_FETCH_ERROR: mtasts_tlsrpt_result = 301;
/// The policy was fetched and is not valid.
pub const MTASTS_TLSRPT_STS_POLICY_INVALID: mtasts_tlsrpt_result = 302;
/// The policy host's certificate is not valid.
pub const MTASTS_TLSRPT_STS_WEBPKI_INVALID: mtasts_tlsrpt_result = 303;
/// The TLSA record and the certificate do not agree.
pub const MTASTS_TLSRPT_TLSA_INVALID: mtasts_tlsrpt_result = 304;
/// DNSSEC answers did not validate.
pub const MTASTS_TLSRPT_DNSSEC_INVALID: mtasts_tlsrpt_result = 305;
/// DANE was required and there was none.
pub const MTASTS_TLSRPT_DANE_REQUIRED: mtasts_tlsrpt_result = 306;

/// A problem of a policy (RFC 8461 section 3.2). Those up to 99 make it invalid.
pub type mtasts_problem_kind = u32;
/// max_age is not 1 to 10 digits.
pub const MTASTS_PROBLEM_BAD_MAX_AGE: mtasts_problem_kind = 1;
/// mode is not enforce, testing or none.
pub const MTASTS_PROBLEM_BAD_MODE: mtasts_problem_kind = 2;
/// version is not STSv1.
pub const MTASTS_PROBLEM_BAD_VERSION: mtasts_problem_kind = 3;
/// There is no max_age.
pub const MTASTS_PROBLEM_NO_MAX_AGE: mtasts_problem_kind = 4;
/// There is no mode.
pub const MTASTS_PROBLEM_NO_MODE: mtasts_problem_kind = 5;
/// There is no valid mx, and the mode is not none.
pub const MTASTS_PROBLEM_NO_MX: mtasts_problem_kind = 6;
/// There is no version.
pub const MTASTS_PROBLEM_NO_VERSION: mtasts_problem_kind = 7;
/// The body is larger than 65536 octets.
pub const MTASTS_PROBLEM_TOO_LARGE: mtasts_problem_kind = 8;
/// A name and a colon, but neither a field nor a well-formed extension: ignored.
pub const MTASTS_PROBLEM_BAD_EXTENSION: mtasts_problem_kind = 101;
/// An mx that is not a valid pattern: it matches nothing. `detail` says why. If no other mx is
/// valid, the policy is not.
pub const MTASTS_PROBLEM_BAD_MX: mtasts_problem_kind = 102;
/// A blank line: tolerated.
pub const MTASTS_PROBLEM_BLANK_LINE: mtasts_problem_kind = 103;
/// A byte order mark hides the first field.
pub const MTASTS_PROBLEM_BYTE_ORDER_MARK: mtasts_problem_kind = 104;
/// A field stands there a second time: ignored.
pub const MTASTS_PROBLEM_DUPLICATE: mtasts_problem_kind = 105;
/// White space before the name: the line is no field.
pub const MTASTS_PROBLEM_LEADING_SPACE: mtasts_problem_kind = 106;
/// max_age is over the maximum of 31557600 and shortened to it.
pub const MTASTS_PROBLEM_MAX_AGE_CLAMPED: mtasts_problem_kind = 107;
/// A line without a colon: it is no field.
pub const MTASTS_PROBLEM_NO_COLON: mtasts_problem_kind = 108;
/// White space before the colon: the line is no field.
pub const MTASTS_PROBLEM_SPACE_BEFORE_COLON: mtasts_problem_kind = 109;
/// A problem that has no number of its own in this interface.
pub const MTASTS_PROBLEM_OTHER: mtasts_problem_kind = 199;

/// Why a name is not a policy domain or not an MX pattern.
pub type mtasts_name_problem = u32;
/// An octet that no host name has.
pub const MTASTS_NAME_BAD_OCTET: mtasts_name_problem = 1;
/// A label begins or ends with a hyphen.
pub const MTASTS_NAME_EDGE_HYPHEN: mtasts_name_problem = 2;
/// Nothing, or only a dot.
pub const MTASTS_NAME_EMPTY: mtasts_name_problem = 3;
/// Two dots in a row, or a leading dot.
pub const MTASTS_NAME_EMPTY_LABEL: mtasts_name_problem = 4;
/// An IP address or an address literal.
pub const MTASTS_NAME_IP_ADDRESS: mtasts_name_problem = 5;
/// A label of more than 63 octets.
pub const MTASTS_NAME_LABEL_TOO_LONG: mtasts_name_problem = 6;
/// A U-label where A-labels (xn--) are needed.
pub const MTASTS_NAME_NOT_ASCII: mtasts_name_problem = 7;
/// Too many octets: a policy domain has at most 244, an MX host 253.
pub const MTASTS_NAME_TOO_LONG: mtasts_name_problem = 8;
/// A "*" that is not the whole left-most label.
pub const MTASTS_NAME_WILDCARD: mtasts_name_problem = 9;
/// A problem that has no number of its own in this interface.
pub const MTASTS_NAME_OTHER: mtasts_name_problem = 99;

/// What is wrong inside a TXT record (RFC 8461 section 3.1, RFC 8460 section 3).
pub type mtasts_record_problem = u32;
/// A field that is not name=value in the characters allowed.
pub const MTASTS_RECORD_BAD_FIELD: mtasts_record_problem = 1;
/// An id that is not 1 to 32 letters and digits.
pub const MTASTS_RECORD_BAD_ID: mtasts_record_problem = 2;
/// A destination that is not a URI.
pub const MTASTS_RECORD_BAD_URI: mtasts_record_problem = 3;
/// Nothing between two semicolons.
pub const MTASTS_RECORD_EMPTY_FIELD: mtasts_record_problem = 4;
/// No id.
pub const MTASTS_RECORD_NO_ID: mtasts_record_problem = 5;
/// No rua.
pub const MTASTS_RECORD_NO_RUA: mtasts_record_problem = 6;
/// A rua, but no mailto: or https: destination in it.
pub const MTASTS_RECORD_NO_USABLE_URI: mtasts_record_problem = 7;
/// A problem that has no number of its own in this interface.
pub const MTASTS_RECORD_OTHER: mtasts_record_problem = 99;

type Names<T> = &'static [(T, &'static CStr)];

const RESULTS: Names<mtasts_result> = &[
    (MTASTS_OK, c"ok"),
    (MTASTS_E_NULL, c"null"),
    (MTASTS_E_PANIC, c"panic"),
    (MTASTS_E_VALUE, c"value"),
    (MTASTS_E_TIME, c"time"),
    (MTASTS_E_TOO_LARGE, c"too-large"),
    (MTASTS_E_OUT_OF_TURN, c"out-of-turn"),
    (MTASTS_E_SPACE, c"space"),
    (MTASTS_E_ABSENT, c"absent"),
    (MTASTS_E_DOMAIN, c"domain"),
    (MTASTS_E_POLICY, c"policy"),
    (MTASTS_E_PATTERN, c"pattern"),
    (MTASTS_E_FORMAT, c"format"),
    (MTASTS_E_OTHER_DOMAIN, c"other-domain"),
    (MTASTS_E_NO_RECORD, c"no-record"),
    (MTASTS_E_SEVERAL_RECORDS, c"several-records"),
    (MTASTS_E_RECORD, c"record"),
    (MTASTS_E_UNAVAILABLE, c"unavailable"),
    (MTASTS_E_AGAIN, c"again"),
    (MTASTS_E_WAIT, c"wait"),
];

const ANSWERS: Names<mtasts_answer> = &[(MTASTS_UNKNOWN, c"unknown"), (MTASTS_NO, c"no"), (MTASTS_YES, c"yes")];

const DECISIONS: Names<mtasts_decision> = &[
    (MTASTS_DECISION_UNKNOWN, c"unknown"),
    (MTASTS_DECISION_NO_POLICY, c"no-policy"),
    (MTASTS_DECISION_TESTING, c"testing"),
    (MTASTS_DECISION_ENFORCE, c"enforce"),
    (MTASTS_DECISION_DANE, c"dane"),
    (MTASTS_DECISION_DANE_ONLY, c"dane-only"),
];

const WANTS: Names<mtasts_want> = &[
    (MTASTS_WANT_FAILED, c"failed"),
    (MTASTS_WANT_NOTHING, c"nothing"),
    (MTASTS_WANT_TXT, c"txt"),
    (MTASTS_WANT_HTTPS, c"https"),
];

const INTENTS: Names<mtasts_intent> = &[
    (MTASTS_INTENT_DELIVER, c"deliver"),
    (MTASTS_INTENT_BEFORE_BOUNCE, c"before-bounce"),
    (MTASTS_INTENT_REFRESH, c"refresh"),
];

const TXT_STATUSES: Names<mtasts_txt_status> =
    &[(MTASTS_TXT_RECORDS, c"records"), (MTASTS_TXT_ABSENT, c"absent"), (MTASTS_TXT_TEMPFAIL, c"tempfail")];

const MODES: Names<mtasts_mode> =
    &[(MTASTS_MODE_ENFORCE, c"enforce"), (MTASTS_MODE_TESTING, c"testing"), (MTASTS_MODE_NONE, c"none")];

const CACHES: Names<mtasts_cache> = &[
    (MTASTS_CACHE_KEEP, c"keep"),
    (MTASTS_CACHE_FETCHED, c"fetched"),
    (MTASTS_CACHE_CHECKED, c"checked"),
    (MTASTS_CACHE_FAILED, c"failed"),
];

const OPTIONS: Names<mtasts_option> = &[
    (MTASTS_OPTION_RECHECK_AFTER, c"recheck-after"),
    (MTASTS_OPTION_BACKOFF, c"backoff"),
    (MTASTS_OPTION_MAX_BODY, c"max-body"),
];

const CLIENT_OPTIONS: Names<mtasts_client_option> =
    &[(MTASTS_CLIENT_OPTION_DEADLINE, c"deadline"), (MTASTS_CLIENT_OPTION_PEER_UID, c"peer-uid")];

const FAILURES: Names<mtasts_failure> = &[
    (MTASTS_FAILURE_CERTIFICATE, c"certificate"),
    (MTASTS_FAILURE_CONNECT, c"connect"),
    (MTASTS_FAILURE_DNS, c"dns"),
    (MTASTS_FAILURE_ENCODING, c"encoding"),
    (MTASTS_FAILURE_HTTP, c"http"),
    (MTASTS_FAILURE_INCOMPLETE, c"incomplete"),
    (MTASTS_FAILURE_MEDIA_TYPE, c"media-type"),
    (MTASTS_FAILURE_NOT_ALLOWED, c"not-allowed"),
    (MTASTS_FAILURE_NOT_TRIED, c"not-tried"),
    (MTASTS_FAILURE_POLICY, c"policy"),
    (MTASTS_FAILURE_STATUS, c"status"),
    (MTASTS_FAILURE_TIMEOUT, c"timeout"),
    (MTASTS_FAILURE_TLS, c"tls"),
    (MTASTS_FAILURE_TOO_LARGE, c"too-large"),
    (MTASTS_FAILURE_BACKOFF, c"back-off"),
    (MTASTS_FAILURE_DNS_TEMPORARY, c"dns-temporary"),
    (MTASTS_FAILURE_NO_RECORD, c"no-record"),
    (MTASTS_FAILURE_SEVERAL_RECORDS, c"several-records"),
    (MTASTS_FAILURE_RECORD, c"record"),
];

const TLSRPT_RESULTS: Names<mtasts_tlsrpt_result> = &[
    (MTASTS_TLSRPT_STARTTLS_NOT_SUPPORTED, c"starttls-not-supported"),
    (MTASTS_TLSRPT_CERTIFICATE_HOST_MISMATCH, c"certificate-host-mismatch"),
    (MTASTS_TLSRPT_CERTIFICATE_NOT_TRUSTED, c"certificate-not-trusted"),
    (MTASTS_TLSRPT_CERTIFICATE_EXPIRED, c"certificate-expired"),
    (MTASTS_TLSRPT_VALIDATION_FAILURE, c"validation-failure"),
    (MTASTS_TLSRPT_STS_POLICY_FETCH_ERROR, c"sts-policy-fetch-error"),
    (MTASTS_TLSRPT_STS_POLICY_INVALID, c"sts-policy-invalid"),
    (MTASTS_TLSRPT_STS_WEBPKI_INVALID, c"sts-webpki-invalid"),
    (MTASTS_TLSRPT_TLSA_INVALID, c"tlsa-invalid"),
    (MTASTS_TLSRPT_DNSSEC_INVALID, c"dnssec-invalid"),
    (MTASTS_TLSRPT_DANE_REQUIRED, c"dane-required"),
];

const PROBLEM_KINDS: Names<mtasts_problem_kind> = &[
    (MTASTS_PROBLEM_BAD_MAX_AGE, c"bad-max-age"),
    (MTASTS_PROBLEM_BAD_MODE, c"bad-mode"),
    (MTASTS_PROBLEM_BAD_VERSION, c"bad-version"),
    (MTASTS_PROBLEM_NO_MAX_AGE, c"no-max-age"),
    (MTASTS_PROBLEM_NO_MODE, c"no-mode"),
    (MTASTS_PROBLEM_NO_MX, c"no-mx"),
    (MTASTS_PROBLEM_NO_VERSION, c"no-version"),
    (MTASTS_PROBLEM_TOO_LARGE, c"too-large"),
    (MTASTS_PROBLEM_BAD_EXTENSION, c"bad-extension"),
    (MTASTS_PROBLEM_BAD_MX, c"bad-mx"),
    (MTASTS_PROBLEM_BLANK_LINE, c"blank-line"),
    (MTASTS_PROBLEM_BYTE_ORDER_MARK, c"byte-order-mark"),
    (MTASTS_PROBLEM_DUPLICATE, c"duplicate"),
    (MTASTS_PROBLEM_LEADING_SPACE, c"leading-space"),
    (MTASTS_PROBLEM_MAX_AGE_CLAMPED, c"max-age-clamped"),
    (MTASTS_PROBLEM_NO_COLON, c"no-colon"),
    (MTASTS_PROBLEM_SPACE_BEFORE_COLON, c"space-before-colon"),
    (MTASTS_PROBLEM_OTHER, c"other"),
];

const NAME_PROBLEMS: Names<mtasts_name_problem> = &[
    (MTASTS_NAME_BAD_OCTET, c"bad-octet"),
    (MTASTS_NAME_EDGE_HYPHEN, c"edge-hyphen"),
    (MTASTS_NAME_EMPTY, c"empty"),
    (MTASTS_NAME_EMPTY_LABEL, c"empty-label"),
    (MTASTS_NAME_IP_ADDRESS, c"ip-address"),
    (MTASTS_NAME_LABEL_TOO_LONG, c"label-too-long"),
    (MTASTS_NAME_NOT_ASCII, c"not-ascii"),
    (MTASTS_NAME_TOO_LONG, c"too-long"),
    (MTASTS_NAME_WILDCARD, c"wildcard"),
    (MTASTS_NAME_OTHER, c"other"),
];

const RECORD_PROBLEMS: Names<mtasts_record_problem> = &[
    (MTASTS_RECORD_BAD_FIELD, c"bad-field"),
    (MTASTS_RECORD_BAD_ID, c"bad-id"),
    (MTASTS_RECORD_BAD_URI, c"bad-uri"),
    (MTASTS_RECORD_EMPTY_FIELD, c"empty-field"),
    (MTASTS_RECORD_NO_ID, c"no-id"),
    (MTASTS_RECORD_NO_RUA, c"no-rua"),
    (MTASTS_RECORD_NO_USABLE_URI, c"no-usable-uri"),
    (MTASTS_RECORD_OTHER, c"other"),
];

fn name<T: PartialEq>(names: Names<T>, code: &T) -> mtasts_str {
    let known = names.iter().find(|(named, _)| named == code);
    mtasts_str::from_static(known.map_or(c"unknown", |(_, name)| name))
}

/// The name of a result, such as "out-of-turn"; "unknown" for a number without one. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_result_name(code: mtasts_result) -> mtasts_str {
    name(RESULTS, &code)
}

/// The name of an answer: "yes", "no" or "unknown". The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_answer_name(code: mtasts_answer) -> mtasts_str {
    name(ANSWERS, &code)
}

/// The name of a decision, such as "enforce"; "unknown" for 0 and for a number without a name.
/// The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_decision_name(code: mtasts_decision) -> mtasts_str {
    name(DECISIONS, &code)
}

/// The name of a want, such as "https"; "unknown" for a number without one. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_want_name(code: mtasts_want) -> mtasts_str {
    name(WANTS, &code)
}

/// The name of an intent, such as "deliver"; "unknown" for a number without one. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_intent_name(code: mtasts_intent) -> mtasts_str {
    name(INTENTS, &code)
}

/// The name of a TXT status, such as "tempfail"; "unknown" for a number without one. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_txt_status_name(code: mtasts_txt_status) -> mtasts_str {
    name(TXT_STATUSES, &code)
}

/// The word that stands in a policy for a mode; "unknown" for a number without one. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mode_name(code: mtasts_mode) -> mtasts_str {
    name(MODES, &code)
}

/// The name of a cache effect, such as "fetched"; "unknown" for a number without one. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_cache_name(code: mtasts_cache) -> mtasts_str {
    name(CACHES, &code)
}

/// The name of an option, such as "recheck-after"; "unknown" for a number without one. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_option_name(code: mtasts_option) -> mtasts_str {
    name(OPTIONS, &code)
}

/// The name of a client's option, such as "deadline"; "unknown" for a number without one. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_client_option_name(code: mtasts_client_option) -> mtasts_str {
    name(CLIENT_OPTIONS, &code)
}

/// The name of a failure, such as "media-type"; "unknown" for a number without one. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_name(code: mtasts_failure) -> mtasts_str {
    name(FAILURES, &code)
}

/// The word that stands in a TLSRPT report (RFC 8460 section 4.3), such as
/// "sts-policy-fetch-error"; "unknown" for a number without one. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_result_name(code: mtasts_tlsrpt_result) -> mtasts_str {
    name(TLSRPT_RESULTS, &code)
}

/// The name of a policy's problem, such as "bad-mx"; "unknown" for a number without one. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_problem_kind_name(code: mtasts_problem_kind) -> mtasts_str {
    name(PROBLEM_KINDS, &code)
}

/// The name of a name's problem, such as "edge-hyphen"; "unknown" for a number without one. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_name_problem_name(code: mtasts_name_problem) -> mtasts_str {
    name(NAME_PROBLEMS, &code)
}

/// The name of a record's problem, such as "bad-id"; "unknown" for a number without one. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_record_problem_name(code: mtasts_record_problem) -> mtasts_str {
    name(RECORD_PROBLEMS, &code)
}
