//! What reqwest, hyper and rustls report, as reasons of a failed fetch.

use core::error::Error;
use mta_sts_core::FetchError;
use std::io;

/// How far the exchange had come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// Until the head of the response is there.
    Head,
    /// While the body comes in.
    Body,
}

pub(crate) fn fetch_error(error: &reqwest::Error, stage: Stage) -> FetchError {
    if let Some(known) = cause(error) {
        return known;
    }
    if error.is_timeout() {
        return FetchError::Timeout;
    }
    match stage {
        // RFC 9112 §8: a body whose end neither HTTP nor TLS announces is not whole. A policy cut
        // inside its max_age would still parse.
        Stage::Body => FetchError::Incomplete,
        Stage::Head if error.is_connect() => match io_kind(error) {
            // Only a connection that stood can end or be reset: TLS did not come about.
            Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
                FetchError::Tls
            }
            Some(io::ErrorKind::TimedOut) => FetchError::Timeout,
            _ => FetchError::Connect,
        },
        Stage::Head => FetchError::Http,
    }
}

/// What TLS says, if it was TLS.
fn cause(error: &(dyn Error + 'static)) -> Option<FetchError> {
    chain(error).find_map(|error| match error.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => Some(FetchError::Certificate),
        _ => Some(FetchError::Tls),
    })
}

fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    chain(error).filter_map(|error| error.downcast_ref::<io::Error>()).last().map(io::Error::kind)
}

/// The error and all that it wraps. An `io::Error` passes over the error inside it, which is where
/// TLS puts its own.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    core::iter::successors(Some(error), |&error: &&'a (dyn Error + 'static)| {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{AlertDescription, CertificateError};

    #[test]
    fn tls_errors_are_found_inside_io_errors() {
        let wrap = |error: rustls::Error| io::Error::other(io::Error::new(io::ErrorKind::InvalidData, error));
        let bad = wrap(rustls::Error::InvalidCertificate(CertificateError::Expired));
        assert_eq!(cause(&bad), Some(FetchError::Certificate));
        let alert = wrap(rustls::Error::AlertReceived(AlertDescription::ProtocolVersion));
        assert_eq!(cause(&alert), Some(FetchError::Tls));
        assert_eq!(cause(&io::Error::from(io::ErrorKind::ConnectionRefused)), None);
    }

    #[test]
    fn the_innermost_io_error_names_the_kind() {
        let error = io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert_eq!(io_kind(&error), Some(io::ErrorKind::ConnectionRefused));
    }
}
