//! One line of a talk: what it says, read and written.

use call::persona::Answerer;
use components::manifest::nearest;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// What a line is.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// nothing, or a comment
    Aside,
    /// what is known before the call: `with setting company = "The Fork"`
    With {
        what: String,
        value: String,
    },
    Step(Step),
    Answer(Answer),
    Outcome(Outcome),
}

/// What the caller does, once the agent has finished.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Says(String),
    /// while the agent speaks: once it has said `after`; empty: a second after it began
    Interrupts {
        after: String,
        says: String,
    },
    Presses(String),
    IsSilent(Duration),
    HangsUp,
    /// who picked up is known now
    AnsweredBy(Answerer),
}

/// What is answered to the persona, when it asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    ModelSays(String),
    ModelCalls {
        name: String,
        arguments: String,
    },
    ModelFails,
    Server {
        status: u16,
        body: String,
    },
    ServerFails,
    /// what was kept in an earlier call; none: nothing is known
    Earlier(Option<Vec<(String, Value)>>),
    /// none: it works
    Transfer(Option<String>),
}

/// What comes of it: what the file expects, and what happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// `cut`: it was not heard to its end
    Agent {
        heard: String,
        cut: bool,
    },
    AgentHangsUp,
    PutThrough,
    CallFails,
    CallIsCutOff,
    Kept {
        field: String,
        value: Value,
    },
    Concludes(String),
    ToolAnswers(String),
    Presses(String),
    Fetches(String),
    Recalls {
        field: String,
        value: Value,
    },
    Transfers {
        to: String,
        brief: Option<String>,
    },
    Trouble(String),
}

const BEGINNINGS: [&str; 24] = [
    "agent:",
    "agent fetches",
    "agent hangs up",
    "agent presses",
    "agent recalls",
    "agent transfers to",
    "answered by",
    "call fails",
    "call is cut off",
    "caller:",
    "caller hangs up",
    "caller interrupts",
    "caller is put through",
    "caller is silent for",
    "caller presses",
    "earlier",
    "kept",
    "model:",
    "model calls",
    "model fails",
    "outcome",
    "server answers",
    "tool answers",
    "with setting",
];

/// Reads one line. An error says what is wrong with it, and what to write.
pub(crate) fn parse(text: &str) -> Result<Line, String> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(Line::Aside);
    }
    if let Some(rest) = after(text, "with") {
        return with(rest);
    }
    if let Some(step) = step(text)? {
        return Ok(Line::Step(step));
    }
    if let Some(answer) = answer(text)? {
        return Ok(Line::Answer(answer));
    }
    if let Some(outcome) = outcome(text)? {
        return Ok(Line::Outcome(outcome));
    }
    let words: Vec<&str> = text.split_whitespace().take(3).collect();
    let meant = nearest(&words.join(" "), BEGINNINGS)
        .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    Err(format!(
        "nobody knows what {text:?} is{meant} A line begins with `agent:`, `caller:`, `model:`, or `#`"
    ))
}

/// What follows these words; none: it does not begin with them.
fn after<'t>(text: &'t str, words: &str) -> Option<&'t str> {
    let rest = text.strip_prefix(words)?;
    let ends = words.ends_with(':') || rest.is_empty() || rest.starts_with(char::is_whitespace);
    ends.then(|| rest.trim())
}

