//! The door itself: `/v1` over HTTP, described by `/openapi.json`.
//!
//! A question is read under its cap, the caller's session is looked up, and what the session may not see is not there. What
//! is answered is the wire's own types, and every refusal a problem with a code.

mod body;
mod caller;
mod create;
mod evidence;
mod history;
mod keys;
mod ledger;
mod refusal;
mod session;
mod simulate;
mod steps;
mod watch;

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use countersign_wire::{Code, Problem};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::refusal::{Chain, Refusal};
use crate::service::Service;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "countersign signing door",
        description = "A pipeline submits an image by its digest, hands in what its tools found, and a gate decides whether it is signed.",
        version = "v1"
    ),
    components(schemas(Problem, Code)),
    modifiers(&Sessions)
)]
struct Described;

struct Sessions;

impl Modify for Sessions {
    fn modify(&self, api: &mut OpenApi) {
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("session", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// What the door answers under `/v1`, as an OpenAPI document.
#[must_use]
pub fn openapi() -> OpenApi {
    described().split_for_parts().1
}

fn described() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::with_openapi(Described::openapi())
        .routes(routes!(session::open))
        .routes(routes!(create::create))
        .routes(routes!(evidence::put))
        .routes(routes!(steps::seal))
        .routes(routes!(steps::cancel))
        .routes(routes!(steps::retry))
        .routes(routes!(watch::one))
        .routes(routes!(watch::events))
        .routes(routes!(history::image))
        .routes(routes!(keys::all))
        .routes(routes!(keys::pem))
        .routes(routes!(ledger::checkpoint))
        .routes(routes!(ledger::tile))
        .routes(routes!(ledger::proof))
        .routes(routes!(simulate::simulate))
}

pub(crate) fn router(service: Arc<Service>) -> Router {
    let (router, api) = described().split_for_parts();
    let text = api.to_json().expect("a description is always JSON");
    router
        .route("/openapi.json", get(move || async move { json_text(text.clone()) }))
        .fallback(|| async { Refusal::new(Code::NotFound) })
        .method_not_allowed_fallback(|| async { Refusal::new(Code::MethodNotAllowed) })
        .with_state(service)
}

fn json_text(text: String) -> Response {
    (
        [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        text,
    )
        .into_response()
}

/// An answer in JSON, which nobody between here and the caller keeps.
fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    let bytes = serde_json::to_vec(body).expect("the wire's types are always JSON");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, bytes).into_response()
}
