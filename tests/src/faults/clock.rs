//! A clock that can be set while the daemon runs: libfaketime reads an offset from a file at each
//! look at the time. The monotonic clock stays true, as it does when a system's time is set.

use super::Result;
use std::{fs, path::PathBuf, process::Command};

const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

pub(super) struct Clock {
    file: PathBuf,
    library: PathBuf,
}

impl Clock {
    pub(super) fn new(file: PathBuf) -> Result<Self> {
        let mut places = vec![PathBuf::from("/usr/lib").join(LIBRARY)];
        for entry in fs::read_dir("/usr/lib")?.flatten() {
            places.push(entry.path().join(LIBRARY));
        }
        let library = places.into_iter().find(|place| place.is_file());
        let library = library.ok_or("there is no libfaketime; on Debian: apt-get install faketime")?;
        let clock = Self { file, library };
        clock.set(0)?;
        Ok(clock)
    }

    /// Sets the clock to so many seconds from the true time.
    pub(super) fn set(&self, offset: i64) -> Result<()> {
        // In one step, or a look at the time could find an empty file.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{offset:+}\n"))?;
        Ok(fs::rename(new, &self.file)?)
    }

    /// Lets a command live by this clock.
    pub(super) fn rule(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1");
    }
}
