//! What answers a webhook, as far as this telephone reads it.

/// A verb, or something in one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    /// All text in it, without white space around it.
    pub(super) text: String,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.attribute(name)?.parse().ok()
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        self.attribute(name).map_or(default, |value| value == "true")
    }
}

/// The verbs. Fails where it is no document, and says why.
pub(super) fn read(text: &str) -> Result<Vec<Element>, String> {
    let parsed = roxmltree::Document::parse(text).map_err(|error| error.to_string())?;
    match parsed.root_element() {
        root if root.tag_name().name() == "Response" => Ok(element(root).children),
        root => Err(format!("the document is a <{}>, not a <Response>", root.tag_name().name())),
    }
}

fn element(node: roxmltree::Node<'_, '_>) -> Element {
    let attributes = node.attributes();
    let text: String =
        node.descendants().filter(|node| node.is_text()).filter_map(|node| node.text()).collect();
    Element {
        name: node.tag_name().name().to_owned(),
        attributes: attributes.map(|one| (one.name().to_owned(), one.value().to_owned())).collect(),
        children: node.children().filter(|child| child.is_element()).map(element).collect(),
        text: text.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_its_verbs() {
        let document = "<?xml version=\"1.0\"?><Response> <Gather timeout=\"3\" bargeIn=\"false\">\
            <Say>Tom &amp; <emphasis>Jerry</emphasis></Say></Gather><Hangup/></Response>";
        let verbs = read(document).unwrap();
        assert_eq!((verbs[0].name.as_str(), verbs[1].name.as_str()), ("Gather", "Hangup"));
        assert_eq!((verbs[0].number("timeout"), verbs[0].flag("bargeIn", true)), (Some(3), false));
        assert_eq!(verbs[0].children[0].text, "Tom & Jerry");
        assert!(read("<html/>").is_err() && read("").is_err());
    }
}
