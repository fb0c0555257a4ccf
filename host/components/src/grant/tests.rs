//! What is granted to whom, and what is said about the rest.

use super::*;

#[derive(Default)]
struct Desk {
    entries: BTreeMap<String, Entry>,
    variables: BTreeMap<&'static str, &'static str>,
}

impl Operator for Desk {
    fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| (*value).to_owned())
    }
}

fn desk(variables: &[(&'static str, &'static str)], entry: &str) -> Desk {
    let entries = BTreeMap::from([("parrot-llm".to_owned(), toml::from_str(entry).unwrap())]);
    Desk { entries, variables: variables.iter().copied().collect() }
}

fn manifest(base: &str, egress: &str) -> Manifest {
    Manifest::parse(&format!(
        r#"
        id = "parrot-llm"
        version = "1.0.0"
        kind = "llm"
        contract = "0.1"
        [settings.base_url]
        type = "url"
        default = "{base}"
        env = "PARROT_BASE_URL"
        [[egress]]
        url = "{egress}"
        [[secrets]]
        name = "PARROT_KEY"
        url = "{{base_url}}"
        header = "authorization"
        format = "Bearer {{}}"
        "#
    ))
    .unwrap()
}

fn ours() -> Manifest {
    manifest("https://api.example.com/v1", "{base_url}/say")
}

const KEY: (&str, &str) = ("PARROT_KEY", "s3cret");

fn may(grant: &Grant, url: &str) -> bool {
    grant.rules.check(url).is_ok()
}

fn gets_key(grant: &Grant, url: &str) -> bool {
    grant.rules.check(url).is_ok_and(|allowed| !allowed.headers.is_empty())
}

#[test]
fn a_shipped_component_gets_what_it_asks_and_its_secret_goes_there_only() {
    let grant = Grant::settle(&ours(), Some(&ours()), &desk(&[KEY], "")).unwrap();
    assert!(grant.refused.is_empty());
    assert!(gets_key(&grant, "https://api.example.com/v1/say?x=1"));
    assert!(gets_key(&grant, "wss://api.example.com/v1/say/loud"));
    for url in [
        "http://api.example.com/v1/say",
        "https://api.example.com/v1/sayings",
        "https://api.example.com/v1/say/../admin",
        "https://api.example.com/v1/other",
        "https://api.example.com:444/v1/say",
        "https://api.example.com.evil.org/v1/say",
        "https://user:pw@api.example.com/v1/say",
        "file:///etc/passwd",
        "nonsense",
    ] {
        assert!(!may(&grant, url), "{url}");
    }
}

#[test]
fn grant_and_secret_follow_the_address_that_the_operator_sets() {
    let variables = [KEY, ("PARROT_BASE_URL", "http://127.0.0.1:9/prefix/v1/")];
    let grant = Grant::settle(&ours(), Some(&ours()), &desk(&variables, "")).unwrap();
    let allowed = grant.rules.check("ws://127.0.0.1:9/prefix/v1/say").unwrap();
    assert!(allowed.private, "the operator named it");
    assert_eq!(allowed.headers.len(), 1);
    assert!(!may(&grant, "https://api.example.com/v1/say"));
}

#[test]
fn a_file_that_replaces_a_shipped_component_gets_no_more_than_that() {
    let elsewhere = manifest("https://evil.example.org/v1", "{base_url}/say");
    let grant = Grant::settle(&elsewhere, Some(&ours()), &desk(&[KEY], "")).unwrap();
    assert!(!may(&grant, "https://evil.example.org/v1/say"));
    assert_eq!(
        grant.refused,
        [
            "to reach https://evil.example.org/v1/say",
            "to use the secret PARROT_KEY at https://evil.example.org/v1"
        ]
    );
    let wider = manifest("https://api.example.com", "{base_url}/");
    let grant = Grant::settle(&wider, Some(&ours()), &desk(&[KEY], "")).unwrap();
    assert!(!may(&grant, "https://api.example.com/v1/say"), "it asked for more than there is");
    let same = Grant::settle(&ours(), Some(&ours()), &desk(&[KEY], "")).unwrap();
    assert!(gets_key(&same, "https://api.example.com/v1/say"));
}

