//! What the tests share: the program serving on a free port, a telephone that can be held by hand,
//! and the caller as the program offers it.

use crate::guests;
use futures_util::{SinkExt, StreamExt};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use twilio::stream::{Outgoing, Own, decode_payload, encode_payload};

/// Long enough for anything that is going to happen on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The program, serving.
pub struct Server {
    child: Child,
    pub address: String,
    /// what it has written so far, both streams, line by line
    lines: watch::Receiver<Vec<String>>,
    /// its working folder
    folder: TempDir,
}

/// What it is started with.
#[derive(Default)]
pub struct Setup {
    variables: Vec<(String, String)>,
    toml: String,
    guests: Vec<&'static str>,
    keeps_port: bool,
    files: Vec<(&'static str, Vec<u8>)>,
    small_disk: Option<u32>,
    arguments: Vec<&'static str>,
}

impl Setup {
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Belongs to this account, and has a key for the tests.
    pub fn twilio(self, twilio: &standins::twilio::Server) -> Self {
        self.variable("TWILIO_BASE_URL", &twilio.base_url())
            .variable("TWILIO_ACCOUNT_SID", twilio.account_sid())
            .variable("TWILIO_AUTH_TOKEN", twilio.auth_token())
            .variable("TWILIO_PHONE_NUMBER", standins::twilio::NUMBER)
            .variable("CORDBOARD_API_KEY", crate::exchange::KEY)
    }

    /// Does not keep anybody waiting with a long greeting.
    pub fn brief() -> Self {
        let settings = "[component.guest-relations.settings]\ngreeting = \"Hello!\"\ngoodbye = \"Bye!\"\n";
        Self::default().toml(settings)
    }

    /// Its `cordboard.toml`.
    pub fn toml(mut self, text: &str) -> Self {
        self.toml += text;
        self
    }

    /// Behind `serve`.
    pub fn argument(mut self, argument: &'static str) -> Self {
        self.arguments.push(argument);
        self
    }

    /// A component of the tests in its folder of components.
    pub fn guest(mut self, package: &'static str) -> Self {
        self.guests.push(package);
        self
    }

    /// A file in its working folder.
    pub fn file(self, path: &'static str, text: &str) -> Self {
        self.binary(path, text.as_bytes().to_vec())
    }

    /// The same, of bytes.
    pub fn binary(mut self, path: &'static str, bytes: Vec<u8>) -> Self {
        self.files.push((path, bytes));
        self
    }

    /// The disk for its recordings has so much room.
    pub fn small_disk(mut self, kilobytes: u32) -> Self {
        self.small_disk = Some(kilobytes);
        self
    }

    /// It listens where the variables say.
    pub fn keeps_port(mut self) -> Self {
        self.keeps_port = true;
        self
    }

    /// Starts it, and waits until it answers.
    pub async fn start(self) -> Server {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cordboard.toml"), self.toml).unwrap();
        for (path, bytes) in self.files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let mut command = program(folder.path());
        command
            .arg("serve")
            .args(if self.keeps_port { &[][..] } else { &["--bind", "127.0.0.1:0"] })
            .args(self.arguments)
            .env("RUST_LOG", "info,cordboard=debug")
            .envs(self.variables);
        if !self.guests.is_empty() {
            let components = folder.path().join("components");
            std::fs::create_dir(&components).unwrap();
            for package in self.guests {
                std::fs::copy(guest(package), components.join(format!("{package}.wasm"))).unwrap();
            }
            command.arg("--components").arg(components);
        }
        if let Some(kilobytes) = self.small_disk {
            command = with_small_disk(command, kilobytes);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = watch::channel(Vec::new());
        let sender = Arc::new(sender);
        collect(child.stdout.take().unwrap(), sender.clone());
        collect(child.stderr.take().unwrap(), sender);
        let mut server = Server { child, address: String::new(), lines, folder };
        let greeting = server.logged("answers on http://").await;
        server.address = greeting.rsplit("http://").next().unwrap().trim().to_owned();
        // behind the table
        server.logged("Call it by Twilio").await;
        server
    }
}

fn collect(stream: impl AsyncRead + Unpin + Send + 'static, lines: Arc<watch::Sender<Vec<String>>>) {
    tokio::spawn(async move {
        let mut reader = BufReader::new(stream).lines();
        while let Ok(Some(line)) = reader.next_line().await {
            lines.send_modify(|lines| lines.push(line));
        }
    });
}

impl Server {
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn stream_url(&self) -> String {
        format!("ws://{}/ws", self.address)
    }

