//! One run over a folder of vectors.

use crate::{
    faces::{Face, RustFace},
    score::{Verdict, score, shown},
    vectors::{self, Case, Scenario},
};
use serde_json::{Value, json};
use std::{
    error::Error,
    fs,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

/// How many cases ended in which way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// As they must, or not scored.
    pub passed: usize,
    /// Otherwise.
    pub failed: usize,
    /// Not for this face.
    pub skipped: usize,
}

/// The files of vectors, in the order they are run.
const FILES: [&str; 6] = [
    "policies.json",
    "txt_records.json",
    "mx_match.json",
    "tlsrpt_records.json",
    "tlsrpt_reports/index.json",
    "fetch_rules.json",
];

/// Runs every case of the folder through `face`, and writes a line for each deviation, one for
/// each file, and the totals.
///
/// # Errors
/// If a file cannot be read, the folder holds none, or `out` cannot be written to.
pub fn run(folder: &Path, face: &mut dyn Face, verbose: bool, out: &mut dyn Write) -> Result<Totals, Box<dyn Error>> {
    let mut totals = Totals::default();
    for (file, cases) in files(folder)? {
        let mut of_file = Totals::default();
        let mut differ = 0;
        for case in &cases {
            let Some(got) = outcome(folder, file, case, face) else {
                of_file.skipped += 1;
                if verbose {
                    writeln!(out, "{}  skipped: {}", case.id, why_skipped(case))?;
                }
                continue;
            };
            let verdict = score(case, &got);
            if verdict == Verdict::Failed {
                of_file.failed += 1;
            } else {
                of_file.passed += 1;
            }
            differ += usize::from(verdict == Verdict::Differs);
            if verdict != Verdict::Passed {
                let (expected, got) = shown(case, &got);
                writeln!(out, "{}  {}  {expected}  {got}", case.id, case.strictness())?;
            } else if verbose {
                writeln!(out, "{}  {}  as expected", case.id, case.strictness())?;
            }
        }
        let Totals { passed, failed, skipped } = of_file;
        writeln!(out, "{file}: {passed} passed ({differ} of them not scored), {failed} failed, {skipped} skipped")?;
        totals.passed += passed;
        totals.failed += failed;
        totals.skipped += skipped;
    }
    let Totals { passed, failed, skipped } = totals;
    writeln!(out, "{passed} passed, {failed} failed, {skipped} skipped")?;
    Ok(totals)
}

/// A file of vectors: its name in the folder, and its cases.
pub type File = (&'static str, Vec<Case>);

/// The files of vectors that the folder has, with their cases.
///
/// # Errors
/// If one cannot be read, or there is none.
pub fn files(folder: &Path) -> Result<Vec<File>, Box<dyn Error>> {
    let mut files = Vec::new();
    for file in FILES {
        files.extend(vectors::read(folder, file)?.map(|cases| (file, cases)));
    }
    if files.is_empty() {
        return Err(format!("{}: no file of vectors in this folder", folder.display()).into());
    }
    Ok(files)
}

/// Compares every outcome of `face` with that of the Rust crates, and writes a line for each that
/// differs; gives how many do.
///
/// # Errors
/// If a file cannot be read, or `out` cannot be written to.
pub fn agree(folder: &Path, face: &mut dyn Face, out: &mut dyn Write) -> Result<usize, Box<dyn Error>> {
    let mut crates = RustFace::default();
    let (mut agreed, mut differing) = (0, 0);
    for (file, cases) in files(folder)? {
        for case in &cases {
            let Some(got) = outcome(folder, file, case, face) else { continue };
            let expected = outcome(folder, file, case, &mut crates).unwrap_or_default();
            if got == expected {
                agreed += 1;
            } else {
                differing += 1;
                writeln!(out, "{}  differs from the crates  {expected}  {got}", case.id)?;
            }
        }
    }
    writeln!(out, "{agreed} agree with the crates, {differing} differ")?;
    Ok(differing)
}

fn why_skipped(case: &Case) -> String {
    match case.needs.as_slice() {
        [] => "this face reads no reports".to_owned(),
        needs => format!("this face does not have {}", needs.join(", ")),
    }
}

/// What comes out of a case, in the shape of the vectors' outcomes. `None` if it is not for this face.
pub fn outcome(folder: &Path, file: &str, case: &Case, face: &mut dyn Face) -> Option<Value> {
    // A panic is one failed case, and no reason to run no other.
    let caught = catch_unwind(AssertUnwindSafe(|| uncaught_outcome(folder, file, case, face)));
    caught.unwrap_or_else(|_| Some(json!({ "error": "panicked" })))
}

fn uncaught_outcome(folder: &Path, file: &str, case: &Case, face: &mut dyn Face) -> Option<Value> {
    let outcome = match file {
        "policies.json" => octets(&case.input, "body", "body_b64").map(|body| face.policy(&body)),
        "txt_records.json" => parse(&case.input["records"]).map(|rrset| face.txt(&rrset)),
        "mx_match.json" => {
            let text = |key: &str| case.input[key].as_str().unwrap_or_default().to_owned();
            Ok(face.mx(&text("pattern"), &text("host")))
        }
        "tlsrpt_records.json" => parse(&case.input["records"]).map(|rrset| face.tlsrpt(&rrset)),
        "tlsrpt_reports/index.json" => {
            let path = folder.join("tlsrpt_reports").join(case.input["file"].as_str().unwrap_or_default());
            match fs::read(&path) {
                Ok(bytes) => return face.report(&bytes),
                Err(error) => Err(format!("{}: {error}", path.display())),
            }
        }
        _ => match parse::<Scenario>(&case.input) {
            Ok(scenario) => return face.scenario(&scenario, &case.needs),
            Err(error) => Err(error),
        },
    };
    Some(outcome.unwrap_or_else(|error| json!({ "error": error })))
}

fn octets(input: &Value, text: &str, base64: &str) -> Result<Vec<u8>, String> {
    let given = match input.get(base64) {
        Some(b64) => json!({ "b64": b64 }),
        None => input[text].clone(),
    };
    parse::<vectors::Octets>(&given).map(|octets| octets.bytes())
}

fn parse<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|e| format!("the vector has an unknown form: {e}"))
}
