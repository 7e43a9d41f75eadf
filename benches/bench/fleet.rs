//! A fleet of simulated instances in a process of its own, so that what it costs is not taken for mirrorgate's.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlserver_sim::{Fleet, InstanceSpec};

const SIZE: &str = "MIRRORGATE_BENCH_FLEET";
/// The simulated administrators' password; only ever sent to 127.0.0.1.
pub const PASSWORD: &str = "Bench-only-2026";
/// What every batch takes on the way there and back.
pub const LATENCY: Duration = Duration::from_millis(5);

/// What the process says of itself, in one line.
#[derive(Serialize, Deserialize)]
pub struct Said {
    pub ca_pem: String,
    pub hosts: Vec<Host>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Host {
    pub name: String,
    pub port: u16,
    /// The certificate of its endpoint, hexadecimal.
    pub certificate: String,
}

/// How many instances this process shall be, if it was started as a fleet.
pub fn asked_to_be_one() -> Option<usize> {
    std::env::var(SIZE).ok()?.parse().ok()
}

/// Serves until the standard input ends. A line `silent N` makes the first N of them take log-ins and answer no batch; a line
/// `latency N` is what every batch takes on all of them, in milliseconds. Each is answered by a line.
pub async fn be(size: usize) {
    let fleet = Fleet::new().unwrap();
    let mut hosts = Vec::new();
    let mut said = Vec::new();
    for number in 0..size {
        let name = format!("BENCH{number:04}");
        let spec = InstanceSpec {
            sa_password: PASSWORD.to_owned(),
            key_bits: Some(2048),
            shared_keys: true,
            ..InstanceSpec::named(&name)
        };
        let host = fleet.start(spec).await.unwrap();
        host.prepare_outbound(&name, 5022).await.unwrap();
        host.faults().set_latency(LATENCY);
        let certificate = hex::encode_upper(host.endpoint_certificate_der().unwrap());
        said.push(Host {
            name,
            port: host.port(),
            certificate,
        });
        hosts.push(host);
    }
    let said = Said {
        ca_pem: fleet.ca_pem().to_owned(),
        hosts: said,
    };
    println!("{}", serde_json::to_string(&said).unwrap());
    std::io::stdout().flush().unwrap();
    let mut lines = tokio::task::spawn_blocking(|| std::io::stdin().lines().next());
    while let Some(Ok(line)) = lines.await.unwrap() {
        if let Some(count) = line.strip_prefix("silent ") {
            for host in &hosts[..count.parse().unwrap()] {
                host.faults().set_latency(Duration::from_secs(3600));
            }
        }
        if let Some(latency) = line.strip_prefix("latency ") {
            for host in &hosts {
                let latency = Duration::from_millis(latency.parse().unwrap());
                host.faults().set_latency(latency);
            }
        }
        println!("done");
        std::io::stdout().flush().unwrap();
        lines = tokio::task::spawn_blocking(|| std::io::stdin().lines().next());
    }
}

/// The process, from the outside.
pub struct Process {
    child: Child,
    out: BufReader<ChildStdout>,
    pub said: Said,
}

impl Process {
    pub fn start(size: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(SIZE, size.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let said = serde_json::from_str(&line).expect("the fleet says where it is");
        Self { child, out, said }
    }

    /// From now on the first `count` say nothing any more.
    pub fn silence(&mut self, count: usize) {
        self.tell(&format!("silent {count}"));
    }

    /// From now on every batch takes so long, on all of them.
    pub fn slow(&mut self, latency: Duration) {
        self.tell(&format!("latency {}", latency.as_millis()));
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
        let mut done = String::new();
        self.out.read_line(&mut done).unwrap();
        assert_eq!(done.trim(), "done");
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
