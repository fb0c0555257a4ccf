//! The configuration: where values come from, and what is said when one is wrong.

use crate::house::*;
use std::path::Path;

/// What the program says to these arguments in this folder, and whether it succeeded.
async fn says(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = program(folder);
    command.args(arguments).envs(variables.iter().copied());
    let output = tokio::time::timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

fn folder(toml: &str, dot_env: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cordboard.toml"), toml).unwrap();
    std::fs::write(folder.path().join(".env"), dot_env).unwrap();
    folder
}

/// The line of the report for this key, its columns joined by single spaces.
fn line(report: &str, key: &str) -> String {
    let found = report.lines().find(|line| line.split_whitespace().next() == Some(key));
    let found = found.unwrap_or_else(|| panic!("no {key} in\n{report}"));
    found.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn every_value_is_printed_with_its_origin_and_secrets_are_masked() {
    let toml = "[route]\nlanguage = \"en-GB\"\n[server]\nport = 1111\n\
                [component.openai-llm.settings]\nmodel = \"gpt-of-the-file\"\n";
    let folder = folder(toml, "PORT=2222\nHOST=0.0.0.0\nOPENAI_API_KEY=sk-abcdefghijklmnop\n");
    let variables = [("PORT", "3333"), ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")];
    let (ok, report) = says(folder.path(), &["config"], &variables).await;
    assert!(ok, "{report}");
    assert_eq!(line(&report, "server.port"), "server.port 3333 PORT in the environment");
    assert_eq!(line(&report, "server.host"), "server.host \"0.0.0.0\" HOST in .env");
    assert!(
        line(&report, "route.language").contains("\"en-GB\"")
            && line(&report, "route.language").ends_with("cordboard.toml")
    );
    assert!(line(&report, "route.timezone").ends_with("default"), "{report}");
    let model = line(&report, "component.openai-llm.settings.model");
    assert!(model.ends_with("\"gpt-of-the-file\" cordboard.toml"), "{model}");
    assert!(line(&report, "component.openai-llm.settings.base_url").ends_with("OPENAI_BASE_URL"));
    assert_eq!(line(&report, "OPENAI_API_KEY"), "OPENAI_API_KEY ***mnop .env");
    assert!(line(&report, "DEEPGRAM_API_KEY").ends_with("not set"));
    assert!(!report.contains("sk-abc"), "{report}");
}

#[tokio::test]
async fn an_unknown_key_is_an_error_that_names_the_nearest() {
    for (toml, hint) in [
        ("[server]\nprot = 1\n", "unknown key `server.prot`; did you mean `server.port`?"),
        ("[servre]\nport = 1\n", "unknown key `servre`; did you mean `server`?"),
        ("[endpointing]\nmin_dealy = 1\n", "did you mean `endpointing.min_delay`?"),
        ("[component.openai-llm]\nsetings = {}\n", "did you mean `component.openai-llm.settings`?"),
        ("[component.openai-llm.settings]\nmodle = \"x\"\n", "no setting \"modle\"; did you mean \"model\"?"),
        ("[component.openai-lm]\n", "did you mean [component.openai-llm]?"),
    ] {
        let (ok, said) = says(folder(toml, "").path(), &["config"], &[]).await;
        assert!(!ok && said.contains(hint), "{toml}: {said}");
        assert!(said.contains("cordboard.toml") || said.contains("openai-llm"), "{said}");
    }
}

#[tokio::test]
async fn a_value_that_does_not_fit_names_its_source() {
    let nothing = folder("", "");
    let (ok, said) = says(nothing.path(), &["config"], &[("PORT", "eight")]).await;
    assert!(!ok && said.contains("PORT in the environment") && said.contains("server.port"), "{said}");
    let negative = folder("[endpointing]\nmin_delay = -1\n", "");
    let (ok, said) = says(negative.path(), &["config"], &[]).await;
    assert!(!ok && said.contains("endpointing.min_delay") && said.contains("number of seconds"), "{said}");
    let broken = folder("[server\n", "");
    let (ok, said) = says(broken.path(), &["config"], &[]).await;
    assert!(!ok && said.contains("cordboard.toml"), "{said}");
    let (ok, said) = says(nothing.path(), &["config", "--config", "nowhere.toml"], &[]).await;
    assert!(!ok && said.contains("there is no configuration file nowhere.toml"), "{said}");
}

#[tokio::test]
async fn a_route_that_cannot_be_served_says_why() {
    for (variables, reason) in [
        ([("CORDBOARD_LLM", "openai")], "there is no component \"openai\"; did you mean \"openai-llm\"?"),
        (
            [("CORDBOARD_LLM", "flite-tts")],
            "flite-tts is a tts component, and a llm component is needed there",
        ),
        ([("CORDBOARD_TTS", "none")], "`none` is possible for stt only"),
        ([("DEEPGRAM_BASE_URL", "nonsense")], "not a URL"),
    ] {
        let (ok, said) = says(folder("", "").path(), &["serve", "--bind", ":0"], &variables).await;
        assert!(!ok && said.contains(reason), "{variables:?}: {said}");
    }
}

#[tokio::test]
async fn keys_choose_the_providers_and_the_table_names_what_would_change_each() {
    let none = Setup::default().start().await.log();
    let row = |log: &str, kind: &str| line(log, kind);
    assert!(row(&none, "stt").contains("none") && row(&none, "stt").contains("DEEPGRAM_API_KEY"), "{none}");
    assert!(row(&none, "llm").contains("offline-llm") && row(&none, "llm").contains("OPENAI_API_KEY"));
    assert!(row(&none, "tts").contains("flite-tts"));
    assert!(row(&none, "tts").contains("CARTESIA_API_KEY and CARTESIA_VOICE_ID → cartesia-tts"));
    let keys = Setup::default().variable("OPENAI_API_KEY", "x").variable("DEEPGRAM_API_KEY", "y");
    let both = keys.start().await.log();
    assert!(row(&both, "stt").contains("deepgram-stt"), "{both}");
    assert!(row(&both, "llm").contains("openai-llm"), "{both}");
}

#[tokio::test]
async fn a_caller_who_cannot_connect_is_told_why() {
    let nothing = folder("", "");
    let (ok, said) = says(nothing.path(), &["call", "--url", "ws://127.0.0.1:9/ws"], &[]).await;
    assert!(!ok && said.contains("no connection to ws://127.0.0.1:9/ws"), "{said}");
    let (ok, said) = says(nothing.path(), &["call", "--url", "http://127.0.0.1:9/"], &[]).await;
    assert!(!ok && said.contains("it begins neither with ws://"), "{said}");
    let (ok, said) = says(nothing.path(), &["call", "--wav", "nowhere.wav"], &[]).await;
    assert!(!ok && said.contains("nowhere.wav"), "{said}");
    let (ok, said) = says(nothing.path(), &["call", "--press", "x"], &[]).await;
    assert!(!ok && said.contains("is no key"), "{said}");
}

#[tokio::test]
async fn numbers_and_truths_are_printed_as_they_were_written() {
    let toml = "[interruption]\nmin_words = 2\nenabled = false\n[endpointing]\nmin_delay = 0.4\n";
    let (ok, said) = says(folder(toml, "").path(), &["config"], &[]).await;
    assert!(ok, "{said}");
    for (key, value) in
        [("interruption.min_words", "2"), ("interruption.enabled", "false"), ("endpointing.min_delay", "0.4")]
    {
        assert_eq!(line(&said, key), format!("{key} {value} cordboard.toml"));
    }
}

#[tokio::test]
async fn numbers_and_addresses_that_are_none_are_found_before_a_call_needs_them() {
    for (toml, named) in [
        ("[route.transfers]\ndesk = \"555\"\n", "route.transfers.desk"),
        ("[outbound]\nprefixes = [\"49\"]\n", "outbound.prefixes"),
        ("[outbound]\nring = 100000\n", "outbound.ring"),
        ("[twilio]\nphone_number = \"555 1234\"\n", "twilio.phone_number"),
    ] {
        let (ok, text) = says(folder(toml, "").path(), &["config"], &[]).await;
        assert!(!ok && text.contains(named), "{toml}: {text}");
    }
    let nonsense = [("PUBLIC_URL", "nonsense"), ("PORT", "0")];
    let (ok, text) = says(folder("", "").path(), &["serve"], &nonsense).await;
    assert!(!ok && text.contains("PUBLIC_URL") && text.contains("https://calls.example.com"), "{text}");
}

#[tokio::test]
async fn a_line_of_the_variables_that_is_none_is_named_and_not_shown() {
    let folder = folder("", "PORT=1234\nTWILIO_AUTH_TOKEN 0123456789abcdef\n");
    let (ok, text) = says(folder.path(), &["config"], &[]).await;
    assert!(!ok && text.contains("line 2 of .env"), "{text}");
    assert!(!text.contains("0123456789abcdef"), "{text}");
}
