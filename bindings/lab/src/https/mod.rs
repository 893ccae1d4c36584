//! Policy hosts: what they serve, and how badly.

mod reply;
mod server;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime};

pub(crate) use server::{bind, serve};

use crate::{Answer, Record, Tls};

/// Where a policy lies (RFC 8461 §3.3).
pub const WELL_KNOWN: &str = "/.well-known/mta-sts.txt";

/// A loopback address where the lab never listens.
const NOBODY: Ipv4Addr = Ipv4Addr::new(127, 78, 0, 1);

/// An HTTPS server for one name, which clients pick by SNI.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyHost {
    /// The certificate.
    pub tls: Tls,
    /// What [`WELL_KNOWN`] gives.
    pub reply: Reply,
    /// What other paths (with their queries) give; all that are not here give 404.
    pub elsewhere: Vec<(String, Response)>,
    /// What DNS says of the host.
    pub address: Address,
}

impl PolicyHost {
    /// A host with nothing wrong that serves this policy.
    #[must_use]
    pub fn serving(policy: impl Into<Vec<u8>>) -> Self {
        Response::text(policy).into()
    }
}

impl From<Response> for PolicyHost {
    fn from(response: Response) -> Self {
        Self { reply: Reply::Response(response), ..Self::default() }
    }
}

/// Where DNS says that a policy host is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Address {
    /// At 127.0.0.1.
    #[default]
    V4,
    /// At ::1 only, for which the machine needs IPv6: [`Lab::has_ipv6`](crate::Lab::has_ipv6).
    V6Only,
    /// At two addresses; at the first nothing listens.
    SecondOfTwo,
    /// The name exists, but has no address.
    None,
    /// At an address where nothing listens: connections are refused.
    Refused,
}

impl Address {
    /// The answers for A and AAAA.
    pub(crate) fn answers(self) -> (Answer, Answer) {
        let (v4, v6) = match self {
            Self::V4 => (vec![Ipv4Addr::LOCALHOST], vec![]),
            Self::V6Only => (vec![], vec![Ipv6Addr::LOCALHOST]),
            Self::SecondOfTwo => (vec![NOBODY, Ipv4Addr::LOCALHOST], vec![]),
            Self::None => (vec![], vec![]),
            Self::Refused => (vec![NOBODY], vec![]),
        };
        let v4 = v4.into_iter().map(Record::A).collect();
        let v6 = v6.into_iter().map(Record::Aaaa).collect();
        (Answer::Records(v4), Answer::Records(v6))
    }
}

/// What a policy host does with a request for the policy.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Answers it.
    Response(Response),
    /// Reads it and says nothing more until the client goes away.
    Silence,
}

impl Default for Reply {
    fn default() -> Self {
        Self::Response(Response::default())
    }
}

/// An HTTP/1.1 response. Its fields may contradict each other: they are sent as they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The status code. A body that this status (1xx, 204, 205, 304) does not allow is not sent.
    pub status: u16,
    /// One `Content-Type` field for each.
    pub content_type: Vec<String>,
    /// More fields.
    pub headers: Vec<(String, String)>,
    /// The body, before any encoding.
    pub body: Vec<u8>,
    /// How the end of the body is told.
    pub framing: Framing,
    /// A `Content-Length` in place of the true one.
    pub declared_length: Option<u64>,
    /// The connection ends before the announced end of the body: chunks without the last; or, with a
    /// `Content-Length`, the whole body if more was declared, else the first half; or, with [`Framing::Close`],
    /// the first half, which only `close_notify: false` betrays.
    pub truncated: bool,
    /// TLS is closed in order. `false`: TCP just ends.
    pub close_notify: bool,
    /// The status codes of responses that come before this one, such as 100.
    pub interim: Vec<u16>,
    /// The body goes on, in chunks, with lines `x-pad: x` until the client stops, or 16 MiB. With `gzip` the padding
    /// is encoded with the body, so that little travels and much comes out.
    pub endless: bool,
    /// The pause before each octet of the body.
    pub octet_delay: Option<Duration>,
    /// The body is sent with `Content-Encoding: gzip`.
    pub gzip: bool,
}

/// How the end of a response's body is told.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Framing {
    /// By its length.
    #[default]
    ContentLength,
    /// By an empty chunk.
    Chunked,
    /// By the end of the connection.
    Close,
}

impl Default for Response {
    fn default() -> Self {
        Self {
            status: 200,
            content_type: vec!["text/plain".to_owned()],
            headers: Vec::new(),
            body: Vec::new(),
            framing: Framing::ContentLength,
            declared_length: None,
            truncated: false,
            close_notify: true,
            interim: Vec::new(),
            endless: false,
            octet_delay: None,
            gzip: false,
        }
    }
}

impl Response {
    /// 200 with a body of type `text/plain`.
    #[must_use]
    pub fn text(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// A status without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, content_type: Vec::new(), ..Self::default() }
    }

    /// The same for pages of every origin to read: Fetch §3.2.3.
    pub(crate) fn shared(mut self) -> Self {
        self.headers.push(("Access-Control-Allow-Origin".to_owned(), "*".to_owned()));
        self
    }

    /// The body with one line `x-pad: xxx…` at its end so that it has `octets` octets; never cut.
    #[must_use]
    pub fn padded_to(mut self, octets: usize) -> Self {
        let missing = octets.saturating_sub(self.body.len());
        if missing > 0 {
            let line = b"x-pad: ".iter().chain(std::iter::repeat(&b'x'));
            self.body.extend(line.take(missing - 1));
            self.body.push(b'\n');
        }
        self
    }
}

/// A request that came through TLS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpSeen {
    /// The server name that the client sent in TLS, in lower case.
    pub host: String,
    /// Such as `GET`.
    pub method: String,
    /// The request target: the path and, if any, its query.
    pub path: String,
    /// The request's fields, the names in lower case.
    pub headers: Vec<(String, String)>,
    /// When it had been read.
    pub at: SystemTime,
}

/// A `ClientHello` that came in at the HTTPS port, whatever became of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HelloSeen {
    /// The server name that it asked for, in lower case.
    pub sni: Option<String>,
    /// When it had been read.
    pub at: SystemTime,
}
