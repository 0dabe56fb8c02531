//! Small doors to the browser: time, clipboard, storage, downloads, focus.

use js_sys::{Array, Date, Object, Promise, Reflect};
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// How long words may stay in the clipboard.
pub(crate) const SECRET_CLIPBOARD_MS: i32 = 60_000;

/// Now, in ms since the Unix epoch.
pub(crate) fn now_ms() -> f64 {
    Date::now()
}

/// Waits.
pub(crate) async fn sleep(ms: i32) {
    let promise = Promise::new(&mut |done, _| {
        if let Some(window) = web_sys::window() {
            let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(&done, ms);
        }
    });
    let _ = JsFuture::from(promise).await;
}

/// Copies text; false where the browser refuses.
pub(crate) async fn copy(text: &str) -> bool {
    let Some(window) = web_sys::window() else { return false };
    let clipboard = window.navigator().clipboard();
    if clipboard.is_undefined() {
        return false;
    }
    JsFuture::from(clipboard.write_text(text)).await.is_ok()
}

/// Copies text and empties the clipboard after [`SECRET_CLIPBOARD_MS`].
pub(crate) async fn copy_secret(text: &str) -> bool {
    let copied = copy(text).await;
    if copied {
        spawn_local(async {
            sleep(SECRET_CLIPBOARD_MS).await;
            // A browser lets nobody write while another window is in front: then it is done on the way back.
            while !copy("").await {
                sleep(1_000).await;
            }
        });
    }
    copied
}

fn session() -> Option<web_sys::Storage> {
    web_sys::window()?.session_storage().ok()?
}

/// A value kept for as long as the window is open.
pub(crate) fn remembered(key: &str) -> Option<String> {
    session()?.get_item(key).ok()?
}

/// Keeps a value for as long as the window is open.
pub(crate) fn remember(key: &str, value: &str) {
    if let Some(storage) = session() {
        let _ = storage.set_item(key, value);
    }
}

/// Keeps the chosen theme, so that `boot.js` can show the first frame in it.
pub(crate) fn keep_theme(theme: &str) {
    if let Some(storage) = web_sys::window().and_then(|w| w.local_storage().ok().flatten()) {
        let _ = storage.set_item("umbel.theme", theme);
    }
}

/// Whether a media query holds.
pub(crate) fn media(query: &str) -> bool {
    web_sys::window().and_then(|w| w.match_media(query).ok().flatten()).is_some_and(|m| m.matches())
}

/// The root element.
pub(crate) fn root() -> Option<web_sys::Element> {
    web_sys::window()?.document()?.document_element()
}

/// A colour token as the style sheet has it now.
pub(crate) fn token(name: &str) -> String {
    let style = web_sys::window().zip(root()).and_then(|(w, r)| w.get_computed_style(&r).ok().flatten());
    style.and_then(|s| s.get_property_value(name).ok()).map(|v| v.trim().to_owned()).unwrap_or_default()
}

/// The languages the browser asks for, first choice first.
pub(crate) fn languages() -> Vec<String> {
    web_sys::window()
        .map(|w| w.navigator().languages().iter().filter_map(|l| l.as_string()).collect())
        .unwrap_or_default()
}

/// Puts the focus on the first element that matches, after the page has been drawn. A field that a person has gone to
/// meanwhile keeps it: what is meant for a password field must never land in another one.
pub(crate) fn focus_soon(selector: &'static str) {
    spawn_local(async move {
        sleep(30).await;
        let document = web_sys::window().and_then(|w| w.document());
        let at = document.as_ref().and_then(web_sys::Document::active_element);
        if at.is_some_and(|e| matches!(e.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")) {
            return;
        }
        let found = document
            .and_then(|d| d.query_selector(selector).ok().flatten())
            .and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok());
        if let Some(element) = found {
            let _ = element.focus();
        }
    });
}

