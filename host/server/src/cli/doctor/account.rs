//! Twilio: the credentials, the account behind them, and our number.
//!
//! The auth token is tried also where an API key is what calls are placed with: Twilio signs its webhooks
//! with nothing else. A key is tried on a call that nobody has made, since only some kinds of keys may see
//! the account itself.

use super::finding::Finding;
use super::{BOUND, Examined, ahead_of};
use crate::access::PublicAddress;
use crate::config::Loaded;
use components::grant::Operator;
use jiff::SignedDuration;
use tokio::time::timeout;
use twilio::number::Number;
use twilio::rest::{Account, Client, Credentials, IncomingNumber, RestError, Settings, SettingsError};
use twilio::signature::AuthToken;

const NUMBER: &str = "TWILIO_PHONE_NUMBER";
const CONSOLE: &str = "copy it from the first page of Twilio's console, https://console.twilio.com";
/// Has the shape of a call's name, and is none.
const NO_CALL: &str = "CA00000000000000000000000000000000";

/// What is configured; empty: not.
struct Given {
    sid: String,
    token: String,
    key: String,
    secret: String,
}

/// What an attempt with credentials came to.
struct Tried {
    finding: Finding,
    /// none: they are not accepted, or were not tried
    client: Option<Client>,
    account: Option<Account>,
    clock: Option<SignedDuration>,
}

impl From<Finding> for Tried {
    fn from(finding: Finding) -> Self {
        Self { finding, client: None, account: None, clock: None }
    }
}

pub async fn examine(loaded: &Loaded) -> Examined {
    let variable = |name| loaded.variable(name).unwrap_or_default().trim().to_owned();
    let given = Given {
        sid: loaded.config.twilio.account_sid.clone().unwrap_or_default().trim().to_owned(),
        token: variable("TWILIO_AUTH_TOKEN"),
        key: variable("TWILIO_API_KEY"),
        secret: variable("TWILIO_API_SECRET"),
    };
    let (token, key) = tokio::join!(auth_token(loaded, &given), api_key(loaded, &given));
    let mut findings = vec![account_sid(&given), token.finding, key.finding];
    if !loaded.config.twilio.signatures {
        let found = "not checked: whoever reaches this server can call at your expense";
        let advice = "take CORDBOARD_SIGNATURES, or `twilio.signatures`, out again";
        findings.push(Finding::warn("signatures", found).advise(advice));
    }
    findings.push(account(token.account));
    findings.extend(number(loaded, key.client.or(token.client)).await);
    Examined { findings, clock: token.clock }
}

fn account_sid(given: &Given) -> Finding {
    let what = "TWILIO_ACCOUNT_SID";
    if given.sid.is_empty() {
        return Finding::wrong(what, "not set: no call can be placed, put through or looked up")
            .advise(CONSOLE);
    }
    // only the shape is looked at
    match Credentials::auth_token(&given.sid, "token") {
        Ok(_) => Finding::ok(what, given.sid.as_str()),
        Err(error) => Finding::wrong(what, error.to_string()).advise(CONSOLE),
    }
}

async fn auth_token(loaded: &Loaded, given: &Given) -> Tried {
    let what = "TWILIO_AUTH_TOKEN";
    let Given { sid, token, .. } = given;
    if token.is_empty() {
        let found = "not set: Twilio cannot be told from others, so this machine alone is answered; an API key \
                     does not do in its place";
        return match loaded.config.twilio.signatures {
            true => Finding::wrong(what, found).advise(CONSOLE).into(),
            false => Finding::none(what, "not set").into(),
        };
    }
    if let Err(error) = AuthToken::new(token) {
        return Finding::wrong(what, error.to_string()).advise(CONSOLE).into();
    }
    if sid.is_empty() {
        return Finding::none(what, "set, and not tried: TWILIO_ACCOUNT_SID is missing").into();
    }
    let client = match client(loaded, Credentials::auth_token(sid, token)) {
        Ok(client) => client,
        Err(error) => {
            return Finding::wrong(what, error.to_string()).advise("set this right, and try again").into();
        }
    };
    let Ok(answer) = timeout(BOUND, client.account()).await else {
        return silent(what).into();
    };
    match answer {
        Ok(account) => Tried {
            finding: Finding::ok(what, "accepted by Twilio"),
            clock: account.date.map(ahead_of),
            client: Some(client),
            account: Some(account),
        },
        Err(error) => refused(what, &error).into(),
    }
}

async fn api_key(loaded: &Loaded, given: &Given) -> Tried {
    let what = "TWILIO_API_KEY";
    let Given { sid, key, secret, .. } = given;
    match (key.is_empty(), secret.is_empty()) {
        (true, true) => return Finding::none(what, "not set: calls are placed with the auth token").into(),
        (false, false) => {}
        _ => {
            let found = "TWILIO_API_KEY and TWILIO_API_SECRET belong together: one of them is missing";
            let advice =
                "set the other one, or neither; a secret that is lost is not shown again: make a new key";
            return Finding::wrong(what, found).advise(advice).into();
        }
    }
    if sid.is_empty() {
        return Finding::none(what, "set, and not tried: TWILIO_ACCOUNT_SID is missing").into();
    }
    let client = match client(loaded, Credentials::api_key(sid, key, secret)) {
        Ok(client) => client,
        Err(error) => {
            return Finding::wrong(what, error.to_string()).advise("set this right, and try again").into();
        }
    };
    let Ok(answer) = timeout(BOUND, client.call(NO_CALL)).await else {
        return silent(what).into();
    };
    match answer {
        Err(error) if !error.is_not_found() => refused(what, &error).into(),
        // that there is no such call is told to those who may ask
        _ => Tried { client: Some(client), ..Finding::ok(what, "accepted by Twilio").into() },
    }
}

