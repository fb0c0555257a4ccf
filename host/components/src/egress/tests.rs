//! What waits, what ends, and what is not said twice. The servers are on this machine.

use super::*;
use crate::secret::Secret;
use futures_util::StreamExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;

/// How long something may take that should happen at once.
const PATIENCE: Duration = Duration::from_secs(20);

type Socket = WebSocketStream<TcpStream>;

struct Bench {
    listener: TcpListener,
    base: String,
    connections: Connections,
    arrivals: mpsc::Receiver<Arrival>,
    /// events that a component would not see
    unseen: usize,
}

impl Bench {
    async fn new(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let mut rules = Rules::default();
        rules.allow(Prefix::parse(&base).unwrap().private(true));
        let (sender, arrivals) = mpsc::channel(256);
        let egress = Arc::new(Egress::new(rules, limits).unwrap());
        Self { listener, base, connections: egress.connections(SessionId(1), sender), arrivals, unseen: 0 }
    }

    fn does(&mut self, connection: u32, what: What) {
        self.connections.perform(Action { connection, what }).unwrap();
    }

    /// Opens a websocket; the other end of it.
    async fn open(&mut self, connection: u32) -> Socket {
        self.does(connection, What::Open { url: self.base.clone(), headers: vec![], protocols: vec![] });
        let (stream, _) = self.listener.accept().await.unwrap();
        let socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        assert!(matches!(self.told().await, (_, Outcome::Opened)));
        socket
    }

    /// Begins a request; the other end of its connection, where nobody answers.
    async fn ask(&mut self, connection: u32, size: usize) -> TcpStream {
        let request = request(&self.base, size);
        self.does(connection, What::Request(request));
        self.listener.accept().await.unwrap().0
    }

    /// The next event that a component would see.
    async fn told(&mut self) -> (u32, Outcome) {
        loop {
            let event = self.next().await;
            if self.connections.is_awaited(&event) {
                return (event.connection, event.outcome);
            }
            self.unseen += 1;
        }
    }

    async fn next(&mut self) -> NetEvent {
        match tokio::time::timeout(PATIENCE, self.arrivals.recv()).await.expect("nothing happens") {
            Some(Arrival::Net { event, .. }) => event,
            other => panic!("{other:?}"),
        }
    }

    async fn fetched(&mut self) -> (u32, Result<Fetched, Failure>) {
        match tokio::time::timeout(PATIENCE, self.arrivals.recv()).await.expect("nothing happens") {
            Some(Arrival::Fetched { id, outcome }) => (id, outcome),
            other => panic!("{other:?}"),
        }
    }
}

fn request(url: &str, size: usize) -> Request {
    Request { method: "POST".into(), url: url.into(), headers: vec![], body: vec![0; size] }
}

fn frame(size: usize) -> What {
    What::Send(Frame::Binary(vec![0; size]))
}

fn is_too_large(told: &(u32, Outcome), number: u32) -> bool {
    matches!(told, (connection, Outcome::Failed(f)) if *connection == number && f.fault == Fault::TooLarge)
}

#[tokio::test]
async fn what_waits_to_be_sent_is_bounded_in_bytes_for_all_connections() {
    let mut bench = Bench::new(Limits::default()).await;
    let _first = bench.open(1).await;
    let _second = bench.open(2).await;
    // nobody else runs here, so all of it waits: 4 MiB, far fewer frames than the queues take
    for number in [1, 2] {
        (0..8).for_each(|_| bench.does(number, frame(256 * 1024)));
    }
    bench.does(2, frame(1));
    let told = bench.told().await;
    assert!(is_too_large(&told, 2), "{told:?}");
    bench.does(1, What::Close);
}

#[tokio::test]
async fn bodies_of_requests_wait_too() {
    let limits = Limits { frame_kb: 64, ..Limits::default() };
    let mut bench = Bench::new(limits).await;
    let _first = bench.ask(1, 800 * 1024).await;
    let body = request(&bench.base, 800 * 1024);
    bench.does(2, What::Request(body));
    let told = bench.told().await;
    assert!(is_too_large(&told, 2), "{told:?}");
    // what is given up waits no longer
    bench.does(1, What::Close);
    let all = bench.connections.outbox.clone().acquire_many_owned(share(limits.transfer()));
    let all = tokio::time::timeout(PATIENCE, all).await.expect("nothing waits any more");
    assert!(all.is_ok());
}

