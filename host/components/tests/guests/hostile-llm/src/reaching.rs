//! Where a component might try to get, and what it might put into a request on the way.

use plugin::{Action, Header, Request, Websocket};
use std::collections::VecDeque;

/// Each as a request and as a websocket.
pub fn everywhere(urls: &[String]) -> VecDeque<Action> {
    let websocket = |url: &String| Websocket { url: url.clone(), headers: vec![], protocols: vec![] };
    urls.iter().flat_map(|url| [request(url, vec![]), Action::Open(websocket(url))]).collect()
}

fn request(url: &str, headers: Vec<Header>) -> Action {
    Action::Request(Request { method: "POST".into(), url: url.into(), headers, body: b"hello".to_vec() })
}

/// `http://127.0.0.1:PORT/v1` is granted; none of these is.
pub fn addresses(base: &str) -> VecDeque<Action> {
    let port = base.trim_end_matches("/v1").rsplit(':').next().unwrap_or_default();
    let elsewhere = [
        // metadata
        "http://169.254.169.254/latest/meta-data/",
        "http://169.254.169.254:80/latest/api/token",
        "http://2852039166/latest/meta-data/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://0xa9.254.0251.0xfe/",
        "http://[fd00:ec2::254]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:a9fe:a9fe::]/",
        "http://100.100.100.200/",
        "http://metadata.google.internal/computeMetadata/v1/",
        // not addresses of the network
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1:25/",
        "unix:///var/run/docker.sock",
        "data:text/plain,hello",
        "javascript:alert(1)",
        "http:",
        "http://",
        "//evil.example.org/",
        "",
        "\u{0}",
    ];
    // the granted server's port, and something else about it
    let nearly = [
        "http://localhost:PORT/v1/echo",
        "http://0.0.0.0:PORT/v1/echo",
        "http://0:PORT/v1/echo",
        "http://127.0.0.2:PORT/v1/echo",
        "http://[::1]:PORT/v1/echo",
        "http://[::]:PORT/v1/echo",
        "http://[::ffff:127.0.0.1]:PORT/v1/echo",
        "http://[::127.0.0.1]:PORT/v1/echo",
        "https://127.0.0.1:PORT/v1/echo",
        "wss://127.0.0.1:PORT/v1/echo",
        "http://somebody:secret@127.0.0.1:PORT/v1/echo",
        "http://somebody@127.0.0.1:PORT/v1/echo",
        "http://127.0.0.1:PORT@evil.example.org/v1/echo",
        "http://127.0.0.1:PORT#@evil.example.org/v1/echo",
        "http://127.0.0.1:PORT.evil.example.org/v1/echo",
        "http://127.0.0.1.evil.example.org:PORT/v1/echo",
        "http://127.0.0.1:1/v1/echo",
        "http://127.0.0.1/v1/echo",
        "http://127.0.0.1:PORT/",
        "http://127.0.0.1:PORT/admin",
        "http://127.0.0.1:PORT/v10/echo",
        "http://127.0.0.1:PORT/v1/../admin",
        "http://127.0.0.1:PORT/v1/%2e%2e/admin",
        "http://127.0.0.1:PORT/v1/..%2fadmin",
        "http://127.0.0.1:PORT/v1/..;/admin",
        "http://127.0.0.1:PORT/v1\\..\\admin",
        "http://127.0.0.1:PORT/v1/%5c..%5cadmin",
        "http://127.0.0.1:PORT/V1/echo",
    ];
    let mut urls: Vec<String> = elsewhere.map(str::to_owned).into();
    urls.extend(nearly.map(|url| url.replace("PORT", port)));
    urls.push(format!("http://evil.example.org/{}", "x".repeat(1 << 20)));
    everywhere(&urls)
}

/// The same server as the granted one, however it is written.
pub fn spellings(base: &str) -> VecDeque<Action> {
    let port = base.trim_end_matches("/v1").rsplit(':').next().unwrap_or_default();
    let spellings = ["2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "１２７.0.0.1"];
    let urls = spellings.map(|host| format!("http://{host}:{port}/v1/echo"));
    urls.iter().map(|url| request(url, vec![])).collect()
}

/// One request for each header that is not the component's to set, or is none at all.
pub fn headers(base: &str) -> VecDeque<Action> {
    let giant = "mine".repeat(1 << 18);
    let headers = [
        ("x-api-key", "mine"),
        ("X-API-KEY", "mine"),
        ("x_api_key", "mine"),
        ("X-Api_Key", "mine"),
        ("Host", "mine.example.org"),
        (":authority", "mine.example.org"),
        (":path", "/mine"),
        ("Content-Length", "3"),
        ("content_length", "3"),
        ("Transfer-Encoding", "chunked, mine"),
        ("transfer_encoding", "mine"),
        ("Connection", "x-api-key, mine"),
        ("Upgrade", "mine"),
        ("TE", "mine"),
        ("Trailer", "mine"),
        ("Expect", "mine"),
        ("Proxy-Authorization", "mine"),
        ("Proxy-Connection", "mine"),
        ("Sec-WebSocket-Protocol", "mine"),
        ("Accept-Encoding", "mine"),
        ("Range", "bytes=0-3, mine"),
        ("a", "x\r\nx-api-key: mine"),
        ("a", "x\nx-api-key: mine"),
        ("a", "x\rmine"),
        ("a", "x\0mine"),
        ("a\r\nx-api-key", "mine"),
        ("a: b\r\nc", "mine"),
        ("a:", "mine"),
        (" a", "mine"),
        ("host ", "mine"),
        ("", "mine"),
        ("ä", "mine"),
        ("a", &giant),
    ];
    let header = |(name, value): (&str, &str)| Header { name: name.into(), value: value.into() };
    let mut requests: VecDeque<Action> =
        headers.iter().map(|it| request(&format!("{base}/echo"), vec![header(*it)])).collect();
    let many = (0..200).map(|n| Header { name: format!("x-{n}"), value: "mine".into() });
    requests.push_back(request(&format!("{base}/echo"), many.collect()));
    for protocol in ["x\r\nx-api-key: mine", "x\0mine"] {
        let url = format!("{base}/echo");
        requests.push_back(Action::Open(Websocket {
            url,
            headers: vec![],
            protocols: vec![protocol.into()],
        }));
    }
    for method in ["GET / HTTP/1.1\r\nx-api-key: mine\r\n\r\nGET", "CONNECT", "TRACE", "", "mine mine"] {
        let url = format!("{base}/echo");
        let asked = Request { method: method.into(), url, headers: vec![], body: vec![] };
        requests.push_back(Action::Request(asked));
    }
    requests
}
