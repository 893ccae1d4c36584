//! One HTTP exchange with the daemon.

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// Why there is no answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    NotHttp,
    CutOff,
}

impl Trouble {
    /// To follow the name of the server and a colon.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::NotHttp => "what answers there does not speak HTTP",
            Self::CutOff => "the answer is cut off, or too long",
        }
    }
}

/// Sends a request without a body; the answer's body may have `max` octets.
pub(crate) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    method: &str,
    target: &str,
    max: usize,
) -> Result<(StatusCode, Bytes), Trouble> {
    let broken = |_: hyper::Error| Trouble::NotHttp;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let connection = tokio::spawn(connection);
    let request = Request::builder().method(method).uri(target).header("host", "localhost");
    let request = request.body(Empty::<Bytes>::new()).map_err(|_| Trouble::NotHttp)?;
    let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
    let body = Limited::new(body, max).collect().await;
    connection.abort();
    Ok((head.status, body.map_err(|_| Trouble::CutOff)?.to_bytes()))
}
