//! A Redis of our own.

use super::{
    Result,
    process::{Process, free_address},
    stage::Stage,
};
use std::{fs, net::SocketAddr, process::Command};

/// Where it is; what it holds is in a directory of its own and outlives it.
pub(super) struct Redis {
    pub(super) addr: SocketAddr,
}

impl Redis {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { addr: free_address()? })
    }

    pub(super) async fn start(&self, stage: &Stage) -> Result<Process> {
        let directory = stage.directory.join("redis");
        fs::create_dir_all(&directory)?;
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &self.addr.port().to_string()]);
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
        command.arg("--dir").arg(directory);
        Process::start(command, self.addr, stage.directory.join("redis.log")).await
    }
}