#[tokio::test]
async fn what_was_received_and_is_not_taken_holds_the_server_back() {
    use futures_util::SinkExt;
    use tokio_tungstenite::tungstenite::Message;
    let mut bench = Bench::new(Limits { frame_kb: 64, ..Limits::default() }).await;
    let socket = bench.open(1).await;
    let sending = tokio::spawn(async move {
        let mut socket = socket;
        for _ in 0..40 {
            socket.send(Message::binary(vec![0; 64 * 1024])).await.unwrap();
        }
        socket
    });
    while bench.arrivals.len() < 16 {
        tokio::task::yield_now().await;
    }
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.arrivals.len(), 16, "a megabyte of them waits, and not all forty");
    for _ in 0..40 {
        assert!(matches!(bench.told().await, (1, Outcome::Frame(_))));
    }
    sending.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_was_given_up_ends_once() {
    let limits = Limits { queue: 4, ..Limits::default() };
    let mut bench = Bench::new(limits).await;
    let _server = bench.open(7).await;
    (0..100).for_each(|_| bench.does(7, frame(16)));
    bench.does(7, What::Close);
    let told = bench.told().await;
    assert!(is_too_large(&told, 7), "{told:?}");
    // a request may be given up twice
    let _server = bench.ask(7, 0).await;
    bench.does(7, What::Close);
    bench.does(7, What::Close);
    assert!(matches!(bench.told().await, (7, Outcome::Closed { code: 0, .. })));
    // the number is free, and there was one end of each that had it
    let _server = bench.open(7).await;
    assert_eq!((bench.arrivals.len(), bench.unseen), (0, 0));
}

#[tokio::test]
async fn what_comes_late_is_not_taken_for_the_next_with_that_number() {
    let mut bench = Bench::new(Limits::default()).await;
    let _server = bench.ask(7, 0).await;
    bench.does(7, What::Close);
    let end = bench.next().await;
    assert!(bench.connections.is_awaited(&end));
    let _server = bench.open(7).await;
    // the first one's task was about to tell its end too
    let late = NetEvent { outcome: Outcome::Closed { code: 0, reason: String::new() }, _waits: None, ..end };
    assert!(!bench.connections.is_awaited(&late));
    assert!(bench.connections.open.contains_key(&7), "the second one is still open");
}

#[tokio::test]
async fn a_script_has_so_many_fetches_open_and_no_more() {
    let mut bench = Bench::new(Limits { connections: 2, ..Limits::default() }).await;
    let get = request(&bench.base, 0);
    assert!(!bench.connections.is_fetching());
    for id in 1..=3 {
        bench.connections.fetch(id, get.clone());
    }
    assert!(bench.connections.is_fetching());
    let (id, outcome) = bench.fetched().await;
    assert_eq!((id, outcome.unwrap_err().fault), (3, Fault::TooLarge));
    // one that is not wanted any more makes room
    bench.connections.cancel_fetch(1);
    bench.connections.fetch(4, get.clone());
    bench.connections.fetch(5, get.clone());
    assert_eq!(bench.fetched().await.0, 5);
    // so does one that was answered
    drop(std::mem::replace(&mut bench.listener, TcpListener::bind("127.0.0.1:0").await.unwrap()));
    let answered = [bench.fetched().await.0, bench.fetched().await.0];
    assert!(answered.contains(&2) && answered.contains(&4), "{answered:?}");
    assert!(!bench.connections.is_fetching());
    for id in 6..=8 {
        bench.connections.fetch(id, request("https://elsewhere.example", 0));
    }
    let mut refused = Vec::new();
    for _ in 6..=8 {
        let (id, outcome) = bench.fetched().await;
        refused.push((outcome.unwrap_err().fault == Fault::TooLarge).then_some(id));
    }
    refused.retain(Option::is_some);
    assert_eq!(refused, [Some(8)]);
}

