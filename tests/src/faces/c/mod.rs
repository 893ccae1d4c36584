//! The C library `libmtasts`, loaded as a mail server loads it.
//!
//! Next to what the vectors ask for, each call is checked against what `mtasts.h` promises about
//! all calls: an out parameter is written if and only if there is an answer, a text ends with NUL
//! and holds no control character, a buffer that is too small is refused. A broken promise is the
//! error of its case.

#[allow(unsafe_code)]
mod calls;
mod codes;
#[allow(unsafe_code)]
mod library;
#[allow(unsafe_code)]
mod lookup;
mod machine;
#[allow(unsafe_code)]
mod objects;

use self::{
    codes::{MTASTS_E_NO_RECORD, MTASTS_E_POLICY, MTASTS_E_RECORD, MTASTS_E_SEVERAL_RECORDS, MTASTS_E_TOO_LARGE},
    library::Library,
    machine::Machine,
    objects::unless,
};
use super::{Face, build::build};
use crate::{
    scenario::machine::play,
    vectors::{Rrset, Scenario},
};
use serde_json::{Value, json};
use std::{env::consts::DLL_EXTENSION, path::Path};

/// `libmtasts`, reached by its exported symbols.
#[derive(Debug)]
pub struct CFace {
    library: Library,
}

impl CFace {
    /// Builds the library in the profile that this program was built in, and loads it.
    ///
    /// # Errors
    /// If it cannot be built or loaded, lacks a function, or has another binary interface.
    pub fn build() -> Result<Self, String> {
        let built = build("mta-sts-ffi")?;
        let files = built.iter().filter_map(|message| message["filenames"].as_array()).flatten();
        let library = files
            .filter_map(Value::as_str)
            .map(Path::new)
            .filter(|file| file.extension().is_some_and(|extension| extension == DLL_EXTENSION))
            .find(|file| file.file_stem().is_some_and(|stem| stem == "libmtasts" || stem == "mtasts"));
        Ok(Self { library: Library::load(library.ok_or("cargo built no shared library")?)? })
    }
}

impl Face for CFace {
    fn policy(&mut self, body: &[u8]) -> Value {
        outcome(|| {
            let Some(policy) = unless(&[MTASTS_E_POLICY, MTASTS_E_TOO_LARGE], self.library.policy(body))? else {
                return Ok(json!({ "ok": false, "mode": null, "max_age": null, "mx": [] }));
            };
            if policy.body()? != body {
                return Err("the policy has another body".to_owned());
            }
            Ok(json!({ "ok": true, "mode": policy.mode_name()?, "max_age": policy.max_age()?, "mx": policy.mx()? }))
        })
    }

    fn txt(&mut self, rrset: &Rrset) -> Value {
        outcome(|| {
            let id = unless(&NO_RECORD, self.library.txt(rrset).and_then(|txt| txt.sts_id()))?;
            Ok(json!({ "ok": id.is_some(), "id": id }))
        })
    }

    fn mx(&mut self, pattern: &str, host: &str) -> Value {
        outcome(|| Ok(json!({ "match": self.library.pattern_matches(pattern, host)? })))
    }

    fn tlsrpt(&mut self, rrset: &Rrset) -> Value {
        outcome(|| {
            let rua = || self.library.tlsrpt(&self.library.txt(rrset)?)?.rua();
            let usable = unless(&NO_RECORD, rua())?;
            Ok(json!({ "ok": usable.is_some(), "usable": usable.unwrap_or_default() }))
        })
    }

    /// The library is for mail servers, which send reports and do not read them.
    fn report(&mut self, _bytes: &[u8]) -> Option<Value> {
        None
    }

    /// The library has no IO, so it plays what needs none.
    fn scenario(&mut self, scenario: &Scenario, needs: &[String]) -> Option<Value> {
        (needs == ["core"]).then(|| play(&Machine(&self.library), scenario))
    }
}

/// What is answered if there is no valid record, or more than a DNS message holds.
const NO_RECORD: [i32; 4] = [MTASTS_E_NO_RECORD, MTASTS_E_SEVERAL_RECORDS, MTASTS_E_RECORD, MTASTS_E_TOO_LARGE];

fn outcome(answer: impl FnOnce() -> Result<Value, String>) -> Value {
    answer().unwrap_or_else(|error| json!({ "error": error }))
}
