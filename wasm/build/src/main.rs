//! Builds the WASM of the npm package: `npm run build` in `wasm/npm` calls it.
//!
//! Two modules are made, of the whole engine and the slim one, with the JavaScript that
//! wasm-bindgen writes for each. It uses whichever tool chain here can make WASM.
#![forbid(unsafe_code)]

mod toolchain;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};
use toolchain::Toolchain;
use wasm_bindgen_cli_support::Bindgen;

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "release-wasm";

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("mta-sts-wasm-build: {why}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let toolchain = toolchain::find()?;
    eprintln!("{}{}", toolchain.name, if toolchain.builds_std { ", with a std built from its source" } else { "" });
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or("the workspace has no folder")?;
    for (name, features) in [("mta_sts", "full"), ("mta_sts_slim", "")] {
        let module = compile(&toolchain, root, name, features)?;
        let out = root.join("wasm/npm/wasm");
        bind(&module, name, &out).map_err(|e| format!("wasm-bindgen: {e}"))?;
        let size = fs::metadata(out.join(format!("{name}_bg.wasm"))).map_err(|e| e.to_string())?.len();
        eprintln!("{name}: {size} octets");
    }
    Ok(())
}

fn compile(toolchain: &Toolchain, root: &Path, name: &str, features: &str) -> Result<PathBuf, String> {
    // Each tool chain has a folder of its own, or they would undo each other's work.
    let target_dir = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let target_dir = target_dir.join(if toolchain.builds_std { "wasm-std-source" } else { "wasm-std-ready" });
    let mut cargo = toolchain::plain(&toolchain.cargo);
    cargo.current_dir(root).env("RUSTC", &toolchain.rustc);
    cargo.args(["rustc", "--quiet", "--locked", "--package", "mta-sts-wasm", "--lib", "--crate-type", "cdylib"]);
    cargo.args(["--profile", PROFILE, "--target", TARGET, "--no-default-features", "--features", features]);
    cargo.arg("--target-dir").arg(&target_dir);
    if toolchain.builds_std {
        // A std made for this: its code is made for size too, and a panic traps at once, without
        // the formatting of a message that nobody would see. All else that makes the modules small
        // is in the profile, so that a ready std, whose messages stay in, gains by it as well.
        cargo.args(["-Z", "build-std=std,panic_abort", "-Z", "build-std-features=optimize_for_size"]);
        cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zunstable-options -Cpanic=immediate-abort");
    }
    let status = cargo.status().map_err(|e| format!("{}: {e}", toolchain.cargo.display()))?;
    if !status.success() {
        return Err(format!("{name} does not compile"));
    }
    // Both modules have the same file name there.
    let made = target_dir.join(TARGET).join(PROFILE).join("mta_sts_wasm.wasm");
    let kept = made.with_file_name(format!("{name}.wasm"));
    fs::copy(&made, &kept).map_err(|e| format!("{}: {e}", made.display()))?;
    Ok(kept)
}

fn bind(module: &Path, name: &str, out: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut bindgen = Bindgen::new();
    // Without its own path the module cannot find its .wasm by itself in browsers and bundlers.
    bindgen.input_path(module).out_name(name).web(true)?.omit_default_module_path(false);
    // After a trap the wrapper makes a fresh instance of the module.
    bindgen.reset_state_function(true);
    bindgen.typescript(false).remove_name_section(true).remove_producers_section(true);
    Ok(bindgen.generate(out)?)
}