fn with(rest: &str) -> Result<Line, String> {
    let (what, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let known = [
        "setting",
        "parameter",
        "caller",
        "called",
        "language",
        "timezone",
        "direction",
        "message",
        "answerer",
        "date",
        "time",
    ];
    if !known.contains(&what) {
        let meant =
            nearest(what, known).map_or(String::new(), |near| format!("; did you mean `with {near}`?"));
        return Err(format!("`with {what}` is not known{meant} There are: {}", known.join(", ")));
    }
    if value.trim().is_empty() {
        return Err(format!("`with {what}` needs a value behind it"));
    }
    Ok(Line::With { what: what.to_owned(), value: value.trim().to_owned() })
}

fn step(text: &str) -> Result<Option<Step>, String> {
    let something = |said: &str| match said.is_empty() {
        true => Err("the caller says nothing there; write `caller is silent for 20 s` for that".to_owned()),
        false => Ok(said.to_owned()),
    };
    Ok(Some(if let Some(said) = after(text, "caller:") {
        Step::Says(something(said)?)
    } else if text == "caller hangs up" {
        Step::HangsUp
    } else if let Some(keys) = after(text, "caller presses") {
        let proper = |c: char| matches!(c, '0'..='9' | '*' | '#' | 'A'..='D');
        if keys.is_empty() || !keys.chars().all(proper) {
            return Err(format!("{keys:?} are no keys; there are 0 to 9, *, # and A to D"));
        }
        Step::Presses(keys.to_owned())
    } else if let Some(length) = after(text, "caller is silent for") {
        Step::IsSilent(duration(length)?)
    } else if let Some(said) = after(text, "caller interrupts:") {
        Step::Interrupts { after: String::new(), says: something(said)? }
    } else if let Some(rest) = after(text, "caller interrupts after") {
        let quoted = rest.strip_prefix('"').and_then(|rest| rest.split_once("\":"));
        let (words, says) = quoted.ok_or("write `caller interrupts after \"words of the agent\": words`")?;
        Step::Interrupts { after: collapsed(words), says: something(says.trim())? }
    } else if let Some(who) = after(text, "answered by") {
        Step::AnsweredBy(answerer(who)?)
    } else {
        return Ok(None);
    }))
}

fn answer(text: &str) -> Result<Option<Answer>, String> {
    Ok(Some(if let Some(said) = after(text, "model:") {
        Answer::ModelSays(said.to_owned())
    } else if text == "model fails" {
        Answer::ModelFails
    } else if let Some(rest) = after(text, "model calls") {
        let (name, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, "{}"));
        if name.is_empty() {
            return Err(
                "write the tool's name, and what it is called with: `model calls lookup {\"id\": 7}`".into(),
            );
        }
        let arguments = arguments.trim();
        if !json(arguments)?.is_object() {
            return Err(format!("{arguments} is no JSON object, like {{\"id\": 7}}"));
        }
        Answer::ModelCalls { name: name.to_owned(), arguments: arguments.to_owned() }
    } else if text == "server fails" {
        Answer::ServerFails
    } else if let Some(rest) = after(text, "server answers") {
        let (status, body) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let status = status.parse().ok().filter(|status| (100..600).contains(status));
        let status = status.ok_or("write the status and the body: `server answers 200 {\"ok\": true}`")?;
        Answer::Server { status, body: body.trim().to_owned() }
    } else if text == "earlier nothing" {
        Answer::Earlier(None)
    } else if let Some(fields) = after(text, "earlier") {
        match json(fields)? {
            Value::Object(fields) => Answer::Earlier(Some(fields.into_iter().collect())),
            _ => {
                return Err(
                    "write what was kept, like `earlier {\"name\": \"Ann\"}`, or `earlier nothing`".into()
                );
            }
        }
    } else if text == "transfer works" {
        Answer::Transfer(None)
    } else if let Some(why) = after(text, "transfer fails:").or_else(|| after(text, "transfer fails")) {
        let why = if why.is_empty() { "nobody picked up" } else { why };
        Answer::Transfer(Some(why.to_owned()))
    } else {
        return Ok(None);
    }))
}

