//! The C program that does with `libmtasts` what an operation does in Rust.

use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Builds the library as `ffi/install` does, and the program against its header.
///
/// # Errors
/// What could not be built, and what to do.
pub fn build() -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the workspace has no folder")?;
    let built = shared_library(root)?;
    // The program asks for the library by its SONAME.
    let folder = built.with_file_name("through-c");
    let (library, program) = (folder.join("libmtasts.so.0"), folder.join("parse_and_match"));
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    fs::copy(&built, &library).map_err(|e| format!("{}: {e}", library.display()))?;
    let status = Command::new("cc")
        .args(["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(root.join("ffi/include"))
        .arg(root.join("benches/c/parse_and_match.c"))
        .arg(&library)
        .arg(format!("-Wl,-rpath,{}", folder.display()))
        .arg("-o")
        .arg(&program)
        .status()
        .map_err(|e| format!("cc does not start ({e}); install the package \"gcc\" and try again"))?;
    if status.success() { Ok(program) } else { Err("benches/c/parse_and_match.c does not compile".to_owned()) }
}

fn shared_library(root: &Path) -> Result<PathBuf, String> {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["rustc", "--package", "mta-sts-ffi", "--profile", "release-c", "--lib", "--crate-type", "cdylib"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("cargo cannot be run: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let artifacts = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let files = artifacts.flat_map(|artifact| artifact["filenames"].as_array().cloned().unwrap_or_default());
    let library = files.filter_map(|file| file.as_str().map(PathBuf::from)).find(|file| file.ends_with("libmtasts.so"));
    library.filter(|_| output.status.success()).ok_or_else(|| "libmtasts cannot be built".to_owned())
}
