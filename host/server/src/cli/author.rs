//! `cordboard new`, `build`, `check`, `inspect`, `test`, `talk`, `dev`: for authors of components.

use super::client::Server;
use crate::config::{self, Flags, Loaded};
use crate::services::choice;
use anyhow::{Context, bail};
use author::looking::{self, Finding};
use author::talks::{Desk, nobody};
use author::terminal::{self, Shown};
use author::watching::Watch;
use author::{Built, Language, New, Project};
use clap::{Args, Subcommand};
use components::grant::{Entry, Operator};
use components::manifest::Kind;
use components::{Artifact, Catalogue, EngineSettings, Generation, Host};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A component opens few sessions here.
const SESSIONS: u32 = 16;

#[derive(Subcommand)]
pub enum Command {
    /// Begin a component of your own: a conversation, or a provider
    ///
    /// Makes a folder NAME with a project that builds, passes its own tests and stands alone: what it needs
    /// of Cordboard is copied into it. Personas can be written in Rust, Python and JavaScript, providers in
    /// Rust.
    #[command(after_help = "Examples:
  cordboard new persona front-desk
  cordboard new persona front-desk --lang python
  cordboard new tts my-voice --into providers")]
    New(NewArguments),
    /// Build the project in this folder: build/NAME.wasm, with its manifest inside
    Build(Folder),
    /// Look at a component as a host would: contract, imports, manifest, settings, what it asks, size, limits
    ///
    /// Of a project, what was built of it. The exit code is 0 if a host can use it.
    #[command(after_help = "Examples:
  cordboard check
  cordboard check ../somebody-elses.wasm")]
    Check(Target),
    /// Show what a component says of itself
    Inspect(Target),
    /// Build the project, and play the conversations in tests/ against it; of a provider, run its tests
    ///
    /// A conversation is a text file: what the caller says, what the model answers when it is asked, what the
    /// agent says. It is played in virtual time by the engine that holds real calls.
    #[command(after_help = "A conversation, tests/breakfast.talk:
  # The caller asks about breakfast
  agent: Hello, this is the desk. How can I help you?
  caller: When is breakfast?
  model: From seven to ten.
  agent: From seven to ten.
  caller: Bye!
  agent: Goodbye!
  agent hangs up

Leave out what the agent says and run `cordboard test --bless`: it is filled in.")]
    Test(TestArguments),
    /// Type with a persona, in the terminal
    ///
    /// With the language model that this host would use: OPENAI_API_KEY chooses one, without any a small
    /// offline responder answers. The clock stands still while you type.
    #[command(after_help = "Examples:
  cordboard talk
  cordboard talk build/front-desk.wasm
  cordboard talk guest-relations")]
    Talk(TalkArguments),
    /// Whenever the source changes: build, check, test, and swap it into a running host
    ///
    /// New calls get the new version, running ones at their next turn. The host's key is read from
    /// CORDBOARD_API_KEY.
    Dev(DevArguments),
}

