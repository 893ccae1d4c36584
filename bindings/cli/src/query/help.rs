//! What to do about a failure.

use mta_sts::{Failure, FetchError};
use mta_sts_core::{RecordError, record::RecordErrorKind};

pub(super) fn of(failure: Failure) -> &'static str {
    match failure {
        Failure::BackOff { .. } => "wait some minutes and ask again",
        Failure::DnsTemporary => {
            "ask again; if it stays so, check the name servers of the domain, or ask others with --dns"
        }
        Failure::Record(error) => of_record(error),
        Failure::Fetch(error) => of_fetch(error),
        _ => "ask again with -v for more",
    }
}

fn of_record(error: RecordError) -> &'static str {
    match error {
        RecordError::NotFound => "add the TXT record \"v=STSv1; id=20260101000000;\" at _mta-sts",
        RecordError::Several { .. } => "delete all of the records but one",
        RecordError::Syntax { kind: RecordErrorKind::NoId, .. } => "add an id, such as id=20260101000000;",
        RecordError::Syntax { kind: RecordErrorKind::BadId, .. } => {
            "make the id 1 to 32 letters and digits, such as id=20260101000000;"
        }
        _ => "write it as \"v=STSv1; id=20260101000000;\"; \"mta-sts lint --txt\" says what is wrong where",
    }
}

fn of_fetch(error: FetchError) -> &'static str {
    match error {
        FetchError::Certificate => {
            "give the policy host a certificate of a public CA that names it and is in date, with the whole chain"
        }
        FetchError::Connect => "let the policy host accept HTTPS on port 443 on all its addresses, IPv6 too",
        FetchError::Dns => "add an A or AAAA record for the policy host, or a CNAME to a host that has one",
        FetchError::Encoding => "turn compression off for the policy file: senders do not decode it",
        FetchError::Http => "let a web server answer on the policy host",
        FetchError::Incomplete => "see why the policy host closes the connection before the whole policy is sent",
        FetchError::MediaType => "serve the policy file as text/plain",
        FetchError::NotAllowed => {
            "give the policy host a public address; to look at a private one from here, use --allow-net"
        }
        FetchError::NotTried => "ask again later",
        FetchError::Policy(_) => "\"mta-sts lint\" on the policy file says what is wrong where",
        FetchError::Status(300..400) => "serve the policy file at this very URL; senders follow no redirect",
        FetchError::Status(404 | 410) => "put the policy file at this URL",
        FetchError::Status(_) => "let the policy host answer 200 with the policy file",
        FetchError::Timeout => "see why the policy host is slow or silent; a longer --timeout may tell",
        FetchError::Tls => "let the policy host speak TLS 1.2 or 1.3 and know its own name (SNI)",
        FetchError::TooLarge => "make the policy smaller than 64 KiB",
        _ => "ask again with -v for more",
    }
}
