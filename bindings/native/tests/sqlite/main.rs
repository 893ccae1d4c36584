//! The SQLite store: equal to the one in memory, durable, and calm when its file is not.
#![cfg(feature = "sqlite")]

#[path = "../common/mod.rs"]
mod common;
mod lost;
mod processes;
mod used;

use mta_sts::core::RecordId;
use mta_sts::{CacheOp, Domain, Entry, MemoryStore, Policy, PolicyStore, SqliteStore, StoreError, Timeouts, UnixTime};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::time::timeout;

const NOW: UnixTime = UnixTime(1_800_000_000);
/// Many times the default of `Timeouts::store`, for a busy machine. Who waited for the writer would wait for ever.
const DEADLINE: Duration = Duration::from_secs(1);

/// A directory of its own, gone with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("mta-sts-sqlite-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    fn database(&self) -> PathBuf {
        self.0.join("policies.db")
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open(self.database()).unwrap()
    }

    /// The contents of the files that were moved aside.
    fn aside(&self) -> Vec<Vec<u8>> {
        let files = fs::read_dir(&self.0).unwrap().map(|file| file.unwrap().path());
        let is_aside = |path: &PathBuf| {
            let name = path.to_str().unwrap();
            name.contains(".corrupt-") && !name.ends_with("-wal") && !name.ends_with("-shm")
        };
        files.filter(is_aside).map(|path| fs::read(path).unwrap()).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn domain(name: &str) -> Domain {
    Domain::from_ascii(name).unwrap()
}

/// An entry of some kilobytes whose every line carries `fetched_at`, so that half of one is noticed.
fn big_entry(domain: &Domain, fetched_at: u64) -> Entry {
    let lines: String = (0..100).map(|n| format!("mx: mx{n}-{fetched_at}.example.test\n")).collect();
    let text = format!("version: STSv1\nmode: enforce\n{lines}max_age: 604800\n");
    import(domain, &text, UnixTime(fetched_at))
}

fn entry(domain: &Domain, max_age: u32, at: UnixTime) -> Entry {
    import(domain, &format!("version: STSv1\nmode: enforce\nmx: a.test\nmax_age: {max_age}\n"), at)
}

fn import(domain: &Domain, policy: &str, at: UnixTime) -> Entry {
    Entry::import(domain, RecordId::new("1").unwrap(), Policy::parse(policy.as_bytes()).unwrap(), at, at)
}

fn failed(domain: &Domain, at: UnixTime) -> CacheOp {
    let until = at.plus(300);
    let text =
        format!("mta-sts-entry 1\ndomain {}\nfailed 2 {at} {until} sts-webpki-invalid\npolicy 0\n", domain.as_str());
    CacheOp::Failed(*Entry::decode(text.as_bytes(), domain).unwrap().failed().unwrap())
}

async fn put(store: &SqliteStore, name: &str, max_age: u32, at: UnixTime) -> Domain {
    let domain = domain(name);
    store.apply(&domain, &CacheOp::Fetched(entry(&domain, max_age, at)), at).await.unwrap();
    domain
}

/// Random enough, and the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[tokio::test]
async fn any_sequence_of_calls_gives_what_the_store_in_memory_gives() {
    let scratch = Scratch::new();
    let (mut sqlite, memory, mut dice) = (scratch.open(), MemoryStore::default(), Dice(8461));
    // Where hyphens, dots, digits and letters stand in the order matters.
    let names = "a.test a-b.test ab.test a0.test a.b.test aa.test a.test0 xn--bcher-kva.test z.a test 0.test a-0.test";
    let domains: Vec<_> = names.split(' ').map(domain).collect();
    let mut now = NOW;
    for step in 0..2000 {
        // Clocks step back, too.
        now = UnixTime(now.0 + dice.roll(1800) - dice.roll(900));
        let domain = &domains[dice.roll(domains.len() as u64) as usize];
        let at = UnixTime(now.0 + 50 - dice.roll(200));
        let op = match dice.roll(8) {
            0..=2 => CacheOp::Fetched(entry(domain, [0, 10, 3600, 86_400][dice.roll(4) as usize], at)),
            3 => CacheOp::Checked { at },
            4 => failed(domain, at),
            5 => CacheOp::Keep,
            6 => {
                assert_eq!(sqlite.prune(now).await, memory.prune(now).await, "step {step}");
                continue;
            }
            _ => {
                let limit = dice.roll(14) as usize;
                let after = (dice.roll(3) > 0).then_some(domain);
                assert_eq!(sqlite.list(after, limit).await, memory.list(after, limit).await, "step {step}");
                continue;
            }
        };
        assert_eq!(sqlite.apply(domain, &op, now).await, memory.apply(domain, &op, now).await);
        assert_eq!(sqlite.get(domain).await, memory.get(domain).await, "step {step}: {op:?}");
        if dice.roll(200) == 0 {
            sqlite.close().await;
            sqlite = scratch.open();
        }
    }
}

#[tokio::test]
async fn a_restart_keeps_everything_and_close_leaves_one_file() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let name = put(&store, "a.test", 86_400, NOW).await;
    let mode = |file: &str| fs::metadata(scratch.0.join(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!(["policies.db", "policies.db-wal", "policies.db-shm"].map(mode), [0o600; 3]);
    store.close().await;
    assert!(matches!(store.get(&name).await, Err(StoreError::Failed(_))));
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1);
    assert_eq!(scratch.open().get(&name).await, Ok(Some(entry(&name, 86_400, NOW))));
}

#[tokio::test]
async fn an_entry_is_pruned_only_after_two_looks_an_hour_apart_also_over_a_restart() {
    let scratch = Scratch::new();
    let store = scratch.open();
    // More than are looked at in one go.
    for n in 0..1100 {
        let name = domain(&format!("d{n}.test"));
        store.apply(&name, &failed(&name, NOW), NOW).await.unwrap();
    }
    let live = put(&store, "live.test", 604_800, NOW).await;
    assert_eq!(store.prune(NOW).await, Ok(0));
    assert_eq!(store.prune(NOW.plus(3599)).await, Ok(0));
    let used = domain("d7.test");
    store.apply(&used, &failed(&used, NOW.plus(3599)), NOW.plus(3599)).await.unwrap();
    drop(store);
    let store = scratch.open();
    assert_eq!(store.prune(NOW.plus(3600)).await, Ok(1099));
    let left: Vec<_> = store.list(None, 9).await.unwrap().iter().map(|entry| entry.domain().clone()).collect();
    assert_eq!(left, [used, live]);
}

#[tokio::test]
async fn a_garbage_file_is_moved_aside_and_overwrites_no_other() {
    let scratch = Scratch::new();
    for round in 1..=3 {
        fs::write(scratch.database(), format!("garbage {round} ").repeat(1000)).unwrap();
        let store = scratch.open();
        put(&store, "a.test", 86_400, NOW).await;
        store.close().await;
        assert_eq!(scratch.aside().len(), round);
    }
    let mut kept: Vec<_> = scratch.aside().iter().map(|file| file[8]).collect();
    kept.sort_unstable();
    assert_eq!(kept, *b"123");
}

#[tokio::test]
async fn a_cut_file_is_moved_aside_and_an_empty_one_is_a_new_one() {
    let scratch = Scratch::new();
    for (left, aside) in [(8192, 1), (100, 2), (0, 2)] {
        let store = scratch.open();
        for n in 0..20 {
            let name = domain(&format!("d{n}.test"));
            store.apply(&name, &CacheOp::Fetched(big_entry(&name, NOW.0)), NOW).await.unwrap();
        }
        store.close().await;
        fs::OpenOptions::new().write(true).open(scratch.database()).unwrap().set_len(left).unwrap();
        let store = scratch.open();
        assert_eq!(store.list(None, 1).await, Ok(vec![]));
        store.close().await;
        assert_eq!(scratch.aside().len(), aside, "cut to {left}");
    }
}

#[tokio::test]
async fn a_file_found_broken_while_running_is_moved_aside_and_all_handles_follow() {
    let scratch = Scratch::new();
    let store = scratch.open();
    for n in 0..200 {
        let name = domain(&format!("d{n}.test"));
        store.apply(&name, &CacheOp::Fetched(big_entry(&name, NOW.0)), NOW).await.unwrap();
    }
    store.close().await;
    let mut bytes = fs::read(scratch.database()).unwrap();
    let end = bytes.len();
    bytes[8192..end].fill(0xa5);
    fs::write(scratch.database(), bytes).unwrap();

    let (store, other) = (scratch.open(), scratch.open());
    assert!(matches!(store.get(&domain("d7.test")).await, Err(StoreError::Failed(_))));
    assert_eq!(scratch.aside().len(), 1);
    let name = put(&store, "a.test", 86_400, NOW).await;
    assert!(other.get(&name).await.unwrap().is_some());
    put(&other, "b.test", 86_400, NOW).await;
    assert_eq!(store.list(None, 9).await.unwrap().len(), 2);
    drop(other);
    store.close().await;
    assert_eq!(scratch.open().list(None, 9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_deleted_file_is_made_anew() {
    let scratch = Scratch::new();
    let store = scratch.open();
    put(&store, "a.test", 86_400, NOW).await;
    fs::remove_file(scratch.database()).unwrap();
    let name = put(&store, "b.test", 86_400, NOW).await;
    store.close().await;
    assert!(scratch.open().get(&name).await.unwrap().is_some());
}

#[tokio::test]
async fn a_corrupt_entry_is_an_error_until_a_policy_replaces_it() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let names = ["a.test", "b.test", "c.test"];
    for name in names {
        put(&store, name, 86_400, NOW).await;
    }
    let [_, name, after] = names.map(domain);
    let conn = rusqlite::Connection::open(scratch.database()).unwrap();
    conn.execute("UPDATE entries SET entry = substr(entry, 1, 60) WHERE domain = 'b.test'", []).unwrap();
    let corrupt = || Err(StoreError::Corrupt);
    assert_eq!(store.get(&name).await, corrupt());
    for op in [CacheOp::Keep, CacheOp::Checked { at: NOW }, failed(&name, NOW)] {
        assert_eq!(store.apply(&name, &op, NOW).await.err(), Some(StoreError::Corrupt));
    }
    // The others are not hidden, and what cannot be read may live.
    assert_eq!(store.list(None, 2).await.unwrap()[1].domain(), &after);
    assert_eq!(store.prune(NOW).await, Ok(0));
    assert_eq!(store.prune(NOW.plus(3600)).await, Ok(0));
    assert_eq!(store.get(&name).await, corrupt());
    put(&store, "b.test", 3600, NOW).await;
    assert_eq!(store.get(&name).await, Ok(Some(entry(&name, 3600, NOW))));
}

#[tokio::test]
async fn a_database_of_another_program_or_a_newer_version_is_refused_and_left_alone() {
    for (sql, why) in [
        ("CREATE TABLE mail (id INTEGER)", "another program"),
        ("PRAGMA application_id = 7", "another program"),
        ("PRAGMA user_version = 7", "another program"),
        ("PRAGMA application_id = 0x4d545354; PRAGMA user_version = 3", "version 3"),
        ("PRAGMA application_id = 0x4d545354; PRAGMA user_version = 2", "schema is not ours"),
        ("PRAGMA application_id = 0x4d545354; PRAGMA user_version = 1", "schema is not ours"),
    ] {
        let scratch = Scratch::new();
        rusqlite::Connection::open(scratch.database()).unwrap().execute_batch(sql).unwrap();
        let before = fs::read(scratch.database()).unwrap();
        let error = SqliteStore::open(scratch.database()).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("policies.db"), "{sql}: {error}");
        assert_eq!(fs::read(scratch.database()).unwrap(), before, "{sql}");
        assert!(scratch.aside().is_empty());
    }
}

#[tokio::test]
async fn what_cannot_be_a_database_is_refused_with_its_name() {
    let scratch = Scratch::new();
    let refused = |path: &Path| SqliteStore::open(path).unwrap_err().to_string();
    assert!(refused(&scratch.0.join("none/policies.db")).contains("there is no such directory"));
    assert!(refused(&scratch.0).contains("not a file"));
    assert!(refused(Path::new("")).contains("failed"));
    assert!(refused(Path::new("/proc/policies.db")).contains("/proc/policies.db"));
    let read_only = scratch.0.join("read-only");
    fs::create_dir(&read_only).unwrap();
    fs::set_permissions(&read_only, PermissionsExt::from_mode(0o500)).unwrap();
    // Root may write there all the same.
    if fs::write(read_only.join("probe"), "").is_err() {
        assert!(refused(&read_only.join("policies.db")).contains("denied"));
    }
    fs::set_permissions(&read_only, PermissionsExt::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn a_writer_that_is_stuck_costs_its_callers_their_patience_and_no_reads() {
    let scratch = Scratch::new();
    let store = Arc::new(scratch.open());
    let name = put(&store, "a.test", 86_400, NOW).await;
    let conn = rusqlite::Connection::open(scratch.database()).unwrap();
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    let calls: Vec<_> = (0..1000)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let (name, began) = (domain(&format!("d{n}.test")), Instant::now());
                // As the resolver does: who finds no room waits for it, and not for ever.
                let result = timeout(Timeouts::default().store, store.apply(&name, &failed(&name, NOW), NOW)).await;
                (result, began.elapsed())
            })
        })
        .collect();
    let began = Instant::now();
    assert!(store.get(&name).await.unwrap().is_some());
    assert!(began.elapsed() < DEADLINE);
    for call in calls {
        let (result, took) = call.await.unwrap();
        assert!(matches!(result, Err(_) | Ok(Err(StoreError::Failed(_)))), "{result:?}");
        assert!(took < DEADLINE, "{took:?}");
    }
    conn.execute_batch("ROLLBACK").unwrap();
    put(&store, "b.test", 86_400, NOW).await;
}
