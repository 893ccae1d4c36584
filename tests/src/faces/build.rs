//! What a face drives is built by cargo, so that it is never an old one.

use serde_json::Value;
use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

/// Builds a package of the workspace in the profile that this program was built in; gives cargo's
/// messages.
pub(super) fn build(package: &str) -> Result<Vec<Value>, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the workspace has no folder")?;
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--package", package, "--profile", profile, "--message-format", "json-render-diagnostics"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("cargo cannot be run: {e}"))?;
    if !output.status.success() {
        return Err(format!("{package} cannot be built"));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}