fn client(loaded: &Loaded, credentials: Result<Credentials, SettingsError>) -> Result<Client, SettingsError> {
    let config = &loaded.config.twilio;
    Client::new(Settings {
        base_url: config.base_url.clone(),
        region: config.region.clone(),
        edge: config.edge.clone(),
        ..Settings::new(credentials?)
    })
}

fn refused(what: &'static str, error: &RestError) -> Finding {
    let finding = Finding::wrong(what, error.to_string());
    match error.is_authentication() || error.is_not_found() {
        true => finding.advise(
            "copy the account SID and its secret once more from Twilio's console: both of the same account, \
             and no test credentials; a region (TWILIO_REGION) has credentials of its own",
        ),
        false => {
            finding.advise("until Twilio can be reached, no call can be placed or put through; try again")
        }
    }
}

fn silent(what: &'static str) -> Finding {
    Finding::wrong(what, format!("no answer from Twilio within {} s", BOUND.as_secs()))
        .advise("check the network, and what a firewall lets out (TCP 443 to api.twilio.com)")
}

fn account(account: Option<Account>) -> Finding {
    let what = "account";
    let Some(account) = account else {
        return Finding::none(what, "not known: the auth token opens it");
    };
    let told = [&account.friendly_name, &account.status, &account.kind];
    let told: Vec<&str> = told.into_iter().flatten().map(String::as_str).collect();
    let found = told.join(", ");
    let is =
        |told: &Option<String>, word: &str| told.as_ref().is_some_and(|told| told.eq_ignore_ascii_case(word));
    if account.status.is_some() && !is(&account.status, "active") {
        return Finding::wrong(what, found)
            .advise("log in to Twilio's console: it says why, and how to go on");
    }
    match is(&account.kind, "trial") {
        true => Finding::warn(what, found).advise(
            "on trial, only numbers that were verified in Twilio's console can be called, and a word of \
             Twilio's comes first; upgrade the account for anything else",
        ),
        false => Finding::ok(what, found),
    }
}

async fn number(loaded: &Loaded, client: Option<Client>) -> Vec<Finding> {
    let Some(configured) = loaded.config.twilio.phone_number.as_deref() else {
        let advice =
            "set it to a number of the account's, like +15555550100, or name `from_number` in each call";
        return vec![
            Finding::warn(NUMBER, "not set: calls are placed only where one is named").advise(advice),
        ];
    };
    let number: Number = match configured.parse() {
        Ok(number) => number,
        Err(error) => {
            let advice = "write it with + and its country, like +15555550100";
            return vec![Finding::wrong(NUMBER, error.to_string()).advise(advice)];
        }
    };
    let masked = number.masked();
    let Some(client) = client else {
        return vec![Finding::none(NUMBER, format!("{masked}; not looked up without credentials"))];
    };
    match timeout(BOUND, client.incoming_number(&number)).await {
        Err(_) => vec![silent(NUMBER)],
        // a key may be restricted to calls
        Ok(Err(error)) if error.is_authentication() => {
            vec![Finding::none(NUMBER, format!("{masked}; the credentials may not look it up"))]
        }
        Ok(Err(error)) => vec![refused(NUMBER, &error)],
        Ok(Ok(None)) => {
            let advice = "buy it, or name one of the account's; a number that was only verified can be called \
                          from, and nobody reaches us by it";
            vec![Finding::wrong(NUMBER, format!("{masked} is none of the account's")).advise(advice)]
        }
        Ok(Ok(Some(found))) => vec![voice(&found, &masked), webhook(loaded, &found)],
    }
}

fn voice(number: &IncomingNumber, masked: &str) -> Finding {
    match number.voice {
        Some(false) => Finding::wrong(NUMBER, format!("{masked} takes and makes no calls"))
            .advise("take a number with the capability `voice`"),
        _ => Finding::ok(NUMBER, format!("{masked}, of this account")),
    }
}

/// Where calls to the number go.
fn webhook(loaded: &Loaded, number: &IncomingNumber) -> Finding {
    let what = "its webhook";
    let public = loaded.config.server.public_url.as_deref();
    let public = public.and_then(|url| PublicAddress::parse(url).ok());
    let ours = public.as_ref().map_or("https://YOUR-ADDRESS/".to_owned(), |public| public.http("/"));
    let right =
        format!("in Twilio's console, set \"A call comes in\" of this number to {ours} (webhook, POST)");
    if let Some(trunk) = &number.trunk_sid {
        return Finding::warn(what, format!("the SIP trunk {trunk} is asked in its place"))
            .advise(format!("take the number out of the trunk, and {right}"));
    }
    if let Some(application) = &number.voice_application_sid {
        return Finding::warn(what, format!("the application {application} is asked in its place"))
            .advise(format!("set the application's voice URL to {ours}, or take it out, and {right}"));
    }
    let Some(url) = &number.voice_url else {
        return Finding::warn(what, "none: nobody answers calls to this number").advise(right);
    };
    let shown = shown(url);
    let Some(public) = public else {
        return Finding::none(what, format!("{shown}; not compared without PUBLIC_URL"));
    };
    let bare = |url: &str| url.trim_end_matches('/').to_owned();
    match ["/", "/voice/incoming"].iter().any(|path| bare(&public.http(path)) == bare(url)) {
        true => Finding::ok(what, shown),
        false => Finding::warn(what, format!("{shown}: calls to this number go elsewhere")).advise(right),
    }
}

/// Without what may be secret in it.
fn shown(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(url) => format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path()),
        Err(_) => "something that is no URL".into(),
    }
}
