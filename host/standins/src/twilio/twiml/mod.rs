//! A document in TwiML, as Twilio reads it: what is no XML is refused (12100), what the schema does
//! not have is ignored with a warning (12200).
//!
//! Twilio's side alone: nothing of what writes documents here is used to read them.

mod schema;

pub(super) use schema::is_keys;

/// A verb, or something in one, with only what the schema has.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    /// All text in it and its children, without white space around it.
    pub(super) text: String,
}

impl Element {
    /// As if it stood in the document with nothing but this text.
    pub(super) fn of_text(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), ..Self::default() }
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        super::seen::value(&self.attributes, name)
    }

    /// Attributes that are absent have what the documentation says. The schema has seen to it that
    /// what is there is true or false.
    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        self.attribute(name).map_or(default, |value| value == "true")
    }

    pub(super) fn number(&self, name: &str, default: u64) -> u64 {
        self.attribute(name).and_then(|value| value.parse().ok()).unwrap_or(default)
    }
}

/// The verbs, and what is wrong with the document.
#[derive(Debug, PartialEq)]
pub(super) struct Document {
    pub(super) verbs: Vec<Element>,
    pub(super) warnings: Vec<String>,
}

/// Fails where it is no document at all, and says why.
pub(super) fn read(text: &str) -> Result<Document, String> {
    let parsed = roxmltree::Document::parse(text).map_err(|error| error.to_string())?;
    let root = parsed.root_element();
    if root.tag_name().name() != "Response" || root.tag_name().namespace().is_some() {
        return Err(format!("the document is a <{}>, not a <Response>", root.tag_name().name()));
    }
    let mut warnings = Vec::new();
    let response = element(root, &mut warnings);
    Ok(Document { verbs: response.children, warnings })
}

fn element(node: roxmltree::Node<'_, '_>, warnings: &mut Vec<String>) -> Element {
    let name = node.tag_name().name();
    let schema = schema::of(name);
    let mut element = Element { name: name.to_owned(), ..Element::default() };
    for attribute in node.attributes() {
        let (attribute, value) = (attribute.name(), attribute.value());
        match schema.check(attribute, value) {
            Ok(()) => element.attributes.push((attribute.to_owned(), value.to_owned())),
            Err(problem) => warnings.push(format!("<{name} {attribute}={value:?}>: {problem}")),
        }
    }
    for needed in schema.needs {
        if element.attribute(needed).is_none() {
            warnings.push(format!("<{name}> without {needed}"));
        }
    }
    let mut text = String::new();
    for child in node.children() {
        if child.is_text() {
            let words = child.text().unwrap_or_default();
            if !schema.has_text && !words.trim().is_empty() {
                warnings.push(format!("<{name}> has no text: {:?}", words.trim()));
            }
            text.push_str(words);
        } else if child.is_element() {
            let noun = child.tag_name().name();
            if !schema.children.contains(&noun) {
                warnings.push(format!("<{name}> has no <{noun}>"));
                continue;
            }
            let child = self::element(child, warnings);
            text.push_str(&child.text);
            element.children.push(child);
        }
    }
    if schema.has_text {
        text.trim().clone_into(&mut element.text);
    }
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(body: &str) -> Vec<String> {
        read(&format!("<Response>{body}</Response>")).unwrap().warnings
    }

    #[test]
    fn a_document_is_its_verbs() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>\n  \
            <Say voice=\"Polly.Amy\">Tom &amp; <emphasis level=\"strong\">Jerry</emphasis></Say>\n  \
            <Connect action=\"/next?a=1&amp;b=2\"><Stream url=\"wss://a.example/ws\">\
            <Parameter name=\"n&quot;\" value=\"a&#10;b\"/></Stream></Connect>\n</Response>";
        let document = read(text).unwrap();
        assert_eq!(document.warnings, [""; 0]);
        let [say, connect] = document.verbs.as_slice() else { panic!("{document:?}") };
        assert_eq!(say.text, "Tom & Jerry");
        assert_eq!(connect.attribute("action"), Some("/next?a=1&b=2"));
        let parameter = &connect.children[0].children[0];
        assert_eq!(parameter.attribute("name"), Some("n\""));
        assert_eq!(parameter.attribute("value"), Some("a\nb"));
    }

    #[test]
    fn what_is_no_xml_or_no_response_is_no_document() {
        for wrong in [
            "",
            "Hello",
            "<Response><Say>Hi</Response>",
            "<Response><Say>Tom & Jerry</Say></Response>",
            "<Response><Say a=\"1\" a=\"2\">Hi</Say></Response>",
            "<Response/><Response/>",
            "<Response><Say>\u{1}</Say></Response>",
            "<response/>",
            "<html><body>Bad Gateway</body></html>",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_the_schema_does_not_have_is_ignored_with_a_warning() {
        for wrong in [
            "<Whisper/>",
            "<say>Hi</say>",
            "Hello",
            "<Say><Pause/></Say>",
            "<Pause length=\"long\"/>",
            "<Pause>now</Pause>",
            "<Dial timeout=\"1\" maxDuration=\"2\">+15555550100</Dial>",
            "<Dial record=\"yes\">+15555550100</Dial>",
            "<Connect><Stream url=\"wss://a\"><Parameter name=\"a\"/></Stream></Connect>",
            "<Dial><Conference endConferenceOnExit=\"True\">room</Conference></Dial>",
            "<Dial><Number statusCallbackEvent=\"initiated,ringing\">+15555550100</Number></Dial>",
            "<Reject reason=\"tired\"/>",
            "<Gather input=\"voice\"/>",
            "<Gather waits=\"5\"/>",
            "<Gather speechTimeout=\"soon\"/>",
            "<Gather speechTimeout=\"0\"/>",
            "<Gather finishOnKey=\"12\"/>",
            "<Gather finishOnKey=\"w\"/>",
            "<Gather><Dial>+15555550100</Dial></Gather>",
            "<Gather>Hello</Gather>",
        ] {
            assert_eq!(warnings(wrong).len(), 1, "{wrong}");
        }
        for right in [
            "<Pause length=\"2\"/><Hangup/><Redirect method=\"GET\">/a</Redirect>",
            "<Gather input=\"dtmf speech\" speechTimeout=\"auto\" finishOnKey=\"\" actionOnEmptyResult=\"true\">\
             <Say>Hi</Say><Play>/a.wav</Play><Pause/></Gather>",
        ] {
            assert_eq!(warnings(right), [""; 0]);
        }
    }
}
