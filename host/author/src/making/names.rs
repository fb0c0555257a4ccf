//! What a project may be called, and how its name is written where.

use super::MakeError;
use components::Catalogue;
use components::manifest::Kind;

/// A crate of this name cannot be built, or not with our SDK beside it.
const TAKEN: [&str; 16] = [
    "alloc",
    "build",
    "cordboard",
    "core",
    "deps",
    "examples",
    "incremental",
    "persona",
    "plugin",
    "proc-macro",
    "serde",
    "serde-json",
    "std",
    "test",
    "wit-bindgen",
    "percent-encoding",
];

/// Words that Rust keeps for itself.
const KEYWORDS: [&str; 51] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// One name in the ways in which it is needed.
pub(super) struct Names {
    /// `front-desk`
    pub(super) id: String,
    /// `FrontDesk`
    type_name: String,
    /// `Front desk`
    title: String,
}

impl Names {
    pub(super) fn check(name: &str, kind: Kind) -> Result<Self, MakeError> {
        let problem = problem(name);
        if let Some(problem) = problem {
            let (name, instead) = (name.to_owned(), instead(name, kind));
            return Err(MakeError::Name { name, problem, kind, instead });
        }
        // what the program cannot read of itself it says elsewhere
        let ships = Catalogue::read(None).is_ok_and(|shipped| shipped.get(name).is_some());
        if ships {
            return Err(MakeError::Ships { name: name.to_owned(), kind });
        }
        Ok(Self {
            id: name.to_owned(),
            type_name: name.split('-').map(capitalised).collect(),
            title: capitalised(&name.replace('-', " ")),
        })
    }

    /// A text of the template with what it says in double braces.
    pub(super) fn fill(&self, text: &str) -> String {
        let version = env!("CARGO_PKG_VERSION");
        text.replace("{{name}}", &self.id)
            .replace("{{Name}}", &self.type_name)
            .replace("{{title}}", &self.title)
            .replace("{{version}}", version)
    }
}

fn problem(name: &str) -> Option<&'static str> {
    let proper = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() {
        return Some("it is empty");
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(proper) {
        return Some("it is lower-case words joined by hyphens, and begins with a letter");
    }
    if name.ends_with('-') || name.contains("--") {
        return Some("its hyphens stand between words");
    }
    if name.len() > 64 {
        return Some("it is longer than 64 characters");
    }
    (TAKEN.contains(&name) || KEYWORDS.contains(&name)).then_some("it is taken by what it is built with")
}

/// The nearest that can be used.
fn instead(name: &str, kind: Kind) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in name.chars().take(48) {
        // a capital begins a word, unless it follows another
        if c.is_uppercase() && word.chars().last().is_some_and(char::is_lowercase) {
            words.push(std::mem::take(&mut word).to_lowercase());
        }
        match c {
            c if c.is_ascii_alphanumeric() => word.push(c),
            _ => words.push(std::mem::take(&mut word).to_lowercase()),
        }
    }
    words.push(word.to_lowercase());
    words.retain(|word| !word.is_empty());
    let joined = words.join("-");
    let joined = joined.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    match joined {
        "" => format!("my-{kind}"),
        joined if problem(joined).is_some() => format!("my-{joined}"),
        joined => joined.to_owned(),
    }
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    let first = characters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_cannot_be_used_comes_with_one_that_can() {
        for (name, better) in [
            ("FrontDesk", "front-desk"),
            ("front_desk", "front-desk"),
            ("42-desk", "desk"),
            ("-desk-", "desk"),
            ("", "my-persona"),
            ("../etc", "etc"),
            ("übung", "bung"),
            ("serde", "my-serde"),
            ("async", "my-async"),
        ] {
            let Err(MakeError::Name { instead, .. }) = Names::check(name, Kind::Persona) else {
                panic!("{name:?} is taken");
            };
            assert_eq!(instead, better, "for {name:?}");
            assert_eq!(problem(&instead), None, "{instead:?} can be used");
        }
        let long = "a".repeat(65);
        assert!(Names::check(&long, Kind::Llm).is_err());
    }

    #[test]
    fn a_name_that_ships_is_not_given_twice() {
        assert!(matches!(Names::check("guest-relations", Kind::Persona), Err(MakeError::Ships { .. })));
    }

    #[test]
    fn a_template_is_filled_in() {
        let names = Names::check("front-desk", Kind::Persona).unwrap();
        assert_eq!(
            names.fill("{{name}} {{Name}} {{title}} {name}"),
            "front-desk FrontDesk Front desk {name}"
        );
    }
}
