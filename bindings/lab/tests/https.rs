//! Policy hosts, asked octet by octet.

mod common;

use std::io::{ErrorKind, Read};
use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use common::{Fetched, POLICY, POLICY_PATH, fetch, https, request};
use mta_sts_lab::{Address, Framing, Lab, PolicyHost, Reply, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const HOST: &str = "mta-sts.example.com";

async fn answer(response: Response) -> Fetched {
    let lab = Lab::start().await.unwrap();
    lab.world().policy_host(HOST, response.into());
    fetch(&lab, HOST, POLICY_PATH).await.unwrap()
}

fn text() -> Response {
    Response::text(POLICY)
}

/// The chunks put together, and whether the last one came.
fn dechunked(mut rest: &str) -> (String, bool) {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            assert_eq!(after, "\r\n");
            return (body, true);
        }
        body += &after[..size];
        rest = after[size..].strip_prefix("\r\n").unwrap();
    }
    (body, false)
}

#[tokio::test]
async fn a_policy_is_served_and_the_request_logged() {
    let lab = Lab::start().await.unwrap();
    let elsewhere = vec![("/real.txt?x=1".to_owned(), Response::text("elsewhere"))];
    lab.world().policy_host(HOST, PolicyHost { elsewhere, ..PolicyHost::serving(POLICY) });
    let fetched = fetch(&lab, HOST, POLICY_PATH).await.unwrap();
    fetched.end.as_ref().unwrap();
    let length = POLICY.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close");
    assert_eq!(fetched.head(), head);
    assert_eq!(fetched.body(), POLICY);
    assert_eq!(fetch(&lab, HOST, "/real.txt?x=1").await.unwrap().body(), "elsewhere");
    assert!(fetch(&lab, HOST, "/other").await.unwrap().head().starts_with("HTTP/1.1 404 "));
    assert_eq!(request(&lab, "HEAD", HOST, POLICY_PATH).await.unwrap().body(), "");

    let log = lab.world().http_log();
    let seen: Vec<_> = log.iter().map(|seen| (seen.method.as_str(), seen.path.as_str())).collect();
    assert_eq!(seen, [("GET", POLICY_PATH), ("GET", "/real.txt?x=1"), ("GET", "/other"), ("HEAD", POLICY_PATH)]);
    assert_eq!(log[0].host, HOST);
    assert_eq!(log[0].headers[1], ("user-agent".to_owned(), "test".to_owned()));
    lab.world().clear_logs();
    assert!(lab.world().http_log().is_empty() && lab.world().hello_log().is_empty());
}

#[tokio::test]
async fn a_host_can_be_replaced_while_the_lab_runs() {
    let lab = Lab::start().await.unwrap();
    lab.world().policy_host(HOST, PolicyHost::serving("old"));
    assert_eq!(fetch(&lab, HOST, POLICY_PATH).await.unwrap().body(), "old");
    lab.world().policy_host("MTA-STS.example.com.", PolicyHost::serving("new"));
    assert_eq!(fetch(&lab, HOST, POLICY_PATH).await.unwrap().body(), "new");
}

#[tokio::test]
async fn pages_may_read_what_hosts_serve_once_that_is_set() {
    const FIELD: &str = "\r\nAccess-Control-Allow-Origin: *\r\n";
    let lab = Lab::start().await.unwrap();
    let host = || lab.world().policy_host(HOST, PolicyHost::serving(POLICY));
    host();
    assert!(!fetch(&lab, HOST, POLICY_PATH).await.unwrap().head().contains(FIELD));
    lab.world().set_cors(true);
    for path in [POLICY_PATH, "/other"] {
        assert!(fetch(&lab, HOST, path).await.unwrap().head().contains(FIELD));
    }
    lab.world().clear();
    host();
    assert!(!fetch(&lab, HOST, POLICY_PATH).await.unwrap().head().contains(FIELD));
}

#[tokio::test]
async fn fields_are_sent_as_they_are() {
    let content_type = vec!["text/plain".to_owned(), "not a media type".to_owned()];
    let headers = vec![("Location".to_owned(), "/x".to_owned())];
    let head = answer(Response { status: 301, content_type, headers, ..text() }).await.head().to_owned();
    assert!(head.starts_with("HTTP/1.1 301 "));
    assert!(head.contains("Content-Type: text/plain\r\nContent-Type: not a media type\r\nLocation: /x\r\n"));
    assert!(!answer(Response { content_type: vec![], ..text() }).await.head().contains("Content-Type"));
}

#[tokio::test]
async fn a_status_without_a_body_has_none() {
    for status in [204, 205, 304, 103] {
        let fetched = answer(Response { status, ..text() }).await;
        assert_eq!(fetched.body(), "");
        let length = if status == 205 { Some("0") } else { None };
        assert_eq!(fetched.head().split("Content-Length: ").nth(1).map(|value| &value[..1]), length, "{status}");
    }
}

