//! The daemon under test.

use super::{
    Result,
    process::{Process, free_address},
    stage::Stage,
};
use std::{fs, net::SocketAddr, path::PathBuf, process::Command};

/// What differs between the daemons of the scenarios. Each has a configuration, a state directory
/// and an address of its own, which stay when it is started anew.
pub(super) struct Setup {
    pub(super) addr: SocketAddr,
    name: &'static str,
    directory: PathBuf,
    has_clock: bool,
}

impl Setup {
    /// `store` holds the keys of the section `[store]`. With `has_clock` it lives by the clock of
    /// the stage.
    pub(super) fn write(stage: &Stage, name: &'static str, store: &str, has_clock: bool) -> Result<Self> {
        let addr = free_address()?;
        let directory = stage.directory.join(name);
        fs::create_dir_all(&directory)?;
        let (dns, https) = (stage.dns.addr(), stage.https.addr().port());
        let ca = stage.directory.join("ca.pem");
        // Times that let a run end soon; and nothing that comes by itself where the clock is stepped.
        let config = format!(
            "[server]\nlisten = [\"{addr}\"]\nanswer_timeout = \"2s\"\nadmin = \"\"\nhttp = \"\"\n\
             [dns]\nservers = [\"{dns}\"]\ntimeout = \"1s\"\n\
             [https]\nca_file = {ca:?}\nonly_ca_file = true\nport = {https}\ntimeout = \"4s\"\n\
             allow_nets = [\"127.0.0.0/8\"]\n\
             [store]\n{store}\n\
             [refresh]\nenabled = {}\n\
             [log]\nlevel = \"warn\"\n",
            !has_clock
        );
        fs::write(directory.join("config.toml"), config)?;
        Ok(Self { addr, name, directory, has_clock })
    }

    /// Starts it, and waits until it answers.
    pub(super) async fn start(&self, stage: &Stage) -> Result<Process> {
        let mut command = Command::new(&stage.options.mta_sts);
        command.arg("serve").arg("--config").arg(self.directory.join("config.toml"));
        command.arg("--state-dir").arg(&self.directory).env_remove("STATE_DIRECTORY").env_remove("RUNTIME_DIRECTORY");
        if self.has_clock {
            stage.clock.rule(&mut command);
        }
        Process::start(command, self.addr, stage.directory.join(format!("{}.log", self.name))).await
    }
}
