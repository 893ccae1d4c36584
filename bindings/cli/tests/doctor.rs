//! `mta-sts doctor` against a lab, a real server, and a postconf that says what a case wants.

mod common;

use common::{Run, command, service};
use mta_sts_lab::{Lab, PolicyHost};
use mta_sts_postfix::{Limits, Listener, Server, UnixSocketOptions};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
};

/// A main.cf without faults, for `ADDRESS`.
const FINE: &str = "\
mail_version = 3.10.5
mail_owner = nobody
queue_directory = QUEUE
compatibility_level = 3.6
smtp_dns_support_level =
smtp_host_lookup = dns
smtp_tls_CAfile = CA
smtp_tls_CApath =
smtp_tls_enforce_sts_mx_patterns = yes
smtp_tls_policy_maps = socketmap:inet:ADDRESS:postfixwithTLSRPT
smtp_tls_security_level = may
smtp_use_tls = no
";

const MASTER: &str = "\
smtp       inet  n       -       y       -       -       smtpd
smtp       unix  -       -       y       -       -       smtp
relay      unix  -       -       y       -       -       smtp -o syslog_name=postfix/$service_name
";

struct Clinic {
    lab: Lab,
    directory: PathBuf,
    address: String,
    _server: Server,
}

impl Clinic {
    async fn open(name: &str) -> Self {
        let lab = Lab::start().await.unwrap();
        let directory = std::env::temp_dir().join(format!("mta-sts-doctor-{}-{name}", std::process::id()));
        fs::create_dir_all(directory.join("queue/in")).unwrap();
        fs::write(directory.join("ca.pem"), lab.ca_pem()).unwrap();
        fs::write(directory.join("empty.pem"), "").unwrap();
        let tcp = Listener::tcp("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = tcp.tcp_addr().unwrap().to_string();
        let unix = UnixSocketOptions { mode: 0o660, ..UnixSocketOptions::new(directory.join("queue/in/a.sock")) };
        let unix = Listener::unix(&unix).await.unwrap();
        let server = Server::start(service(&lab), [tcp, unix], Limits::default());
        Self { lab, directory, address, _server: server }
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    /// Writes the program, which says the fine main.cf with these lines changed.
    fn postconf(&self, changes: &[(&str, &str)], master: &str) -> String {
        let mut main = FINE.to_owned();
        for (name, value) in changes {
            let old = main.lines().find(|line| line.starts_with(&format!("{name} ="))).unwrap().to_owned();
            main = main.replace(&old, &format!("{name} = {value}"));
        }
        let main = main
            .replace("ADDRESS", &self.address)
            .replace("QUEUE", &self.path("queue"))
            .replace("CA\n", &format!("{}\n", self.path("ca.pem")));
        let script =
            format!("#!/bin/sh\ncase \"$1\" in\n-x) cat <<'E'\n{main}E\n;;\n-M) cat <<'E'\n{master}E\n;;\nesac\n");
        let path = self.path("postconf");
        // Never written while it runs.
        fs::write(self.path("new"), script).unwrap();
        fs::set_permissions(self.path("new"), Permissions::from_mode(0o755)).unwrap();
        fs::rename(self.path("new"), &path).unwrap();
        path
    }

    /// The lab goes on while the command runs.
    fn doctor(&self, postconf: &str, args: &[&str]) -> Run {
        let output = tokio::task::block_in_place(|| {
            let mut command = command();
            command.args(["doctor", "--postconf", postconf, "--ca", &self.path("ca.pem")]);
            command.args(["--dns", &self.lab.dns_addr().to_string(), "--allow-net=127.0.0.0/8"]);
            command.arg(format!("--https-port={}", self.lab.https_port())).args(args).output().unwrap()
        });
        let text = |octets| String::from_utf8(octets).unwrap();
        Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// By a configuration alone, with these lines more.
    fn doctor_by(&self, postconf: &str, more: &str) -> Run {
        let config = format!(
            "[server]\nlisten = [\"{}\"]\n[dns]\nservers = [\"{}\"]\n[https]\nca_file = \"{}\"\nport = {}\n\
             allow_nets = [\"127.0.0.0/8\"]\n{more}",
            self.address,
            self.lab.dns_addr(),
            self.path("ca.pem"),
            self.lab.https_port(),
        );
        fs::write(self.path("config.toml"), config).unwrap();
        let output = tokio::task::block_in_place(|| {
            let args = ["doctor", "--json", "--postconf", postconf, "--config", &self.path("config.toml")];
            command().args(args).output().unwrap()
        });
        let text = |octets| String::from_utf8(octets).unwrap();
        Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn socket(&self) -> String {
        format!("--socket={}", self.address)
    }
}

impl Drop for Clinic {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The states of a check, with a space between them.
fn status(run: &Run, check: &str) -> String {
    let json = run.json();
    let checks = json["checks"].as_array().unwrap().iter().filter(|found| found["check"] == check);
    checks.map(|found| found["status"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_fine_is_said_in_a_line_each() {
    let clinic = Clinic::open("fine").await;
    let world = clinic.lab.world();
    world.set_secure(".", true);
    world.txt("_mta-sts.a.test", &["v=STSv1; id=1;"]);
    let policy = "version: STSv1\nmode: enforce\nmx: mail.a.test\nmax_age: 86400\n";
    world.policy_host("mta-sts.a.test", PolicyHost::serving(policy));
    let postconf = clinic.postconf(&[], MASTER);
    let run = clinic.doctor(&postconf, &[&clinic.socket(), "--domain=a.test"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{}", run.out);
    assert!(!run.out.contains('\x1b'), "{:?}", run.out);
    assert!(!run.out.contains("\n         fix: "), "{}", run.out);
    let words = run.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "ok the clock",
        "ok name server 127.0.0.1",
        "ok DNSSEC: the name servers vouch for \".\"",
        "ok CA certificates",
        "ok a.test: enforces for 1 day",
        "ok daemon at 127.0.0.1",
        "ok Postfix: version 3.10.5",
        "leads to the daemon",
        "MX names are matched, and reports can be written",
        "ok smtp_tls_security_level: may",
    ] {
        assert!(words.contains(expected), "{expected}: {}", run.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_main_cf_is_found_with_its_fix() {
    let clinic = Clinic::open("faults").await;
    let plain = format!("socketmap:inet:{}:postfix", clinic.address);
    let dane_map = format!("socketmap:inet:{}:dane", clinic.address);
    let socketless = format!("socketmap:unix:{}/queue/in/a.sock:postfix", clinic.directory.display());
    let bad_ca = clinic.path("empty.pem");
    for (changes, check, expected, code) in [
        (&[("smtp_tls_policy_maps", "")][..], "policy-maps", "fail", 2),
        (&[("smtp_tls_policy_maps", "hash:/a, socketmap:inet:127.0.0.1:1:postfix")], "policy-maps", "fail", 2),
        (&[("smtp_tls_policy_maps", &*format!("hash:/a, {plain}"))], "policy-maps", "ok", 0),
        (&[("smtp_tls_policy_maps", &*plain)], "version", "ok", 0),
        (&[("mail_version", "3.7.11")], "version", "fail", 2),
        (&[("mail_version", "3.7.11"), ("smtp_tls_policy_maps", &*plain)], "version", "ok", 0),
        (&[("mail_version", "3.3.0"), ("smtp_tls_policy_maps", &*plain)], "version", "fail", 2),
        (&[("mail_version", "odd")], "version", "unknown", 3),
        (&[("smtp_tls_enforce_sts_mx_patterns", "no")], "version", "warn", 1),
        (&[("smtp_tls_CAfile", "")], "postfix-ca", "fail", 2),
        (&[("smtp_tls_CAfile", &*bad_ca)], "postfix-ca", "fail", 2),
        (&[("smtp_tls_CAfile", "/nonexistent.pem")], "postfix-ca", "fail", 2),
        (&[("smtp_tls_CAfile", ""), ("smtp_tls_CApath", "/etc/ssl/certs")], "postfix-ca", "fail", 2),
        (&[("smtp_tls_security_level", "")], "level", "warn", 1),
        (&[("smtp_tls_security_level", "none")], "level", "warn", 1),
        (&[("smtp_tls_security_level", ""), ("smtp_use_tls", "yes")], "level", "ok", 0),
        (&[("smtp_tls_security_level", "dane")], "level", "fail", 2),
        (&[("smtp_tls_security_level", "dane"), ("smtp_dns_support_level", "dnssec")], "dane", "warn", 1),
        (&[("smtp_tls_policy_maps", &*dane_map)], "dane", "fail", 2),
        (&[("smtp_tls_policy_maps", &*dane_map), ("smtp_dns_support_level", "dnssec")], "dane", "ok", 0),
        (&[("smtp_tls_policy_maps", &*socketless)], "policy-maps", "fail", 2),
    ] {
        let postconf = clinic.postconf(changes, MASTER);
        clinic.lab.world().set_secure(".", true);
        let run = clinic.doctor(&postconf, &[&clinic.socket(), "--json"]);
        assert_eq!((status(&run, check).as_str(), run.code), (expected, code), "{changes:?}: {}", run.out);
        let json = run.json();
        let broken = json["checks"].as_array().unwrap().iter().filter(|found| found["status"] == "fail");
        broken.for_each(|found| assert!(found["means"].is_string() && found["fix"].is_string(), "{found}"));
    }
    let master = format!("{MASTER}slow unix - - n - - smtp -o smtp_tls_policy_maps=hash:/a\n");
    let run = clinic.doctor(&clinic.postconf(&[], &master), &[&clinic.socket(), "--json"]);
    assert_eq!((status(&run, "master").as_str(), run.code), ("warn", 1), "{}", run.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_of_the_daemon_says_where_it_is_and_what_its_zones_answer() {
    let clinic = Clinic::open("config").await;
    clinic.lab.world().set_secure(".", true);
    let map = |name: &str| format!("socketmap:inet:{}:{name}", clinic.address);
    let (own, reports, plain) = (map("own"), map("ownwithTLSRPT"), map("postfix"));
    for (more, version, maps, check, expected, code) in [
        ("", "3.7.11", &plain, "version", "ok", 0),
        ("[zones.own]\ntlsrpt = \"always\"\n", "3.7.11", &own, "version", "fail", 2),
        ("[zones.own]\ntlsrpt = true\n", "3.10.5", &own, "version", "ok", 0),
        ("[zones.own]\n", "3.9.0", &reports, "version", "fail", 2),
        ("[zones.own]\ntlsrpt = \"never\"\n", "3.9.0", &reports, "version", "ok", 0),
        ("[zones.own]\nrequire_sni = false\n", "3.3.0", &own, "version", "ok", 0),
        ("[zones.own]\ndane = \"reply\"\n", "3.10.5", &own, "dane", "fail", 2),
        ("[zones.default]\ndane = \"reply\"\n", "3.10.5", &plain, "dane", "fail", 2),
        ("[zones.own]\ndane = \"yield\"\n", "3.10.5", &own, "dane", "warn", 1),
        ("[zones.own]\n", "3.10.5", &own, "config daemon policy-maps dnssec", "ok ok ok ok", 0),
        ("[store]\nkind = \"memory\"\n", "3.10.5", &plain, "config", "ok", 0),
        ("[store]\nkind = \"redis\"\nurl = \"redis://127.0.0.1:1\"\n", "3.10.5", &plain, "redis", "fail", 2),
        // A broken one: a line an error, and the rest by the defaults, where nobody answers.
        ("[zones.own]\ndane = \"no\"\nodd = 1\n", "3.10.5", &own, "config", "fail fail", 2),
    ] {
        let postconf = clinic.postconf(&[("mail_version", version), ("smtp_tls_policy_maps", maps)], MASTER);
        let run = clinic.doctor_by(&postconf, more);
        let found: Vec<_> = check.split(' ').map(|check| status(&run, check)).collect();
        assert_eq!((found.join(" ").as_str(), run.code), (expected, code), "{more}: {} {}", run.out, run.err);
    }
    // The AD bit of another machine's name server is not trusted, so that nobody checks DNSSEC.
    let dnssec = [("smtp_dns_support_level", "dnssec"), ("smtp_tls_policy_maps", &*map("dane"))];
    let postconf = clinic.postconf(&dnssec, MASTER);
    assert_eq!(status(&clinic.doctor_by(&postconf, ""), "dane"), "ok");
    let config = clinic.path("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("[https]", "dnssec = \"off\"\n[https]")).unwrap();
    let run = clinic.doctor(&postconf, &["--json", "--config", &config]);
    assert_eq!((status(&run, "dane").as_str(), &*status(&run, "dnssec"), run.code), ("warn", "skip", 1), "{}", run.out);
    // What the command line says goes before it.
    let run = clinic.doctor(&postconf, &["--json", "--config", &config, "--socket=127.0.0.1:1"]);
    assert_eq!((status(&run, "daemon").as_str(), run.code), ("fail", 2), "{}", run.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn unix_sockets_must_be_there_in_the_chroot_and_be_open_to_postfix() {
    let clinic = Clinic::open("unix").await;
    clinic.lab.world().set_secure(".", true);
    let absolute = clinic.path("queue/in/a.sock");
    let socket = format!("--socket=unix:{absolute}");
    let open = MASTER.replace(" y ", " n ");
    for (map, master, chroot) in [
        ("in/a.sock", MASTER, "ok"),
        ("/in/a.sock", MASTER, "ok"),
        (&*absolute, MASTER, "fail"),
        (&*absolute, &*open, "ok"),
    ] {
        let map = format!("socketmap:unix:{map}:postfix");
        let postconf = clinic.postconf(&[("smtp_tls_policy_maps", &map)], master);
        let run = clinic.doctor(&postconf, &[&socket, "--json"]);
        assert_eq!((status(&run, "chroot").as_str(), &*status(&run, "daemon")), (chroot, "ok"), "{map}: {}", run.out);
        // Its mode is 0660, and nobody is not in its group.
        assert_eq!(status(&run, "socket-rights"), "fail", "{}", run.out);
        fs::set_permissions(&absolute, Permissions::from_mode(0o666)).unwrap();
        assert_eq!(status(&clinic.doctor(&postconf, &[&socket, "--json"]), "socket-rights"), "ok");
        fs::set_permissions(&absolute, Permissions::from_mode(0o660)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_postfix_daemon_or_dns_is_told_so() {
    let clinic = Clinic::open("nothing").await;
    let run = clinic.doctor("/nonexistent/postconf", &[&clinic.socket(), "--json"]);
    assert_eq!((status(&run, "postfix").as_str(), &*status(&run, "domain")), ("skip", "skip"), "{}", run.out);
    // The name server does not validate.
    assert_eq!((status(&run, "dnssec").as_str(), run.code), ("warn", 1), "{}", run.out);
    let run = clinic.doctor("/nonexistent/postconf", &["--socket=127.0.0.1:1", "--json", "--domain=a.test"]);
    assert_eq!((status(&run, "daemon").as_str(), &*status(&run, "domain"), run.code), ("fail", "ok", 2), "{}", run.out);
    let run = clinic.doctor("/nonexistent/postconf", &[&clinic.socket(), "--json", "--dns=127.0.0.1:1"]);
    assert_eq!((status(&run, "dns").as_str(), run.code), ("ok fail", 2), "{}", run.out);
    let run = clinic.doctor("/bin/false", &[&clinic.socket(), "--json"]);
    assert_eq!((status(&run, "postfix").as_str(), run.code), ("unknown", 3), "{}", run.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_canary_is_the_live_domain_unless_another_is_named() {
    let clinic = Clinic::open("canary").await;
    let world = clinic.lab.world();
    world.set_secure(".", true);
    world.txt("_mta-sts.a.test", &["v=STSv1; id=1;"]);
    let policy = "version: STSv1\nmode: testing\nmx: mail.a.test\nmax_age: 86400\n";
    world.policy_host("mta-sts.a.test", PolicyHost::serving(policy));
    let by = |canary: &str| clinic.doctor_by("/nonexistent/postconf", &format!("[health]\ncanary = \"{canary}\"\n"));
    let run = by("a.test");
    assert_eq!((status(&run, "domain").as_str(), run.code), ("ok", 0), "{}", run.out);
    assert!(run.out.contains("tests its policy"), "{}", run.out);
    let run = by("absent.test");
    assert_eq!((status(&run, "domain").as_str(), run.code), ("warn", 1), "{}", run.out);
    let config = clinic.path("config.toml");
    let run = clinic.doctor("/nonexistent/postconf", &["--json", "--config", &config, "--domain=a.test"]);
    assert_eq!((status(&run, "domain").as_str(), run.code), ("ok", 0), "{}", run.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_daemon_validates_by_itself_is_validated() {
    let clinic = Clinic::open("validate").await;
    clinic.doctor_by("/nonexistent/postconf", "");
    let config = clinic.path("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let by = |lines: &str| {
        fs::write(&config, text.replace("[https]", &format!("dnssec = \"validate\"\n{lines}[https]"))).unwrap();
        clinic.doctor("/nonexistent/postconf", &["--json", "--config", &config])
    };
    // The lab signs nothing, whatever its AD bit says.
    clinic.lab.world().set_secure(".", true);
    let run = by("");
    assert_eq!((status(&run, "dnssec").as_str(), run.code), ("warn", 1), "{}", run.out);
    let run = by(&format!("trust_anchors = \"{}\"\n", clinic.path("empty.pem")));
    assert_eq!((status(&run, "dnssec").as_str(), run.code), ("fail", 2), "{}", run.out);
}

/// A real one, ended at the end.
struct Redis(std::process::Child, u16);

impl Redis {
    /// `None` if it is not installed.
    fn start(policy: &str) -> Option<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = std::process::Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--maxmemory", "100mb"]);
        command.args(["--maxmemory-policy", policy]).stdout(std::process::Stdio::null());
        let child = command.spawn().ok()?;
        for _ in 0..500 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Some(Self(child, port))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_throws_policies_away_is_warned_of() {
    let clinic = Clinic::open("redis").await;
    for (policy, expected) in [("allkeys-lru", "warn"), ("volatile-ttl", "ok")] {
        let Some(redis) = Redis::start(policy) else {
            return eprintln!("not tried: there is no redis-server");
        };
        let url = format!("--redis=redis://:wrong@127.0.0.1:{}/0", redis.1);
        let refused = clinic.doctor("/nonexistent/postconf", &[&clinic.socket(), "--json", &url]);
        assert_eq!(status(&refused, "redis"), "fail", "{}", refused.out);
        assert!(!refused.out.contains("wrong"), "{}", refused.out);
        let url = format!("--redis=redis://127.0.0.1:{}/0", redis.1);
        let run = clinic.doctor("/nonexistent/postconf", &[&clinic.socket(), "--json", &url]);
        assert_eq!(status(&run, "redis"), expected, "{}", run.out);
        assert!(run.out.contains(policy), "{}", run.out);
    }
    let run = clinic.doctor("/nonexistent/postconf", &[&clinic.socket(), "--json", "--redis=redis://127.0.0.1:1/0"]);
    assert_eq!((status(&run, "redis").as_str(), run.code), ("fail", 2), "{}", run.out);
}
