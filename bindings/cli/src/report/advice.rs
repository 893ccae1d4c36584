//! What the result types of RFC 8460 §4.3 mean, and what to do about them.

use mta_sts_core::{ResultType, report::ReportedResult};

pub(super) struct Advice {
    pub(super) meaning: &'static str,
    pub(super) what_to_do: &'static str,
}

pub(super) fn of(result: &ReportedResult) -> Advice {
    let ReportedResult::Known(result) = result else {
        return Advice {
            meaning: "a result type that RFC 8460 does not have",
            what_to_do: "ask the sender what it means",
        };
    };
    let (meaning, what_to_do) = match result {
        ResultType::CertificateExpired => (
            "the certificate of the MX host had expired",
            "renew it, and let something renew it in time and reload the mail server",
        ),
        ResultType::CertificateHostMismatch => (
            "the certificate of the MX host does not name the host",
            "get a certificate whose subject alternative names hold the name in the MX record",
        ),
        ResultType::CertificateNotTrusted => (
            "the certificate of the MX host has no chain to a CA that the sender trusts",
            "use a certificate of a public CA, and let the server send the intermediate certificates too",
        ),
        ResultType::DaneRequired => (
            "the sender requires DANE, and the MX host has no usable TLSA record",
            "publish TLSA records in a zone that DNSSEC signs, or ask the sender why it requires them",
        ),
        ResultType::DnssecInvalid => (
            "DNSSEC answers for the domain or its MX hosts did not validate",
            "check the signatures and the DS record of the zone, for instance with dnsviz.net",
        ),
        ResultType::StarttlsNotSupported => (
            "the MX host did not offer STARTTLS",
            "turn STARTTLS on at every MX host, and let nothing in between (a firewall) strip it",
        ),
        ResultType::StsPolicyFetchError => (
            "the policy could not be fetched",
            "check that https://mta-sts.DOMAIN/.well-known/mta-sts.txt answers 200 with text/plain, without a redirect",
        ),
        ResultType::StsPolicyInvalid => {
            ("the policy was fetched and is not valid", "run \"mta-sts lint\" on the policy file")
        }
        ResultType::StsWebpkiInvalid => (
            "the certificate of the policy host is not valid for mta-sts.DOMAIN",
            "renew it, with the name mta-sts.DOMAIN and the whole chain",
        ),
        ResultType::TlsaInvalid => (
            "the TLSA records do not agree with the certificate of the MX host",
            "publish the TLSA record of a new key before the server uses it",
        ),
        ResultType::ValidationFailure => (
            "another failure, such as an MX host that the policy does not name",
            "compare the policy with the MX records: \"mta-sts query DOMAIN\"",
        ),
        _ => ("a result type without an explanation here", "read RFC 8460 §4.3"),
    };
    Advice { meaning, what_to_do }
}
