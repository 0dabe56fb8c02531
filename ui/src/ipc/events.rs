//! The node's events: Tauri's channel, or a WebSocket that comes back by itself.

use super::transport::{construct, invoke, is_tauri};
use crate::dom;
use js_sys::{JSON, Object, Reflect};
use leptos::task::spawn_local;
use std::cell::Cell;
use std::rc::Rc;
use umbel_api::NodeEvent;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

/// First wait before the socket is opened again; doubled each time.
const RETRY_FIRST_MS: i32 = 500;
/// Longest wait before the socket is opened again: a person who starts the node again should not have to reload.
const RETRY_MAX_MS: i32 = 8_000;

/// What the stream of events says about itself, and its events.
#[derive(Debug, Clone)]
pub(crate) enum Signal {
    /// Events come from now on; whatever was known before may be old.
    Open,
    /// No events come; the next attempt follows by itself.
    Lost,
    /// An event.
    Event(Box<NodeEvent>),
}

/// Calls `on` with everything that comes, for as long as the page lives.
pub(crate) fn listen(on: impl Fn(Signal) + 'static) {
    let on: Rc<dyn Fn(Signal)> = Rc::new(on);
    if is_tauri() {
        spawn_local(subscribe(on));
    } else {
        open_socket(on, Rc::new(Cell::new(RETRY_FIRST_MS)));
    }
}

async fn subscribe(on: Rc<dyn Fn(Signal)>) {
    let mut wait = RETRY_FIRST_MS;
    loop {
        let Some(channel) = construct("Channel") else { return };
        let sink = Rc::clone(&on);
        let receive = Closure::<dyn Fn(JsValue)>::new(move |message: JsValue| {
            let json = JSON::stringify(&message).ok().and_then(|s| s.as_string());
            deliver(&*sink, json.as_deref());
        });
        let arguments = Object::new();
        let set = Reflect::set(&channel, &"onmessage".into(), receive.as_ref())
            .and_then(|_| Reflect::set(&arguments, &"channel".into(), &channel));
        receive.forget();
        if set.is_ok() && invoke("events_subscribe", &arguments).await.is_ok() {
            on(Signal::Open);
            return;
        }
        on(Signal::Lost);
        dom::sleep(wait).await;
        wait = (wait * 2).min(RETRY_MAX_MS);
    }
}

fn open_socket(on: Rc<dyn Fn(Signal)>, wait: Rc<Cell<i32>>) {
    let Some(socket) = socket_address().and_then(|a| web_sys::WebSocket::new(&a).ok()) else {
        on(Signal::Lost);
        return;
    };
    let opened = {
        let (on, wait) = (Rc::clone(&on), Rc::clone(&wait));
        Closure::<dyn Fn()>::new(move || {
            wait.set(RETRY_FIRST_MS);
            on(Signal::Open);
        })
    };
    let message = {
        let on = Rc::clone(&on);
        Closure::<dyn Fn(web_sys::MessageEvent)>::new(move |event: web_sys::MessageEvent| {
            deliver(&*on, event.data().as_string().as_deref());
        })
    };
    // A socket that fails to open says `error`, then `close`: `close` alone is enough.
    let closed = Closure::once_into_js(move || {
        let now = wait.get();
        wait.set((now * 2).min(RETRY_MAX_MS));
        on(Signal::Lost);
        spawn_local(async move {
            dom::sleep(now).await;
            open_socket(on, wait);
        });
    });
    socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
    socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
    socket.set_onclose(Some(closed.unchecked_ref()));
    opened.forget();
    message.forget();
}

fn socket_address() -> Option<String> {
    let location = web_sys::window()?.location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    Some(format!("{scheme}://{}/api/v1/events", location.host().ok()?))
}

fn deliver(on: &dyn Fn(Signal), json: Option<&str>) {
    // An event of a newer node that this page does not know is skipped: each one carries its subject's whole state.
    if let Some(event) = json.and_then(|json| serde_json::from_str(json).ok()) {
        on(Signal::Event(event));
    }
}
