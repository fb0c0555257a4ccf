//! The description of the interface: OpenAPI, and a page that shows it and loads nothing from elsewhere.

use crate::app::Shared;
use crate::registry::Event;
use axum::Router;
use serde::Serialize;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, Object, ObjectBuilder, OpenApi, OpenApiBuilder, Ref,
    ResponseBuilder, Type,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Why not.
#[derive(Serialize, ToSchema)]
pub struct Refusal {
    /// what is wrong, and what to do
    detail: String,
    /// Twilio's own code, where it was Twilio who refused
    #[serde(skip_serializing_if = "Option::is_none")]
    twilio_code: Option<u32>,
    /// when and how a call ended that is over
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_by: Option<String>,
}

/// One server-sent event.
#[derive(Serialize, ToSchema)]
pub struct Sent {
    /// the name of what happened
    event: String,
    #[schema(schema_with = data)]
    data: String,
}

/// An [`Event`], as text.
fn data() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .content_media_type("application/json")
        .content_schema(Some(Ref::from_schema_name(Event::name())))
        .build()
}

/// What any request may be answered with: whatever is described of it, these come first.
fn add_refusals(description: &mut OpenApi) {
    let refusal = |about: &str| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Refusal"))).build();
        ResponseBuilder::new().description(about).content("application/json", content).build()
    };
    let anywhere = [
        ("400", "Not a request that can be understood"),
        ("429", "Too many requests; `Retry-After` says when"),
    ];
    let with_key =
        [("401", "Not the right key"), ("403", "Not with this key, not from there, or not this number")];
    let with_body =
        [("413", "The body is too long"), ("422", "A field is missing or wrong: `detail` names it")];
    let with_query = [("422", "A parameter is wrong: `detail` says which")];
    let of_a_call = [("404", "Not known here")];
    let to_a_call =
        [("409", "Nobody has answered it yet, or it is over, or it is not possible: `detail` says what")];
    let by_twilio = [
        ("502", "Twilio cannot be reached, or does not know us"),
        ("503", "No credentials, no place for another call, no address for Twilio, or about to stop"),
    ];
    for (name, path) in &mut description.paths.paths {
        let has_body = path.post.as_ref().is_some_and(|post| post.request_body.is_some());
        let (is_call, is_control) = (name.contains("{sid}"), path.post.is_some());
        for operation in [&mut path.get, &mut path.post, &mut path.delete].into_iter().flatten() {
            let mut answers = anywhere.to_vec();
            if operation.security.is_some() {
                answers.extend(with_key);
            }
            if operation.request_body.is_some() {
                answers.extend(with_body);
            } else if name.starts_with("/conversations") {
                answers.extend(with_query);
            }
            if is_call {
                answers.extend(of_a_call);
            }
            if is_call && is_control {
                answers.extend(to_a_call);
            }
            // placing, ending and asking about a call are Twilio's part
            if !is_call && has_body || ["/calls/{sid}/hangup", "/call-status/{sid}"].contains(&name.as_str())
            {
                answers.extend(by_twilio);
            }
            for (status, about) in answers {
                let known = operation.responses.responses.entry(status.to_owned());
                known.or_insert_with(|| refusal(about).into());
            }
        }
    }
}

pub fn base() -> OpenApi {
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("CORDBOARD_API_KEY, or a key with the role that is needed"))
        .build();
    let mut events = Vec::new();
    Event::schemas(&mut events);
    let components = ComponentsBuilder::new()
        .security_scheme("key", SecurityScheme::Http(key))
        .schema(Event::name(), Event::schema())
        .schemas_from_iter(events)
        .build();
    let about = "Calls: placing them, seeing them, taking a hand in them. Errors are `{\"detail\": …}`.";
    let info = InfoBuilder::new()
        .title("Cordboard")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(about))
        .build();
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

/// `/openapi.json` and `/docs`.
pub fn pages(mut description: OpenApi) -> Router<Shared> {
    add_refusals(&mut description);
    let page = SwaggerUi::new("/docs").url("/openapi.json", description);
    // its validator is somebody else's server
    page.config(Config::default().validator_url("none")).into()
}
