//! Two nodes behind one address: a Redis of the tests' own, a load balancer, and Twilio.
//!
//! The balancer is written here, so that a story can say which request goes where; it does what others
//! do: one connection to a node for each request, and another node where nobody answers.

use crate::exchange::*;
use crate::house::*;
use serde_json::Value;
use standins::twilio::{self, CallSeen, Config, Incoming, Person};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// A Redis server that keeps nothing on its disk.
pub struct Redis {
    port: u16,
    child: Child,
    folder: TempDir,
}

impl Redis {
    /// None: there is no Redis on this machine, which is said.
    pub async fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let Ok(child) = Self::spawn(port, &folder) else {
            let missing = "there is no redis-server; install Redis";
            assert!(std::env::var_os("CORDBOARD_CI").is_none(), "{missing}");
            eprintln!("skipped: {missing}");
            return None;
        };
        let redis = Self { port, child, folder };
        redis.answers().await;
        Some(redis)
    }

    fn spawn(port: u16, folder: &TempDir) -> std::io::Result<Child> {
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.arg("--dir").arg(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command.kill_on_drop(true).spawn()
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What it answers to this.
    pub async fn ask(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).await.ok()?;
        let mut answer = vec![0; 64 * 1024];
        let read = stream.read(&mut answer).await.ok()?;
        Some(String::from_utf8_lossy(&answer[..read]).into_owned())
    }

    async fn answers(&self) {
        let asking = async {
            while self.ask("PING").await.is_none_or(|answer| !answer.contains("PONG")) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("Redis does not answer");
    }

    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Another one, at the same place, which knows nothing.
    pub async fn restart(&mut self) {
        self.child = Self::spawn(self.port, &self.folder).unwrap();
        self.answers().await;
    }
}

/// Which node a request goes to, first or second: by its path, and how many there were before.
pub type Rule = fn(&str, usize) -> usize;

pub const IN_TURN: Rule = |_, before| before % 2;
pub const FIRST: Rule = |_, _| 0;
pub const SECOND: Rule = |_, _| 1;
/// Streams go to the second node, and everything else to the first.
pub const STREAMS_TO_THE_SECOND: Rule = |path, _| usize::from(path.starts_with("/ws/"));

pub struct Cluster {
    pub redis: Redis,
    pub twilio: twilio::Server,
    pub first: Server,
    pub second: Server,
    /// where Twilio reaches both
    address: String,
    /// in place of our own balancer
    _nginx: Option<Child>,
}

/// What stands in front of both.
enum Balancer {
    Ours(Rule),
    /// with the configuration of the guide
    Nginx,
}

impl Cluster {
    pub async fn new(rule: Rule) -> Option<Self> {
        Self::with(rule, Config::new(), Setup::brief).await
    }

    /// None: it cannot be tested here.
    pub async fn with(rule: Rule, config: Config, setup: impl Fn() -> Setup) -> Option<Self> {
        Self::behind(Balancer::Ours(rule), config, setup).await
    }

    /// None: it cannot be tested here.
    pub async fn behind_nginx() -> Option<Self> {
        if Command::new("nginx").arg("-v").output().await.is_err() {
            let missing = "there is no nginx; install it";
            assert!(std::env::var_os("CORDBOARD_CI").is_none(), "{missing}");
            eprintln!("skipped: {missing}");
            return None;
        }
        Self::behind(Balancer::Nginx, Config::new(), Setup::brief).await
    }

    async fn behind(balancer: Balancer, config: Config, setup: impl Fn() -> Setup) -> Option<Self> {
        let redis = Redis::start().await?;
        let twilio = twilio::Server::start(config).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let node = |name: &str| {
            setup()
                .twilio(&twilio)
                .variable("REDIS_URL", &redis.url())
                .variable("PUBLIC_URL", &format!("http://{address}"))
                .variable("CORDBOARD_NODE_NAME", name)
                .start()
        };
        let (first, second) = (node("first").await, node("second").await);
        for server in [&first, &second] {
            assert!(server.log().contains("shares its calls by Redis"), "{}", server.log());
        }
        let nodes = [first.address.clone(), second.address.clone()];
        let nginx = match balancer {
            Balancer::Ours(rule) => {
                tokio::spawn(balance(listener, nodes, rule));
                None
            }
            Balancer::Nginx => {
                drop(listener);
                Some(nginx(&address, &nodes, redis.folder.path()).await)
            }
        };
        Some(Self { redis, twilio, first, second, address, _nginx: nginx })
    }

    /// Somebody dials our number.
    pub fn ring(&self, person: Person) -> String {
        let url = |path: &str| format!("http://{}{path}", self.address);
        let status_callback = Some(url("/call-status"));
        self.twilio.ring(Incoming { person, status_callback, ..Incoming::new(url("/")) })
    }

    pub async fn until(&self, sid: &str, happened: impl Fn(&CallSeen) -> bool) -> CallSeen {
        let waiting = tokio::time::timeout(PATIENCE, self.twilio.until_call(sid, happened)).await;
        waiting.unwrap_or_else(|_| panic!("it never happened:\n{}", self.told(sid)))
    }

    pub async fn hears(&self, sid: &str, part: &str) -> CallSeen {
        self.until(sid, |call| call.heard().iter().any(|heard| heard.contains(part))).await
    }

    pub async fn ended(&self, sid: &str) -> CallSeen {
        let ended = tokio::time::timeout(PATIENCE, self.twilio.ended(sid)).await;
        ended.unwrap_or_else(|_| panic!("the call goes on:\n{}", self.told(sid)))
    }

    /// A stream of this call at this node, by a document that is not ours.
    pub async fn phone(&self, node: &Server, sid: &str) -> Phone {
        let url = format!("ws://{}/ws", self.address);
        let mut phone = Phone::connect_with(node, &[("x-twilio-signature", signature(&url, &[]))]).await;
        phone.send(&start(sid).replace("AC1", self.twilio.account_sid())).await;
        phone
    }

    /// For a person who reads why a test failed.
    pub fn told(&self, sid: &str) -> String {
        let story = self.twilio.seen().call(sid).map(story).unwrap_or_default();
        format!("{story}\n--- first\n{}\n--- second\n{}", self.first.log(), self.second.log())
    }

    pub fn is_clean(&self) {
        assert_eq!(self.twilio.violations(), Vec::<String>::new());
    }
}

/// What this node answers.
pub async fn get(server: &Server, path: &str) -> (u16, Value) {
    ask(server, Some(KEY), reqwest::Method::GET, path, None).await
}

pub async fn post(server: &Server, path: &str, body: Value) -> (u16, Value) {
    ask(server, Some(KEY), reqwest::Method::POST, path, Some(body)).await
}

/// Asks this node until the answer is what is waited for.
pub async fn until_known(server: &Server, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let asking = async {
        loop {
            last = get(server, path).await.1;
            if wanted(&last) {
                return last.clone();
            }
            tokio::task::yield_now().await;
        }
    };
    let told = tokio::time::timeout(PATIENCE, asking).await;
    told.unwrap_or_else(|_| panic!("{path} never says it:\n{}", server.log()))
}

/// The configuration that ships, with other places, and without a certificate.
async fn nginx(address: &str, nodes: &[String; 2], folder: &Path) -> Child {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/nginx/nginx.conf");
    let mut text = std::fs::read_to_string(shipped).unwrap();
    let port_80 = format!("listen unix:{}/80.sock default_server", folder.display());
    for (theirs, ours) in [
        ("cordboard-1:8765", nodes[0].as_str()),
        ("cordboard-2:8765", nodes[1].as_str()),
        ("listen 80 default_server", &port_80),
        ("listen 443 ssl default_server", &format!("listen {address} default_server")),
        ("/var/run/nginx.pid", &format!("{}/nginx.pid", folder.display())),
    ] {
        assert!(text.contains(theirs), "nginx.conf has no {theirs:?}");
        text = text.replace(theirs, ours);
    }
    let text: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("ssl_"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let path = folder.join("nginx.conf");
    std::fs::write(&path, text).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(path).args(["-g", "daemon off; master_process off;"]);
    let mut child = command.stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let answers = async {
        while TcpStream::connect(address).await.is_err() {
            assert!(child.try_wait().unwrap().is_none(), "nginx does not start");
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, answers).await.expect("nginx does not answer");
    child
}

async fn balance(listener: TcpListener, nodes: [String; 2], rule: Rule) {
    let before = Arc::new(AtomicUsize::new(0));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        // whoever goes away meanwhile is not served
        tokio::spawn(forward(stream, nodes.clone(), rule, before.clone()));
    }
}

async fn forward(
    mut client: TcpStream,
    nodes: [String; 2],
    rule: Rule,
    before: Arc<AtomicUsize>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let path = head.split(' ').nth(1)?;
    let chosen = rule(path, before.fetch_add(1, Ordering::Relaxed));
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    client.read_exact(&mut body).await.ok()?;
    // one request on each connection, or the next would go the same way
    let head = match lower.contains("upgrade: websocket") {
        true => head,
        false => head.replacen("\r\n", "\r\nConnection: close\r\n", 1),
    };
    let request = [head.as_bytes(), &body].concat();
    // a node that dies may take a connection and answer nothing
    let (mut node, first) = match answered(&nodes[chosen], &request).await {
        Some(answered) => answered,
        None => answered(&nodes[1 - chosen], &request).await?,
    };
    client.write_all(&first).await.ok()?;
    copy_bidirectional(&mut client, &mut node).await.ok().map(drop)
}

/// A connection to this node on which it begins to answer this, and what it has answered so far.
async fn answered(node: &str, request: &[u8]) -> Option<(TcpStream, Vec<u8>)> {
    let mut node = TcpStream::connect(node).await.ok()?;
    node.write_all(request).await.ok()?;
    let mut first = vec![0; 4096];
    let read = node.read(&mut first).await.ok().filter(|read| *read > 0)?;
    first.truncate(read);
    Some((node, first))
}
