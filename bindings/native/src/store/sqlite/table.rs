//! What is read from and written to the table, each in one connection.

use super::file::Trouble;
use crate::store::StoreError;
use core::time::Duration;
use mta_sts_core::{CacheOp, Domain, Entry, UnixTime};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

/// Two looks that find an entry dead must lie so many seconds apart.
const BETWEEN_LOOKS: i64 = 3600;

/// When the policy of an entry lives, in seconds since 1970.
pub(super) struct Life {
    pub(super) live_from: i64,
    pub(super) live_until: i64,
}

impl Life {
    /// What cannot be read may hold a live policy, and stays.
    pub(super) const UNREADABLE: Self = Self { live_from: 0, live_until: i64::MAX };

    /// [`Entry::live`] as two times: it lives from the first until before the second.
    pub(super) fn of(entry: &Entry) -> Self {
        let Some(held) = entry.held() else { return Self { live_from: 0, live_until: 0 } };
        let fetched_at = held.fetched_at;
        let live_from = UnixTime(fetched_at.0.saturating_sub(held.life()));
        Self { live_from: seconds(live_from), live_until: seconds(fetched_at.plus(held.life())) }
    }
}

/// What is to be done to rows that were found dead, or alive again.
#[derive(Clone, Copy)]
pub(super) struct Pruning {
    now: i64,
    unused_before: i64,
}

pub(super) fn get(conn: &Connection, domain: &Domain) -> Result<Option<Entry>, Trouble> {
    let mut select = conn.prepare_cached("SELECT entry FROM entries WHERE domain = ?1")?;
    let bytes = select.query_row([domain.as_str()], |row| row.get::<_, Vec<u8>>(0)).optional()?;
    bytes.map(|bytes| Entry::decode(&bytes, domain).map_err(|_| StoreError::Corrupt.into())).transpose()
}

/// To be called within an immediate transaction.
pub(super) fn apply(conn: &Connection, domain: &Domain, op: &CacheOp, now: UnixTime) -> Result<(), Trouble> {
    let mut select = conn.prepare_cached("SELECT entry, dead_since IS NULL FROM entries WHERE domain = ?1")?;
    let row = select.query_row([domain.as_str()], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, bool>(1)?)));
    let row = row.optional()?;
    let current = match row.as_ref().map(|(bytes, _)| Entry::decode(bytes, domain)) {
        Some(Ok(entry)) => Some(entry),
        // Only a policy may replace what cannot be read: a failure would make it an empty entry.
        Some(Err(_)) if !brings_policy(op, domain) => return Err(StoreError::Corrupt.into()),
        Some(Err(_)) | None => None,
    };
    let Some(entry) = Entry::apply(current, domain, op, now) else { return Ok(()) };
    let bytes = entry.encode();
    // What is there already costs no sync.
    if row.is_some_and(|(before, is_unmarked)| is_unmarked && before == bytes) {
        return Ok(());
    }
    let Life { live_from, live_until } = Life::of(&entry);
    let upsert = "INSERT INTO entries (domain, entry, live_from, live_until, used) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (domain) DO UPDATE SET entry = excluded.entry, live_from = excluded.live_from,
            live_until = excluded.live_until, dead_since = NULL";
    let row = params![domain.as_str(), bytes, live_from, live_until, seconds(now)];
    conn.prepare_cached(upsert)?.execute(row)?;
    Ok(())
}

fn brings_policy(op: &CacheOp, domain: &Domain) -> bool {
    matches!(op, CacheOp::Fetched(entry) if entry.domain() == domain && entry.held().is_some())
}

/// Entries that cannot be read are left out, so that one of them does not hide all that follow.
pub(super) fn list(conn: &Connection, after: &str, limit: usize) -> Result<Vec<Entry>, Trouble> {
    // Domains are ASCII: BINARY is their order.
    let mut select = conn.prepare_cached("SELECT domain, entry FROM entries WHERE domain > ?1 ORDER BY domain")?;
    let mut rows = select.query([after])?;
    let mut page = Vec::new();
    while page.len() < limit {
        let Some(row) = rows.next()? else { break };
        match decode(row)? {
            Some(entry) => page.push(entry),
            None => tracing::debug!(domain = ?row.get::<_, String>(0)?, "the policy store holds a corrupt entry"),
        }
    }
    Ok(page)
}

fn decode(row: &Row<'_>) -> Result<Option<Entry>, rusqlite::Error> {
    let name: String = row.get(0)?;
    let bytes = row.get_ref(1)?.as_bytes()?;
    Ok(Domain::from_ascii(&name).ok().and_then(|domain| Entry::decode(bytes, &domain).ok()))
}

pub(super) fn remove(conn: &Connection, domain: &Domain) -> Result<usize, Trouble> {
    Ok(conn.prepare_cached("DELETE FROM entries WHERE domain = ?1")?.execute([domain.as_str()])?)
}

