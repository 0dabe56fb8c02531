//! Paths, and how answers and errors look on the wire.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use umbel_api::{ApiError, ErrorCode, dispatch};
use zeroize::Zeroize;

use super::connections::Caller;
use super::{Server, auth, page, ws};

/// Longest request: a transaction of 40 KiB in hexadecimal fits three times.
const MAX_BODY_BYTES: usize = 256 * 1024;
/// Longest wait for the whole body of a request: callers are on this machine.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn router(server: Server) -> Router {
    let calls = Router::new()
        .route("/api/v1/events", get(ws::events))
        .route("/api/v1/{area}/{call}", post(call))
        .route_layer(middleware::from_fn_with_state(server.clone(), require_key));
    Router::new()
        .route("/health", get(health))
        .route("/open", get(open))
        .merge(calls)
        .fallback_service(get(page::file).with_state(server.clone()))
        .layer(middleware::from_fn_with_state(server.clone(), guard))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(server)
}

/// For every request: it must be meant for this server. For every answer: what a browser may do with it. A stranger's
/// connection ends with the answer.
async fn guard(State(server): State<Server>, request: Request, next: Next) -> Response {
    let addressed_here = auth::is_addressed_here(request.headers(), server.address);
    let known = addressed_here && server.keys.allow(request.headers());
    if known && let Some(caller) = request.extensions().get::<Caller>() {
        caller.is_known();
    }
    let mut response = if addressed_here {
        next.run(request).await
    } else {
        refuse(
            StatusCode::FORBIDDEN,
            ApiError::new(ErrorCode::Unauthorized, "this server answers to its own page only"),
        )
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if !known {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// For calls and events: the token or the cookie.
async fn require_key(State(server): State<Server>, request: Request, next: Next) -> Response {
    if server.keys.allow(request.headers()) {
        return next.run(request).await;
    }
    if !server.limits.allow_refusal() {
        return too_many();
    }
    let message = "the token is missing or wrong; open the address that `umbel node run` printed";
    Refusal::from(ApiError::new(ErrorCode::Unauthorized, message)).into_response()
}

async fn health(State(server): State<Server>) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    axum::Json(json!({ "status": "ok", "network": server.network, "version": version })).into_response()
}

#[derive(Deserialize)]
struct OpenQuery {
    #[serde(default)]
    token: String,
}

/// Turns the token in the address into a cookie, and the address into one without a token.
async fn open(State(server): State<Server>, Query(mut query): Query<OpenQuery>) -> Response {
    let right = server.keys.is_token(&query.token);
    query.token.zeroize();
    if !right {
        if !server.limits.allow_refusal() {
            return too_many();
        }
        let message = "this address is out of date; open the one that `umbel node run` printed last";
        return Refusal::from(ApiError::new(ErrorCode::Unauthorized, message)).into_response();
    }
    (StatusCode::SEE_OTHER, [(header::LOCATION, "/".to_owned()), (header::SET_COOKIE, server.keys.set_cookie())])
        .into_response()
}

/// One call of the API.
async fn call(
    State(server): State<Server>,
    Path((area, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let path = format!("{area}/{name}");
    if !server.limits.allow_call(&path) {
        return Ok(too_many());
    }
    let is_json = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.split(';').next().is_some_and(|kind| kind.trim() == "application/json"));
    if !is_json {
        return Err(ApiError::new(ErrorCode::BadInput, "the request must be application/json").into());
    }
    let body = tokio::time::timeout(BODY_TIMEOUT, Bytes::from_request(request, &server)).await;
    let body = body.map_err(|_| Refusal {
        status: StatusCode::REQUEST_TIMEOUT,
        error: ApiError::passing(ErrorCode::BadInput, "the request did not come in time"),
    })?;
    let body = body.map_err(|rejection| Refusal {
        status: rejection.status(),
        error: ApiError::new(ErrorCode::BadInput, format!("a request has at most {MAX_BODY_BYTES} bytes")),
    })?;
    let request = serde_json::from_slice(&body);
    // The buffer may hold a password; another owner of it would be a bug of the server below.
    if let Ok(mut bytes) = body.try_into_mut() {
        bytes.as_mut().zeroize();
    }
    let request = request.map_err(|_| ApiError::new(ErrorCode::BadInput, "the request is not JSON"))?;
    let started = Instant::now();
    let answer = dispatch(server.api.as_ref(), &path, request).await;
    let refused = answer.as_ref().err().map(|error| error.code);
    tracing::debug!(%path, ?refused, ms = started.elapsed().as_millis(), "call");
    Ok(axum::Json(answer?).into_response())
}

/// An error on its way out: `{"error": {"code", "message", "retryable"}}`.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    error: ApiError,
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self { status: status_of(error.code), error }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        refuse(self.status, self.error)
    }
}

fn refuse(status: StatusCode, error: ApiError) -> Response {
    (status, axum::Json(json!({ "error": error }))).into_response()
}

pub(super) fn too_many() -> Response {
    let error = ApiError::passing(ErrorCode::Unavailable, "too many requests; wait a second");
    refuse(StatusCode::TOO_MANY_REQUESTS, error)
}

fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadInput
        | ErrorCode::BadChecksum
        | ErrorCode::WrongNetwork
        | ErrorCode::BadAmount
        | ErrorCode::BadWords => StatusCode::BAD_REQUEST,
        ErrorCode::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorCode::WrongPassword | ErrorCode::DevnetOnly => StatusCode::FORBIDDEN,
        ErrorCode::NotFound | ErrorCode::NoSuchWallet => StatusCode::NOT_FOUND,
        ErrorCode::WalletExists | ErrorCode::TxConflict | ErrorCode::AlreadyRunning | ErrorCode::PortInUse => {
            StatusCode::CONFLICT
        }
        ErrorCode::InsufficientFunds | ErrorCode::NeedsPublic | ErrorCode::TxRefused | ErrorCode::BadProof => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        ErrorCode::Locked => StatusCode::LOCKED,
        ErrorCode::NotRunning | ErrorCode::Unavailable | ErrorCode::GenesisMissing => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::WalletDamaged | ErrorCode::DataFolder | ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
