//! Processes that are killed, that share a file, that have a full disk. They are this test binary,
//! run again.

use super::{Dice, NOW, Scratch, big_entry, domain};
use mta_sts::{CacheOp, Domain, PolicyStore, SqliteStore};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
};

/// Tells a child what to do: a role, and the database.
const ROLE: &str = "MTA_STS_SQLITE_ROLE";
const DATABASE: &str = "MTA_STS_SQLITE_DATABASE";

fn spawn(role: &str, scratch: &Scratch, shell: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{shell} exec \"$@\""), "sh"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "processes::child", "--nocapture"]).env(ROLE, role).env(DATABASE, scratch.database());
    command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

/// What the child says was acknowledged: a domain, and the time of the policy.
fn acknowledged(line: &str) -> Option<(Domain, u64)> {
    // A line that the kill cut has no end.
    let words: Vec<_> = line.strip_prefix("kept ")?.strip_suffix(" .")?.split(' ').collect();
    Some((domain(words[0]), words[1].parse().unwrap()))
}

/// Not a test by itself: a process that writes, for the tests below.
#[tokio::test]
async fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let store = Arc::new(SqliteStore::open(std::env::var_os(DATABASE).unwrap()).unwrap());
    let writers = (0..4).map(|writer| {
        let (store, role) = (Arc::clone(&store), role.clone());
        tokio::spawn(async move {
            let rounds = match &*role {
                "open" => 0,
                "some" => 50,
                _ => u64::MAX,
            };
            for n in 0..rounds {
                let name = domain(&format!("d{}.w{writer}.{role}.test", n % 50));
                let at = NOW.plus(n);
                match store.apply(&name, &CacheOp::Fetched(big_entry(&name, at.0)), at).await {
                    Ok(()) => println!("\nkept {} {at} .", name.as_str()),
                    Err(error) if role == "full" => return println!("\nfailed {error}"),
                    // Another process has the lock: what the resolver tries again later.
                    Err(error) => assert!(error.to_string().contains("locked"), "{error}"),
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

async fn assert_kept(scratch: &Scratch, acknowledged: &[(Domain, u64)]) {
    let store = scratch.open();
    for (name, at) in acknowledged {
        let entry = store.get(name).await.unwrap().unwrap_or_else(|| panic!("lost {name}"));
        let fetched_at = entry.held().unwrap().fetched_at.0;
        assert!(fetched_at >= *at, "{name} {fetched_at} {at}");
        assert_eq!(entry.held(), big_entry(name, fetched_at).held());
    }
    store.close().await;
    let conn = rusqlite::Connection::open(scratch.database()).unwrap();
    let check: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    assert!(scratch.aside().is_empty());
}

#[tokio::test]
async fn a_hundred_kills_lose_nothing_that_was_acknowledged() {
    let (scratch, mut dice, mut kept) = (Scratch::new(), Dice(9), 0);
    for _ in 0..100 {
        let mut child = spawn("kill", &scratch, "");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let before = dice.roll(60) as usize;
        let mut seen: Vec<_> = lines.by_ref().filter_map(|line| acknowledged(&line)).take(before).collect();
        child.kill().unwrap();
        seen.extend(lines.filter_map(|line| acknowledged(&line)));
        child.wait().unwrap();
        assert_kept(&scratch, &seen).await;
        kept += seen.len();
    }
    println!("{kept} acknowledged writes were kept over 100 kills");
    assert!(kept > 1000);
}

#[tokio::test]
async fn several_processes_share_one_file() {
    let scratch = Scratch::new();
    let children: Vec<_> = (0..3).map(|_| spawn("some", &scratch, "")).collect();
    let mut all = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        all.extend(String::from_utf8(output.stdout).unwrap().lines().filter_map(acknowledged));
    }
    assert!(all.len() > 100, "{}", all.len());
    assert_kept(&scratch, &all).await;
}

#[tokio::test]
async fn several_processes_may_make_the_file_at_once() {
    for _ in 0..20 {
        let scratch = Scratch::new();
        let children: Vec<_> = (0..4).map(|_| spawn("open", &scratch, "")).collect();
        assert!(children.into_iter().all(|mut child| child.wait().unwrap().success()));
    }
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_what_is_there_stays() {
    let scratch = Scratch::new();
    // In blocks of 512 bytes (1024 in some shells); a write beyond it fails.
    let child = spawn("full", &scratch, "trap '' XFSZ; ulimit -f 800;");
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(output.contains("failed the policy store failed"), "{output}");
    let all: Vec<_> = output.lines().filter_map(acknowledged).collect();
    assert!(!all.is_empty());
    assert_kept(&scratch, &all).await;
}