#[test]
fn a_stranger_gets_what_the_operator_names_and_nothing_else() {
    let nothing = Grant::settle(&ours(), None, &desk(&[KEY], "")).unwrap();
    assert!(!may(&nothing, "https://api.example.com/v1/say"));
    assert_eq!(nothing.refused.len(), 3, "{:?}", nothing.refused);
    let entry = r#"grant = { egress = ["https://api.example.com/v1"] }"#;
    let without_key = Grant::settle(&ours(), None, &desk(&[KEY], entry)).unwrap();
    assert!(may(&without_key, "https://api.example.com/v1/say"));
    assert!(!gets_key(&without_key, "https://api.example.com/v1/say"));
    assert!(!may(&without_key, "https://api.example.com/v1/other"), "it never asked for that");
    let entry = r#"grant = { egress = ["https://api.example.com/v1"], secrets = ["PARROT_KEY"] }"#;
    let with_key = Grant::settle(&ours(), None, &desk(&[KEY], entry)).unwrap();
    assert!(gets_key(&with_key, "https://api.example.com/v1/say"));
}

#[test]
fn an_entry_narrows_what_a_shipped_component_gets() {
    let grant = Grant::settle(&ours(), Some(&ours()), &desk(&[KEY], "grant = {}")).unwrap();
    assert!(!may(&grant, "https://api.example.com/v1/say"));
}

