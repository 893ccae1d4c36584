//! A signed root with zones below it, served by knot and resolved by unbound, on loopback.

use mta_sts::NameServer;
use std::{
    env,
    fmt::Write as _,
    fs,
    net::{SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A zone, the file it is made of, and how it is signed.
const ZONES: &[(&str, &str, Signing)] = &[
    ("signed.test", "signed.zone", Signing::Nsec),
    ("nsec3.test", "nsec3.zone", Signing::Nsec3),
    ("opt-out.test", "opt-out.zone", Signing::OptOut),
    ("plain.opt-out.test", "plain.zone", Signing::None),
    ("plain.test", "plain.zone", Signing::None),
    ("island.test", "plain.zone", Signing::Island),
    ("expired.test", "plain.zone", Signing::Expired),
];

#[derive(Clone, Copy, Eq, PartialEq)]
enum Signing {
    Nsec,
    Nsec3,
    OptOut,
    None,
    /// Signed, but the zone above does not say so.
    Island,
    Expired,
}

/// The servers, which end with it.
pub(super) struct SignedRoot {
    processes: Vec<Child>,
    directory: Scratch,
    /// Never read.
    silent: UdpSocket,
    /// Validates, by the AD bit.
    pub(super) validating: NameServer,
    /// Passes on what it gets.
    pub(super) trusting: NameServer,
    /// A DNSKEY record.
    pub(super) anchors: String,
}

impl SignedRoot {
    pub(super) fn start() -> Self {
        let scratch = Scratch::new();
        let directory = &scratch.0;
        let mut delegations = String::new();
        for (zone, file, signing) in ZONES {
            sign(directory, zone, &zone_file(file), *signing);
            if *zone != "plain.opt-out.test" {
                writeln!(delegations, "{zone}. NS ns.{zone}.\nns.{zone}. A 127.0.0.1").unwrap();
            }
            if !matches!(signing, Signing::None | Signing::Island) {
                delegations += &fs::read_to_string(directory.join(format!("dsset-{zone}."))).unwrap();
            }
        }
        let soa = "SOA ns hostmaster 1 3600 600 86400 300\n@ NS ns\nns A 127.0.0.1\n";
        sign(directory, "test", &format!("$TTL 300\n@ {soa}{delegations}"), Signing::Nsec);
        let test = fs::read_to_string(directory.join("dsset-test.")).unwrap();
        let root = format!("$TTL 300\n@ {soa}test. NS ns.test.\nns.test. A 127.0.0.1\n{test}");
        let anchors = sign(directory, ".", &root, Signing::Nsec).unwrap_or_default();
        fs::write(directory.join("root.key"), &anchors).unwrap();

        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let knot = free_port();
        let mut root = Self {
            processes: Vec::new(),
            validating: NameServer::Plain(free_port()),
            trusting: NameServer::Plain(free_port()),
            silent,
            directory: scratch,
            anchors,
        };
        root.processes.push(serve(&root.directory.0, knot));
        until_open(knot);
        for (server, modules) in [(root.validating.addr(), "validator iterator"), (root.trusting.addr(), "iterator")] {
            let unbound = resolve(&root.directory.0, server, modules, knot, root.silent.local_addr().unwrap());
            root.processes.push(unbound);
            until_open(server);
        }
        root
    }
}

impl Drop for SignedRoot {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let directory = env::temp_dir().join(format!("mta-sts-dane-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn zone_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dane/servers/zones").join(name);
    fs::read_to_string(path).unwrap()
}

/// Writes the zone as it is to be served; the key that signs the keys, if it is signed.
fn sign(directory: &Path, zone: &str, text: &str, signing: Signing) -> Option<String> {
    let served = directory.join(served(zone));
    if signing == Signing::None {
        fs::write(served, text).unwrap();
        return None;
    }
    let source = directory.join("source");
    fs::write(&source, text).unwrap();
    let keygen = |flags: &[&str]| {
        let mut command = tool("dnssec-keygen", directory);
        let name = output(command.args(["-q", "-a", "ECDSAP256SHA256"]).args(flags).arg(zone));
        fs::read_to_string(directory.join(format!("{}.key", name.trim()))).unwrap()
    };
    let key = keygen(&["-f", "KSK"]);
    keygen(&[]);
    let mut command = tool("dnssec-signzone", directory);
    command.args(["-S", "-x", "-O", "full", "-o", zone, "-f"]).arg(&served);
    match signing {
        Signing::Nsec3 => command.args(["-3", "-"]),
        Signing::OptOut => command.args(["-3", "-", "-A"]),
        Signing::Expired => command.args(["-P", "-s", "20200101000000", "-e", "20200201000000"]),
        _ => &mut command,
    };
    output(command.arg(&source));
    // What was signed is not what is served.
    let altered = fs::read_to_string(&served).unwrap();
    let altered = altered.replace("\t666 ", "\t667 ").replace("192.0.2.66", "192.0.2.67").replace("DEAD", "BEEF");
    fs::write(&served, altered).unwrap();
    Some(key)
}

fn served(zone: &str) -> String {
    format!("served-{}", zone.trim_end_matches('.'))
}

fn all_zones() -> impl Iterator<Item = &'static str> {
    [".", "test"].into_iter().chain(ZONES.iter().map(|(zone, ..)| *zone))
}

fn serve(directory: &Path, address: SocketAddr) -> Child {
    let place = directory.display();
    let mut config = format!(
        "server:\n  listen: {}@{}\n  rundir: {place}\ndatabase:\n  storage: {place}/db\n\
         log:\n  - target: {place}/knot.log\n    any: info\nzone:\n",
        address.ip(),
        address.port()
    );
    for zone in all_zones() {
        let file = served(zone);
        write!(config, "  - domain: {zone}\n    storage: {place}\n    file: {file}\n").unwrap();
        config += "    zonefile-sync: -1\n    journal-content: none\n    semantic-checks: off\n";
    }
    fs::write(directory.join("knot.conf"), config).unwrap();
    start(tool("knotd", directory).args(["-c", "knot.conf"]))
}

fn resolve(directory: &Path, address: SocketAddr, modules: &str, knot: SocketAddr, silent: SocketAddr) -> Child {
    let (place, port) = (directory.display(), address.port());
    let mut config = format!(
        "server:\n interface: {}\n port: {port}\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n\
         directory: \"{place}\"\n pidfile: \"\"\n use-syslog: no\n logfile: \"unbound-{port}.log\"\n\
         do-not-query-localhost: no\n do-ip6: no\n local-zone: \"test.\" nodefault\n\
         trust-anchor-file: \"root.key\"\n module-config: \"{modules}\"\n\
         remote-control:\n control-enable: no\n",
        address.ip()
    );
    let mut stub = |zone: &str, server: SocketAddr| {
        let (ip, port) = (server.ip(), server.port());
        write!(config, "stub-zone:\n name: \"{zone}\"\n stub-addr: {ip}@{port}\n").unwrap();
    };
    all_zones().for_each(|zone| stub(zone, knot));
    stub("_tcp.mx.silent.signed.test", silent);
    let file = format!("unbound-{port}.conf");
    fs::write(directory.join(&file), config).unwrap();
    start(tool("unbound", directory).args(["-d", "-c", &file]))
}

fn tool(name: &str, directory: &Path) -> Command {
    let mut command = Command::new(name);
    let path = env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/usr/bin")).current_dir(directory).stdin(Stdio::null());
    command
}

fn missing(command: &Command, error: &std::io::Error) -> ! {
    let name = command.get_program().display();
    panic!("{name} cannot be run ({error}): the feature `dnssec-servers` needs knot, unbound and bind9-utils")
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| missing(command, &error));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| missing(command, &error))
}

/// Free a moment ago.
fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap()
}

/// DNS servers open their TCP ports last.
fn until_open(address: SocketAddr) {
    for _ in 0..500 {
        if std::net::TcpStream::connect(address).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nothing listens at {address} after ten seconds");
}
