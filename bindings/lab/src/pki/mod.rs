//! The private CA of the lab and the certificates, good and bad, that its servers show.

mod authority;
mod names;

use std::net::IpAddr;

pub(crate) use authority::Authority;

/// What a TLS server of the lab shows to a client.
///
/// "Valid" means: in date, for server authentication, and with a chain up to the root of
/// [`Lab::ca_pem`](crate::Lab::ca_pem). Unless a kind says otherwise the certificate has one subject alternative
/// name, the host itself, and the chain is sent whole: leaf and intermediate.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub enum Tls {
    /// A certificate with nothing wrong.
    #[default]
    Valid,
    /// The leaf ended a day ago.
    Expired,
    /// The leaf begins in a day.
    NotYetValid,
    /// The leaf signed itself.
    SelfSigned,
    /// The leaf comes from a CA that nobody trusts.
    UnknownCa,
    /// The leaf comes from an intermediate that the server does not send.
    MissingIntermediate,
    /// The certificate of the leaf's issuer says that it is no CA.
    IssuerNotCa,
    /// The intermediate ended a day ago; the leaf is in date.
    ExpiredIntermediate,
    /// The name constraints of the intermediate exclude the host.
    NameConstraints,
    /// The leaf's extended key usage is client authentication only.
    ClientAuthOnly,
    /// Valid but for a CRL that nobody can fetch: its distribution point is a port where nothing listens.
    /// A client that looks no CRL up cannot tell it from [`Tls::Valid`].
    Revoked,
    /// A server of the past: every `ClientHello` is answered with the fatal alert `protocol_version`.
    Tls11Only,
    /// Every `ClientHello` is answered with the fatal alert `handshake_failure`.
    HandshakeFailure,
    /// Valid, but with exactly these names.
    Names {
        /// The subject alternative names; with none, the extension is left out.
        san: Vec<San>,
        /// The subject's common name.
        cn: Option<String>,
    },
    /// [`Tls::Valid`] for a client that sends this server name (case aside); any other, and one that sends none,
    /// gets the fatal alert `unrecognized_name`.
    ChosenBySni {
        /// The server name to send.
        sni: String,
    },
}

/// One subject alternative name.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum San {
    /// A `dNSName`, written as it is: wildcards anywhere, NUL octets and the like are kept.
    Dns(String),
    /// An `iPAddress`.
    Ip(IpAddr),
    /// A `uniformResourceIdentifier`, written as it is.
    Uri(String),
    /// An `rfc822Name`, written as it is.
    Email(String),
}
