//! Real servers and sentinels on loopback, gone with the test.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

pub(crate) struct Server {
    program: &'static str,
    pub(crate) port: u16,
    pub(crate) directory: PathBuf,
    config: String,
    child: Option<Child>,
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// With more lines of configuration.
    pub(crate) async fn with(more: &str) -> Self {
        let config = format!("appendonly yes\nappendfsync always\nsave \"\"\n{more}\n");
        Self::new("redis-server", free_port(), config).await
    }

    pub(crate) async fn sentinel(master: u16) -> Self {
        let config = format!(
            "sentinel monitor mymaster 127.0.0.1 {master} 1\nsentinel down-after-milliseconds mymaster 500\n\
             sentinel failover-timeout mymaster 3000\n"
        );
        Self::new("redis-sentinel", free_port(), config).await
    }

    async fn new(program: &'static str, port: u16, config: String) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("mta-sts-redis-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        let config = format!("port {port}\nbind 127.0.0.1\ndir {}\nlogfile log\n{config}", directory.display());
        let mut server = Self { program, port, directory, config, child: None };
        server.restart().await;
        server
    }

    pub(crate) async fn restart(&mut self) {
        let file = self.directory.join("redis.conf");
        fs::write(&file, &self.config).unwrap();
        let mut command = Command::new(self.program);
        command.arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn();
        self.child = Some(child.unwrap_or_else(|error| {
            panic!(
                "cannot run {}: {error}; these tests need it: apt-get install redis-server redis-sentinel",
                self.program
            )
        }));
        for _ in 0..500 {
            if self.cli("PING").contains("PONG") || self.cli("PING").contains("NOAUTH") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!(
            "{} does not start: {}",
            self.program,
            fs::read_to_string(self.directory.join("log")).unwrap_or_default()
        );
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What `redis-cli` says to a command, whose words are split at spaces.
    pub(crate) fn cli(&self, command: &str) -> String {
        let mut cli = Command::new("redis-cli");
        cli.args(["-p", &self.port.to_string()]).args(command.split(' '));
        let output = cli.output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}
