//! Pages that are right, and everything that can be wrong with one.

use super::*;

const SMALL: &str = "instructions = \"You are kind.\"\ngreeting = \"Hello!\"\n";

/// What is wrong with this page.
fn refused(page: &str) -> String {
    Page::parse(page).unwrap_err().to_string()
}

/// What is wrong with a small page and this behind it.
fn with(more: &str) -> String {
    refused(&format!("{SMALL}{more}"))
}

const TOOL: &str = "[tool.status]\nabout = \"Where it is.\"\nurl = \"https://api.example.com/orders\"\n";

#[test]
fn a_small_page_has_all_that_it_leaves_out() {
    let page = Page::parse(SMALL).unwrap();
    let text = |template: &Template| template.text(&|_| None);
    assert_eq!(text(&page.goodbye), "Goodbye!");
    assert_eq!((text(&page.silence.ask).as_str(), page.silence.after), ("Are you still there?", None));
    assert_eq!((page.end.max_silences, page.end.max_turns, page.end.after_fields), (3, None, false));
    assert_eq!(page.end.phrases, ["goodbye", "bye", "hang up"]);
    assert!(page.outbound_greeting.is_none() && page.voicemail.is_none());
    let page = Page::parse(&format!("{SMALL}{TOOL}")).unwrap();
    let tool = &page.tools[0];
    assert_eq!((tool.method, tool.timeout, tool.max_bytes), ("GET", Duration::from_secs(8), 4_000));
    let posts = format!("{SMALL}{TOOL}body = '{{\"to\": {{caller}}}}'\n");
    assert_eq!(Page::parse(&posts).unwrap().tools[0].method, "POST", "where there is a body");
}

#[test]
fn what_is_on_a_page_keeps_its_order() {
    let fields =
        "[field.size]\nabout = \"size\"\n[field.address]\nabout = \"where\"\n[field.note]\nask = \"What?\"\n";
    let page = Page::parse(&format!("{SMALL}{fields}")).unwrap();
    let names: Vec<&str> = page.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["size", "address", "note"]);
}

#[test]
fn the_examples_are_right() {
    for page in [include_str!("../../pages/pizza.toml"), include_str!("../../pages/reminder.toml")] {
        if let Err(problem) = Page::parse(page) {
            panic!("{problem}");
        }
    }
}

#[test]
fn an_empty_page_says_where_to_begin() {
    for page in ["", " \n\n"] {
        let said = refused(page);
        assert!(
            said.contains("is empty") && said.contains("instructions = ") && said.contains("greeting"),
            "{said}"
        );
    }
    assert_eq!(refused("name = \"x\""), "the page: the key `instructions` is missing");
    assert_eq!(refused("instructions = \"x\""), "the page: the key `greeting` is missing");
    assert!(refused("instructions = \" \"\ngreeting = \"x\"").contains("line 1: `instructions` are empty"));
    assert!(refused("instructions = \"x\"\ngreeting = \"\"").contains("line 2: `greeting` is empty"));
}

#[test]
fn a_key_that_there_is_not_is_named_with_the_nearest() {
    let said = refused("instructions = \"x\"\ngreting = \"Hello\"\n");
    assert_eq!(said, "the page, line 2: there is no key `greting` here; did you mean `greeting`?");
    let said = with("[field.size]\nabout = \"x\"\nchoises = [\"a\"]\n");
    assert_eq!(said, "the page, line 5: there is no key `choises` here; did you mean `choices`?");
    let said = with("[end]\ncolour = 1\n");
    assert!(
        said.contains("line 4: there is no key `colour` here; there are: `when`, `after_fields`"),
        "{said}"
    );
    let said = with(&format!("{TOOL}secret_heder = \"x\"\n"));
    assert!(said.contains("did you mean `secret_header`?"), "{said}");
}

