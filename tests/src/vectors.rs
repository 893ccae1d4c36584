//! The vectors as they stand in their files. `tests/vectors/README.md` tells the format.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, error::Error, fs, path::Path};

/// One case of any file.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// Its name.
    pub id: String,
    /// What a runner must have; only scenarios say so.
    #[serde(default)]
    pub needs: Vec<String>,
    /// What goes in.
    pub input: Value,
    /// What must come out, with `strictness`.
    pub expect: Value,
}

impl Case {
    /// `must`, `should` or `either`.
    #[must_use]
    pub fn strictness(&self) -> &str {
        self.expect["strictness"].as_str().unwrap_or("must")
    }
}

/// Reads one file of cases; `None` if the folder has no such file.
///
/// # Errors
/// If the file cannot be read or is not an array of cases.
pub fn read(folder: &Path, file: &str) -> Result<Option<Vec<Case>>, Box<dyn Error>> {
    let path = folder.join(file);
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(Some(serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?))
}

/// Octets given as text, or as `{"b64": …}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Octets {
    /// UTF-8.
    Text(String),
    /// Any octets.
    Base64 {
        /// In Base64.
        b64: String,
    },
}

impl Octets {
    /// The octets.
    ///
    /// # Panics
    /// If the vector is not Base64.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Base64 { b64 } => BASE64_STANDARD.decode(b64).expect("the vector holds Base64"),
        }
    }
}

/// A TXT RRset: records, each a list of character-strings.
pub type Rrset = Vec<Vec<Octets>>;

/// A scenario of `fetch_rules.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct Scenario {
    /// Whose policy it is about.
    pub policy_domain: String,
    /// The sender's configuration.
    pub sender: Sender,
    /// Named policies.
    pub policies: BTreeMap<String, NamedPolicy>,
    /// What is cached at the start.
    pub cache: Option<Cached>,
    /// What happens.
    pub steps: Vec<Step>,
}

/// The sender's configuration.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Sender {
    /// Seconds for which a live policy is used without asking DNS.
    pub recheck_after: u32,
    /// Seconds for which a failed id is not fetched.
    pub backoff: u32,
    /// The largest body.
    pub max_body: usize,
}

/// A policy with a name.
#[derive(Clone, Debug, Deserialize)]
pub struct NamedPolicy {
    /// Its exact text.
    pub text: String,
}

/// What is cached at the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Cached {
    /// A policy.
    Policy {
        /// Its name.
        policy: String,
        /// Its id.
        id: String,
        /// When it was fetched.
        fetched_at: i64,
        /// When DNS was last asked.
        checked_at: i64,
    },
    /// A stored text that does not decode.
    Text {
        /// The text.
        entry_text: String,
    },
}

/// One step of a scenario.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// When, in seconds.
    pub t: u64,
    /// What.
    pub event: String,
    /// What DNS answers, by owner name.
    #[serde(default)]
    pub dns: BTreeMap<String, DnsAnswer>,
    /// What the policy host does if asked.
    pub http: Option<Http>,
    /// Another policy domain.
    pub policy_domain: Option<String>,
    /// A smart host.
    pub next_hop: Option<String>,
    /// Candidate hosts.
    #[serde(default)]
    pub mx: Vec<MxHost>,
    /// The sender's own name.
    pub local_host: Option<String>,
    /// TLSA records of all MX hosts.
    pub tlsa: Option<Tlsa>,
    /// `read-only` if the store takes nothing.
    pub store: Option<String>,
}

/// What DNS answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum DnsAnswer {
    /// These records.
    Records {
        /// The RRset.
        records: Rrset,
    },
    /// None.
    Absent {
        /// `nxdomain` or `nodata`.
        why: Option<String>,
    },
    /// Nothing to be learnt.
    TempFail {
        /// `servfail`, `refused` or `timeout`.
        why: String,
        /// RFC 8914.
        extended_error: Option<u16>,
    },
    /// An alias.
    Cname {
        /// Of this name.
        target: String,
    },
}

