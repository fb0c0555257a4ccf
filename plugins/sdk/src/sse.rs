//! Server-sent events, out of pieces of a response's body.
//!
//! Source: WHATWG HTML, 9.2.6 "Interpreting an event stream". Ids and retry times are left out:
//! no vendor's stream is resumed.

/// One event: its name (none: `message`) and its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub name: Option<String>,
    pub data: String,
}

/// Takes pieces that end anywhere, also within a line or a character.
#[derive(Debug, Default)]
pub struct Parser {
    /// the line that is not whole yet
    line: Vec<u8>,
    /// the last line ended with a carriage return: a line feed now belongs to it
    after_return: bool,
    name: Option<String>,
    data: Option<String>,
}

impl Parser {
    /// The events that this piece completes.
    pub fn push(&mut self, piece: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for byte in piece {
            let after_return = std::mem::replace(&mut self.after_return, *byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.end_line(&String::from_utf8_lossy(&line)));
                }
                byte => self.line.push(*byte),
            }
        }
        events
    }

    fn end_line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let name = self.name.take();
            return self.data.take().map(|data| Event { name, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (field, &mut self.data) {
            ("data", Some(data)) => {
                data.push('\n');
                data.push_str(value);
            }
            ("data", none) => *none = Some(value.to_owned()),
            ("event", _) => self.name = Some(value.to_owned()),
            // a comment, or a field that nobody needs
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(stream: &str, piece: usize) -> Vec<(String, String)> {
        let mut parser = Parser::default();
        let pieces = stream.as_bytes().chunks(piece);
        let events = pieces.flat_map(|piece| parser.push(piece)).collect::<Vec<_>>();
        events.into_iter().map(|e| (e.name.unwrap_or_default(), e.data)).collect()
    }

    #[test]
    fn pieces_may_end_anywhere() {
        let stream =
            ": hello\n\ndata: {\"a\":\"é\"}\n\nevent: done\r\ndata:1\r\ndata: 2\r\n\r\ndata\n\nid: 7\n\n";
        let expected = [("", "{\"a\":\"é\"}"), ("done", "1\n2"), ("", "")];
        for piece in 1..=stream.len() {
            let expected = expected.map(|(name, data)| (name.to_owned(), data.to_owned()));
            assert_eq!(events(stream, piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn an_event_that_is_not_whole_is_not_given() {
        assert!(events("data: cut off", 4).is_empty());
    }
}
