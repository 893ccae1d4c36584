//! What is read from and written to the table, each in one connection.

use super::file::Trouble;
use crate::store::StoreError;
use mta_sts_core::{CacheOp, Domain, Entry, UnixTime};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Two looks that find an entry dead must lie so many seconds apart.
const BETWEEN_LOOKS: u64 = 3600;
/// So many entries are looked at in one go when the store is pruned.
const LOOK: usize = 500;

/// A row that is looked at for pruning.
pub(super) struct Looked {
    domain: String,
    entry: Vec<u8>,
    found: Found,
}

enum Found {
    Alive,
    Dead(i64),
    DeadAgain,
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
    let upsert = "INSERT INTO entries (domain, entry, dead_since) VALUES (?1, ?2, NULL)
        ON CONFLICT (domain) DO UPDATE SET entry = excluded.entry, dead_since = NULL";
    conn.prepare_cached(upsert)?.execute(params![domain.as_str(), bytes])?;
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

/// Looks at some rows after `after`; says what to change, and the last row if more may follow.
pub(super) fn look(conn: &Connection, after: &str, now: UnixTime) -> Result<(Vec<Looked>, Option<String>), Trouble> {
    let select = "SELECT domain, entry, dead_since FROM entries WHERE domain > ?1 ORDER BY domain";
    let mut select = conn.prepare_cached(select)?;
    let mut rows = select.query([after])?;
    let (mut looked, mut last) = (Vec::new(), None);
    for _ in 0..LOOK {
        let Some(row) = rows.next()? else { return Ok((looked, None)) };
        let domain: String = row.get(0)?;
        // What cannot be read may hold a live policy, and stays.
        if let Some(entry) = decode(row)? {
            let found = match row.get::<_, Option<i64>>(2)? {
                Some(_) if entry.live(now).is_some() => Some(Found::Alive),
                None if entry.live(now).is_none() => Some(Found::Dead(seconds(now))),
                Some(since) if now.since(UnixTime(since.unsigned_abs())) >= BETWEEN_LOOKS => Some(Found::DeadAgain),
                _ => None,
            };
            if let Some(found) = found {
                looked.push(Looked { domain: domain.clone(), entry: row.get(1)?, found });
            }
        }
        last = Some(domain);
    }
    Ok((looked, last))
}

/// Does what [`look`] said, to rows that are still as it found them; says how many it removed.
pub(super) fn settle(conn: &Connection, looked: Vec<Looked>) -> Result<usize, Trouble> {
    let mut removed = 0;
    for Looked { domain, entry, found } in looked {
        let mut mark = conn.prepare_cached("UPDATE entries SET dead_since = ?3 WHERE domain = ?1 AND entry = ?2")?;
        match found {
            Found::Alive => mark.execute(params![domain, entry, None::<i64>])?,
            Found::Dead(now) => mark.execute(params![domain, entry, now])?,
            Found::DeadAgain => {
                let remove = "DELETE FROM entries WHERE domain = ?1 AND entry = ?2 AND dead_since IS NOT NULL";
                let gone = conn.prepare_cached(remove)?.execute(params![domain, entry])?;
                removed += gone;
                gone
            }
        };
    }
    Ok(removed)
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}
