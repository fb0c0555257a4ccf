//! Where a story takes place: a file, or a PostgreSQL of the tests' own.

use sqlx::{AnyConnection, Connection, Executor};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use store::{Database, Settings, Store};
use tempfile::TempDir;
use tokio::time::Instant;

pub struct Place {
    pub url: String,
    pub folder: TempDir,
    _cluster: Option<Arc<Cluster>>,
}

impl Place {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("calls.db").display());
        Self { url, folder, _cluster: None }
    }

    /// A database of its own on a server that stories share. None, where there is no PostgreSQL.
    pub async fn postgres() -> Option<Self> {
        let cluster = Cluster::shared()?;
        cluster.ready().await;
        let name = format!("story_{}", uuid::Uuid::now_v7().simple());
        run(&cluster.url("postgres"), &format!("create database {name}")).await;
        let url = cluster.url(&name);
        Some(Self { url, folder: tempfile::tempdir().unwrap(), _cluster: Some(cluster) })
    }

    /// A database of its own on a server that somebody else runs.
    pub async fn on(server: &str) -> Self {
        let name = format!("story_{}", uuid::Uuid::now_v7().simple());
        run(server, &format!("create database {name}")).await;
        let (before, _) = server.rsplit_once('/').unwrap();
        let url = format!("{before}/{name}");
        Self { url, folder: tempfile::tempdir().unwrap(), _cluster: None }
    }

    pub fn database(&self) -> String {
        self.url.rsplit('/').next().unwrap().to_owned()
    }

    pub fn settings(&self) -> Settings {
        Settings::new(Database::parse(&self.url).unwrap(), self.spool())
    }

    pub fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    pub async fn store(&self) -> Store {
        Store::open(self.settings()).await.unwrap()
    }
}

pub async fn connection(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(url).await.unwrap()
}

pub async fn run(url: &str, sql: &str) {
    let mut connection = connection(url).await;
    connection.execute(sqlx::AssertSqlSafe(sql.to_owned())).await.unwrap();
    connection.close().await.unwrap();
}

/// Said, and skipped, where something is missing; a failure where everything has to be there.
pub fn skipped(missing: &str) {
    assert!(std::env::var_os("CORDBOARD_CI").is_none(), "{missing}");
    eprintln!("skipped: {missing}");
}

/// A PostgreSQL in a folder, on a port of its own.
pub struct Cluster {
    folder: TempDir,
    pub port: u16,
    server: Mutex<Option<Child>>,
}

static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());

impl Cluster {
    /// One for all that do nothing to it. It goes with the last of them.
    fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap();
        if let Some(cluster) = shared.upgrade() {
            return Some(cluster);
        }
        let cluster = Arc::new(Self::new()?);
        cluster.start();
        *shared = Arc::downgrade(&cluster);
        Some(cluster)
    }

    /// Set up, and not started.
    pub fn new() -> Option<Self> {
        let Some(initdb) = program("initdb") else {
            skipped("PostgreSQL's initdb is not installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        if let Some((user, group)) = other_user() {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let made = unprivileged(&initdb)
            .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"])
            .arg("--pgdata")
            .arg(folder.path().join("data"))
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Some(Self { folder, port, server: Mutex::new(None) })
    }

    pub fn start(&self) {
        let postgres = program("postgres").unwrap();
        let log =
            std::fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let server = unprivileged(&postgres)
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .arg("-p")
            .arg(self.port.to_string())
            .arg("-k")
            .arg(self.folder.path())
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=50"])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        *self.server.lock().unwrap() = Some(server);
    }

    pub fn kill(&self) {
        if let Some(mut server) = self.server.lock().unwrap().take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    /// Started if it is not, or went again: after a kill its parts may still be in each other's way.
    pub async fn ready(&self) {
        sqlx::any::install_default_drivers();
        let began = Instant::now();
        loop {
            match AnyConnection::connect(&self.url("postgres")).await {
                Ok(connection) => return connection.close().await.unwrap(),
                Err(error) => assert!(began.elapsed() < Duration::from_secs(60), "{error}"),
            }
            let gone = match &mut *self.server.lock().unwrap() {
                Some(server) => server.try_wait().unwrap().is_some(),
                None => true,
            };
            if gone {
                self.start();
            }
            tokio::task::yield_now().await;
        }
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.map(|version| version.unwrap().path().join("bin")));
    }
    folders.into_iter().map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// PostgreSQL does not run as root.
fn other_user() -> Option<(u32, u32)> {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let named = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut parts = line.split(':').skip(2);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    Some(named("postgres").or_else(|| named("nobody")).unwrap())
}

fn unprivileged(program: &Path) -> Command {
    let Some((user, group)) = other_user() else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups").arg(program);
    command
}

/// Between the store and a server: it can stop passing anything on, without a word.
pub struct Line {
    pub port: u16,
    flowing: tokio::sync::watch::Sender<bool>,
}

impl Line {
    pub async fn to(server: u16) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (flowing, flows) = tokio::sync::watch::channel(true);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = tokio::net::TcpStream::connect(("127.0.0.1", server)).await else { continue };
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::spawn(pass(near_in, far_out, flows.clone()));
                tokio::spawn(pass(far_in, near_out, flows.clone()));
            }
        });
        Self { port, flowing }
    }

    pub fn freeze(&self) {
        self.flowing.send_replace(false);
    }

    pub fn thaw(&self) {
        self.flowing.send_replace(true);
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut flows: tokio::sync::watch::Receiver<bool>,
) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if flows.wait_for(|flows| *flows).await.is_err() || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