#[tokio::test]
async fn interim_responses_come_first() {
    let fetched = answer(Response { interim: vec![100, 103], ..text() }).await;
    assert!(fetched.text.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Interim\r\n\r\nHTTP/1.1 200 OK\r\n"));
    assert!(fetched.text.ends_with(POLICY));
}

#[tokio::test]
async fn each_framing_tells_the_end_in_its_way() {
    let chunked = answer(Response { framing: Framing::Chunked, ..text() }).await;
    assert!(chunked.head().contains("Transfer-Encoding: chunked"));
    assert_eq!(dechunked(chunked.body()), (POLICY.to_owned(), true));
    let close = answer(Response { framing: Framing::Close, ..text() }).await;
    assert!(!close.head().contains("Content-Length") && !close.head().contains("chunked"));
    assert_eq!(close.body(), POLICY);
    close.end.unwrap();
}

#[tokio::test]
async fn a_truncated_body_lacks_its_end() {
    let truncated = Response { truncated: true, ..text() };
    let by_length = answer(truncated.clone()).await;
    assert!(by_length.head().contains(&format!("Content-Length: {}\r\n", POLICY.len())));
    assert_eq!(by_length.body(), &POLICY[..POLICY.len() / 2]);
    let declared = answer(Response { declared_length: Some(120), ..truncated.clone() }).await;
    assert!(declared.head().contains("Content-Length: 120\r\n"));
    assert_eq!(declared.body(), POLICY);
    let chunked = answer(Response { framing: Framing::Chunked, ..truncated.clone() }).await;
    assert_eq!(dechunked(chunked.body()), (POLICY.to_owned(), false));
    let empty = answer(Response { body: vec![], ..truncated }).await;
    assert!(empty.head().contains("Content-Length: 1\r\n"));
    assert_eq!(empty.body(), "");
}

#[tokio::test]
async fn a_false_length_is_sent() {
    let fetched = answer(Response { declared_length: Some(3), ..text() }).await;
    assert!(fetched.head().contains("Content-Length: 3\r\n"));
    assert_eq!(fetched.body(), POLICY);
}

#[tokio::test]
async fn tls_may_end_without_a_word() {
    let fetched = answer(Response { framing: Framing::Close, close_notify: false, ..text() }).await;
    assert_eq!(fetched.body(), POLICY);
    assert_eq!(fetched.end.unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn padding_reaches_the_octet() {
    let fetched = answer(text().padded_to(65537)).await;
    assert_eq!(fetched.body().len(), 65537);
    assert!(fetched.body().strip_prefix(POLICY).unwrap().starts_with("x-pad: xxx"));
    assert!(fetched.body().ends_with("x\n"));
    assert_eq!(text().padded_to(3), text());
}

#[tokio::test]
async fn an_endless_body_goes_on_until_the_client_stops_or_16_mib() {
    let lab = Lab::start().await.unwrap();
    lab.world().policy_host(HOST, Response { endless: true, ..text() }.into());
    let mut tls = https(&lab, [127, 0, 0, 1].into(), HOST).await.unwrap();
    tls.write_all(format!("GET {POLICY_PATH} HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
    let mut some = vec![0; 200_000];
    tls.read_exact(&mut some).await.unwrap();
    assert!(String::from_utf8(some).unwrap().ends_with("x-pad: x\nx-pad: x") || tls.read_u8().await.is_ok());
    drop(tls);

    let whole = fetch(&lab, HOST, POLICY_PATH).await.unwrap();
    assert!((16_000_000..17_000_000).contains(&whole.text.len()));
    assert!(!whole.text.ends_with("0\r\n\r\n"));
}

#[tokio::test]
async fn octets_can_drip() {
    let started = Instant::now();
    let octet_delay = Some(Duration::from_millis(20));
    let fetched = answer(Response { octet_delay, framing: Framing::Chunked, ..Response::text("0123456789") }).await;
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!(dechunked(fetched.body()), ("0123456789".to_owned(), true));
    assert!(fetched.body().starts_with("1\r\n0\r\n"));
}

#[tokio::test]
async fn gzip_is_said_and_done() {
    let lab = Lab::start().await.unwrap();
    for endless in [false, true] {
        lab.world().policy_host(HOST, Response { gzip: true, endless, ..text() }.into());
        let mut tls = https(&lab, [127, 0, 0, 1].into(), HOST).await.unwrap();
        tls.write_all(format!("GET {POLICY_PATH} HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
        let mut octets = Vec::new();
        tls.read_to_end(&mut octets).await.unwrap();
        assert!(octets.len() < 100_000);
        let end = octets.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        assert!(String::from_utf8_lossy(&octets[..end]).contains("Content-Encoding: gzip"));
        let mut body = String::new();
        flate2::read::GzDecoder::new(&octets[end..]).read_to_string(&mut body).unwrap();
        assert!(body.starts_with(POLICY));
        assert_eq!(body.len() > 16_000_000, endless);
    }
}

#[tokio::test]
async fn silence_lasts_until_the_client_goes() {
    let lab = Lab::start().await.unwrap();
    lab.world().policy_host(HOST, PolicyHost { reply: Reply::Silence, ..PolicyHost::default() });
    let waited = timeout(Duration::from_millis(300), fetch(&lab, HOST, POLICY_PATH)).await;
    assert!(waited.is_err());
    assert_eq!(lab.world().http_log().len(), 1);
}

#[tokio::test]
async fn what_is_no_http_gets_400() {
    let lab = Lab::start().await.unwrap();
    lab.world().policy_host(HOST, PolicyHost::serving(POLICY));
    for noise in ["hello\r\n\r\n".to_owned(), "GET / SPDY/9\r\n\r\n".to_owned(), "x".repeat(20_000)] {
        let mut tls = https(&lab, [127, 0, 0, 1].into(), HOST).await.unwrap();
        tls.write_all(noise.as_bytes()).await.unwrap();
        let mut reply = String::new();
        tls.read_to_string(&mut reply).await.unwrap();
        assert!(reply.starts_with("HTTP/1.1 400 "), "{reply}");
    }
    assert!(lab.world().http_log().is_empty());
}

#[tokio::test]
async fn policy_hosts_are_at_the_v6_loopback_too() {
    let lab = Lab::start().await.unwrap();
    lab.world().policy_host(HOST, PolicyHost { address: Address::V6Only, ..PolicyHost::serving(POLICY) });
    let connected = https(&lab, Ipv6Addr::LOCALHOST.into(), HOST).await;
    assert_eq!(connected.is_ok(), lab.has_ipv6());
}