    /// All that it has written.
    pub fn log(&self) -> String {
        self.lines.borrow().join("\n")
    }

    /// Waits for a line with this in it, and gives the line.
    pub async fn logged(&self, part: &str) -> String {
        let mut lines = self.lines.clone();
        let found = |lines: &Vec<String>| lines.iter().any(|line| line.contains(part));
        match tokio::time::timeout(PATIENCE, lines.wait_for(found)).await {
            Ok(Ok(lines)) => lines.iter().find(|line| line.contains(part)).unwrap().clone(),
            _ => panic!("{part:?} was never logged:\n{}", self.log()),
        }
    }

    /// Its working folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The recordings it has made so far.
    pub fn recordings(&self) -> Vec<PathBuf> {
        let Ok(files) = std::fs::read_dir(self.folder.path().join("recordings")) else { return Vec::new() };
        files.map(|file| file.unwrap().path()).collect()
    }

    /// Ends it as a power cut would; its folder stays.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to stop, as an operator would.
    pub async fn terminate(&self) {
        let pid = self.child.id().unwrap().to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status().await.unwrap();
        assert!(killed.success());
    }

    /// Both.
    pub async fn stop(&mut self) -> (std::process::ExitStatus, String) {
        self.terminate().await;
        self.gone().await
    }

    /// Waits for it to be gone.
    pub async fn gone(&mut self) -> (std::process::ExitStatus, String) {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        (status.unwrap_or_else(|_| panic!("it stays:\n{}", self.log())).unwrap(), self.log())
    }
}

/// The same program, whose recordings have a disk of their own with so much room.
fn with_small_disk(command: Command, kilobytes: u32) -> Command {
    let command = command.as_std();
    let mut shell = Command::new("unshare");
    let mount = format!("mkdir -p recordings && mount -t tmpfs -o size={kilobytes}k none recordings");
    shell.args(["--mount", "sh", "-c", &format!("{mount} && exec \"$0\" \"$@\"")]);
    shell.arg(command.get_program()).args(command.get_args()).kill_on_drop(true).env_clear();
    for (name, value) in command.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell.current_dir(command.get_current_dir().unwrap());
    shell
}

/// Whether a program may be given a disk of its own here. In CI it must be.
pub fn disks_can_be_made() -> bool {
    let mounts = "mount -t tmpfs -o size=4k none /mnt";
    let tried = std::process::Command::new("unshare").args(["--mount", "sh", "-c", mounts]).output();
    if tried.is_ok_and(|tried| tried.status.success()) {
        return true;
    }
    let missing = "nobody may mount a disk here (`unshare --mount`)";
    assert!(std::env::var_os("CORDBOARD_CI").is_none(), "{missing}");
    eprintln!("skipped: {missing}");
    false
}

/// The program in this folder, with nothing of the tests' own environment that it would read.
pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
    command.current_dir(folder).kill_on_drop(true).env_clear();
    for kept in ["PATH", "HOME", "LD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    // compiled components are kept between the tests
    command.env("CORDBOARD_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled"));
    command
}

/// Runs `cordboard call` with these arguments against the server.
pub async fn call(server: &Server, arguments: &[&str]) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command.args(["call", "--url", &server.stream_url()]).args(arguments);
    let output = tokio::time::timeout(PATIENCE * 3, command.output()).await.unwrap().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output, text)
}