/// Puts the focus on the page's heading, so that the keyboard and a screen reader go on where a new step begins. A field
/// that the step itself has focused keeps it.
pub(crate) fn focus_heading() {
    let heading = || web_sys::window()?.document()?.query_selector("main h1").ok().flatten();
    spawn_local(async move {
        sleep(0).await;
        if let Some(heading) = heading() {
            let _ = heading.set_attribute("tabindex", "-1");
        }
        focus_soon("main h1");
    });
}

/// Puts the focus on the page's heading where it has been lost: what had it before a dialog is gone from the page.
pub(crate) fn focus_if_lost() {
    let active = || web_sys::window()?.document()?.active_element();
    spawn_local(async move {
        sleep(30).await;
        if active().is_none_or(|e| e.tag_name() == "BODY") {
            focus_heading();
        }
    });
}

/// Shows an element with `popover` above everything, dialogs too; where the browser knows no popover it just stays.
pub(crate) fn lift(element: &web_sys::Element) {
    if element.is_connected() {
        let show = Reflect::get(element, &JsValue::from_str("showPopover")).ok();
        if let Some(show) = show.and_then(|f| f.dyn_into::<js_sys::Function>().ok()) {
            let _ = show.call0(element);
        }
    }
}

/// Scrolls the page to its top.
pub(crate) fn scroll_to_top() {
    let main = web_sys::window().and_then(|w| w.document()).and_then(|d| d.query_selector("main").ok().flatten());
    if let Some(main) = main {
        main.set_scroll_top(0);
    }
}

/// The text of the file that a person chose in a field; `None` where there is none, or it is longer than `limit` bytes.
pub(crate) async fn chosen_text(event: &web_sys::Event, limit: usize) -> Option<String> {
    let field: web_sys::HtmlInputElement = event.target()?.dyn_into().ok()?;
    let file = field.files()?.get(0)?;
    if file.size() > limit as f64 {
        return None;
    }
    wasm_bindgen_futures::JsFuture::from(file.text()).await.ok()?.as_string()
}

/// Offers text as a file.
pub(crate) fn download(name: &str, kind: &str, text: &str) -> bool {
    let make = || -> Option<()> {
        let bag = web_sys::BlobPropertyBag::new();
        bag.set_type(kind);
        let blob = web_sys::Blob::new_with_str_sequence_and_options(&Array::of1(&text.into()), &bag).ok()?;
        let address = web_sys::Url::create_object_url_with_blob(&blob).ok()?;
        let document = web_sys::window()?.document()?;
        let anchor: web_sys::HtmlAnchorElement = document.create_element("a").ok()?.dyn_into().ok()?;
        anchor.set_href(&address);
        anchor.set_download(name);
        anchor.click();
        spawn_local(async move {
            sleep(1_000).await;
            let _ = web_sys::Url::revoke_object_url(&address);
        });
        Some(())
    };
    make().is_some()
}

/// A time in the reader's words; `fields` are options of `Intl.DateTimeFormat`.
pub(crate) fn date_text(ms: f64, locale: &str, fields: &[(&str, &str)]) -> String {
    let options = Object::new();
    for (name, value) in fields {
        let _ = Reflect::set(&options, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    Date::new(&ms.into()).to_locale_string(locale, &options).into()
}

/// Hour of the day where the reader is.
pub(crate) fn hour() -> u32 {
    Date::new_0().get_hours()
}

/// A random number below `bound`, for choosing which words to ask; not for keys.
#[expect(clippy::cast_possible_truncation, reason = "the product is below `bound`")]
pub(crate) fn pick(bound: usize) -> usize {
    ((js_sys::Math::random() * bound as f64) as usize).min(bound.saturating_sub(1))
}

/// A time in ISO 8601, for programs.
pub(crate) fn iso_time(ms: u64) -> String {
    Date::new(&(ms as f64).into()).to_iso_string().into()
}

/// Sets the title of the window.
pub(crate) fn set_title(title: &str) {
    if let Some(document) = web_sys::window().and_then(|w| w.document()) {
        document.set_title(title);
    }
}