pub(super) fn touch(conn: &Connection, domain: &Domain, now: UnixTime) -> Result<usize, Trouble> {
    // A clock that was set back must not leave a use in the future.
    let touch = "UPDATE entries SET used = ?2 WHERE domain = ?1 AND used <> ?2";
    Ok(conn.prepare_cached(touch)?.execute(params![domain.as_str(), seconds(now)])?)
}

pub(super) fn used(conn: &Connection, domain: &Domain) -> Result<Option<UnixTime>, Trouble> {
    let mut select = conn.prepare_cached("SELECT used FROM entries WHERE domain = ?1")?;
    let used = select.query_row([domain.as_str()], |row| row.get::<_, i64>(0)).optional()?;
    Ok(used.map(|used| UnixTime(used.unsigned_abs())))
}

/// Says whether the lease was free; 0 or 1.
pub(super) fn lease(conn: &Connection, domain: &Domain, now: UnixTime, time: Duration) -> Result<usize, Trouble> {
    let until = now.plus(time.as_secs());
    // One that lies further ahead was taken by a clock that was wrong. Without an entry nobody
    // else refreshes the domain.
    let lease = "UPDATE entries SET leased_until = ?3
        WHERE domain = ?1 AND (leased_until IS NULL OR leased_until <= ?2 OR leased_until > ?3)";
    let leased = conn.prepare_cached(lease)?.execute(params![domain.as_str(), seconds(now), seconds(until)])?;
    let is_free = leased == 1 || used(conn, domain)?.is_none();
    Ok(usize::from(is_free))
}

pub(super) fn len(conn: &Connection) -> Result<usize, Trouble> {
    let len: i64 = conn.query_row("SELECT count(*) FROM entries", [], |row| row.get(0))?;
    Ok(usize::try_from(len).unwrap_or_default())
}

impl Pruning {
    pub(super) fn new(now: UnixTime, unused_before: UnixTime) -> Self {
        Self { now: seconds(now), unused_before: seconds(unused_before) }
    }

    /// Up to so many rows of each kind that [`Pruning::settle`] changes.
    pub(super) const STEP: usize = 500;

    /// The domains that were found alive again, found dead, and found dead again.
    pub(super) fn look(self, conn: &Connection) -> Result<[Vec<String>; 3], Trouble> {
        let Self { now, unused_before } = self;
        let long_ago = now - BETWEEN_LOOKS;
        // Left to itself SQLite would read all that live.
        let alive = "SELECT domain FROM entries INDEXED BY entries_by_death
            WHERE dead_since IS NOT NULL AND live_from <= ?1 AND live_until > ?1 LIMIT ?2";
        let dead = "SELECT domain FROM entries INDEXED BY entries_by_end WHERE live_until <= ?1 AND dead_since IS NULL
            UNION SELECT domain FROM entries INDEXED BY entries_by_start WHERE live_from > ?1 AND dead_since IS NULL LIMIT ?2";
        // The refresher wants back what lived for more than an hour, counted to both sides.
        let dead_again = "SELECT domain FROM entries INDEXED BY entries_by_death WHERE dead_since <= ?1
            AND (used < ?3 OR live_until - live_from <= 7200) LIMIT ?2";
        Ok([
            domains(conn, alive, params![now, Self::STEP as i64])?,
            domains(conn, dead, params![now, Self::STEP as i64])?,
            domains(conn, dead_again, params![long_ago, Self::STEP as i64, unused_before])?,
        ])
    }

    /// Does what [`Pruning::look`] said, to rows that are still as it found them; says how many it
    /// removed.
    pub(super) fn settle(
        self,
        conn: &Connection,
        [alive, dead, dead_again]: [Vec<String>; 3],
    ) -> Result<usize, Trouble> {
        let Self { now, unused_before } = self;
        let long_ago = now - BETWEEN_LOOKS;
        let revive = "UPDATE entries SET dead_since = NULL WHERE domain = ?1 AND live_from <= ?2 AND live_until > ?2";
        let mut revive = conn.prepare_cached(revive)?;
        for domain in alive {
            revive.execute(params![domain, now])?;
        }
        let mark = "UPDATE entries SET dead_since = ?2
            WHERE domain = ?1 AND dead_since IS NULL AND (live_until <= ?2 OR live_from > ?2)";
        let mut mark = conn.prepare_cached(mark)?;
        for domain in dead {
            mark.execute(params![domain, now])?;
        }
        let remove =
            "DELETE FROM entries WHERE domain = ?1 AND dead_since <= ?2 AND (live_until <= ?3 OR live_from > ?3)
            AND (used < ?4 OR live_until - live_from <= 7200)";
        let mut remove = conn.prepare_cached(remove)?;
        let mut removed = 0;
        for domain in dead_again {
            removed += remove.execute(params![domain, long_ago, now, unused_before])?;
        }
        Ok(removed)
    }
}

fn domains(conn: &Connection, select: &str, params: impl Params) -> Result<Vec<String>, Trouble> {
    let mut select = conn.prepare_cached(select)?;
    let rows = select.query_map(params, |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}
