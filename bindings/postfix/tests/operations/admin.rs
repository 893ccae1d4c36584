use crate::desk::*;
use mta_sts_postfix::{Admin, Health, Listener, NotUnix, UnixSocketOptions};
use serde_json::json;
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::net::UnixStream;

async fn serve(name: &str) -> (Arc<Desk>, Admin, PathBuf) {
    let desk = Desk::start().await;
    let (listener, path) = unix_listener(name).await;
    let health = Arc::new(Health::new(None));
    health.set_serving(true);
    let admin = Admin::start(listener, desk.clone(), health, || None).unwrap();
    (desk, admin, path)
}

async fn ask(path: &Path, method: &str, target: &str) -> Got {
    exchange(UnixStream::connect(path).await.unwrap(), &request(method, target)).await
}

#[tokio::test]
async fn the_cache_is_shown_by_pages_and_by_domain() {
    let (desk, _admin, path) = serve("pages").await;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for name in ["a.test", "b.test", "c.test"] {
        desk.hold(name, "enforce").await;
    }
    let first = ask(&path, "GET", "/cache?limit=2").await.json();
    assert_eq!((&first["next"], first["entries"].as_array().unwrap().len()), (&json!("b.test"), 2));
    let rest = ask(&path, "GET", "/cache?after=b.test&limit=2").await.json();
    assert_eq!((&rest["next"], &rest["entries"][0]["domain"]), (&json!(null), &json!("c.test")));

    let whole = ask(&path, "GET", "/cache/a.test").await.json();
    assert_eq!((&whole["state"], &whole["mode"], &whole["id"]), (&json!("live"), &json!("enforce"), &json!("1")));
    assert_eq!(whole["mx"], json!(["mail.a.test", "*.a.test"]));
    assert_eq!(whole["policy"][1], json!("mode: enforce"));
    assert_eq!(whole["expires_at"].as_u64().unwrap() - whole["fetched_at"].as_u64().unwrap(), 86_400);
    assert_eq!(first["entries"][0]["policy"], json!(null));

    for (target, status) in [
        ("/cache/nothing.test", 404),
        ("/cache/no_domain", 400),
        ("/cache/a%2e%2e", 400),
        ("/cache?limit=0", 400),
        ("/cache?limit=1001", 400),
        ("/cache?after=a..b", 400),
        ("/cache?colour=red", 400),
        ("/cache/a.test/b", 404),
        ("/", 404),
    ] {
        let got = ask(&path, "GET", target).await;
        assert!(got.status == status && got.json()["error"].is_string(), "{target}: {got:?}");
    }
}

#[tokio::test]
async fn a_refresh_asks_and_a_purge_forgets() {
    let (desk, _admin, path) = serve("refresh").await;
    desk.hold("a.test", "testing").await;
    desk.hold("b.test", "enforce").await;
    crate::common::publish(
        desk.lab.world(),
        "new.test",
        "7",
        mta_sts_lab::PolicyHost::serving(crate::common::policy("enforce", "new.test")),
    );
    let refreshed = ask(&path, "POST", "/cache/new.test/refresh").await.json();
    assert_eq!((&refreshed["decision"], &refreshed["source"]), (&json!("enforce"), &json!("fetched")));
    assert_eq!(refreshed["entry"]["id"], json!("7"));
    let unknown = ask(&path, "POST", "/cache/plain.test/refresh").await.json();
    assert_eq!((&unknown["decision"], &unknown["failure"]), (&json!("no-policy"), &json!(null)));

    assert_eq!(ask(&path, "DELETE", "/cache/a.test").await.json(), json!({ "purged": 1 }));
    assert_eq!(ask(&path, "DELETE", "/cache/a.test").await.json(), json!({ "purged": 0 }));
    assert_eq!(ask(&path, "DELETE", "/cache").await.json(), json!({ "purged": 2 }));
    assert_eq!(ask(&path, "GET", "/cache").await.json(), json!({ "entries": [], "next": null }));
}

#[tokio::test]
async fn a_purge_forgets_what_the_store_failed_to_keep() {
    let (desk, _admin, path) = serve("unkept").await;
    desk.hold("a.test", "enforce").await;
    desk.store.fails(true);
    desk.hold("b.test", "enforce").await;
    desk.store.fails(false);
    assert_eq!(ask(&path, "DELETE", "/cache").await.json(), json!({ "purged": 2 }));
    assert_eq!(ask(&path, "GET", "/cache/b.test").await.status, 404);
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_no_empty_one() {
    let (desk, _admin, path) = serve("broken").await;
    desk.store.fails(true);
    for (method, target) in
        [("GET", "/cache"), ("GET", "/cache/a.test"), ("DELETE", "/cache"), ("DELETE", "/cache/a.test")]
    {
        let got = ask(&path, method, target).await;
        assert!(got.status == 503 && got.json()["error"].as_str().unwrap().contains("failed"), "{got:?}");
    }
}

#[tokio::test]
async fn the_rest_is_status_and_reload_in_bounds() {
    let (_desk, _admin, path) = serve("rest").await;
    let status = ask(&path, "GET", "/status").await.json();
    assert_eq!((&status["health"]["status"], &status["mx_check"]), (&json!("ok"), &json!(null)));
    assert_eq!(status["pid"], json!(std::process::id()));
    assert_eq!(ask(&path, "POST", "/reload").await.json(), json!({ "reloaded": "2 zones" }));
    for (method, target, allowed) in
        [("GET", "/reload", "post"), ("POST", "/cache", "get, delete"), ("GET", "/cache/a.test/refresh", "post")]
    {
        let got = ask(&path, method, target).await;
        assert!(got.status == 405 && got.headers.contains(&format!("allow: {allowed}")), "{got:?}");
    }
    let body = format!("POST /reload HTTP/1.1\r\nhost: a\r\ncontent-length: 5000\r\n\r\n{}", "a".repeat(5000));
    assert_eq!(exchange(UnixStream::connect(&path).await.unwrap(), &body).await.status, 413);
}

#[tokio::test]
async fn it_is_never_served_over_tcp() {
    let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).unwrap();
    let result = Admin::start(listener, Desk::start().await, Arc::new(Health::new(None)), || None);
    assert_eq!(result.err(), Some(NotUnix));
}

/// Asks as the user nobody, and prints the first line of the answer.
const AS_NOBODY: &str = "
import socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
peer.sendall(b'GET /status HTTP/1.1\\r\\nhost: a\\r\\n\\r\\n')
print(peer.recv(100).split(b'\\r\\n')[0].decode())
";

#[tokio::test]
async fn other_users_are_refused_whatever_the_mode_of_the_socket() {
    let desk = Desk::start().await;
    let path = socket_path("nobody");
    let listener = Listener::unix(&UnixSocketOptions::new(&path)).await.unwrap();
    let _admin = Admin::start(listener, desk, Arc::new(Health::new(None)), || None).unwrap();
    const NOBODY: u32 = 65_534;
    let mut command = tokio::process::Command::new("python3");
    command.args(["-c", AS_NOBODY]).arg(&path).uid(NOBODY).gid(NOBODY).kill_on_drop(true);
    // Only root can become somebody else.
    let Ok(output) = command.output().await else { return eprintln!("not tried: this needs root and python3") };
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "HTTP/1.1 403 Forbidden\n");
}