/// What the policy host does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Http {
    /// `response`, `connect-error`, `timeout`, `tls-error` or `truncated`.
    pub outcome: String,
    /// Why there is no connection.
    pub reason: Option<String>,
    /// The certificate.
    pub tls: Option<Tls>,
    /// The status.
    pub status: u16,
    /// The values of the Content-Type fields.
    pub content_type: Vec<String>,
    /// The body.
    pub body: Option<Body>,
    /// Other header fields.
    pub headers: Vec<(String, String)>,
    /// What other URLs serve.
    pub elsewhere: Vec<Elsewhere>,
    /// The body is padded to so many octets.
    pub body_bytes: Option<usize>,
    /// The body goes on until the client stops.
    pub endless: bool,
    /// `content-length`, `chunked` or `close`.
    pub framing: Option<String>,
    /// A false length.
    pub content_length: Option<u64>,
    /// Whether TLS is closed in order.
    pub close_notify: Option<bool>,
    /// `gzip`
    pub content_encoding: Option<String>,
    /// A slow body.
    pub seconds_per_octet: Option<u64>,
    /// Interim statuses sent first.
    pub interim: Vec<u16>,
    /// `ipv6-only` or `second-of-two`.
    pub address: Option<String>,
}

/// Something served at another URL.
#[derive(Clone, Debug, Deserialize)]
pub struct Elsewhere {
    /// Where.
    pub url: String,
    /// The status.
    pub status: u16,
    /// The values of the Content-Type fields.
    pub content_type: Vec<String>,
    /// The body.
    pub body: Body,
}

/// A body: that of a policy, or a text.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// The text of the policy of that name.
    Policy(String),
    /// This text.
    Text(String),
}

/// A certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Tls {
    Valid,
    Expired,
    NotYetValid,
    SelfSigned,
    UnknownCa,
    MissingIntermediate,
    IssuerNotCa,
    ExpiredIntermediate,
    NameConstraints,
    ClientAuthOnly,
    Revoked,
    #[serde(rename = "tls1.1-only")]
    Tls11Only,
    HandshakeFailure,
    Names {
        san: Vec<San>,
        cn: Option<String>,
    },
    ChosenBySni {
        sni: String,
    },
}

/// A subject alternative name.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum San {
    Dns(String),
    Ip(std::net::IpAddr),
    Uri(String),
    Email(String),
}

/// A candidate host.
#[derive(Clone, Debug, Deserialize)]
pub struct MxHost {
    /// Its name, as in the MX record.
    pub host: String,
    /// Its preference.
    pub preference: u16,
    /// Whether it answers.
    pub reachable: bool,
    /// Whether it offers STARTTLS.
    pub starttls: bool,
    /// Its certificate.
    pub tls: Option<Tls>,
    /// There is no MX record; the domain itself is the host.
    #[serde(default)]
    pub implicit: bool,
    /// The name is an alias of this one.
    pub cname: Option<String>,
}

/// TLSA records.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Tlsa {
    /// Whether DNSSEC proves them.
    pub secure: bool,
    /// Whether the certificate is theirs.
    pub matches: bool,
}

impl Http {
    /// The body's octets before framing and encoding, without the endless part.
    ///
    /// # Panics
    /// If the vector names a policy that it does not have.
    #[must_use]
    pub fn body_octets(&self, policies: &BTreeMap<String, NamedPolicy>) -> Vec<u8> {
        let mut body = self.body.as_ref().map(|body| body.octets(policies)).unwrap_or_default();
        if let Some(size) = self.body_bytes {
            let frame = b"x-pad: \n".len();
            if let Some(pad) = size.checked_sub(body.len() + frame) {
                body.extend_from_slice(b"x-pad: ");
                body.extend(std::iter::repeat_n(b'x', pad));
                body.push(b'\n');
            }
        }
        body
    }
}

impl Body {
    /// The octets.
    ///
    /// # Panics
    /// If the vector names a policy that it does not have.
    #[must_use]
    pub fn octets(&self, policies: &BTreeMap<String, NamedPolicy>) -> Vec<u8> {
        match self {
            Self::Policy(name) => policies[name].text.clone().into_bytes(),
            Self::Text(text) => text.clone().into_bytes(),
        }
    }
}
