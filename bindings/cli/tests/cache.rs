//! `mta-sts cache` over the real admin socket.

mod common;

use common::{Run, command, run};
use mta_sts::{
    Answer, BoxFuture, CacheOp, DnsError, Domain, Entry, Intent, MxHosts, NameServer, PolicyStore, Resolver,
    StoreError, UnixTime,
};
use mta_sts_lab::{Lab, PolicyHost};
use mta_sts_postfix::{Admin, Health, Listener, Operations, UnixSocketOptions};
use serde_json::json;
use std::{
    collections::BTreeMap,
    future::ready,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::SystemTime,
};

#[derive(Default)]
struct Shelf(Mutex<BTreeMap<Domain, Entry>>);

impl PolicyStore for Shelf {
    fn get<'a>(&'a self, domain: &'a Domain) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        Box::pin(ready(Ok(self.0.lock().unwrap().get(domain).cloned())))
    }

    fn apply<'a>(
        &'a self,
        domain: &'a Domain,
        op: &'a CacheOp,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut entries = self.0.lock().unwrap();
        if let Some(entry) = Entry::apply(entries.get(domain).cloned(), domain, op, now) {
            entries.insert(domain.clone(), entry);
        }
        Box::pin(ready(Ok(())))
    }

    fn list<'a>(&'a self, after: Option<&'a Domain>, limit: usize) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>> {
        let entries = self.0.lock().unwrap();
        let behind = entries.values().filter(|entry| after.is_none_or(|after| entry.domain() > after));
        Box::pin(ready(Ok(behind.take(limit).cloned().collect())))
    }
}

struct Daemon {
    lab: Lab,
    resolver: Resolver,
    shelf: Arc<Shelf>,
}

impl Operations for Daemon {
    async fn cached_after(&self, after: Option<&Domain>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.shelf.list(after, limit).await
    }

    async fn cached(&self, domain: &Domain) -> Result<Option<Entry>, StoreError> {
        self.shelf.get(domain).await
    }

    async fn forget(&self, domain: &Domain) -> Result<bool, StoreError> {
        Ok(self.shelf.0.lock().unwrap().remove(domain).is_some())
    }

    async fn refresh(&self, domain: &Domain) -> Answer {
        self.resolver.resolve_with(domain, Intent::Refresh).await
    }

    async fn look_up_canary(&self, domain: &Domain) -> Answer {
        self.resolver.resolve_with(domain, Intent::BeforeBounce).await
    }

    async fn mx_hosts(&self, domain: &Domain) -> Result<MxHosts, DnsError> {
        self.resolver.mx_hosts(domain).await
    }

