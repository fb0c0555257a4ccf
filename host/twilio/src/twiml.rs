//! TwiML: what answers Twilio's webhooks.
//!
//! Source: Twilio, "TwiML for Programmable Voice". What XML cannot hold (control characters) is
//! left out.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::io;

/// Connects the call to a media stream in both directions, with parameters that come back in its
/// `start`. The URL is `wss` and has no query.
pub fn connect_stream<'a>(url: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    document(|response| {
        response
            .create_element("Connect")
            .write_inner_content(|connect| {
                connect
                    .create_element("Stream")
                    .with_attribute(("url", clean(url).as_str()))
                    .write_inner_content(|stream| {
                        for (name, value) in parameters {
                            stream
                                .create_element("Parameter")
                                .with_attribute(("name", clean(name).as_str()))
                                .with_attribute(("value", clean(value).as_str()))
                                .write_empty()?;
                        }
                        Ok(())
                    })?;
                Ok(())
            })
            .map(drop)
    })
}

/// Says something in Twilio's own voice and hangs up.
pub fn say_and_hang_up(text: &str) -> String {
    document(|response| {
        response.create_element("Say").write_text_content(BytesText::new(&clean(text)))?;
        response.create_element("Hangup").write_empty().map(drop)
    })
}

fn document(content: impl FnOnce(&mut Writer<Vec<u8>>) -> io::Result<()>) -> String {
    let mut writer = Writer::new(Vec::new());
    let written = writer
        .write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))
        .and_then(|()| writer.create_element("Response").write_inner_content(content).map(drop));
    // writing into memory cannot fail, and what was written is UTF-8
    debug_assert!(written.is_ok());
    String::from_utf8(writer.into_inner()).unwrap_or_default()
}

/// Without the characters that XML 1.0 forbids.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_with_parameters() {
        let twiml = connect_stream(
            "wss://agent.example.com/ws",
            [("direction", "inbound"), ("n\"&<>", "Tom & \"Jerry\" <b>\u{1} é")],
        );
        assert_eq!(
            twiml,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect>\
             <Stream url=\"wss://agent.example.com/ws\"><Parameter name=\"direction\" value=\"inbound\"/>\
             <Parameter name=\"n&quot;&amp;&lt;&gt;\" value=\"Tom &amp; &quot;Jerry&quot; &lt;b&gt; é\"/>\
             </Stream></Connect></Response>"
        );
    }

    #[test]
    fn words_and_a_hang_up() {
        assert_eq!(
            say_and_hang_up("Sorry & <bye>"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Say>Sorry &amp; &lt;bye&gt;</Say><Hangup/></Response>"
        );
    }
}
