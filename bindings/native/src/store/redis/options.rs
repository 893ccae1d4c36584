//! Where the server is, as its user says it.

use core::fmt;

/// Where a [`RedisStore`](super::RedisStore) finds its server.
#[derive(Clone)]
pub struct RedisOptions {
    /// `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, `rediss://…` for TLS, or
    /// `unix:///PATH[?db=N&user=U&pass=P]`. With sentinels only its credentials, its database and
    /// whether it has TLS count. Default `redis://127.0.0.1:6379`.
    pub url: String,
    /// URLs of sentinels, which are asked for the master in this order. Their credentials are those
    /// in their URLs. Default: none.
    pub sentinels: Vec<String>,
    /// The name of the master that the sentinels watch.
    pub master: Option<String>,
    /// What all keys begin with. Default `mta-sts:`.
    pub prefix: String,
    /// CA certificates in PEM, for `rediss:`; only they are trusted then. Default: the system's.
    pub ca_pem: Option<Vec<u8>>,
}

impl RedisOptions {
    /// The defaults, with this URL.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), sentinels: Vec::new(), master: None, prefix: "mta-sts:".into(), ca_pem: None }
    }
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self::new("redis://127.0.0.1:6379")
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URLs may hold passwords.
        f.debug_struct("RedisOptions")
            .field("master", &self.master)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