    fn now(&self) -> UnixTime {
        UnixTime(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
    }

    async fn metrics(&self) -> String {
        String::new()
    }

    async fn reload(&self) -> Result<String, String> {
        Err("no".to_owned())
    }
}

async fn start(name: &str) -> (Arc<Daemon>, Admin, PathBuf) {
    let lab = Lab::start().await.unwrap();
    let shelf = Arc::new(Shelf::default());
    let builder = Resolver::builder()
        .name_servers([NameServer::Plain(lab.dns_addr())])
        .extra_ca_pem(lab.ca_pem().as_bytes())
        .unwrap()
        .only_extra_ca(true)
        .https_port(lab.https_port())
        .allow_nets(["127.0.0.0/8".parse().unwrap()])
        .store(shelf.clone());
    let daemon = Arc::new(Daemon { lab, resolver: builder.build().unwrap(), shelf });
    let directory = std::env::temp_dir().join(format!("mta-sts-cache-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("admin.sock");
    let options = UnixSocketOptions { mode: 0o600, ..UnixSocketOptions::new(&path) };
    let listener = Listener::unix(&options).await.unwrap();
    let admin = Admin::start(listener, daemon.clone(), Arc::new(Health::new(None)), || None).unwrap();
    (daemon, admin, path)
}

fn publish(lab: &Lab, name: &str) {
    lab.world().txt(&format!("_mta-sts.{name}"), &["v=STSv1; id=7;"]);
    let policy = format!("version: STSv1\nmode: enforce\nmx: *.{name}\nmax_age: 604800\n");
    lab.world().policy_host(&format!("mta-sts.{name}"), PolicyHost::serving(policy));
}

/// The daemon goes on while the command runs.
fn cache(path: &Path, args: &[&str]) -> Run {
    let admin = format!("--admin={}", path.display());
    tokio::task::block_in_place(|| run(["cache", &admin].iter().chain(args)))
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_fetched_listed_shown_and_forgotten() {
    let (daemon, _admin, path) = start("all").await;
    assert_eq!(cache(&path, &["list"]).out, "the cache is empty\n");
    publish(&daemon.lab, "a.test");
    publish(&daemon.lab, "xn--bcher-kva.test");
    let refreshed = cache(&path, &["refresh", "A.test."]);
    assert_eq!((refreshed.code, refreshed.err.as_str()), (0, ""), "{refreshed:?}");
    assert!(refreshed.out.contains("decision    enforce, by a policy that was fetched just now"), "{}", refreshed.out);
    assert_eq!(cache(&path, &["refresh", "bücher.test"]).code, 0);

    let list = cache(&path, &["list"]);
    let lines: Vec<_> = list.out.lines().collect();
    assert!(lines[0].starts_with("DOMAIN") && lines[1].starts_with("a.test") && lines.len() == 3, "{list:?}");
    assert!(lines[2].contains("enforce") && lines[2].contains("live"), "{list:?}");
    let names = cache(&path, &["list", "--json"]).json();
    assert_eq!(names["entries"][1]["domain"], json!("xn--bcher-kva.test"));

    let shown = cache(&path, &["show", "a.test"]);
    assert!(shown.out.contains("  mx          *.a.test\n") && shown.out.contains("mode: enforce"), "{}", shown.out);
    assert_eq!(cache(&path, &["show", "--json", "a.test"]).json()["id"], json!("7"));

    assert_eq!(cache(&path, &["purge", "a.test"]).out, "a.test is forgotten\n");
    let again = cache(&path, &["purge", "a.test"]);
    assert_eq!((again.code, again.out.as_str()), (1, "the cache holds nothing for a.test\n"));
    assert_eq!(cache(&path, &["purge", "--all"]).out, "1 entry is forgotten\n");
    let gone = cache(&path, &["show", "a.test"]);
    assert!(gone.code == 1 && gone.err.contains("mta-sts cache refresh a.test"), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_fails_says_why() {
    let (daemon, _admin, path) = start("fails").await;
    daemon.lab.world().txt("_mta-sts.a.test", &["v=STSv1; id=1;"]);
    let failed = cache(&path, &["refresh", "a.test"]);
    assert!(failed.code == 3 && failed.out.contains("problem"), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_reach_the_daemon_is_told_what_to_do() {
    let absent = cache(Path::new("/nonexistent/admin.sock"), &["list"]);
    assert!(absent.code == 3 && absent.err.contains("is the daemon (\"mta-sts serve\") running?"), "{absent:?}");
    let (_daemon, admin, path) = start("left").await;
    // In the usual place it is found without being named.
    let found = tokio::task::block_in_place(|| {
        command().args(["cache", "list"]).env("RUNTIME_DIRECTORY", path.parent().unwrap()).output().unwrap()
    });
    assert_eq!(String::from_utf8(found.stdout).unwrap(), "the cache is empty\n");
    drop(admin);
    let dead = std::os::unix::net::UnixListener::bind(path.with_file_name("dead.sock"));
    drop(dead);
    let refused = cache(&path.with_file_name("dead.sock"), &["list"]);
    assert!(refused.code == 3 && refused.err.contains("nobody answers there"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_says_where_the_daemon_is() {
    let (_daemon, _admin, path) = start("config").await;
    let config = |admin: &str| {
        let text = format!("[server]\nadmin = \"{admin}\"\n");
        common::file("cache.toml", text.as_bytes()).display().to_string()
    };
    let list = |config: &str, more: &[&str]| {
        let args = [&["cache", "list", "--config", config], more].concat();
        tokio::task::block_in_place(|| run(&args))
    };
    let there = config(&format!("unix:{}", path.display()));
    assert_eq!(list(&there, &[]).out, "the cache is empty\n");
    let elsewhere = config("unix:/nonexistent/admin.sock");
    let gone = list(&elsewhere, &[]);
    assert!(gone.code == 3 && gone.err.contains("no admin socket at /nonexistent/admin.sock"), "{gone:?}");
    // What the command line says goes before it.
    assert_eq!(list(&elsewhere, &["--admin", path.to_str().unwrap()]).code, 0);
    let off = list(&config(""), &[]);
    assert!(off.code == 3 && off.err.contains("server.admin is \"\""), "{off:?}");
    let broken = list(&common::file("broken.toml", b"[sever]\n").display().to_string(), &[]);
    assert!(broken.code == 64 && broken.err.contains("broken.toml:1:2: unknown table"), "{broken:?}");
}
