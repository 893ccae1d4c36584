//! What it does not start with, and how it says so.

use crate::{
    common::{command, run},
    daemon::{Daemon, Directory, ask, publish, refused, settings},
};
use mta_sts_lab::Lab;
use std::{
    fs,
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
};

#[test]
fn without_trust_anchors_it_does_not_start() {
    let directory = Directory::new();
    let mut command = command();
    command.env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", directory.path("none"));
    let (code, said) = refused(command, &directory, "[server]\nlisten = [\"127.0.0.1:0\"]\nhttp = \"\"\n");
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains("no CA certificate is trusted, so no policy could be fetched: install ca-certificates"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_cannot_serve_with_is_refused_with_the_reason() {
    let lab = Lab::start().await.unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let directory = Directory::new();
    fs::write(directory.path("file"), "kept").unwrap();
    let live = directory.path("live.sock");
    let _live = UnixListener::bind(&live).unwrap();
    let path = |name: &str| directory.path(name).display().to_string();
    let listen = |listen: &str| format!("[server]\nlisten = [{listen}]\nhttp = \"\"\nadmin = \"\"\n");
    for (more, code, reason) in [
        (listen(&format!("\"{taken}\"")), 3, "cannot listen: Address already in use"),
        (listen(&format!("\"unix:{}\"", path("live.sock"))), 3, "another server answers there; stop it first"),
        (listen(&format!("\"unix:{}\"", path("file"))), 3, "a file that is no socket is in the way"),
        (listen(&format!("\"unix:{}\"", path("none/x"))), 3, "No such file or directory"),
        (listen(""), 3, "nothing to listen on: server.listen is empty and systemd passed no socket"),
        (
            listen("\"127.0.0.1:0\"") + "[store]\nkind = \"sqlite\"\npath = \"none/x.db\"\n",
            3,
            "cannot open the policy store",
        ),
        (listen("\"127.0.0.1:0\"") + "[sever]\n", 2, "unknown table \"sever\"; did you mean \"server\"?"),
        (
            format!("{}socket_owner = \"no-such-user\"\n", listen(&format!("\"unix:{}\"", path("s")))),
            3,
            "is not known on this machine",
        ),
    ] {
        let (got, said) = refused(command(), &directory, &settings(&lab, &more));
        assert_eq!(got, code, "{more}: {said}");
        assert!(said.lines().last().unwrap().contains(reason), "{more}: {said}");
    }
    assert_eq!(fs::read_to_string(directory.path("file")).unwrap(), "kept");
    assert!(live.exists() && !directory.path("s").exists());
    let bad_ca = settings(&lab, "").replace("\nca_file = ", "\nca_file = \"/dev/null\" # ");
    let (code, said) = refused(command(), &directory, &bad_ca);
    assert!(code == 3 && said.contains("/dev/null: the extra CA file holds no readable PEM certificate"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_of_a_dead_server_is_replaced() {
    let lab = Lab::start().await.unwrap();
    publish(&lab, "a.test", "mail.a.test");
    let directory = Directory::new();
    let path = directory.path("map.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let more = format!(
        "[server]\nlisten = [\"unix:{}\"]\nsocket_mode = \"0620\"\nsocket_group = \"0\"\nhttp = \"\"\nadmin = \"\"\n",
        path.display()
    );
    let daemon = Daemon::start(&directory, &settings(&lab, &more));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o620);
    assert_eq!(ask(&mut UnixStream::connect(&path).unwrap(), "postfix", "a.test"), crate::ENFORCED);
    assert_eq!(daemon.stop(), 0);
    assert!(!path.exists());
}

#[test]
fn the_configuration_is_checked_shown_and_imported() {
    let directory = Directory::new();
    let write = |name: &str, text: &str| {
        fs::write(directory.path(name), text).unwrap();
        directory.path(name).display().to_string()
    };
    let good = write("good.toml", "[zones.a]\nstrict_testing = true\n");
    let checked = run(["config", "check", "--config", &good]);
    assert_eq!((checked.code, &*checked.out), (0, &*format!("{good} is fine\n")));
    let shown = run(["config", "show", "--config", &good]);
    assert!(shown.code == 0 && shown.out.contains("[zones.a]"), "{shown:?}");
    let shown = write("shown.toml", &shown.out);
    assert_eq!(run(["config", "check", "--config", &shown]).code, 0);
    let json = run(["--json", "config", "show", "--config", &good]).json();
    assert_eq!((&json["zones"]["a"]["strict_testing"], &json["store"]["kind"]), (&true.into(), &"sqlite".into()));

    let odd = write("odd.toml", "[store]\nkind = \"memory\"\n");
    let checked = run(["config", "check", "--config", &odd]);
    assert_eq!(checked.code, 1);
    assert!(
        checked.out.starts_with("warning: store.kind: ") && checked.out.ends_with("is fine, with 1 warning\n"),
        "{checked:?}"
    );

    let bad = write("bad.toml", "[server]\nhtp = 1\n[log]\nlevel = 2\n");
    let checked = run(["config", "check", "--config", &bad]);
    assert_eq!(checked.code, 2);
    let lines: Vec<_> = checked.out.lines().collect();
    assert_eq!(lines[0], format!("error: {bad}:2:1: unknown key \"htp\" in [server]; did you mean \"http\"?"));
    assert_eq!((lines.len(), lines[2]), (3, &*format!("{bad} has 2 errors")));
    let json = run(["--json", "config", "check", "--config", &bad]).json();
    assert_eq!((&json["valid"], &json["errors"][1]["line"]), (&false.into(), &4.into()));
    assert_eq!(run(["config", "check", "--config", "/no/such/file"]).code, 2);

    let yaml = write("a.yml", "host: 127.0.0.1\nport: 8461\ndefault_zone: {strict_testing: true}\n");
    let imported = run(["config", "import", &yaml]);
    assert_eq!((imported.code, &*imported.err), (0, ""));
    let made = write("made.toml", &imported.out);
    assert_eq!(run(["config", "check", "--config", &made]).code, 0);
    let yaml = write("b.yml", "server: {nonsense: 1}\n");
    let imported = run(["config", "import", &yaml]);
    assert_eq!((imported.code, &*imported.err), (1, "note: server.nonsense: not a known key, left out\n"));
    let yaml = write("c.yml", "[1, 2]");
    assert_eq!(run(["config", "import", &yaml]).code, 2);
    assert_eq!(run(["config", "import", "/no/such/file"]).code, 64);
}
