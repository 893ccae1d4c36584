//! Dependencies point inward only, and the core has no IO.

use std::{collections::BTreeSet, path::Path, process::Command};

/// The crates of ours that `package` depends on, itself left out.
fn ours(package: &str) -> BTreeSet<String> {
    tree(package).into_iter().filter(|name| name.starts_with("mta-sts") && name != package).collect()
}

fn tree(package: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "-e", "normal", "--prefix", "none", "--all-features", "-p", package])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    names.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn dependencies_point_inward_only() {
    assert_eq!(ours("mta-sts-core"), set(&[]));
    assert_eq!(ours("mta-sts-ffi"), set(&["mta-sts-core"]));
    assert_eq!(ours("mta-sts-wasm"), set(&["mta-sts-core"]));
    assert_eq!(ours("mta-sts-wasm-build"), set(&[]));
    assert!(ours("mta-sts-lab").is_subset(&set(&["mta-sts-core"])));
    assert_eq!(ours("mta-sts"), set(&["mta-sts-core"]));
    assert_eq!(ours("mta-sts-postfix"), set(&["mta-sts", "mta-sts-core"]));
    assert_eq!(ours("mta-sts-cli"), set(&["mta-sts", "mta-sts-core", "mta-sts-lab", "mta-sts-postfix"]));
}

#[test]
fn the_core_knows_no_io_and_the_c_library_no_more_than_a_socket() {
    let core = tree("mta-sts-core");
    for unwanted in ["libc", "rustix"] {
        assert!(!core.contains(unwanted), "mta-sts-core has {unwanted}");
    }
    for package in ["mta-sts-core", "mta-sts-ffi"] {
        let tree = tree(package);
        for unwanted in ["tokio", "hickory-resolver", "reqwest", "rustls", "tracing", "log", "getrandom"] {
            assert!(!tree.contains(unwanted), "{package} has {unwanted}");
        }
    }
}

#[test]
fn no_crate_of_ours_brings_openssl_or_a_second_tls() {
    for package in ["mta-sts", "mta-sts-cli", "mta-sts-lab"] {
        let tree = tree(package);
        for unwanted in ["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"] {
            assert!(!tree.contains(unwanted), "{package} has {unwanted}");
        }
    }
}
