//! A document as XML. What an element is called and which attributes it has is here; how XML is
//! written is quick-xml's.

use super::Verb;
use super::{Address, Beep, Callee, Conference, ConferenceEvent, Connect, Connected, Dial, Gather, Method};
use super::{Parameter, Prompt, Reason, Relay, Response, Say, SpeechTimeout, Stream, Target};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::borrow::Cow;
use std::io;
use std::time::Duration;

/// What a call tells of itself, of all that it could.
const EVERY_EVENT: &str = "initiated ringing answered completed";

pub(super) fn document(response: &Response) -> String {
    let root = Element::new("Response").children(response.verbs.iter().map(verb));
    let mut writer = Writer::new(Vec::new());
    let written = writer
        .write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))
        .and_then(|()| root.write(&mut writer));
    // writing into memory cannot fail, and what was written is UTF-8
    debug_assert!(written.is_ok());
    String::from_utf8(writer.into_inner()).unwrap_or_default()
}

fn verb(verb: &Verb) -> Element {
    match verb {
        Verb::Connect(connect) => connect_element(connect),
        Verb::Gather(gather) => gather_element(gather),
        Verb::Say(say) => say_element(say),
        Verb::Play(url) => Element::new("Play").text(url),
        Verb::Keys(keys) => Element::new("Play").attribute("digits", Some(keys)),
        Verb::Pause(length) => pause_element(*length),
        Verb::Redirect(address) => {
            Element::new("Redirect").attribute("method", address.method.map(method)).text(&address.url)
        }
        Verb::Dial(dial) => dial_element(dial),
        Verb::Reject(reason) => Element::new("Reject").attribute(
            "reason",
            Some(match reason {
                Reason::Rejected => "rejected",
                Reason::Busy => "busy",
            }),
        ),
        Verb::Hangup => Element::new("Hangup"),
    }
}

fn say_element(Say { text, voice, language }: &Say) -> Element {
    Element::new("Say")
        .attribute("voice", voice.as_deref())
        .attribute("language", language.as_deref())
        .text(text)
}

fn pause_element(length: Duration) -> Element {
    Element::new("Pause").seconds("length", Some(length))
}

fn gather_element(gather: &Gather) -> Element {
    let input = match (gather.keys, gather.speech) {
        (true, true) => "dtmf speech",
        (false, true) => "speech",
        (_, false) => "dtmf",
    };
    let speech = |value: Option<String>| value.filter(|_| gather.speech);
    let digits = gather.digits.map(|digits| digits.to_string());
    let pause = gather.speech_timeout.map(|pause| match pause {
        SpeechTimeout::Auto => "auto".to_owned(),
        SpeechTimeout::After(length) => crate::whole_seconds(length).max(1).to_string(),
    });
    let hints = (!gather.hints.is_empty()).then(|| gather.hints.join(", "));
    let prompt = |prompt: &Prompt| match prompt {
        Prompt::Say(say) => say_element(say),
        Prompt::Pause(length) => pause_element(*length),
    };
    Element::new("Gather")
        .attribute("input", Some(input))
        .address(["action", "method"], Some(&gather.action))
        .seconds("timeout", gather.timeout)
        .attribute("speechTimeout", speech(pause).as_deref())
        .seconds("maxSpeechTime", gather.max_speech.filter(|_| gather.speech))
        .attribute("speechModel", speech(gather.speech_model.clone()).as_deref())
        .attribute("language", speech(gather.language.clone()).as_deref())
        .attribute("hints", speech(hints).as_deref())
        .attribute("profanityFilter", gather.profanity_filter.map(truth))
        .attribute("numDigits", digits.as_deref())
        .attribute("finishOnKey", gather.finish_on_key.as_deref())
        .address(["partialResultCallback", "partialResultCallbackMethod"], gather.partial.as_ref())
        .attribute("actionOnEmptyResult", gather.on_empty.then_some("true"))
        .children(gather.prompt.iter().map(prompt))
}

fn connect_element(Connect { to, action }: &Connect) -> Element {
    let to = match to {
        Connected::Stream(stream) => stream_element(stream),
        Connected::Relay(relay) => relay_element(relay),
    };
    Element::new("Connect").address(["action", "method"], action.as_ref()).children([to])
}

fn stream_element(Stream { url, name, status_callback, parameters }: &Stream) -> Element {
    Element::new("Stream")
        .attribute("url", Some(url))
        .attribute("name", name.as_deref())
        .address(["statusCallback", "statusCallbackMethod"], status_callback.as_ref())
        .children(parameters.iter().map(parameter_element))
}

fn relay_element(Relay { url, attributes, parameters }: &Relay) -> Element {
    let relay = Element::new("ConversationRelay").attribute("url", Some(url));
    let relay = attributes.iter().fold(relay, |relay, (name, value)| relay.named(name, value));
    relay.children(parameters.iter().map(parameter_element))
}

