//! Asking the model, with tools that the script runs.

use crate::bindings::cordboard::component::chat::ToolChoice;
use crate::call::Call;
use crate::contract::{Action, Context, Event, Interruption, Manner, Question, Report, ToolCall, ToolResult};
use crate::{Message, Tool};
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::rc::Rc;

type Run = Rc<dyn Fn(Value) -> Pin<Box<dyn Future<Output = String>>>>;

/// A tool that a model may call: its arguments are an object of this JSON schema.
pub fn tool(name: &str, description: &str, parameters: Value) -> Tool {
    Tool { name: name.into(), description: description.into(), parameters: parameters.to_string() }
}

/// A question to the model. Await it: the report tells what was heard and what was answered.
#[must_use = "nothing is asked before it is awaited"]
pub struct Ask {
    call: Call,
    question: Question,
    tools: BTreeMap<String, Run>,
}

impl Ask {
    pub(crate) fn new(call: Call, instructions: String) -> Self {
        let aloud = Some(call.manner());
        let question = Question {
            id: 0,
            instructions,
            context: Context::Conversation,
            tools: vec![],
            tool_choice: ToolChoice::Auto,
            schema: None,
            max_tokens: None,
            temperature: None,
            aloud,
        };
        Self { call, question, tools: BTreeMap::new() }
    }

    /// The model may call this. It runs once for each call, beside the script: a caller who cuts in
    /// does not stop it, and the model learns its result later. What it gives back is told to the
    /// model as it is.
    pub fn tool<F>(mut self, tool: Tool, run: impl Fn(Value) -> F + 'static) -> Self
    where
        F: Future<Output = String> + 'static,
    {
        self.tools.insert(tool.name.clone(), Rc::new(move |arguments| Box::pin(run(arguments))));
        self.question.tools.push(tool);
        self
    }

    /// The model is told this instead of the conversation so far.
    pub fn about(mut self, messages: Vec<Message>) -> Self {
        self.question.context = Context::Messages(messages);
        self
    }

    /// Nobody hears the answer.
    pub fn silently(mut self) -> Self {
        self.question.aloud = None;
        self
    }

    /// An answer of this JSON schema, for the script.
    pub fn schema(mut self, schema: Value) -> Self {
        self.question.schema = Some(schema.to_string());
        self.silently()
    }

    pub fn interrupted_by(mut self, interruption: Interruption) -> Self {
        let manner = self.question.aloud.take().unwrap_or_else(|| self.call.manner());
        self.question.aloud = Some(Manner { interruption, ..manner });
        self
    }

    pub fn max_tokens(mut self, most: u32) -> Self {
        self.question.max_tokens = Some(most);
        self
    }

    pub fn temperature(mut self, temperature: f32) -> Self {
        self.question.temperature = Some(temperature);
        self
    }
}

impl IntoFuture for Ask {
    type Output = Report;
    type IntoFuture = Pin<Box<dyn Future<Output = Report>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { call, mut question, tools } = self;
            let id = call.next_id();
            question.id = id;
            let begun = call.begun(id, Action::Ask(question));
            // asked for tools until the report comes, which ends this future
            let answering = async {
                loop {
                    let asked = call.wait(|event| match event {
                        Event::ToolCall(called) if called.question == id => Some(called.call.clone()),
                        _ => None,
                    });
                    run(&call, &tools, asked.await);
                }
            };
            match crate::first(call.report(begun), answering).await {
                crate::Either::A(report) => report,
                crate::Either::B(never) => never,
            }
        })
    }
}

/// Runs a tool beside the script.
fn run(call: &Call, tools: &BTreeMap<String, Run>, asked: ToolCall) {
    let ToolCall { id, name, arguments } = asked;
    let answer = |content| Action::ToolResult(ToolResult { id, content });
    let arguments = serde_json::from_str::<Value>(&arguments);
    match (tools.get(&name), arguments) {
        (None, _) => call.act(answer(format!("there is no tool {name:?}"))),
        (_, Err(e)) => call.act(answer(format!("the arguments are not JSON: {e}"))),
        (Some(tool), Ok(arguments)) => {
            let (running, call) = (tool(arguments), call.clone());
            let line = call.clone();
            line.0.state.borrow_mut().tasks.push(Box::pin(async move {
                let content = running.await;
                call.act(answer(content));
            }));
        }
    }
}
