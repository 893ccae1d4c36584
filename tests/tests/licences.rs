//! Every dependency has a licence that `deny.toml` allows; `cargo deny` itself need not be there.

use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path, process::Command};

#[test]
fn every_dependency_has_an_allowed_licence() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let rules = fs::read_to_string(root.join("deny.toml")).unwrap();
    let rules: toml::Table = rules.parse().unwrap();
    let words = |value: &toml::Value| -> BTreeSet<String> {
        value.as_array().unwrap().iter().filter_map(|word| Some(word.as_str()?.to_owned())).collect()
    };
    let allowed = words(&rules["licenses"]["allow"]);
    let exceptions = rules["licenses"]["exceptions"].as_array().unwrap();
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1", "--all-features"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| {
            let licence = package["license"].as_str().unwrap_or_default();
            let exception = exceptions.iter().find(|exception| exception["crate"].as_str() == package["name"].as_str());
            let excepted = exception.map(|exception| words(&exception["allow"])).unwrap_or_default();
            let allows = |name: &str| allowed.contains(name) || excepted.contains(name);
            let mode = spdx::ParseMode::LAX;
            !spdx::Expression::parse_mode(licence, mode)
                .is_ok_and(|licence| licence.evaluate(|requirement| allows(&requirement.to_string())))
        })
        .map(|package| format!("{}: {}", package["name"], package["license"]))
        .collect();
    assert!(packages.len() > 50 && refused.is_empty(), "not allowed by deny.toml: {refused:#?}");
}