fn parameter_element(Parameter { name, value }: &Parameter) -> Element {
    Element::new("Parameter").attribute("name", Some(name)).attribute("value", Some(value))
}

fn dial_element(dial: &Dial) -> Element {
    let Dial { to, caller_id, action, timeout, time_limit, answer_on_bridge } = dial;
    let target = match to {
        Target::Number(callee) => callee_element(callee),
        Target::Conference(conference) => conference_element(conference),
    };
    Element::new("Dial")
        .attribute("callerId", caller_id.as_ref().map(|number| number.as_str()))
        .address(["action", "method"], action.as_ref())
        .seconds("timeout", *timeout)
        .seconds("timeLimit", *time_limit)
        .attribute("answerOnBridge", answer_on_bridge.then_some("true"))
        .children([target])
}

fn callee_element(Callee { number, whisper, send_digits, status_callback }: &Callee) -> Element {
    Element::new("Number")
        .address(["url", "method"], whisper.as_ref())
        .attribute("sendDigits", send_digits.as_deref())
        .address(["statusCallback", "statusCallbackMethod"], status_callback.as_ref())
        .attribute("statusCallbackEvent", status_callback.as_ref().map(|_| EVERY_EVENT))
        .text(number.as_str())
}

fn conference_element(conference: &Conference) -> Element {
    let beep = conference.beep.map(|beep| match beep {
        Beep::Always => "true",
        Beep::OnEnter => "onEnter",
        Beep::OnExit => "onExit",
        Beep::Never => "false",
    });
    let event = |event: &ConferenceEvent| match event {
        ConferenceEvent::Start => "start",
        ConferenceEvent::End => "end",
        ConferenceEvent::Join => "join",
        ConferenceEvent::Leave => "leave",
        ConferenceEvent::Mute => "mute",
        ConferenceEvent::Hold => "hold",
    };
    let events: Vec<_> = conference.events.iter().map(event).collect();
    let most = conference.most_participants.map(|most| most.to_string());
    Element::new("Conference")
        .attribute("startConferenceOnEnter", conference.start_on_enter.map(truth))
        .attribute("endConferenceOnExit", conference.end_on_exit.map(truth))
        .attribute("beep", beep)
        .address(["waitUrl", "waitMethod"], conference.wait.as_ref())
        .attribute("maxParticipants", most.as_deref())
        .attribute("participantLabel", conference.participant.as_deref())
        .address(["statusCallback", "statusCallbackMethod"], conference.status_callback.as_ref())
        .attribute("statusCallbackEvent", (!events.is_empty()).then(|| events.join(" ")).as_deref())
        .text(&conference.name)
}

fn method(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
    }
}

fn truth(truth: bool) -> &'static str {
    if truth { "true" } else { "false" }
}

struct Element {
    name: &'static str,
    attributes: Vec<(Cow<'static, str>, String)>,
    content: Content,
}

enum Content {
    Text(String),
    Children(Vec<Element>),
}

impl Element {
    fn new(name: &'static str) -> Self {
        Self { name, attributes: Vec::new(), content: Content::Children(Vec::new()) }
    }

    fn attribute(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.attributes.extend(value.map(|value| (name.into(), clean(value))));
        self
    }

    /// An attribute whose name is not known here.
    fn named(mut self, name: &str, value: &str) -> Self {
        self.attributes.push((name.to_owned().into(), clean(value)));
        self
    }

    /// The attribute for the URL, and the one for the method.
    fn address(self, [url, method_of_it]: [&'static str; 2], address: Option<&Address>) -> Self {
        self.attribute(url, address.map(|address| address.url.as_str()))
            .attribute(method_of_it, address.and_then(|address| address.method).map(method))
    }

    fn seconds(self, name: &'static str, length: Option<Duration>) -> Self {
        let seconds = length.map(|length| crate::whole_seconds(length).to_string());
        self.attribute(name, seconds.as_deref())
    }

    fn text(mut self, text: &str) -> Self {
        self.content = Content::Text(clean(text));
        self
    }

    fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.content = Content::Children(children.into_iter().collect());
        self
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let attributes = self.attributes.iter().map(|(name, value)| (name.as_ref(), value.as_str()));
        let element = writer.create_element(self.name).with_attributes(attributes);
        match &self.content {
            Content::Text(text) => element.write_text_content(BytesText::new(text)),
            Content::Children(children) if children.is_empty() => element.write_empty(),
            Content::Children(children) => element
                .write_inner_content(|writer| children.iter().try_for_each(|child| child.write(writer))),
        }
        .map(drop)
    }
}

/// Without the characters that XML 1.0 forbids, and those that it discourages.
fn clean(text: &str) -> String {
    let fits = |c: &char| match c {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        c => !c.is_control(),
    };
    text.chars().filter(fits).collect()
}