#[test]
fn a_value_of_another_type_is_shown_where_it_stands() {
    let said = with("keyterms = \"pizza\"\n");
    assert!(said.starts_with("the page, line 3: keyterms = \"pizza\": invalid type: string"), "{said}");
    let said = with("[model]\ntemperature = \"hot\"\n");
    assert!(said.starts_with("the page, line 4: temperature = \"hot\": invalid type"), "{said}");
    let said = with("[field]\nsize = 3\n");
    assert!(said.starts_with("the page, line 4: size = 3: invalid type"), "{said}");
    let said = with("[tool.status]\nabout = \"x\"\n");
    assert_eq!(said, "the page, line 3: [tool.status]: the key `url` is missing");
    assert!(with("[model\n").starts_with("the page, line 3: [model"), "what is no TOML");
}

#[test]
fn numbers_have_their_bounds() {
    for (more, said) in [
        ("[model]\ntemperature = 3\n", "line 4: `temperature` is 3, and may be 0 to 2"),
        ("[model]\nmax_tokens = 0\n", "`max_tokens` is 0"),
        ("[silence]\nafter_s = 0\n", "`after_s` is 0"),
        ("[end]\nmax_turns = 0\n", "`max_turns` is 0"),
        ("[end]\nmax_silences = 11\n", "`max_silences` is 11, and may be 0 to 10"),
        ("[silence]\nafter_s = nan\n", "`after_s` is NaN"),
    ] {
        let problem = with(more);
        assert!(problem.contains(said), "{problem}");
    }
    assert!(with(&format!("{TOOL}timeout_s = 31\n")).contains("`timeout_s` is 31, and may be 0.1 to 30"));
    assert!(with(&format!("{TOOL}max_bytes = 0\n")).contains("`max_bytes` is 0, and may be 1 to 65536"));
}

#[test]
fn a_field_is_of_a_type_that_there_is() {
    for (field, said) in [
        ("type = \"integr\"", "line 5: there is no type `integr` here; did you mean `integer`?"),
        ("type = \"colour\"", "there are: `text`, `integer`, `decimal`, `date`, `boolean`, `choice`"),
        ("type = \"choice\"", "needs `choices"),
        ("choices = []", "needs `choices"),
        ("choices = [\"\"]", "a choice is empty"),
        ("type = \"text\"\nchoices = [\"a\"]", "both `choices` and the type \"text\""),
        ("min = 1", "`min` is for the types integer and decimal"),
        ("type = \"integer\"\nmin = 3\nmax = 2", "`max` is less than `min`"),
        ("type = \"integer\"\nmin = 1.5", "1.5 is not a whole number"),
    ] {
        let problem = with(&format!("[field.size]\nabout = \"x\"\n{field}\n"));
        assert!(problem.contains(said), "{problem}");
    }
    assert!(with("[field.size]\nrequired = true\n").contains("line 3: [field.size]: neither `about`"));
    assert!(with("[field.Size]\nabout = \"x\"\n").contains("\"Size\" is no name of a field"));
    assert!(with("[end]\nafter_fields = true\n").contains("needs a field that is required"));
}

#[test]
fn a_place_is_one_that_is_known() {
    let said = refused("instructions = \"x\"\ngreeting = \"Hello {callr}!\"\n");
    assert_eq!(said, "the page, line 2: there is no place `callr` here; did you mean `caller`?");
    let greeted =
        "instructions = \"x\"\ngreeting = \"A {fields.size} one?\"\n[field.size]\nabout = \"size\"\n";
    assert!(refused(greeted).contains("no place `fields.size`"), "nothing is known at the greeting");
    assert!(with("goodbye = \"{fields.sise}\"\n[field.size]\nabout = \"x\"\n").contains("`fields.size`?"));
    assert!(
        with(&format!(
            "{TOOL}body = '{{\"n\": {{nmber}}}}'\n[tool.status.parameters.number]\nabout = \"n\"\n"
        ))
        .contains("did you mean `number`?")
    );
    assert!(with("voicemail = \"{ caller }\"\n").contains("a brace that is no place"));
}

