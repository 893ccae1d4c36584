//! The server on real sockets, with a scripted answerer.

mod common;

use common::*;
use mta_sts_postfix::{Answerer, Limits, ListenError, Listener, Reply, Server, UnixSocketOptions};
use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::sleep,
};

/// Answers with the key: `ready…` without a future, `slow…` after 300 ms, `never` never, `big` with 90,000 octets, `panic` by a panic.
#[derive(Clone, Default)]
struct Script {
    under_way: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Answerer for Script {
    fn ready(&self, map: &[u8], key: &[u8]) -> Option<Reply> {
        let text = format!("{} {}", map.escape_ascii(), key.escape_ascii());
        match key.starts_with(b"ready-big") {
            true => Some(Reply::Ok("x".repeat(60_000))),
            false => key.starts_with(b"ready").then_some(Reply::Ok(text)),
        }
    }

    fn answer(&self, map: &[u8], key: &[u8]) -> impl Future<Output = Reply> + Send + use<> {
        let text = format!("{} {}", map.escape_ascii(), key.escape_ascii());
        let script = self.clone();
        async move {
            let under_way = script.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            script.most.fetch_max(under_way, Ordering::SeqCst);
            if text.contains("slow") {
                sleep(Duration::from_millis(300)).await;
            }
            assert!(!text.contains("panic"), "as the script says");
            if text.contains("never") {
                std::future::pending::<()>().await;
            }
            script.under_way.fetch_sub(1, Ordering::SeqCst);
            match text.contains("big") {
                true => Reply::Ok("x".repeat(90_000)),
                false => Reply::Ok(text),
            }
        }
    }
}

fn start(limits: Limits) -> (Server, SocketAddr, Script) {
    let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.tcp_addr().unwrap();
    let script = Script::default();
    (Server::start(script.clone(), [listener], limits), address, script)
}

async fn connect(address: SocketAddr) -> Client<TcpStream> {
    Client::new(TcpStream::connect(address).await.unwrap())
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A folder of its own for a test.
fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("mta-sts-postfix-{}-{name}", std::process::id()));
    fs::create_dir_all(&path).unwrap();
    path
}

#[tokio::test]
async fn answers_come_in_order_though_lookups_run_at_once() {
    let (_server, address, script) = start(Limits::default());
    let mut client = connect(address).await;
    client.send(&requests("m", &["slow1", "2", "slow3", "4", "slow5"])).await;
    for key in ["slow1", "2", "slow3", "4", "slow5"] {
        assert_eq!(client.reply().await.unwrap(), format!("OK m {key}"));
    }
    assert!(script.most.load(Ordering::SeqCst) >= 3, "one after the other");
}

#[tokio::test]
async fn replies_that_are_ready_wait_for_those_before_them() {
    let (_server, address, script) = start(Limits { reply: millis(1500), ..Limits::default() });
    let mut client = connect(address).await;
    let keys = ["ready1", "ready2", "slow3", "ready4", "5", "ready6"];
    client.send(&requests("m", &keys)).await;
    for key in keys {
        assert_eq!(client.reply().await.unwrap(), format!("OK m {key}"));
    }
    assert_eq!(script.most.load(Ordering::SeqCst), 2);
    // More than the sockets and the server hold: a client that does not read is asked to wait.
    let wire = requests("m", &["ready"; 1000]);
    let (mut reader, mut writer) = client.stream.split();
    let sent = async {
        for _ in 0..2000 {
            if writer.write_all(&wire).await.is_err() {
                return;
            }
        }
    };
    sent.await;
    let mut taken = Vec::new();
    let _ = reader.read_to_end(&mut taken).await;
    assert!(taken.starts_with(b"10:OK m ready,") && taken.len() < 2_000_000 * 14);
}