#[derive(Args)]
pub struct NewArguments {
    /// persona, stt, llm or tts
    kind: String,
    /// Lower-case words joined by hyphens
    name: String,
    /// rust, python or javascript
    #[arg(long, value_name = "LANGUAGE", default_value = "rust")]
    lang: String,
    /// The folder in which the project's own is made [default: this one]
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

#[derive(Args)]
pub struct Folder {
    /// The project [default: this folder]
    #[arg(value_name = "DIR", default_value = ".")]
    path: PathBuf,
}

#[derive(Args)]
pub struct Target {
    /// A .wasm file, or a project [default: the project in this folder]
    #[arg(value_name = "FILE", default_value = ".")]
    path: PathBuf,
}

#[derive(Args)]
pub struct TestArguments {
    #[command(flatten)]
    folder: Folder,
    /// Where it went another way, have the files say so from now on
    #[arg(long)]
    bless: bool,
}

#[derive(Args)]
pub struct TalkArguments {
    /// A .wasm file, a project, or the name of a persona [default: the project in this folder]
    #[arg(value_name = "PERSONA", default_value = ".")]
    persona: String,
}

#[derive(Args)]
pub struct DevArguments {
    #[command(flatten)]
    folder: Folder,
    /// The running host [default: the configured address, on this machine]
    #[arg(long, value_name = "URL")]
    host: Option<String>,
    /// Do it once, and stop
    #[arg(long)]
    once: bool,
}

pub fn run(flags: &Flags, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::New(arguments) => new(&arguments),
        Command::Build(Folder { path }) => {
            build(&Project::open(&path)?)?;
            println!("next: {}, or {}", next("test", &path), next("check", &path));
            Ok(ExitCode::SUCCESS)
        }
        Command::Check(Target { path }) => check(&path),
        Command::Inspect(Target { path }) => {
            print!("{}", looking::inspect(&file(&path)?)?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Test(TestArguments { folder: Folder { path }, bless }) => test(&path, bless),
        Command::Talk(arguments) => talk(flags, &arguments.persona),
        Command::Dev(arguments) => dev(flags, &arguments),
    }
}

fn new(arguments: &NewArguments) -> anyhow::Result<ExitCode> {
    let kind = author::making::kind(&arguments.kind)?;
    let language = author::making::language(&arguments.lang)?;
    let into = arguments.into.clone().unwrap_or_default();
    let made = author::make(&New { kind, language, name: &arguments.name, into: &into })?;
    println!("{}/", made.root.display());
    for file in &made.files {
        println!("  {file}");
    }
    println!("  cordboard/ ({} files: the SDK and the contract)\n", made.vendored);
    println!("next:\n  cd {}\n  cordboard test      builds it and runs its tests", made.root.display());
    if kind == Kind::Persona {
        println!("  cordboard talk      type with it");
    } else {
        println!("  cordboard check     what it asks of whoever runs it");
    }
    Ok(ExitCode::SUCCESS)
}

/// A command about the same.
fn next(command: &str, path: &Path) -> String {
    let here = path == Path::new(".");
    if here { format!("cordboard {command}") } else { format!("cordboard {command} {}", path.display()) }
}

/// Builds, and says what came of it.
fn build(project: &Project) -> anyhow::Result<Built> {
    eprintln!("building {} ({})", project.id(), project.language);
    if project.language == Language::Rust && !project.component().exists() {
        eprintln!("the first time takes a minute");
    }
    let built = author::build(project)?;
    let (path, hash) = (built.path.display(), &built.artifact.hash);
    println!("built    {path} ({}, {hash})", looking::readable(built.size));
    Ok(built)
}

/// The .wasm that is meant.
fn file(path: &Path) -> anyhow::Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let component = Project::open(path)?.component();
    if !component.is_file() {
        bail!("{} was not built yet: run `cordboard build {}` first", component.display(), path.display());
    }
    Ok(component)
}

/// `project`: where what was compiled is kept.
fn engine(project: Option<&Project>) -> anyhow::Result<Host> {
    let cache = project.map(|project| project.root.join("build").join("compiled"));
    Ok(Host::new(&EngineSettings { sessions: SESSIONS, cache })?)
}

fn check(path: &Path) -> anyhow::Result<ExitCode> {
    let project = path.is_dir().then(|| Project::open(path)).transpose()?;
    let file = file(path)?;
    let engine = engine(project.as_ref())?;
    if !report(&looking::check(&engine, &file)) {
        println!("next: correct that, build again, and check again");
        return Ok(ExitCode::FAILURE);
    }
    match looking::read(&file)?.0.manifest.kind {
        Kind::Persona => println!("next: {}", next("talk", path)),
        _ => println!("next: {}", serving(&file)),
    }
    Ok(ExitCode::SUCCESS)
}

/// How a host gets the components that lie beside this one.
fn serving(file: &Path) -> String {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    format!("cordboard serve --components {}", folder.unwrap_or(Path::new(".")).display())
}

/// Prints all of it; whether all is well.
fn report(findings: &[Finding]) -> bool {
    findings.iter().for_each(|finding| println!("{finding}"));
    findings.iter().all(|finding| finding.good)
}

fn test(path: &Path, bless: bool) -> anyhow::Result<ExitCode> {
    let project = Project::open(path)?;
    let built = build(&project)?;
    if !passes(&engine(Some(&project))?, &project, &built, bless)? {
        println!("next: correct the source, or, if it is right as it went, {} --bless", next("test", path));
        return Ok(ExitCode::FAILURE);
    }
    match project.kind() {
        Kind::Persona => println!("next: {}", next("talk", path)),
        _ => println!("next: {}", next("check", path)),
    }
    Ok(ExitCode::SUCCESS)
}

fn passes(host: &Host, project: &Project, built: &Built, bless: bool) -> anyhow::Result<bool> {
    let told = author::test(host, project, built, bless)?;
    told.iter().for_each(|told| println!("{told}"));
    Ok(told.iter().all(author::talks::Told::is_good))
}

// -- talk

/// What the operator says; of a component that he does not mention, that it has the limits it asks.
struct Own<'a> {
    loaded: &'a Loaded,
    desk: Desk,
}

impl Operator for Own<'_> {
    fn entry(&self, id: &str) -> Option<&Entry> {
        self.loaded.entry(id).or_else(|| self.desk.entry(id))
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.loaded.variable(name)
    }
}