#[test]
fn settings_that_do_not_fit_say_what_is_wrong() {
    let problem = |entry| Grant::settle(&ours(), None, &desk(&[], entry)).unwrap_err().to_string();
    let typo = problem("settings.base_ulr = \"https://x.org\"");
    assert_eq!(typo, r#"parrot-llm has no setting "base_ulr"; did you mean "base_url"?"#);
    let number = problem("settings.base_url = 7");
    assert!(number.contains("cordboard.toml") && number.contains("7 is not a URL"), "{number}");
    let variable = desk(&[("PARROT_BASE_URL", "example.com")], "");
    let problem = Grant::settle(&ours(), Some(&ours()), &variable).unwrap_err().to_string();
    assert!(problem.contains("PARROT_BASE_URL") && problem.contains("not a URL"), "{problem}");
}

#[test]
fn the_operator_sets_limits_up_to_the_ceiling() {
    let entry = "limits = { memory_mb = 1, call_ms = 9000 }";
    let grant = Grant::settle(&ours(), None, &desk(&[], entry)).unwrap();
    assert_eq!((grant.limits.memory_mb, grant.limits.call_ms), (1, CEILING.call_ms));
}

#[test]
fn a_manifest_raises_no_limits_but_those_of_what_ships() {
    let greedy = || {
        let limits = Limits { memory_mb: 200, queue: 9, connections: 30, ..Limits::default() };
        Manifest { limits, ..ours() }
    };
    let limits = |shipped: Option<&Manifest>, entry| {
        let grant = Grant::settle(&greedy(), shipped, &desk(&[], entry)).unwrap();
        let said = grant.refused.iter().any(|refused| refused.contains("[component.parrot-llm.limits]"));
        (grant.limits.memory_mb, grant.limits.queue, grant.limits.connections, said)
    };
    let most = Limits::default();
    assert_eq!(limits(None, ""), (most.memory_mb, 9, most.connections, true));
    assert_eq!(limits(Some(&ours()), ""), (most.memory_mb, 9, most.connections, true), "a replacement");
    assert_eq!(limits(Some(&greedy()), ""), (200, 9, 30, false), "it ships with these");
    let entry = "limits = { memory_mb = 128, connections = 30 }";
    assert_eq!(limits(None, entry), (128, 9, 30, false), "the operator's word");
}

/// A manifest with a setting that names this variable.
fn nosy(id: &str, setting: &str, variable: &str) -> Manifest {
    Manifest::parse(&format!(
        "id = {id:?}\nversion = \"1\"\nkind = \"llm\"\ncontract = \"0.1\"\n\
         [settings.{setting}]\ntype = \"text\"\ndefault = \"nothing\"\nenv = {variable:?}\n"
    ))
    .unwrap()
}

#[test]
fn the_environment_is_not_a_strangers_to_read() {
    let operator = desk(&[("OPENAI_API_KEY", "s3cret"), ("HOME", "/root"), ("PARROT_MODEL", "big")], "");
    let seen = |manifest: &Manifest, shipped| {
        let grant = Grant::settle(manifest, shipped, &operator).unwrap();
        (grant.settings.json(), grant.refused.concat())
    };
    for variable in ["OPENAI_API_KEY", "HOME"] {
        let (settings, refused) = seen(&nosy("parrot-llm", "x", variable), None);
        assert_eq!(settings, r#"{"x":"nothing"}"#);
        let reason =
            format!("to read {variable} for its setting \"x\" (set it in [component.parrot-llm.settings])");
        assert_eq!(refused, reason);
    }
    // what replaces a shipped component: the same setting from the same variable, and no other
    let shipped = nosy("parrot-llm", "model", "PARROT_MODEL");
    assert_eq!(seen(&shipped, Some(&shipped)), (r#"{"model":"big"}"#.into(), String::new()));
    assert!(seen(&nosy("parrot-llm", "model", "HOME"), Some(&shipped)).0.contains("nothing"));
    assert!(seen(&nosy("parrot-llm", "x", "PARROT_MODEL"), Some(&shipped)).0.contains("nothing"));
    // a key is a key, whatever else it is called
    let careless = nosy("parrot-llm", "x", "OPENAI_API_KEY");
    assert!(seen(&careless, Some(&careless)).0.contains("nothing"));
    // also for those who only look at settings
    let resolved = Settings::resolve(&nosy("openai-llm", "x", "OPENAI_API_KEY"), &operator).unwrap();
    assert!(resolved.json().contains("nothing"));
    let model = desk(&[("OPENAI_MODEL", "gpt")], "");
    let resolved = Settings::resolve(&nosy("openai-llm", "model", "OPENAI_MODEL"), &model).unwrap();
    assert!(resolved.json().contains("gpt"));
}

#[test]
fn a_setting_that_is_missing_says_what_does_not_count() {
    let mut manifest = nosy("parrot-llm", "x", "HOME");
    manifest.settings.get_mut("x").unwrap().default = None;
    let problem = Grant::settle(&manifest, None, &desk(&[("HOME", "/root")], "")).unwrap_err().to_string();
    assert!(problem.contains("[component.parrot-llm.settings]") && problem.contains("HOME"), "{problem}");
    let given = Grant::settle(&manifest, None, &desk(&[], "settings.x = \"y\"")).unwrap();
    assert_eq!(given.refused, [""; 0], "nothing is missing");
}

fn may_be_private(grant: &Grant, url: &str) -> bool {
    grant.rules.check(url).unwrap().private
}

#[test]
fn a_public_name_leads_to_private_addresses_only_where_the_operator_says_so() {
    let granted = |url: &str, more: &str| {
        let entry = format!("grant = {{ egress = [\"{url}\"]{more} }}");
        let grant = Grant::settle(&manifest(url, "{base_url}"), None, &desk(&[], &entry)).unwrap();
        may_be_private(&grant, url)
    };
    assert!(!granted("https://llm.example.com/v1", ""));
    assert!(granted("https://llm.example.com/v1", ", private = true"));
    for local in ["http://10.0.0.7/v1", "http://localhost:11434/v1", "http://ollama/v1", "http://x.lan"] {
        assert!(granted(local, ""), "{local}");
    }
    // the same where a variable names it
    let named = |url| {
        let desk = desk(&[("PARROT_BASE_URL", url)], "");
        let grant = Grant::settle(&ours(), Some(&ours()), &desk).unwrap();
        may_be_private(&grant, &format!("{url}/say"))
    };
    assert!(!named("https://llm.example.com/v1"));
    assert!(named("http://127.0.0.1:9/v1"));
    // and what a manifest says of its own is nobody's word
    let local = manifest("http://localhost:9/v1", "{base_url}");
    let grant = Grant::settle(&local, Some(&local), &desk(&[], "")).unwrap();
    assert!(!may_be_private(&grant, "http://localhost:9/v1"));
}

#[test]
fn a_private_address_is_one_port_and_one_scheme() {
    let entry = r#"
        settings.base_url = "http://api.internal:8080/v1"
        grant = { egress = ["http://api.internal:8080/v1"] }
    "#;
    let grant = Grant::settle(&manifest("http://x", "{base_url}"), None, &desk(&[], entry)).unwrap();
    assert!(may_be_private(&grant, "http://api.internal:8080/v1/x"));
    for url in ["http://api.internal/v1", "https://api.internal:8080/v1", "http://api.internal:8080/"] {
        assert!(!may(&grant, url), "{url}");
    }
}

/// What is put into requests to this address: header and value.
fn put(grant: &Grant, url: &str) -> Vec<(String, String)> {
    let allowed = grant.rules.check(url).unwrap();
    let text = |(name, value): &(&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    allowed.headers.iter().map(text).collect()
}

/// Reaches two servers, and wants its key at all of them.
fn collector() -> Manifest {
    let text = r#"
        id = "parrot-llm"
        version = "1.0.0"
        kind = "llm"
        contract = "0.1"
        [[egress]]
        url = "https://api.example.com/v1"
        [[egress]]
        url = "https://collect.example.org"
        [[secrets]]
        name = "PARROT_KEY"
        url = "https://api.example.com"
        header = "authorization"
        [[secrets]]
        name = "PARROT_KEY"
        url = "https://collect.example.org"
        header = "x-loot"
    "#;
    Manifest::parse(text).unwrap()
}

#[test]
fn a_secret_goes_where_the_operator_sends_it() {
    let settle = |secrets: &str| {
        let egress = r#"egress = ["https://api.example.com/v1", "https://collect.example.org"]"#;
        let entry = format!("grant = {{ {egress}, secrets = {secrets} }}");
        Grant::settle(&collector(), None, &desk(&[KEY], &entry))
    };
    let problem = settle(r#"["PARROT_KEY"]"#).unwrap_err().to_string();
    assert!(problem.contains("secrets = { PARROT_KEY = \"https://"), "{problem}");
    let grant = settle(r#"{ PARROT_KEY = "https://api.example.com/v1" }"#).unwrap();
    let authorization = [("authorization".to_owned(), "s3cret".to_owned())];
    assert_eq!(put(&grant, "https://api.example.com/v1/say"), authorization);
    assert_eq!(put(&grant, "https://collect.example.org/"), []);
    assert_eq!(grant.refused, ["to use the secret PARROT_KEY at https://collect.example.org"]);
    // within one server, too
    let grant = settle(r#"{ PARROT_KEY = "https://api.example.com/v1/say" }"#).unwrap();
    assert_eq!(put(&grant, "https://api.example.com/v1/say"), authorization);
    assert_eq!(put(&grant, "https://api.example.com/v1/other"), []);
    assert!(settle("{ PARROT_KEY = \"x\" }").is_err());
    let wrong = toml::from_str::<Entry>("grant = { secrets = \"PARROT_KEY\" }").unwrap_err().to_string();
    assert!(wrong.contains("a list of names, or a table of names with the URL"), "{wrong}");
    assert_eq!(settle("[]").unwrap().refused.len(), 2);
}

#[test]
fn a_list_of_secrets_is_enough_where_there_is_one_server() {
    let entry = r#"grant = { egress = ["https://api.example.com/v1", "https://api.example.com/v2"],
        secrets = ["PARROT_KEY"] }"#;
    let grant = Grant::settle(&collector(), None, &desk(&[KEY], entry)).unwrap();
    assert!(gets_key(&grant, "https://api.example.com/v1"));
    assert!(!may(&grant, "https://collect.example.org"));
}

#[test]
fn a_replacement_does_not_choose_the_header_of_a_secret() {
    let mut replacement = ours();
    let secret = replacement.secrets.first_mut().unwrap();
    (secret.header, secret.format) = ("x-echo".into(), "{}".into());
    secret.url = "https://api.example.com".into();
    let grant = Grant::settle(&replacement, Some(&ours()), &desk(&[KEY], "")).unwrap();
    let shipped = [("authorization".to_owned(), "Bearer s3cret".to_owned())];
    assert_eq!(put(&grant, "https://api.example.com/v1/say"), shipped);
    // the operator's own entry gives it as any other
    let entry = r#"grant = { egress = ["https://api.example.com"], secrets = ["PARROT_KEY"] }"#;
    let grant = Grant::settle(&replacement, Some(&ours()), &desk(&[KEY], entry)).unwrap();
    assert_eq!(put(&grant, "https://api.example.com/v1/say"), [("x-echo".to_owned(), "s3cret".to_owned())]);
}

#[test]
fn a_secret_does_not_show_itself() {
    let grant = Grant::settle(&ours(), Some(&ours()), &desk(&[KEY], "")).unwrap();
    assert!(!format!("{grant:?}").contains("s3cret"));
}

/// A use of the parrot that the operator has described.
fn use_of(toml: &str) -> Variant {
    let entry: Entry = toml::from_str(toml).unwrap();
    Variant {
        name: Some("pirate".into()),
        settings: entry.settings,
        grant: entry.grant,
        limits: entry.limits,
        ..Variant::default()
    }
}

#[test]
fn what_is_said_of_one_use_is_stronger_than_what_is_said_of_all() {
    let entry = "settings.base_url = \"https://entry.example/v1\"\nlimits = { memory_mb = 2, queue = 7 }";
    let desk = desk(&[KEY, ("PARROT_BASE_URL", "https://variable.example/v1")], entry);
    let variant = use_of("settings.base_url = \"https://use.example/v1\"\nlimits = { memory_mb = 3 }");
    let grant = Grant::settle_as(&ours(), Some(&ours()), &desk, &variant).unwrap();
    assert!(gets_key(&grant, "https://use.example/v1/say"), "the key follows the address");
    assert!(!may(&grant, "https://variable.example/v1/say") && !may(&grant, "https://entry.example/v1/say"));
    assert_eq!((grant.limits.memory_mb, grant.limits.queue), (3, 7));
    // and the others are as they were
    let grant = Grant::settle(&ours(), Some(&ours()), &desk).unwrap();
    assert!(gets_key(&grant, "https://variable.example/v1/say"));
}

#[test]
fn what_is_wrong_with_one_use_is_said_under_its_name() {
    let problem = |toml: &str| {
        let settled = Grant::settle_as(&ours(), Some(&ours()), &desk(&[], ""), &use_of(toml));
        settled.unwrap_err().to_string()
    };
    let typo = problem("settings.base_ulr = \"https://x.org\"");
    assert_eq!(typo, r#"pirate has no setting "base_ulr"; did you mean "base_url"?"#);
    assert!(problem("settings.base_url = 7").starts_with("the setting \"base_url\" of pirate"));
    assert!(problem("grant = { egress = [\"ftp://x\"] }").contains("the grant of pirate"));
}

/// The operator has written that it asks there, and with which secret.
fn page(tools: &[(&str, Option<&str>)]) -> Variant {
    let egress = |(url, _): &(&str, Option<&str>)| manifest::Egress { url: (*url).into() };
    let secret = |(url, name): &(&str, Option<&str>)| {
        Some(manifest::Secret {
            name: (*name)?.into(),
            url: (*url).into(),
            header: "authorization".into(),
            format: "Bearer {}".into(),
        })
    };
    Variant {
        egress: tools.iter().map(egress).collect(),
        secrets: tools.iter().filter_map(secret).collect(),
        ..Variant::default()
    }
}

#[test]
fn what_the_operator_wrote_needs_no_manifest_that_asks() {
    let variant = page(&[("https://crm.example/orders", Some("PARROT_KEY")), ("https://menu.example", None)]);
    let grant = Grant::settle_as(&ours(), None, &desk(&[KEY], ""), &variant).unwrap();
    assert!(gets_key(&grant, "https://crm.example/orders/42?x=1"));
    assert!(!may(&grant, "https://crm.example/other"));
    assert!(may(&grant, "https://menu.example/today") && !gets_key(&grant, "https://menu.example/today"));
    // the manifest itself still gets nothing
    assert!(!may(&grant, "https://api.example.com/v1/say"));
    let wrong = Grant::settle_as(&ours(), None, &desk(&[], ""), &page(&[("nonsense", None)]));
    assert_eq!(wrong.unwrap_err(), GrantError::BadUrl { id: "parrot-llm".into(), url: "nonsense".into() });
}

#[test]
fn a_server_that_was_written_may_be_private_where_that_was_meant() {
    let private = |url: &str, entry: &str| {
        let grant = Grant::settle_as(&ours(), None, &desk(&[], entry), &page(&[(url, None)])).unwrap();
        grant.rules.check(url).unwrap().private
    };
    assert!(private("http://127.0.0.1:8000/x", ""));
    assert!(!private("https://crm.example/x", ""));
    assert!(private("https://crm.example/x", "grant = { private = true }"));
}

#[test]
fn of_two_secrets_for_one_header_the_nearer_one_is_sent() {
    let tools = [("https://crm.example/admin", Some("NEAR")), ("https://crm.example", Some("FAR"))];
    for tools in [tools, [tools[1], tools[0]]] {
        let desk = desk(&[("NEAR", "n3ar"), ("FAR", "f4r")], "");
        let grant = Grant::settle_as(&ours(), None, &desk, &page(&tools)).unwrap();
        let last = |url| {
            let allowed = grant.rules.check(url).unwrap();
            allowed.headers.last().unwrap().1.to_str().unwrap().to_owned()
        };
        assert_eq!(last("https://crm.example/admin/1"), "Bearer n3ar");
        assert_eq!(last("https://crm.example/orders"), "Bearer f4r");
    }
}

#[test]
fn which_tools_may_run_twice_is_the_operators_word_for_all_uses_or_for_one() {
    let idempotent = |entry: &str, variant: &Variant| {
        let grant = Grant::settle_as(&ours(), Some(&ours()), &desk(&[], entry), variant).unwrap();
        grant.idempotent.into_iter().collect::<Vec<_>>().join(", ")
    };
    let nobody = Variant::default();
    assert_eq!(idempotent("", &nobody), "");
    assert_eq!(idempotent("[grant]\nidempotent = [\"lookup\", \"hours\"]", &nobody), "hours, lookup");
    let one = use_of("[grant]\nidempotent = [\"menu\"]");
    assert_eq!(idempotent("[grant]\nidempotent = [\"lookup\"]", &one), "menu");
}
