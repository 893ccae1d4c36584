//! Trust anchors and TLS settings. They are ours alone: the process-wide provider of rustls stays
//! as the program left it.

use crate::builder::BuildError;
use rustls::{
    ClientConfig, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, pem::PemObject},
};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(crate) struct Trust {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl Trust {
    /// Without any trust anchor every fetch would fail, so that is an error at the start.
    pub(crate) fn load(extra: Vec<CertificateDer<'static>>, only_extra: bool) -> Result<Self, BuildError> {
        let mut roots = RootCertStore::empty();
        for root in extra {
            roots.add(root).map_err(|_| BuildError::BadCa)?;
        }
        if !only_extra {
            let native = rustls_native_certs::load_native_certs();
            for error in &native.errors {
                tracing::warn!(%error, "system trust anchors");
            }
            roots.add_parsable_certificates(native.certs);
        }
        if roots.is_empty() {
            return Err(BuildError::NoTrustAnchors);
        }
        Ok(Self { roots: Arc::new(roots), provider: Arc::new(ring::default_provider()) })
    }

    pub(crate) fn provider(&self) -> &Arc<CryptoProvider> {
        &self.provider
    }

    /// WebPKI verification. RFC 8461 §3.3, §4.2; the CN never counts.
    pub(crate) fn verifier(&self) -> Result<Arc<WebPkiServerVerifier>, BuildError> {
        WebPkiServerVerifier::builder_with_provider(self.roots.clone(), self.provider.clone())
            .build()
            .map_err(|_| BuildError::NoTrustAnchors)
    }

    /// TLS 1.2 and 1.3 with WebPKI verification.
    pub(crate) fn client_config(&self, alpn: &[&[u8]]) -> Result<ClientConfig, BuildError> {
        self.config_with(self.verifier()?, alpn)
    }

    /// TLS 1.2 and 1.3 with a verifier of our own.
    pub(crate) fn config_with(
        &self,
        verifier: Arc<dyn ServerCertVerifier>,
        alpn: &[&[u8]],
    ) -> Result<ClientConfig, BuildError> {
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|_| BuildError::Tls)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        // Each connection proves its certificate anew.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }
}

pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| BuildError::BadCa)?;
    if certificates.is_empty() { Err(BuildError::BadCa) } else { Ok(certificates) }
}