fn talk(flags: &Flags, wanted: &str) -> anyhow::Result<ExitCode> {
    let loaded = config::load(flags)?;
    let catalogue = Catalogue::read(loaded.config.components.as_deref())?;
    let path = Path::new(wanted);
    let project = path.is_dir().then(|| Project::open(path)).transpose()?;
    let host = engine(project.as_ref())?;
    let persona = match &project {
        Some(project) => stranger(&host, build(project)?.artifact, &loaded)?,
        None if path.is_file() => stranger(&host, looking::read(path)?.0, &loaded)?,
        None if wanted.ends_with(".wasm") => {
            bail!("there is no {wanted}: build it first, with `cordboard build`")
        }
        None => catalogue.load(&host, wanted, Kind::Persona, &loaded)?,
    };
    let first = loaded.config.route.llm.0.first().map_or("auto", String::as_str);
    let (model, change) = choice(Kind::Llm, first, &catalogue, &loaded)?;
    let model =
        model.context("no language model can be used: set OPENAI_API_KEY, or CORDBOARD_LLM=offline-llm")?;
    let model = catalogue.load(&host, &model, Kind::Llm, &loaded)?;
    println!("you talk with {}; the model is {} ({change} changes it)", persona.id(), model.id());
    println!("{}\n", terminal::HELP);
    let mut scene = nobody();
    scene.language.clone_from(&loaded.config.route.language);
    scene.timezone.clone_from(&loaded.config.route.timezone);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let departure = runtime.block_on(terminal::talk(&persona, &model, &scene, typed()?, show));
    let departure = departure.map_err(|why| {
        anyhow::anyhow!("the persona does not begin: {why}; `cordboard check` shows what it needs")
    })?;
    println!("\nthe call is over: {}", crate::registry::departure_name(departure));
    Ok(ExitCode::SUCCESS)
}

fn stranger(host: &Host, artifact: Artifact, loaded: &Loaded) -> anyhow::Result<Arc<Generation>> {
    let own = Own { loaded, desk: Desk::new(&artifact.manifest) };
    Ok(Arc::new(Generation::load(host, artifact, None, &own)?))
}

/// What is typed, line by line.
fn typed() -> anyhow::Result<mpsc::Receiver<String>> {
    let (sender, lines) = mpsc::channel(16);
    std::thread::Builder::new().name("keyboard".into()).spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    })?;
    Ok(lines)
}

fn show(shown: Shown) {
    match shown {
        Shown::Agent(text) => println!("agent: {text}"),
        Shown::Aside(text) => println!("       ({text})"),
        Shown::YourTurn if !std::io::stdin().is_terminal() => {}
        Shown::YourTurn => {
            print!("you:   ");
            // a prompt that is not seen is no reason to end the call
            let _ = std::io::stdout().flush();
        }
    }
}

// -- dev

fn dev(flags: &Flags, arguments: &DevArguments) -> anyhow::Result<ExitCode> {
    let path = &arguments.folder.path;
    let loaded = config::load(flags)?;
    let server = Server::new(arguments.host.clone(), &loaded)?;
    let project = Project::open(path)?;
    let engine = engine(Some(&project))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // before the first build, so that nothing changes unseen
    let watch = Watch::new(path)?;
    loop {
        let done = round(&engine, path).and_then(|built| match built {
            Some(built) => runtime.block_on(send(&server, &built)).map(|()| true),
            None => Ok(false),
        });
        let good = done.unwrap_or_else(|error| {
            println!("problem  {error:#}");
            false
        });
        if arguments.once {
            return Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        println!("waiting for a change in {} (Ctrl-C ends)\n", path.display());
        let Some(changed) = watch.changed() else {
            bail!("{} cannot be watched any more: start `cordboard dev` again", path.display());
        };
        println!("{} has changed", changed.display());
    }
}

/// Builds, checks and tests; none: something is not as it should be, and was said.
fn round(engine: &Host, path: &Path) -> anyhow::Result<Option<Built>> {
    let project = Project::open(path)?;
    let built = build(&project)?;
    let findings = looking::check(engine, &built.path);
    let wrong: Vec<&Finding> = findings.iter().filter(|finding| !finding.good).collect();
    if !wrong.is_empty() {
        wrong.iter().for_each(|finding| println!("{finding}"));
        return Ok(None);
    }
    println!("checked  a host can use it");
    Ok(passes(engine, &project, &built, false)?.then_some(built))
}

/// Into a running host.
async fn send(server: &Server, built: &Built) -> anyhow::Result<()> {
    let id = &built.artifact.manifest.id;
    let wasm = std::fs::read(&built.path).with_context(|| format!("reading {}", built.path.display()))?;
    let request = server.request(Method::POST, &format!("/components/{id}"));
    let request = request.header(CONTENT_TYPE, "application/wasm").body(wasm);
    let answer = server
        .json(request)
        .await
        .with_context(|| format!("{id} is built and well, and not in the host at {}", server.base))?;
    let generation = answer.get("generation").and_then(Value::as_u64);
    let generation = generation.map_or(String::new(), |number| format!(", generation {number}"));
    println!("swapped  {id} ({}{generation}) into {}", built.artifact.hash, server.base);
    Ok(())
}
