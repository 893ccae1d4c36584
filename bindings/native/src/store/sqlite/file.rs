//! The database file: made, checked, opened, and moved aside when it is corrupt.

use super::schema::{self, APPLICATION_ID, VERSION};
use crate::{bounded::locked, store::StoreError};
use core::time::Duration;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use std::{
    fs::{Metadata, OpenOptions},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Mutex,
    thread,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// How long another process may hold the write lock: below the store's deadline, so that a call
/// says why it failed.
const BUSY: Duration = Duration::from_millis(40);
/// The same while opening, where another process may be making the same file.
const BUSY_OPENING: Duration = Duration::from_secs(2);
/// A running store moves its file aside no more often, so that a broken disk is not filled up.
const BETWEEN_MOVES: Duration = Duration::from_secs(600);

/// One at a time in this process: POSIX drops the locks that a process has on a file when it closes
/// any descriptor of it, as making the file does.
static OPENING: Mutex<()> = Mutex::new(());

/// What goes wrong with a connection.
#[derive(Debug)]
pub(super) enum Trouble {
    Sql(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Sql(error) => Self::Failed(error.to_string()),
            Trouble::Store(error) => error,
        }
    }
}

impl Trouble {
    /// Whether the file itself is broken.
    pub(super) fn is_corruption(&self) -> bool {
        let Self::Sql(error) = self else { return false };
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Found {
    Nothing,
    Old,
    Current,
}

/// Which file it is, whatever its name.
pub(super) type Identity = (u64, u64);

/// Where the database is.
pub(super) struct Place {
    path: PathBuf,
    moved: Mutex<Option<Instant>>,
}

impl Place {
    /// # Errors
    /// If there is no such directory.
    pub(super) fn new(path: &Path) -> Result<Self, StoreError> {
        // SQLite gives names such as ":memory:" and "" a meaning of their own; no absolute path has one.
        let path = std::path::absolute(path).map_err(|error| failed(path, &error))?;
        let directory = path.parent().filter(|_| path.file_name().is_some());
        let directory = directory.ok_or_else(|| failed(&path, &"this is not the name of a file"))?;
        if !directory.is_dir() {
            return Err(failed(directory, &"there is no such directory"));
        }
        Ok(Self { path, moved: Mutex::new(None) })
    }

    /// Opens the database, and makes it if there is none. One that is corrupt is moved aside.
    pub(super) fn open(&self) -> Result<(Connection, Identity), StoreError> {
        let _one_at_a_time = locked(&OPENING);
        for _ in 0..5 {
            let before = self.make()?;
            let conn = match self.connect() {
                Ok(conn) => conn,
                Err(trouble) if trouble.is_corruption() => {
                    self.move_aside(before, &trouble.into())?;
                    continue;
                }
                Err(Trouble::Sql(error)) => return Err(failed(&self.path, &error)),
                Err(Trouble::Store(error)) => return Err(error),
            };
            if self.identity().is_some_and(|now| now == before) {
                return Ok((conn, before));
            }
        }
        Err(failed(&self.path, &"it is replaced again and again"))
    }

    /// Which file is at the path now; `None` if there is none.
    pub(super) fn identity(&self) -> Option<Identity> {
        self.path.metadata().ok().map(|metadata| identity(&metadata))
    }

    /// Moves the file `broken` aside, unless another did so already. For a running store.
    pub(super) fn give_up(&self, broken: Identity, why: &StoreError) {
        let _one_at_a_time = locked(&OPENING);
        let mut moved = locked(&self.moved);
        if moved.is_none_or(|at| at.elapsed() >= BETWEEN_MOVES) {
            *moved = Some(Instant::now());
            if let Err(error) = self.move_aside(broken, why) {
                tracing::warn!(path = %self.path.display(), %error, "the corrupt policy store cannot be moved aside");
            }
        }
    }

    /// Makes an empty file that is nobody else's to read, if there is none. SQLite gives its other
    /// files the same mode.
    fn make(&self) -> Result<Identity, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&self.path) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(&self.path, &error)),
        }
        let metadata = self.path.metadata().map_err(|error| failed(&self.path, &error))?;
        if !metadata.is_file() {
            return Err(failed(&self.path, &"this is not a file"));
        }
        Ok(identity(&metadata))
    }

    fn connect(&self) -> Result<Connection, Trouble> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(&self.path, flags)?;
        conn.busy_timeout(BUSY_OPENING)?;
        if conn.is_readonly("main")? {
            return Err(failed(&self.path, &"it may not be written").into());
        }
        // Before anything is changed: the file may be another program's. In one transaction:
        // another process may be making the schema at this moment.
        let found = self.found(&*Transaction::new(&mut conn, TransactionBehavior::Deferred)?)?;
        patiently(|| conn.pragma_update(None, "journal_mode", "wal"))?;
        // Each commit is synced. NORMAL would do for a killed process, but a power cut would take
        // back policies that mail was already protected by. Changes that wait are committed together.
        conn.pragma_update(None, "synchronous", "full")?;
        conn.pragma_update(None, "fullfsync", true)?;
        conn.pragma_update(None, "cell_size_check", true)?;
        // The system caches the file as well.
        conn.pragma_update(None, "cache_size", -512)?;
        conn.pragma_update(None, "journal_size_limit", 4 << 20)?;
        if found != Found::Current {
            let transaction = Transaction::new(&mut conn, TransactionBehavior::Immediate)?;
            match self.found(&transaction)? {
                Found::Nothing => schema::create(&transaction)?,
                Found::Old => schema::migrate(&transaction)?,
                Found::Current => {}
            }
            transaction.commit()?;
        }
        conn.busy_timeout(BUSY)?;
        Ok(conn)
    }

    /// What is in the database. To be called within a transaction.
    ///
    /// # Errors
    /// If it is neither empty nor ours.
    fn found(&self, conn: &Connection) -> Result<Found, Trouble> {
        let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i32>(0));
        let id = number("PRAGMA application_id")?;
        let version = number("PRAGMA user_version")?;
        let tables = number("SELECT count(*) FROM sqlite_schema")?;
        // A file that says it is ours and lacks the table.
        let not_ours = |error| failed(&self.path, &format_args!("its schema is not ours: {error}"));
        match (id, version) {
            (0, 0) if tables == 0 => Ok(Found::Nothing),
            (APPLICATION_ID, VERSION) => {
                schema::check(conn).map(|()| Found::Current).map_err(|why| not_ours(why).into())
            }
            (APPLICATION_ID, 1) => schema::check_old(conn).map(|()| Found::Old).map_err(|why| not_ours(why).into()),
            (APPLICATION_ID, version) => {
                let why = format_args!("version {version} of the schema, and this program knows {VERSION}");
                Err(failed(&self.path, &why).into())
            }
            _ => Err(failed(&self.path, &"this is the database of another program").into()),
        }
    }

    fn move_aside(&self, broken: Identity, why: &StoreError) -> Result<(), StoreError> {
        if self.identity() != Some(broken) {
            return Ok(());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let aside = (now..).map(|at| with_suffix(&self.path, &format!(".corrupt-{at}")));
        // Reserves the name, so that nothing is overwritten.
        let reserve = |aside: &PathBuf| OpenOptions::new().write(true).create_new(true).open(aside).map(drop);
        let is_free = |made: &io::Result<()>| !matches!(made, Err(error) if error.kind() == ErrorKind::AlreadyExists);
        let found = aside.map(|aside| (reserve(&aside), aside)).find(|(made, _)| is_free(made));
        let Some((made, aside)) = found else { return Ok(()) };
        made.map_err(|error| failed(&aside, &error))?;
        // The log first: a new database must never find the log of the old one. SQLite leaves the
        // log of a file alone that is no longer where it was opened.
        for suffix in ["-shm", "-wal", ""] {
            match std::fs::rename(with_suffix(&self.path, suffix), with_suffix(&aside, suffix)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&self.path, &error)),
                _ => {}
            }
        }
        let (path, aside) = (self.path.display(), aside.display());
        tracing::warn!(%path, %aside, %why, "the policy store is corrupt, moved aside; going on with an empty one");
        Ok(())
    }
}

/// SQLite does not wait for others where the way of journalling is changed.
fn patiently<T>(mut work: impl FnMut() -> Result<T, rusqlite::Error>) -> Result<T, rusqlite::Error> {
    let began = Instant::now();
    loop {
        match work() {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && began.elapsed() < BUSY_OPENING =>
            {
                thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn failed(path: &Path, why: &dyn core::fmt::Display) -> StoreError {
    StoreError::Failed(format!("{}: {why}", path.display()))
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Elsewhere a file that is open cannot be moved.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {
    (0, 0)
}