/// The `.wasm` of a component that is only built for tests.
pub fn guest(package: &str) -> PathBuf {
    static BUILT: OnceLock<Mutex<BTreeMap<String, PathBuf>>> = OnceLock::new();
    let mut built = BUILT.get_or_init(Mutex::default).lock().unwrap();
    let path = built.entry(package.to_owned()).or_insert_with(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        guests::build(&workspace, &[package]).unwrap().remove(0)
    });
    path.clone()
}

/// A telephone held by hand: nothing goes out but what the test sends. It plays what it is sent in
/// no time, so that marks come back at once.
pub struct Phone {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// audio of the agent, in bytes
    pub heard: usize,
}

pub const SID: &str = "MZ00000000000000000000000000000007";

impl Phone {
    /// Connects, and sends nothing.
    pub async fn connect(server: &Server) -> Self {
        let (socket, _) = tokio_tungstenite::connect_async(server.stream_url()).await.unwrap();
        Self { socket, heard: 0 }
    }

    /// Connects with these headers, and sends nothing.
    pub async fn connect_with(server: &Server, headers: &[(&'static str, String)]) -> Self {
        let mut request = server.stream_url().into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        Self { socket, heard: 0 }
    }

    /// Connects to an address that was given out, and sends nothing.
    pub async fn connect_at(
        server: &Server,
        path: &str,
    ) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let url = format!("ws://{}{path}", server.address);
        let (socket, _) = tokio_tungstenite::connect_async(url).await?;
        Ok(Self { socket, heard: 0 })
    }

    /// Connects and begins a stream, as a far end that reads along.
    pub async fn begin(server: &Server, call: &str) -> Self {
        let mut phone = Self::connect(server).await;
        phone.send(&start(call)).await;
        phone
    }

    pub async fn send(&mut self, text: &str) {
        self.try_send(text).await.unwrap();
    }

    /// The same, where the server may close meanwhile.
    pub async fn try_send(&mut self, text: &str) -> Result<(), tokio_tungstenite::tungstenite::Error> {
        self.socket.send(Message::text(text)).await
    }

    pub async fn send_binary(&mut self, data: Vec<u8>) {
        self.socket.send(Message::binary(data)).await.unwrap();
    }

    /// Says this without a sound: the turn is whole.
    pub async fn say(&mut self, text: &str) {
        let said = serde_json::json!({
            "event": "cordboard.said", "streamSid": SID, "text": text, "final": true
        });
        self.send(&said.to_string()).await;
    }

    /// Presses this key.
    pub async fn press(&mut self, key: char) {
        let dtmf = serde_json::json!({
            "event": "dtmf", "streamSid": SID, "dtmf": { "track": "inbound_track", "digit": key.to_string() }
        });
        self.send(&dtmf.to_string()).await;
    }

    /// Plays what comes until a message of ours that `wanted` takes; none: the server closes.
    pub async fn until<T>(&mut self, wanted: impl Fn(&Own) -> Option<T>) -> Option<T> {
        let waiting = async {
            loop {
                let Some(Ok(message)) = self.socket.next().await else { return None };
                let text = match message {
                    Message::Text(text) => text,
                    Message::Close(_) => return None,
                    _ => continue,
                };
                match serde_json::from_str(&text) {
                    Ok(Outgoing::Media { media, .. }) => {
                        self.heard += decode_payload(&media.payload).unwrap().len();
                    }
                    Ok(Outgoing::Mark { mark, .. }) => {
                        let back = serde_json::json!({
                            "event": "mark", "streamSid": SID, "mark": { "name": mark.name }
                        });
                        let _ = self.try_send(&back.to_string()).await;
                    }
                    Ok(Outgoing::Clear { .. }) => {}
                    Err(_) => {
                        let own: Own = serde_json::from_str(&text).unwrap();
                        if let Some(taken) = wanted(&own) {
                            return Some(taken);
                        }
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("nothing of it came")
    }

    /// What the agent said next, as far as it was heard; what was not heard at all is passed over.
    pub async fn hears(&mut self) -> String {
        let spoke = self.until(|own| match own {
            Own::Spoke { heard, .. } if !heard.is_empty() => Some(heard.clone()),
            _ => None,
        });
        spoke.await.expect("the call ended")
    }

    /// Waits until so much of the agent was sent, in bytes.
    pub async fn hears_something(&mut self, bytes: usize) {
        let begun = self.heard;
        let hearing = async {
            while self.heard < begun + bytes {
                let Some(Ok(Message::Text(text))) = self.socket.next().await else {
                    panic!("the call ended")
                };
                if let Ok(Outgoing::Media { media, .. }) = serde_json::from_str(&text) {
                    self.heard += decode_payload(&media.payload).unwrap().len();
                }
            }
        };
        tokio::time::timeout(PATIENCE, hearing).await.expect("the agent is not heard");
    }

    /// What the caller was understood to say next.
    pub async fn understood(&mut self) -> String {
        let turn = self.until(|own| match own {
            Own::Turn { text, .. } => Some(text.clone()),
            _ => None,
        });
        turn.await.expect("the call ended")
    }

    /// Why the call ended; what was said before is passed over.
    pub async fn ended(&mut self) -> String {
        let ended = self.until(|own| match own {
            Own::Ended { departure, .. } => Some(departure.clone()),
            _ => None,
        });
        ended.await.expect("the server closed without saying why")
    }

    /// Waits until the server has closed it.
    pub async fn until_gone(&mut self) {
        let waiting = async { while let Some(Ok(_)) = self.socket.next().await {} };
        tokio::time::timeout(PATIENCE, waiting).await.expect("it is not closed");
    }

    /// Stays on the line, plays what comes, and says this now and then.
    pub async fn chats(mut self, text: &'static str) {
        let mut talks = tokio::time::interval(Duration::from_secs(8));
        let said = serde_json::json!({
            "event": "cordboard.said", "streamSid": SID, "text": text, "final": true
        });
        loop {
            let message = tokio::select! {
                message = self.socket.next() => message,
                _ = talks.tick() => match self.try_send(&said.to_string()).await {
                    Ok(()) => continue,
                    Err(_) => return,
                },
            };
            let Some(Ok(message)) = message else { return };
            if let Message::Text(text) = message
                && let Ok(Outgoing::Mark { mark, .. }) = serde_json::from_str(&text)
            {
                let back = serde_json::json!({
                    "event": "mark", "streamSid": SID, "mark": { "name": mark.name }
                });
                let _ = self.try_send(&back.to_string()).await;
            }
        }
    }

    /// Stays on the line, and says nothing.
    pub async fn stays(mut self) {
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    /// Ends without a word, as a lost connection does.
    pub fn drop_dead(self) {}
}

/// How a stream begins, by a far end that reads along.
pub fn start(call: &str) -> String {
    serde_json::json!({
        "event": "start", "sequenceNumber": "1", "streamSid": SID,
        "start": {
            "streamSid": SID, "accountSid": "AC1", "callSid": call, "tracks": ["inbound"],
            "customParameters": { "cordboard": "test", "caller": "+15555550100" },
            "mediaFormat": { "encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1 }
        }
    })
    .to_string()
}

/// The same, with this parameter of the stream besides.
pub fn start_with(call: &str, name: &str, value: &str) -> String {
    let mut start: serde_json::Value = serde_json::from_str(&start(call)).unwrap();
    start["start"]["customParameters"][name] = value.into();
    start.to_string()
}

/// 20 ms of the caller's audio with these numbers.
pub fn media(sequence: u64, chunk: u64, timestamp: u64, audio: &[u8]) -> String {
    serde_json::json!({
        "event": "media", "sequenceNumber": sequence.to_string(), "streamSid": SID,
        "media": {
            "track": "inbound", "chunk": chunk.to_string(), "timestamp": timestamp.to_string(),
            "payload": encode_payload(audio)
        }
    })
    .to_string()
}
