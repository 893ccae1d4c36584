//! Finds a tool chain that can make WASM.

use crate::TARGET;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A cargo and its rustc.
#[derive(Debug)]
pub(crate) struct Toolchain {
    pub(crate) cargo: PathBuf,
    pub(crate) rustc: PathBuf,
    /// What people call it.
    pub(crate) name: String,
    /// There is no ready std for WASM, but its source.
    pub(crate) builds_std: bool,
}

/// The first tool chain with a ready std, else the first with the source of one.
pub(crate) fn find() -> Result<Toolchain, String> {
    let (mut with_source, mut tried) = (None, Vec::new());
    for (cargo, rustc) in candidates() {
        match probe(&cargo, &rustc) {
            Some(ready @ Toolchain { builds_std: false, .. }) => return Ok(ready),
            Some(found) => with_source = with_source.or(Some(found)),
            None => tried.push(rustc.display().to_string()),
        }
    }
    with_source.ok_or_else(|| {
        format!(
            "no Rust here can make {TARGET} (tried {}). Either\n  rustup target add {TARGET}\nor, on Debian,\n  \
             apt-get install rustc-web cargo-web rust-web-src rust-web-llvm lld lld-22",
            tried.join(", ")
        )
    })
}

/// The pair that is named, the one that runs this, the system's.
fn candidates() -> Vec<(PathBuf, PathBuf)> {
    let named = env::var_os("WASM_CARGO").zip(env::var_os("WASM_RUSTC"));
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let system = ("/usr/bin/cargo".into(), "/usr/bin/rustc".into());
    let pairs = named.into_iter().chain([(cargo, rustc), system]);
    pairs.map(|(cargo, rustc)| (cargo.into(), rustc.into())).collect()
}

fn probe(cargo: &Path, rustc: &Path) -> Option<Toolchain> {
    let name = answer(rustc, &["--version"])?;
    answer(cargo, &["--version"])?;
    let libraries = answer(rustc, &["--print", "target-libdir", "--target", TARGET])?;
    let is_core = |name: &str| name.starts_with("libcore-") && name.ends_with(".rlib");
    let ready = fs::read_dir(libraries)
        .is_ok_and(|files| files.flatten().any(|file| file.file_name().to_str().is_some_and(is_core)));
    let source = || {
        let sysroot = PathBuf::from(answer(rustc, &["--print", "sysroot"])?);
        sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml").exists().then_some(())
    };
    if !ready {
        source()?;
    }
    Some(Toolchain { cargo: cargo.into(), rustc: rustc.into(), name, builds_std: !ready })
}

fn answer(program: &Path, args: &[&str]) -> Option<String> {
    let output = plain(program).args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// The program without what the cargo that runs this has set for its own tool chain.
pub(crate) fn plain(program: &Path) -> Command {
    let mut command = Command::new(program);
    for variable in ["RUSTC", "RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        command.env_remove(variable);
    }
    command
}
