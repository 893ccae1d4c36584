//! `mta-sts cache` and a running daemon.

use crate::{
    common::{self, Run, command, run},
    daemon::{Daemon, Directory, publish, settings},
};
use mta_sts_lab::Lab;
use serde_json::json;
use std::path::{Path, PathBuf};

/// A daemon with an admin socket, which is `admin.sock` in the directory.
fn start(lab: &Lab) -> (Directory, Daemon, PathBuf) {
    let directory = Directory::new();
    let admin = directory.path("admin.sock");
    let server = format!("[server]\nlisten = [\"127.0.0.1:0\"]\nhttp = \"\"\nadmin = \"unix:{}\"\n", admin.display());
    let daemon = Daemon::start(&directory, &settings(lab, &server));
    (directory, daemon, admin)
}

/// The lab goes on while the command runs.
fn cache(path: &Path, args: &[&str]) -> Run {
    let admin = format!("--admin={}", path.display());
    tokio::task::block_in_place(|| run(["cache", &admin].iter().chain(args)))
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_fetched_listed_shown_and_forgotten() {
    let lab = Lab::start().await.unwrap();
    let (_directory, _daemon, path) = start(&lab);
    assert_eq!(cache(&path, &["list"]).out, "the cache is empty\n");
    publish(&lab, "a.test", "*.a.test");
    publish(&lab, "xn--bcher-kva.test", "mail.a.test");
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
    assert_eq!(cache(&path, &["show", "--json", "a.test"]).json()["id"], json!("1"));

    assert_eq!(cache(&path, &["purge", "a.test"]).out, "a.test is forgotten\n");
    let again = cache(&path, &["purge", "a.test"]);
    assert_eq!((again.code, again.out.as_str()), (1, "the cache holds nothing for a.test\n"));
    assert_eq!(cache(&path, &["purge", "--all"]).out, "1 entry is forgotten\n");
    let gone = cache(&path, &["show", "a.test"]);
    assert!(gone.code == 1 && gone.err.contains("mta-sts cache refresh a.test"), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_fails_says_why() {
    let lab = Lab::start().await.unwrap();
    let (_directory, _daemon, path) = start(&lab);
    lab.world().txt("_mta-sts.a.test", &["v=STSv1; id=1;"]);
    let failed = cache(&path, &["refresh", "a.test"]);
    assert!(failed.code == 3 && failed.out.contains("problem"), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_reach_the_daemon_is_told_what_to_do() {
    let absent = cache(Path::new("/nonexistent/admin.sock"), &["list"]);
    assert!(absent.code == 3 && absent.err.contains("is the daemon (\"mta-sts serve\") running?"), "{absent:?}");
    let lab = Lab::start().await.unwrap();
    let (directory, daemon, path) = start(&lab);
    // In the usual place it is found without being named.
    let found = tokio::task::block_in_place(|| {
        command().args(["cache", "list"]).env("RUNTIME_DIRECTORY", directory.path("")).output().unwrap()
    });
    assert_eq!(String::from_utf8(found.stdout).unwrap(), "the cache is empty\n");
    // Killed, it leaves its socket there.
    drop(daemon);
    let refused = cache(&path, &["list"]);
    assert!(refused.code == 3 && refused.err.contains("nobody answers there"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_says_where_the_daemon_is() {
    let lab = Lab::start().await.unwrap();
    let (directory, _daemon, path) = start(&lab);
    let config = |admin: &str| {
        let text = format!("[server]\nadmin = \"{admin}\"\n");
        common::file("cache.toml", text.as_bytes()).display().to_string()
    };
    let list = |config: &str, more: &[&str]| {
        let args = [&["cache", "list", "--config", config], more].concat();
        tokio::task::block_in_place(|| run(&args))
    };
    let there = directory.path("config.toml").display().to_string();
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
