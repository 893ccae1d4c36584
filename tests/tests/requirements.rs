//! Every requirement of RFC 8461 on a sender has a proof, and every proof exists.

use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The ids of all vectors, and the names of all test functions.
fn proofs() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let vectors = root().join("tests/vectors");
    let files = ["policies", "txt_records", "mx_match", "tlsrpt_records", "tlsrpt_reports/index", "fetch_rules"];
    for file in files.into_iter().chain(["extra/fetch_rules"]) {
        let cases = fs::read(vectors.join(file).with_extension("json")).unwrap();
        let cases: Vec<Value> = serde_json::from_slice(&cases).unwrap();
        names.extend(cases.iter().map(|case| case["id"].as_str().unwrap().to_owned()));
    }
    let mut folders = vec![root().join("core"), root().join("bindings"), root().join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target" && name != "node_modules") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(path).unwrap();
                let functions = text.split("fn ").skip(1).filter_map(|rest| rest.split('(').next());
                names.extend(functions.map(str::to_owned));
            }
        }
    }
    names
}

#[test]
fn every_requirement_has_proofs_that_exist() {
    let table = fs::read_to_string(root().join("tests/vectors/requirements.tsv")).unwrap();
    let proofs = proofs();
    let mut rows = 0;
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [section, level, sentence, named] = columns[..] else { panic!("four columns: {line}") };
        assert!(section.starts_with('§') && !sentence.is_empty(), "{line}");
        assert!(["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "SHALL"].contains(&level), "{line}");
        let missing: Vec<&str> = named.split(", ").filter(|&name| !proofs.contains(name)).collect();
        assert!(!named.is_empty() && missing.is_empty(), "{section}: no such vector or test: {missing:?}");
        rows += 1;
    }
    assert!(rows >= 35, "the table has {rows} rows");
}
