//! Where, who, and whether everything is there.

use super::*;
use crate::rest::{Invalid, Missing, Probe};

#[tokio::test]
async fn a_key_goes_where_its_kind_belongs() {
    for (key, bearer) in [(SECRET, false), (JWT, true)] {
        let server = with(|config| config.key = key.into()).await;
        rest_with(&server, &format!(" {key}\n")).probe().await.unwrap();
        let requests = server.seen().requests;
        assert_eq!(requests.len(), Table::ALL.len());
        assert!(requests.iter().all(|request| request.bearer == bearer && request.status == Some(200)));
        assert_eq!(server.violations(), [""; 0]);
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let server = project().await;
    let rest = rest(&server);
    assert_eq!(rest.probe().await, Ok(()));

    server.database().drop_table("call_events");
    let mut older = table(Table::Turns);
    older.columns.retain(|column| column.name != "revision" && column.name != "intended");
    server.database().create_table(older);
    let missing = rest.probe().await.unwrap_err();
    let column = |name| Missing { table: Table::Turns, column: Some(name) };
    let events = Missing { table: Table::CallEvents, column: None };
    assert_eq!(missing, Probe::Missing(vec![column("revision"), column("intended"), events]));
    assert!(
        missing.to_string().starts_with(
            "Supabase lacks the column turns.revision, the column turns.intended, the table call_events; run"
        ),
        "{missing}"
    );
}

#[tokio::test]
async fn a_key_that_is_none_or_may_not_is_told_apart_from_a_project_that_is_away() {
    let server = with(|config| config.forbidden = vec!["turns".into()]).await;
    let refused = |probe: Result<(), Probe>, words: &str| {
        let Err(Probe::Refused(said)) = probe else { panic!("{probe:?}") };
        assert!(said.contains(words) && said.contains("check that the"), "{said}");
    };
    refused(rest_with(&server, "sb_secret_another").probe().await, "401 Invalid API key");
    refused(rest_with(&server, JWT).probe().await, "401 Invalid API key");
    refused(rest(&server).probe().await, "403 42501 permission denied for table turns");
    let elsewhere = format!("{}/elsewhere", server.base_url());
    let elsewhere = Rest::new(standins::client().unwrap(), &elsewhere, SECRET).unwrap();
    refused(elsewhere.probe().await, "404");

    server.set_fault(Some(standins::Fault::Refuse { status: 503, retry_after: None }));
    let probe = rest(&server).probe().await;
    assert!(matches!(&probe, Err(Probe::Away(said)) if said.contains("503 PGRST002")), "{probe:?}");
}

#[test]
fn an_address_is_the_projects() {
    let base = |url: &str| super::super::address::base(url).map(|url| url.to_string());
    for (url, expected) in [
        ("https://ref.supabase.co", "https://ref.supabase.co/rest/v1"),
        (" https://ref.supabase.co/rest/v1/ ", "https://ref.supabase.co/rest/v1"),
        ("https://db.example.com/supabase/", "https://db.example.com/supabase/rest/v1"),
        ("http://127.0.0.1:54321", "http://127.0.0.1:54321/rest/v1"),
        ("http://[::1]:54321/rest/v1", "http://[::1]:54321/rest/v1"),
        ("http://localhost:54321", "http://localhost:54321/rest/v1"),
    ] {
        assert_eq!(base(url).as_deref(), Ok(expected));
    }
    for wrong in [
        "ref.supabase.co",
        "http://ref.supabase.co",
        "http://127.0.0.1.example.com",
        "postgresql://postgres:pw@db.ref.supabase.co/postgres",
        "https://a:b@ref.supabase.co",
        "https://ref.supabase.co/?apikey=x",
        "https://supabase.com/dashboard/project/ref",
    ] {
        assert!(matches!(base(wrong), Err(Invalid::Url(_))), "{wrong}");
    }
}

#[test]
fn a_key_that_cannot_be_one_is_not_shown() {
    for wrong in ["", " ", "sb_secret_a b", "sb_secret_é", "sb_publishable_0123"] {
        let made = Rest::new(standins::client().unwrap(), "https://ref.supabase.co", wrong);
        let error = made.unwrap_err();
        assert!(matches!(error, Invalid::Key(_)), "{error}");
        assert!(!error.to_string().contains("0123") && !format!("{error:?}").contains("0123"), "{error}");
    }
    let rest = Rest::new(standins::client().unwrap(), "https://ref.supabase.co", SECRET).unwrap();
    assert_eq!(format!("{rest:?}"), "Rest { base: \"https://ref.supabase.co/rest/v1\", .. }");
}
