//! The process under test: this program, on a core of its own.

use anyhow::{Context, bail};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// It has this long to compile its components, the first time.
const START: Duration = Duration::from_secs(120);
const STOP: Duration = Duration::from_secs(15);

/// Which cores there are, and which of them is the server's.
pub struct Cores {
    all: CpuSet,
    server: usize,
    pub count: usize,
}

/// The cores that this program may use.
pub fn cores() -> anyhow::Result<Cores> {
    let all = sched_getaffinity(None).context("cannot tell which cores there are")?;
    let there: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core)).collect();
    let server = *there.first().context("there is no core")?;
    Ok(Cores { all, server, count: there.len() })
}

impl Cores {
    /// From here on this thread, and all that it starts, keeps off the server's core; where there is
    /// only one, everything shares it.
    pub fn leave_the_servers(&self) -> anyhow::Result<()> {
        let mut others = self.all;
        if self.count > 1 {
            others.unset(self.server);
        }
        pin(&others)
    }

    /// From here on this thread, and all that it starts, is on the server's core.
    fn take_the_servers(&self) -> anyhow::Result<()> {
        let mut servers = CpuSet::new();
        servers.set(self.server);
        pin(&servers)
    }
}

fn pin(cores: &CpuSet) -> anyhow::Result<()> {
    sched_setaffinity(None, cores).context("cannot choose a core")
}

pub struct Server {
    child: Child,
    port: u16,
    pid: u32,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts it with these variables and nothing else of this environment, and waits until it
    /// answers.
    pub async fn start(cores: &Cores, variables: &[(&str, String)]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder for the server")?;
        // free now, and in all likelihood in a moment
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = std::fs::File::create(folder.path().join("log"))?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["serve", "--bind", &format!("127.0.0.1:{port}")])
            .current_dir(folder.path())
            .env_clear()
            .envs(
                ["PATH", "HOME", "XDG_CACHE_HOME"]
                    .iter()
                    .filter_map(|name| std::env::var_os(name).map(|value| (*name, value))),
            )
            .envs(variables.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true);
        // a process is born on the cores of the thread that starts it
        cores.take_the_servers()?;
        let child = command.spawn();
        cores.leave_the_servers()?;
        let child = child.context("this program cannot be started once more")?;
        let pid = child.id().context("the server went at once")?;
        let mut server = Self { child, port, pid, folder };
        server.answers().await?;
        Ok(server)
    }

    async fn answers(&mut self) -> anyhow::Result<()> {
        let trying = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            () = trying => Ok(()),
            _ = self.child.wait() => bail!("the server did not start: {}", self.log()),
            () = tokio::time::sleep(START) => bail!("the server does not answer"),
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/ws", self.port)
    }

    /// CPU time it has used, in user and kernel.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(&format!("/proc/{}/stat", self.pid))
    }

    /// Memory that it shares with nobody, in bytes.
    pub fn private_memory(&self) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/smaps_rollup", self.pid);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let kilobytes = text
            .lines()
            .filter(|line| line.starts_with("Private_"))
            .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        Ok(kilobytes.sum::<u64>() * 1024)
    }

    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(pid) = rustix::process::Pid::from_raw(i32::try_from(self.pid)?) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        match tokio::time::timeout(STOP, self.child.wait()).await {
            Ok(status) => {
                let status = status?;
                if !status.success() {
                    bail!("the server ended with {status}: {}", self.log());
                }
                Ok(())
            }
            Err(_) => bail!("the server does not stop"),
        }
    }
}

/// Of this very process.
pub fn own_cpu() -> anyhow::Result<Duration> {
    cpu_of("/proc/self/stat")
}

fn cpu_of(path: &str) -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    // the name in brackets may hold anything; user and system time are the 12th and 13th after it
    let after = text.rsplit_once(')').map(|(_, after)| after).unwrap_or_default();
    let ticks: Vec<u64> =
        after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    let [user, system] = ticks[..] else { bail!("{path} is not as expected") };
    Ok(Duration::from_secs_f64((user + system) as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// What all cores together have done since the machine was started, and what they could have done.
pub fn machine() -> anyhow::Result<(Duration, Duration)> {
    let text = std::fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    let first = text.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = first.split_whitespace().skip(1).filter_map(|f| f.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are counted with their hosts
    let all: u64 = ticks.iter().take(8).sum();
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    let time =
        |ticks: u64| Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64);
    Ok((time(all - idle), time(all)))
}
