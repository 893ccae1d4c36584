//! TLSA records. RFC 6698 §2.1, RFC 7671 §5, RFC 7672 §3.

use crate::tls::Trust;
use hickory_resolver::proto::rr::RData;
use ring::digest::{SHA256, SHA512, digest};
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use std::sync::Arc;

/// The usable TLSA records of an MX host.
#[derive(Debug)]
pub(crate) struct Association {
    /// The TLSA base domain, which is to be the server name in TLS. RFC 7671 §7.
    pub(crate) base: String,
    /// What a certificate below a trust anchor may name: the base domain, the name in the MX record
    /// or the next hop. RFC 7672 §3.2.2.
    pub(super) names: Vec<String>,
    pub(super) records: Vec<Tlsa>,
}

impl Association {
    /// Whether the chain, leaf first, agrees with one of the records.
    pub(crate) fn verifies(&self, chain: &[CertificateDer<'_>], trust: &Trust) -> bool {
        let names: Vec<_> = self.names.iter().filter_map(|name| ServerName::try_from(name.as_str()).ok()).collect();
        self.records.iter().any(|record| record.verifies(chain, &names, trust))
    }
}

/// A usable TLSA record. RFC 6698 §2.1, RFC 7672 §3.1.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Tlsa {
    /// DANE-TA(2), else DANE-EE(3).
    anchor: bool,
    /// SPKI(1), else the whole certificate (0).
    spki: bool,
    matching: u8,
    data: Vec<u8>,
}

impl Tlsa {
    /// RFC 7672 §3.1.3: the PKIX usages 0 and 1 are of no use to SMTP.
    pub(super) fn usable(data: &RData) -> Option<Self> {
        let RData::TLSA(tlsa) = data else { return None };
        let (usage, selector, matching) = (u8::from(tlsa.cert_usage), u8::from(tlsa.selector), u8::from(tlsa.matching));
        let right_length = match matching {
            0 => !tlsa.cert_data.is_empty(),
            1 => tlsa.cert_data.len() == 32,
            2 => tlsa.cert_data.len() == 64,
            _ => false,
        };
        (matches!(usage, 2 | 3) && selector <= 1 && right_length).then(|| Self {
            anchor: usage == 2,
            spki: selector == 1,
            matching,
            data: tlsa.cert_data.clone(),
        })
    }

    fn verifies(&self, chain: &[CertificateDer<'_>], names: &[ServerName<'_>], trust: &Trust) -> bool {
        let Some((leaf, above)) = chain.split_first() else { return false };
        if !self.anchor {
            // RFC 7671 §5.1: neither names nor dates matter; DNSSEC vouches for the key.
            return self.matches(leaf);
        }
        above.iter().filter(|one| self.matches(one)).any(|anchor| {
            let mut roots = RootCertStore::empty();
            if roots.add(anchor.clone().into_owned()).is_err() {
                return false;
            }
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), trust.provider().clone()).build();
            // RFC 7671 §5.2: names and dates count below a trust anchor.
            let verifies = |verifier: &WebPkiServerVerifier, name: &ServerName<'_>| {
                verifier.verify_server_cert(leaf, above, name, &[], UnixTime::now()).is_ok()
            };
            verifier.is_ok_and(|verifier| names.iter().any(|name| verifies(&verifier, name)))
        })
    }

    fn matches(&self, certificate: &CertificateDer<'_>) -> bool {
        let spki;
        let octets: &[u8] = if self.spki {
            let Ok(parsed) = ParsedCertificate::try_from(certificate) else { return false };
            spki = parsed.subject_public_key_info();
            spki.as_ref()
        } else {
            certificate.as_ref()
        };
        match self.matching {
            0 => octets == self.data,
            1 => digest(&SHA256, octets).as_ref() == self.data,
            _ => digest(&SHA512, octets).as_ref() == self.data,
        }
    }
}
