//! Runs the real binary, and has what it asks.
#![allow(dead_code)]

use mta_sts::{NameServer, Resolver};
use mta_sts_lab::Lab;
use mta_sts_postfix::{Service, Zones};
use serde_json::Value;
use std::{
    ffi::OsStr,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mta-sts"));
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

pub(crate) fn run<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(args: I) -> Run {
    run_with(args, b"")
}

/// Runs with this on standard input.
pub(crate) fn run_with<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(args: I, stdin: &[u8]) -> Run {
    let mut child = command()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut pipe = child.stdin.take().expect("standard input is a pipe");
    let stdin = stdin.to_vec();
    // A run that does not read its input closes it.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&stdin)));
    let output = child.wait_with_output().expect("the binary ends");
    writer.join().expect("the writer ends");
    Run {
        code: output.status.code().expect("no signal ends it"),
        out: String::from_utf8(output.stdout).expect("only UTF-8 is written"),
        err: String::from_utf8(output.stderr).expect("only UTF-8 is written"),
    }
}

/// A file of its own for a test.
pub(crate) fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = directory.join(format!("{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).expect("the target directory can be written");
    path
}

/// What a daemon answers that asks the lab.
pub(crate) fn service(lab: &Lab) -> Service {
    let builder = Resolver::builder()
        .name_servers([NameServer::Plain(lab.dns_addr())])
        .extra_ca_pem(lab.ca_pem().as_bytes())
        .unwrap()
        .only_extra_ca(true)
        .https_port(lab.https_port())
        .allow_nets(["127.0.0.0/8".parse().unwrap()]);
    Service::new(builder.build().unwrap(), Zones::default())
}
