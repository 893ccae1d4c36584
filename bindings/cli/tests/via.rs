//! `mta-sts query --via`, against our server and against servers that misbehave.

mod common;

use common::{Run, run, service};
use mta_sts_lab::{Lab, PolicyHost};
use mta_sts_postfix::{Limits, Listener, Server, UnixSocketOptions};
use serde_json::json;
use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

/// The server goes on while the command runs.
fn via(args: &[&str]) -> Run {
    tokio::task::block_in_place(|| run(["query"].iter().chain(args)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_is_asked_over_tcp_and_unix() {
    let lab = Lab::start().await.unwrap();
    lab.world().txt("_mta-sts.a.test", &["v=STSv1; id=1;"]);
    let policy = "version: STSv1\nmode: enforce\nmx: mail.a.test\nmx: *.b.test\nmax_age: 86400\n";
    lab.world().policy_host("mta-sts.a.test", PolicyHost::serving(policy));
    let path = std::env::temp_dir().join(format!("mta-sts-via-{}.sock", std::process::id()));
    let tcp = Listener::tcp("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = tcp.tcp_addr().unwrap().to_string();
    let unix = Listener::unix(&UnixSocketOptions::new(&path)).await.unwrap();
    let _server = Server::start(service(&lab), [tcp, unix], Limits::default());

    let shown = via(&["--via", &address, "a.test"]);
    assert_eq!((shown.code, shown.err.as_str()), (0, ""), "{shown:?}");
    assert!(shown.out.contains("reply     OK secure match=mail.a.test:.b.test servername=hostname\n"), "{}", shown.out);
    let words = shown.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("a valid certificate for mail.a.test or a name below b.test; all else is deferred"),
        "{words}"
    );

    let clients = via(&["--via", &format!("{address}:policy"), "a.test"]);
    let line = "\n            mode: enforce\n";
    assert!(clients.code == 0 && clients.out.contains(line), "a line a line: {}", clients.out);

    let unix = format!("unix:{}", path.display());
    let none = via(&["--via", &unix, "plain.test"]);
    assert_eq!(none.code, 2, "{none:?}");
    // The space at the end is there.
    assert!(none.out.contains("NOTFOUND␣\n"), "{}", none.out);

    let given = via(&["--json", "--via", &format!("{unix}:QUERYwithTLSRPT"), "[a.test]:587"]);
    let mut json = given.json();
    assert!(json["milliseconds"].as_f64().unwrap() > 0.0 && json["means"].is_string());
    json.as_object_mut().unwrap().retain(|name, _| !matches!(&**name, "milliseconds" | "means"));
    let expected = json!({
        "server": unix, "map": "QUERYwithTLSRPT", "key": "[a.test]:587", "reply": "NOTFOUND ", "status": "notfound",
        "text": "", "fate": "own-settings", "exit_code": 2,
    });
    assert_eq!(json, expected);
    let attributes = via(&["--json", "--via", &address, "--map", "xwithTLSRPT", "a.test"]);
    assert!(attributes.json()["text"].as_str().unwrap().contains("policy_type=sts policy_domain=a.test"));
}

/// A server that sends this to whoever asks, and then closes.
fn saying(reply: impl AsRef<[u8]> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 100]);
            let _ = stream.write_all(reply.as_ref());
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn what_other_servers_say_is_shown_escaped_and_explained() {
    for (reply, code, expected) in [
        (&b"TEMP a\x1bb\n\xff"[..], 3, "TEMP a\\x1bb\\x0a\\xff"),
        (b"PERM no zone", 2, "an error in its configuration"),
        (b"OK encrypt", 1, "whatever the certificate is"),
        (b"OK secure match=", 2, "an empty match is an error"),
        (b"VERIFY ", 2, "no socketmap reply begins like this"),
    ] {
        let wire = [format!("{}:", reply.len()).as_bytes(), reply, b","].concat();
        let run = via(&["--via", &saying(wire), "a.test"]);
        let words = run.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(run.code == code && words.contains(expected), "{run:?}");
    }
    let http = via(&["--via", &saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "a.test"]);
    assert!(http.code == 3 && http.err.contains("is no socketmap reply"), "{http:?}");
    let silent = via(&["--via", &saying(b""), "a.test"]);
    assert!(silent.code == 3 && silent.err.contains("closed the connection without a reply"), "{silent:?}");
    let dead = via(&["--via", "127.0.0.1:1", "a.test"]);
    assert!(dead.code == 3 && dead.err.contains("is the daemon running?"), "{dead:?}");
    let absent = via(&["--via", "unix:/nonexistent/a.sock", "a.test"]);
    assert!(absent.code == 3 && absent.err.contains("unix:/nonexistent/a.sock: cannot connect"), "{absent:?}");
}