#[test]
fn a_tool_has_a_name_and_an_address() {
    let tool = |changes: &[(&str, &str)]| {
        let replaced = |text: String, change: &(&str, &str)| text.replace(change.0, change.1);
        with(&changes.iter().fold(TOOL.to_owned(), replaced))
    };
    let url = |url: &str| tool(&[("https://api.example.com/orders", url)]);
    for name in ["Status", "\"order status\"", "\"\"", "2nd", "\"über\""] {
        assert!(
            tool(&[("[tool.status]", &format!("[tool.{name}]"))]).contains("is no name of a tool"),
            "{name}"
        );
    }
    let long = format!("[tool.{}]", "x".repeat(65));
    assert!(tool(&[("[tool.status]", &long)]).contains("at most 64"));
    assert!(tool(&[("tool.status", "tool.end_call")]).contains("a tool \"end_call\" of its own"));
    assert!(url("https://{caller}.example.com/").contains("line 5: `url`"));
    assert!(url("https://{caller}.example.com/").contains("has to be written out"));
    assert!(url("/orders").contains("no URL"));
    assert!(tool(&[("\"Where it is.\"", "\"\"")]).contains("`about` is empty"));
    let optional =
        "https://api.example.com/{n}\"\nparameters.n = { about = \"n\", required = false }\nmethod = \"GET";
    assert!(url(optional).contains("holds the parameter `n`, which may be left out"));
}

#[test]
fn a_request_makes_sense() {
    let tool = |more: &str| with(&format!("{TOOL}{more}\n"));
    assert!(tool("method = \"GTE\"").contains("no method `GTE` here; did you mean `GET`?"));
    assert!(tool("method = \"GET\"\nbody = '{}'").contains("both a `body` and the method GET"));
    assert!(tool("body = '{'").contains("line 6: `body`: it is not JSON"));
    assert!(tool("answer = \"status\"").contains("no JSON pointer"));
    assert!(tool("headers = { \"a b\" = \"x\" }").contains("\"a b\" is no name of a header"));
    assert!(tool("secret = \"sk-123 456\"").contains("belongs into the environment"));
    assert!(tool("secret_header = \"x-key\"").contains("`secret_header` without a `secret`"));
    assert!(tool("secret_format = \"{}\"").contains("`secret_format` without a `secret`"));
    assert!(tool("secret = \"KEY\"\nsecret_format = \"Bearer\"").contains("has no {}"));
    assert!(
        tool("secret = \"KEY\"\nheaders = { Authorization = \"x\" }")
            .contains("both a header `authorization`")
    );
    assert!(tool("secret = \"KEY\"\nsecret_header = \"x key\"").contains("\"x key\" is no name of a header"));
}

#[test]
fn a_transfer_goes_to_a_number_or_to_a_name() {
    for to in ["01234", "+01234567", "+1 555 0100", "12", "", "kit chen", "+155501002003004005"] {
        let said = with(&format!("[transfer.kitchen]\nto = {to:?}\nwhen = \"asked for\"\n"));
        assert!(said.contains("line 4: `to`") && said.contains("neither a number"), "{said}");
    }
    for to in ["+15550100200", "kitchen", "front-desk_2"] {
        let page = format!("{SMALL}[transfer.kitchen]\nto = {to:?}\nwhen = \"asked for\"\n");
        assert!(Page::parse(&page).is_ok(), "{to}");
    }
    assert!(with("[transfer.kitchen]\nto = \"kitchen\"\n").contains("the key `when` is missing"));
    assert!(with("[transfer.\"the kitchen\"]\nto = \"k\"\nwhen = \"x\"\n").contains("no name of a transfer"));
}

#[test]
fn a_language_is_a_tag_and_a_phrase_has_words() {
    assert!(with("language = \"British English\"\n").contains("as \"en-GB\""));
    assert!(with("language = \"\"\n").contains("no tag of a language"));
    assert!(with("[end]\nphrases = [\"bye\", \"…\"]\n").contains("has no words"));
}