#[tokio::test]
async fn a_connection_answers_only_so_many_requests_at_once() {
    let (_server, address, script) = start(Limits { pipelined: 4, ..Limits::default() });
    let mut client = connect(address).await;
    client.send(&requests("m", &["slow"; 9])).await;
    for _ in 0..9 {
        assert_eq!(client.reply().await.unwrap(), "OK m slow");
    }
    assert_eq!(script.most.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn requests_arrive_in_any_pieces_and_hold_any_octets() {
    let (_server, address, _) = start(Limits::default());
    let mut client = connect(address).await;
    for octet in requests("m", &["a", "b c"]) {
        client.send(&[octet]).await;
        tokio::task::yield_now().await;
    }
    client.send(b"5:m \xff\0\n,0:,5:QUERY,6:QUERY ,").await;
    for reply in ["OK m a", "OK m b c", "OK m \\xff\\x00\\n", "OK  ", "OK QUERY ", "OK QUERY "] {
        assert_eq!(client.reply().await.unwrap(), reply);
    }
    let long = format!("m {}", "k".repeat(9_998));
    client.send(format!("{}:{long},", long.len()).as_bytes()).await;
    assert_eq!(client.reply().await.unwrap(), format!("OK {long}"));
}

#[tokio::test]
async fn what_is_no_netstring_ends_the_connection_after_the_answers_before_it() {
    let (_server, address, _) = start(Limits::default());
    let garbage: [&[u8]; 8] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"01:a,",
        b"3:m kx",
        b"-1:",
        b":",
        b"10001:",
        b"1000000000:xxxxxxxx",
        b"99999999999999999999999999999999",
    ];
    for garbage in garbage {
        let mut client = connect(address).await;
        // More than the server reads: to close at once would discard the answers.
        let wire = [&requests("m", &["slow", "b"])[..], garbage, &[b'y'; 20_000]].concat();
        client.send(&wire).await;
        assert_eq!(client.reply().await.as_deref(), Some("OK m slow"), "{}", garbage.escape_ascii());
        assert_eq!(client.reply().await.as_deref(), Some("OK m b"));
        assert_eq!(client.reply().await, None);
    }
    assert_eq!(connect(address).await.ask("m", "next").await, "OK m next");
}

#[tokio::test]
async fn a_client_that_only_shuts_its_side_gets_its_answers() {
    let (_server, address, _) = start(Limits::default());
    let mut client = connect(address).await;
    client.send(&requests("m", &["slow", "b"])).await;
    client.send(b"12:m inco").await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(client.reply().await.as_deref(), Some("OK m slow"));
    assert_eq!(client.reply().await.as_deref(), Some("OK m b"));
    assert_eq!(client.reply().await, None);
}

#[tokio::test]
async fn large_replies_to_requests_that_came_together_wait_for_nothing_but_the_client() {
    let (_server, address, _) = start(Limits::default());
    let mut client = TcpStream::connect(address).await.unwrap();
    let requests = "13:map ready-big,".repeat(40);
    client.write_all(requests.as_bytes()).await.unwrap();
    // It says at once that there are no more.
    client.shutdown().await.unwrap();
    let began = Instant::now();
    let mut replies = Vec::new();
    client.read_to_end(&mut replies).await.unwrap();
    assert_eq!(replies.len(), 40 * (60_003 + "60003:,".len()));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn silent_and_slow_clients_are_let_go_and_working_ones_are_not() {
    let short = Limits { idle: millis(800), request: millis(800), reply: millis(800), ..Limits::default() };
    let (server, address, script) = start(short);
    let mut silent = connect(address).await;
    let mut half = connect(address).await;
    half.send(b"9:m inco").await;
    let mut drips = connect(address).await;
    // Takes none of its 90 MB.
    let mut deaf = connect(address).await;
    let (mut deaf_reader, mut deaf_writer) = deaf.stream.split();
    let asks = async {
        for _ in 0..1_000 {
            if deaf_writer.write_all(&requests("m", &["big"])).await.is_err() {
                break;
            }
        }
    };
    let mut works = connect(address).await;
    let began = Instant::now();
    let others = async {
        while began.elapsed() < millis(2500) {
            assert_eq!(works.ask("m", "x").await, "OK m x");
            // An octet now and then is no request.
            let _ = drips.stream.write_all(b"1").await;
            sleep(millis(50)).await;
        }
    };
    tokio::join!(others, asks);
    assert_eq!((silent.reply().await, half.stream.read(&mut [0]).await.unwrap()), (None, 0));
    let mut taken = Vec::new();
    let _ = deaf_reader.read_to_end(&mut taken).await;
    assert!(taken.len() < 90_000_000);
    // A client that waits for its answer is not idle.
    let mut waits = connect(address).await;
    waits.send(&requests("m", &["slow", "slow"])).await;
    assert!(waits.reply().await.is_some() && waits.reply().await.is_some());
    assert_eq!(script.under_way.load(Ordering::SeqCst), 0);
    assert!(server.connections() <= 3, "{}", server.connections());
}

#[tokio::test]
async fn a_lookup_that_does_not_end_is_a_temporary_failure() {
    let (_server, address, _) = start(Limits { answer: millis(200), ..Limits::default() });
    let mut client = connect(address).await;
    client.send(&requests("m", &["never", "b"])).await;
    assert_eq!(client.reply().await.unwrap(), "TEMP the lookup took too long");
    assert_eq!(client.reply().await.unwrap(), "OK m b");
}

#[tokio::test]
async fn a_lookup_that_panics_is_a_temporary_failure() {
    let (server, address, _) = start(Limits { max_connections: 2, ..Limits::default() });
    let mut other = connect(address).await;
    let mut client = connect(address).await;
    for _ in 0..3 {
        client.send(&requests("m", &["panic", "b"])).await;
        assert_eq!(client.reply().await.unwrap(), "TEMP the lookup failed by an error in the server");
        assert_eq!(client.reply().await.unwrap(), "OK m b");
        assert_eq!(other.ask("m", "a").await, "OK m a");
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_slow_reader_gets_all_of_its_replies() {
    let (_server, address, _) = start(Limits { pipelined: 128, ..Limits::default() });
    let mut client = connect(address).await;
    client.send(&requests("m", &["big"; 100])).await;
    sleep(millis(300)).await;
    for _ in 0..100 {
        assert_eq!(client.reply().await.unwrap().len(), 90_003);
    }
}

#[tokio::test]
async fn a_thousand_connections_are_served() {
    let (server, address, _) = start(Limits::default());
    let mut clients = Vec::new();
    for _ in 0..1_000 {
        clients.push(connect(address).await);
    }
    for (i, client) in clients.iter_mut().enumerate() {
        client.send(&requests("m", &[&i.to_string()])).await;
    }
    for (i, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.reply().await.unwrap(), format!("OK m {i}"));
    }
    assert_eq!(server.connections(), 1_000);
    drop(clients);
    for _ in 0..500 {
        if server.connections() == 0 {
            return;
        }
        sleep(millis(10)).await;
    }
    panic!("{} connections stay", server.connections());
}

#[tokio::test]
async fn the_longest_idle_connection_makes_room_and_busy_ones_stay() {
    let (server, address, _) = start(Limits { max_connections: 3, ..Limits::default() });
    let mut busy = connect(address).await;
    busy.send(&requests("m", &["slow"])).await;
    let mut old = connect(address).await;
    assert_eq!(old.ask("m", "a").await, "OK m a");
    let mut young = connect(address).await;
    assert_eq!(young.ask("m", "a").await, "OK m a");
    let mut next = connect(address).await;
    assert_eq!(next.ask("m", "b").await, "OK m b");
    assert_eq!(old.reply().await, None);
    assert_eq!(busy.reply().await.unwrap(), "OK m slow");
    assert_eq!(young.ask("m", "c").await, "OK m c");
    assert_eq!(server.connections(), 3);
    // With none idle, a new one waits.
    for client in [&mut busy, &mut young, &mut next] {
        client.send(&requests("m", &["slow"])).await;
    }
    sleep(millis(50)).await;
    let mut waits = connect(address).await;
    assert_eq!(waits.ask("m", "d").await, "OK m d");
    for client in [&mut busy, &mut young, &mut next] {
        assert_eq!(client.reply().await.unwrap(), "OK m slow");
    }
}

#[tokio::test]
async fn a_drain_answers_what_was_received_and_takes_no_more() {
    let (server, address, _) = start(Limits { drain: millis(2000), ..Limits::default() });
    let mut idle = connect(address).await;
    assert_eq!(idle.ask("m", "a").await, "OK m a");
    let mut busy = connect(address).await;
    busy.send(&requests("m", &["slow1", "slow2"])).await;
    sleep(millis(100)).await;
    let (cut, ()) = tokio::join!(server.drain(), async {
        assert_eq!(busy.reply().await.as_deref(), Some("OK m slow1"));
        assert_eq!(busy.reply().await.as_deref(), Some("OK m slow2"));
        assert_eq!(busy.reply().await, None);
        assert_eq!(idle.reply().await, None);
        drop(busy);
    });
    assert_eq!(cut, 0);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_drain_cuts_what_does_not_end_and_a_dropped_server_everything() {
    let (server, address, _) = start(Limits { drain: millis(200), ..Limits::default() });
    let mut stuck = connect(address).await;
    stuck.send(&requests("m", &["never"])).await;
    sleep(millis(100)).await;
    assert_eq!(server.drain().await, 1);
    assert_eq!(stuck.reply().await, None);

    let (server, address, _) = start(Limits::default());
    let mut stuck = connect(address).await;
    stuck.send(&requests("m", &["never"])).await;
    sleep(millis(100)).await;
    drop(server);
    assert_eq!(stuck.reply().await, None);
}

#[tokio::test]
async fn a_unix_socket_has_its_mode_and_is_removed_at_the_end() {
    let folder = folder("mode");
    let path = folder.join("socket");
    let me = fs::metadata(&folder).unwrap();
    for mode in [0o600, 0o660, 0o666] {
        let (owner, group) = (Some(me.uid()), Some(me.gid()));
        let options = UnixSocketOptions { mode, owner, group, ..UnixSocketOptions::new(&path) };
        let listener = Listener::unix(&options).await.unwrap();
        let file = fs::symlink_metadata(&path).unwrap();
        assert!(file.file_type().is_socket());
        assert_eq!((file.permissions().mode() & 0o7777, file.uid(), file.gid()), (mode, me.uid(), me.gid()));
        let server = Server::start(Script::default(), [listener], Limits::default());
        let mut client = Client::new(UnixStream::connect(&path).await.unwrap());
        assert_eq!(client.ask("m", "a").await, "OK m a");
        drop(client);
        server.drain().await;
        assert!(!path.exists());
    }
    fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_dead_socket_is_replaced_and_nothing_else() {
    let folder = folder("stale");
    let path = folder.join("socket");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "the file outlives its server");
    let options = UnixSocketOptions::new(&path);
    let first = Listener::unix(&options).await.unwrap();

    assert!(matches!(Listener::unix(&options).await, Err(ListenError::InUse(_))));
    // Another server's socket is not removed by the end of this one.
    fs::rename(&path, folder.join("moved")).unwrap();
    let second = Listener::unix(&options).await.unwrap();
    drop(first);
    assert!(path.exists());
    drop(second);
    assert!(!path.exists());

    fs::write(&path, "precious").unwrap();
    assert!(matches!(Listener::unix(&options).await, Err(ListenError::NotASocket(_))));
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    fs::remove_file(&path).unwrap();
    fs::write(folder.join("target"), "precious").unwrap();
    std::os::unix::fs::symlink(folder.join("target"), &path).unwrap();
    assert!(matches!(Listener::unix(&options).await, Err(ListenError::NotASocket(_))));
    let missing = UnixSocketOptions::new(folder.join("missing/socket"));
    let error = Listener::unix(&missing).await.unwrap_err();
    assert!(error.to_string().contains("missing/socket"), "{error}");
    fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn many_listeners_share_one_server() {
    let folder = folder("many");
    let tcp = Listener::tcp("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = tcp.tcp_addr().unwrap();
    let unix = Listener::unix(&UnixSocketOptions::new(folder.join("socket"))).await.unwrap();
    let server = Server::start(Script::default(), [tcp, unix], Limits::default());
    let mut a = connect(address).await;
    let mut b = Client::new(UnixStream::connect(folder.join("socket")).await.unwrap());
    assert_eq!((a.ask("m", "a").await, b.ask("m", "b").await), ("OK m a".into(), "OK m b".into()));
    assert_eq!(server.connections(), 2);
    drop(server);
    fs::remove_dir_all(folder).unwrap();
}