#[tokio::test]
async fn a_socket_outlives_its_session_for_so_long_and_no_longer() {
    let mut bench = Bench::new(Limits { frame_kb: 4096, ..Limits::default() }).await;
    let mut server = bench.open(1).await;
    (0..60).for_each(|_| bench.does(1, frame(1 << 20)));
    drop(bench);
    // a server that takes a frame each second: each in time, all of them not
    tokio::time::pause();
    let mut frames = 0;
    while let Some(Ok(_)) = server.next().await {
        frames += 1;
        tokio::time::sleep(SEND / 10).await;
    }
    // what the system had taken already comes through
    assert!(frames < 40, "what waited was sent for a minute: {frames} frames");
}

#[tokio::test]
async fn a_websocket_that_is_closed_sends_what_waits_first() {
    let mut bench = Bench::new(Limits::default()).await;
    let mut server = bench.open(1).await;
    (0..3).for_each(|_| bench.does(1, frame(10)));
    bench.does(1, What::Close);
    bench.does(1, frame(10));
    for _ in 0..3 {
        assert!(server.next().await.unwrap().unwrap().is_binary());
    }
    assert!(server.next().await.unwrap().unwrap().is_close());
    while server.next().await.is_some() {}
    assert!(matches!(bench.told().await, (1, Outcome::Closed { .. })));
}

#[tokio::test]
async fn a_request_does_not_tunnel_or_trace_and_has_so_many_headers() {
    let mut bench = Bench::new(Limits::default()).await;
    let refused = async |bench: &mut Bench, request: Request, fault: Fault| {
        let said = format!("{} with {} headers", request.method, request.headers.len());
        bench.does(1, What::Request(request));
        let told = bench.told().await;
        assert!(matches!(&told.1, Outcome::Failed(failure) if failure.fault == fault), "{said}: {told:?}");
    };
    let base = bench.base.clone();
    for method in ["CONNECT", "TRACE", "trace"] {
        let request = Request { method: method.into(), ..request(&base, 0) };
        refused(&mut bench, request, Fault::Forbidden).await;
    }
    let headers = vec![Header { name: "x".into(), value: "y".into() }; 40_000];
    refused(&mut bench, Request { headers, ..request(&base, 0) }, Fault::TooLarge).await;
}

#[tokio::test]
async fn a_secret_does_not_come_back_from_another_address_or_in_parts() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut bench = Bench::new(Limits::default()).await;
    let mut rules = Rules::default();
    rules.allow(Prefix::parse(&bench.base).unwrap().private(true));
    rules.inject(Prefix::parse("https://vendor.example").unwrap(), "x-key", "{}", Secret::new("s3cret-key"));
    let (sender, arrivals) = mpsc::channel(256);
    let egress = Arc::new(Egress::new(rules, Limits::default()).unwrap());
    (bench.connections, bench.arrivals) = (egress.connections(SessionId(1), sender), arrivals);
    let header = |name: &str| Header { name: name.into(), value: "in-parts".into() };
    let headers = ["Accept-Encoding", "Range", "If-Range", "X-Other"].map(header).to_vec();
    let request = Request { headers, ..request(&bench.base, 0) };
    bench.does(1, What::Request(request));
    let mut stream = bench.listener.accept().await.unwrap().0;
    let mut asked = String::new();
    while !asked.contains("\r\n\r\n") {
        let mut piece = [0; 1024];
        let size = stream.read(&mut piece).await.unwrap();
        asked += std::str::from_utf8(&piece[..size]).unwrap();
    }
    assert_eq!(asked.matches("in-parts").count(), 1, "{asked}");
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\nit: s3cret-key").await.unwrap();
    assert!(matches!(bench.told().await, (1, Outcome::Head(_))));
    let Outcome::Body(mut body) = bench.told().await.1 else { panic!("no body") };
    if let (_, Outcome::Body(rest)) = bench.told().await {
        body.extend(rest);
    }
    assert_eq!(String::from_utf8(body).unwrap(), "it: ***");
}
