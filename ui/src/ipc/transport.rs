//! One call, over Tauri's commands where the page runs in the app's window, else over HTTP to the origin it came from.

use js_sys::{Array, Function, JSON, Object, Promise, Reflect};
use umbel_api::{ApiError, Call, ErrorCode};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use zeroize::Zeroize;

/// Sends `request` and waits for the answer.
///
/// # Errors
/// What the node says, or [`ErrorCode::NotRunning`] where it can't be reached.
pub(crate) async fn call<C: Call>(request: C::Request) -> Result<C::Answer, ApiError> {
    let mut body = serde_json::to_string(&request).map_err(|_| shape())?;
    drop(request);
    let answer = if is_tauri() { by_command(C::COMMAND, &body).await } else { by_http(C::PATH, &body).await };
    // The request may have carried words or a password.
    body.zeroize();
    let mut answer = answer?;
    let parsed = serde_json::from_str(&answer).map_err(|_| shape());
    answer.zeroize();
    parsed
}

/// Whether the page runs in the app's own window.
pub(crate) fn is_tauri() -> bool {
    core().is_some()
}

/// `window.__TAURI__.core`.
pub(crate) fn core() -> Option<Object> {
    let tauri = Reflect::get(&web_sys::window()?.into(), &"__TAURI__".into()).ok()?;
    let core = Reflect::get(&tauri, &"core".into()).ok()?;
    // It has no prototype: `instanceof Object` would say no.
    core.is_object().then(|| core.unchecked_into())
}

/// Runs a Tauri command with `arguments`; the answer is JavaScript's.
pub(crate) async fn invoke(command: &str, arguments: &Object) -> Result<JsValue, ApiError> {
    let core = core().ok_or_else(unreachable)?;
    let invoke: Function =
        Reflect::get(&core, &"invoke".into()).ok().and_then(|f| f.dyn_into().ok()).ok_or_else(unreachable)?;
    let promise: Promise =
        invoke.call2(&core, &command.into(), arguments).ok().and_then(|p| p.dyn_into().ok()).ok_or_else(unreachable)?;
    JsFuture::from(promise).await.map_err(|thrown| error_from(&thrown))
}

async fn by_command(command: &str, body: &str) -> Result<String, ApiError> {
    let arguments = Object::new();
    let request = JSON::parse(body).map_err(|_| shape())?;
    Reflect::set(&arguments, &"request".into(), &request).map_err(|_| shape())?;
    to_json(&invoke(command, &arguments).await?)
}

async fn by_http(path: &str, body: &str) -> Result<String, ApiError> {
    let window = web_sys::window().ok_or_else(unreachable)?;
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_body(&body.into());
    let request = web_sys::Request::new_with_str_and_init(&format!("/api/v1/{path}"), &init).map_err(|_| shape())?;
    request.headers().set("Content-Type", "application/json").map_err(|_| shape())?;
    let response: web_sys::Response = JsFuture::from(window.fetch_with_request(&request))
        .await
        .ok()
        .and_then(|r| r.dyn_into().ok())
        .ok_or_else(unreachable)?;
    let text = match response.text() {
        Ok(text) => JsFuture::from(text).await.ok().and_then(|t| t.as_string()).ok_or_else(unreachable)?,
        Err(_) => return Err(unreachable()),
    };
    if response.ok() {
        return Ok(text);
    }
    #[derive(serde::Deserialize)]
    struct Refused {
        error: ApiError,
    }
    Err(serde_json::from_str::<Refused>(&text).map_or_else(
        |_| match response.status() {
            401 | 403 => ApiError::new(ErrorCode::Unauthorized, "this page is not signed in to the node"),
            404 => ApiError::new(ErrorCode::NotFound, format!("the node does not know {path}")),
            _ => ApiError::passing(ErrorCode::Unavailable, "the node gave no usable answer"),
        },
        |refused| refused.error,
    ))
}

fn to_json(value: &JsValue) -> Result<String, ApiError> {
    if value.is_undefined() || value.is_null() {
        return Ok("{}".to_owned());
    }
    JSON::stringify(value).ok().and_then(|s| s.as_string()).ok_or_else(shape)
}

fn error_from(thrown: &JsValue) -> ApiError {
    to_json(thrown).ok().and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_else(|| {
        let said = thrown.as_string().unwrap_or_else(|| "the app's own process gave no usable answer".to_owned());
        ApiError::new(ErrorCode::Internal, said)
    })
}

/// Builds `new core[class]()`.
pub(crate) fn construct(class: &str) -> Option<Object> {
    let core: JsValue = core()?.into();
    let class: Function = Reflect::get(&core, &class.into()).ok()?.dyn_into().ok()?;
    Reflect::construct(&class, &Array::new()).ok()?.dyn_into().ok()
}

fn shape() -> ApiError {
    ApiError::new(ErrorCode::Internal, "the page and the node do not speak the same version")
}

/// The node can't be reached.
pub(crate) fn unreachable() -> ApiError {
    ApiError::passing(ErrorCode::NotRunning, "the node cannot be reached")
}
