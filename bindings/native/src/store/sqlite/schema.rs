//! The table, and how an older one becomes it.

use super::{file::Trouble, table::Life};
use crate::clock::{Clock, SystemClock};
use mta_sts_core::{Domain, Entry};
use rusqlite::{Connection, params};

/// "MTST": tells our files from those of other programs.
pub(super) const APPLICATION_ID: i32 = 0x4d54_5354;
pub(super) const VERSION: i32 = 2;

/// All times are in seconds since 1970.
const SCHEMA: &str = "CREATE TABLE entries (
    domain TEXT NOT NULL PRIMARY KEY,  -- lower case, A-labels
    entry BLOB NOT NULL,               -- the text form, mta-sts-entry
    live_from INTEGER NOT NULL,        -- its policy lives from then,
    live_until INTEGER NOT NULL,       -- and no longer then
    used INTEGER NOT NULL,             -- when mail was last sent there, to a day
    dead_since INTEGER,                -- when it was first found without a live policy
    leased_until INTEGER               -- one process refreshes it
) STRICT, WITHOUT ROWID;
-- So that pruning reads only what has ended.
CREATE INDEX entries_by_end ON entries (live_until);
CREATE INDEX entries_by_start ON entries (live_from) WHERE dead_since IS NULL;
CREATE INDEX entries_by_death ON entries (dead_since) WHERE dead_since IS NOT NULL;";

/// To be called within an immediate transaction, as [`migrate`].
pub(super) fn create(conn: &Connection) -> Result<(), Trouble> {
    conn.execute_batch(SCHEMA)?;
    conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    conn.pragma_update(None, "user_version", VERSION)?;
    Ok(())
}

/// Makes version 2 of version 1, which did not know of use: all of it counts as used now.
pub(super) fn migrate(conn: &Connection) -> Result<(), Trouble> {
    conn.execute_batch("ALTER TABLE entries RENAME TO old_entries")?;
    conn.execute_batch(SCHEMA)?;
    let now = SystemClock.now();
    let mut select = conn.prepare("SELECT domain, entry, dead_since FROM old_entries")?;
    let insert =
        "INSERT INTO entries (domain, entry, live_from, live_until, used, dead_since) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut insert = conn.prepare(insert)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (name, bytes): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let entry = Domain::from_ascii(&name).ok().and_then(|domain| Entry::decode(&bytes, &domain).ok());
        let life = entry.as_ref().map_or(Life::UNREADABLE, Life::of);
        insert.execute(params![
            name,
            bytes,
            life.live_from,
            life.live_until,
            super::table::seconds(now),
            row.get::<_, Option<i64>>(2)?
        ])?;
    }
    drop(rows);
    drop((select, insert));
    conn.execute_batch("DROP TABLE old_entries")?;
    conn.pragma_update(None, "user_version", VERSION)?;
    Ok(())
}

pub(super) fn check(conn: &Connection) -> Result<(), rusqlite::Error> {
    let columns = "SELECT domain, entry, live_from, live_until, used, dead_since, leased_until FROM entries";
    conn.prepare(columns).map(drop)
}

pub(super) fn check_old(conn: &Connection) -> Result<(), rusqlite::Error> {
    conn.prepare("SELECT domain, entry, dead_since FROM entries").map(drop)
}