fn outcome(text: &str) -> Result<Option<Outcome>, String> {
    Ok(Some(if let Some(said) = after(text, "agent:") {
        let cut = said.strip_suffix("--");
        Outcome::Agent { heard: collapsed(cut.unwrap_or(said)), cut: cut.is_some() }
    } else if text == "agent hangs up" {
        Outcome::AgentHangsUp
    } else if text == "caller is put through" {
        Outcome::PutThrough
    } else if text == "call fails" {
        Outcome::CallFails
    } else if text == "call is cut off" {
        Outcome::CallIsCutOff
    } else if let Some(kept) = after(text, "kept") {
        let (field, value) = named(kept, "kept seats = 4")?;
        Outcome::Kept { field, value }
    } else if let Some(how) = after(text, "outcome") {
        Outcome::Concludes(collapsed(how))
    } else if let Some(content) = after(text, "tool answers") {
        Outcome::ToolAnswers(collapsed(content))
    } else if let Some(digits) = after(text, "agent presses") {
        Outcome::Presses(digits.to_owned())
    } else if let Some(request) = after(text, "agent fetches") {
        Outcome::Fetches(request.to_owned())
    } else if let Some(recalled) = after(text, "agent recalls") {
        let (field, value) = named(recalled, "agent recalls caller = \"+15550100\"")?;
        Outcome::Recalls { field, value }
    } else if let Some(rest) = after(text, "agent transfers to") {
        match rest.split_once(" saying ") {
            None => Outcome::Transfers { to: rest.to_owned(), brief: None },
            Some((to, brief)) => {
                Outcome::Transfers { to: to.trim().to_owned(), brief: Some(collapsed(brief)) }
            }
        }
    } else if let Some(what) = after(text, "trouble:") {
        Outcome::Trouble(collapsed(what))
    } else {
        return Ok(None);
    }))
}

/// `name = JSON`
fn named(text: &str, example: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("write it like `{example}`"))?;
    Ok((name.trim().to_owned(), json(value.trim())?))
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|e| format!("{text} is not JSON ({e}); a text stands in quotes"))
}

pub(crate) fn answerer(text: &str) -> Result<Answerer, String> {
    Ok(match text {
        "human" => Answerer::Human,
        "machine" => Answerer::MachineGreeting,
        "machine beep" => Answerer::MachineBeep,
        "fax" => Answerer::Fax,
        "unknown" => Answerer::Unknown,
        other => {
            return Err(format!("{other:?} answers nothing; there are human, machine, machine beep and fax"));
        }
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no length of time; write it like `20 s` or `2 min`");
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number = text.strip_suffix(unit).unwrap_or(text).parse::<f64>().map_err(|_| wrong())?;
    let seconds = match unit.trim() {
        "s" | "seconds" | "second" => number,
        "ms" => number / 1000.0,
        "min" | "minutes" | "minute" => number * 60.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// Spaces are not heard.
pub(crate) fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Outcome {
    /// What a file may leave out altogether: it is compared where the file has something of this name.
    pub(crate) fn optional(&self) -> Option<&str> {
        match self {
            Self::Kept { field, .. } => Some(field),
            Self::Concludes(_) => Some(" outcome"),
            Self::ToolAnswers(_) => Some(" tool"),
            Self::Fetches(_) => Some(" fetch"),
            Self::Recalls { .. } => Some(" recall"),
            _ => None,
        }
    }
}

impl fmt::Display for Outcome {
    /// As it stands in a file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent { heard, cut: false } => write!(f, "agent: {heard}"),
            Self::Agent { heard, cut: true } if heard.is_empty() => f.write_str("agent: --"),
            Self::Agent { heard, cut: true } => write!(f, "agent: {heard} --"),
            Self::AgentHangsUp => f.write_str("agent hangs up"),
            Self::PutThrough => f.write_str("caller is put through"),
            Self::CallFails => f.write_str("call fails"),
            Self::CallIsCutOff => f.write_str("call is cut off"),
            Self::Kept { field, value } => write!(f, "kept {field} = {value}"),
            Self::Concludes(how) => write!(f, "outcome {how}"),
            Self::ToolAnswers(content) => write!(f, "tool answers {content}"),
            Self::Presses(digits) => write!(f, "agent presses {digits}"),
            Self::Fetches(request) => write!(f, "agent fetches {request}"),
            Self::Recalls { field, value } => write!(f, "agent recalls {field} = {value}"),
            Self::Transfers { to, brief: None } => write!(f, "agent transfers to {to}"),
            Self::Transfers { to, brief: Some(brief) } => write!(f, "agent transfers to {to} saying {brief}"),
            Self::Trouble(what) => write!(f, "trouble: {what}"),
        }
    }
}
