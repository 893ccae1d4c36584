//! Makes certificates on demand and keeps them for the life of the lab.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CrlDistributionPoint, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints, PublicKeyData,
};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use time::{Duration, OffsetDateTime};

use super::{San, Tls, names};
use crate::sync::locked;

type Ca = CertifiedIssuer<'static, KeyPair>;

/// Where the CRL of a [`Tls::Revoked`] certificate would be: a loopback address where nothing listens.
const NO_CRL: &str = "http://127.78.0.1:1/lab.crl";

/// The lab's root, its usual intermediate and all certificates made so far.
pub(crate) struct Authority {
    root: Ca,
    intermediate: Ca,
    stranger: Ca,
    root_pem: String,
    provider: Arc<CryptoProvider>,
    made: Mutex<HashMap<(String, Tls), Arc<Identity>>>,
}

/// A certificate chain with its key.
pub(crate) struct Identity {
    certified: Arc<CertifiedKey>,
    provider: Arc<CryptoProvider>,
    /// SHA-256 of the leaf's SubjectPublicKeyInfo.
    pub(crate) spki_sha256: Vec<u8>,
}

impl Authority {
    pub(crate) fn new() -> io::Result<Self> {
        let trusted = root("mta-sts-lab root").map_err(io::Error::other)?;
        Ok(Self {
            intermediate: intermediate(&trusted, |_| {}).map_err(io::Error::other)?,
            stranger: root("a CA that nobody trusts").map_err(io::Error::other)?,
            root_pem: trusted.pem(),
            root: trusted,
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            made: Mutex::default(),
        })
    }

    pub(crate) fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The certificate of `host`. A kind that shows none, such as [`Tls::HandshakeFailure`], has that of
    /// [`Tls::Valid`].
    pub(crate) fn identity(&self, host: &str, tls: &Tls) -> io::Result<Arc<Identity>> {
        let tls = match tls {
            Tls::Tls11Only | Tls::HandshakeFailure | Tls::ChosenBySni { .. } => &Tls::Valid,
            shown => shown,
        };
        let key = (host.to_owned(), tls.clone());
        if let Some(known) = locked(&self.made).get(&key) {
            return Ok(known.clone());
        }
        let identity = Arc::new(self.issue(host, tls)?);
        // Two threads may get here at once; what both then show is the one that came first.
        Ok(locked(&self.made).entry(key).or_insert(identity).clone())
    }

    fn issue(&self, host: &str, tls: &Tls) -> io::Result<Identity> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let chain = self.chain(host, tls, &key).map_err(io::Error::other)?;
        let spki = key.subject_public_key_info();
        let signer = self
            .provider
            .key_provider
            .load_private_key(PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .map_err(io::Error::other)?;
        Ok(Identity {
            certified: Arc::new(CertifiedKey::new(chain, signer)),
            provider: self.provider.clone(),
            spki_sha256: ring::digest::digest(&ring::digest::SHA256, &spki).as_ref().to_vec(),
        })
    }

    /// The leaf for `key`, then what the server sends along with it.
    fn chain(&self, host: &str, tls: &Tls, key: &KeyPair) -> Result<Vec<CertificateDer<'static>>, rcgen::Error> {
        let leaf = leaf(host, tls);
        let below = |issuer: &Ca| Ok(vec![leaf.signed_by(key, issuer)?.der().clone(), issuer.der().clone()]);
        match tls {
            Tls::SelfSigned => Ok(vec![leaf.self_signed(key)?.der().clone()]),
            Tls::UnknownCa => Ok(vec![leaf.signed_by(key, &self.stranger)?.der().clone()]),
            Tls::MissingIntermediate => Ok(vec![leaf.signed_by(key, &self.intermediate)?.der().clone()]),
            Tls::IssuerNotCa => below(&intermediate(&self.root, |issuer| {
                issuer.is_ca = IsCa::ExplicitNoCa;
                issuer.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            })?),
            Tls::ExpiredIntermediate => below(&intermediate(&self.root, |issuer| issuer.not_after = days(-1))?),
            Tls::NameConstraints => below(&intermediate(&self.root, |issuer| {
                issuer.name_constraints = Some(NameConstraints {
                    permitted_subtrees: Vec::new(),
                    excluded_subtrees: vec![GeneralSubtree::DnsName(host.to_owned())],
                });
            })?),
            _ => below(&self.intermediate),
        }
    }
}

impl Identity {
    pub(crate) fn server_config(&self, alpn: &[&[u8]]) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(self.certified.clone())));
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        // A resumed session shows no certificate: each connection here is to be judged anew.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

fn root(name: &str) -> Result<Ca, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.not_before = days(-3650);
    params.not_after = days(3650);
    params.distinguished_name = subject(Some(name));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ca::self_signed(params, KeyPair::generate()?)
}

fn intermediate(root: &Ca, spoil: impl FnOnce(&mut CertificateParams)) -> Result<Ca, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.not_before = days(-365);
    params.not_after = days(365);
    params.distinguished_name = subject(Some("mta-sts-lab intermediate"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    spoil(&mut params);
    Ca::signed_by(params, KeyPair::generate()?, root)
}

fn leaf(host: &str, tls: &Tls) -> CertificateParams {
    let itself = [San::Dns(host.to_owned())];
    let (san, cn) = match tls {
        Tls::Names { san, cn } => (san.as_slice(), cn.as_deref()),
        _ => (itself.as_slice(), None),
    };
    let (not_before, not_after) = match tls {
        Tls::Expired => (days(-31), days(-1)),
        Tls::NotYetValid => (days(1), days(31)),
        _ => (days(-1), days(90)),
    };
    let mut params = CertificateParams::default();
    params.not_before = not_before;
    params.not_after = not_after;
    params.distinguished_name = subject(cn);
    if !san.is_empty() {
        params.custom_extensions.push(names::extension(san));
    }
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![match tls {
        Tls::ClientAuthOnly => ExtendedKeyUsagePurpose::ClientAuth,
        _ => ExtendedKeyUsagePurpose::ServerAuth,
    }];
    if *tls == Tls::Revoked {
        params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![NO_CRL.to_owned()] }];
    }
    params.use_authority_key_identifier_extension = *tls != Tls::SelfSigned;
    params
}

/// Never empty, so that the alternative names need not be critical (RFC 5280 §4.2.1.6).
fn subject(common_name: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "mta-sts-lab");
    if let Some(common_name) = common_name {
        name.push(DnType::CommonName, common_name);
    }
    name
}

fn days(from_now: i64) -> OffsetDateTime {
    OffsetDateTime::from(SystemTime::now()) + Duration::days(from_now)
}
