//! A page under test, addressed by `data-testid` alone.

use crate::Result;
use crate::process::POLL;
use crate::view::View;
use fantoccini::elements::Element;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest wait for something the page does by itself.
pub(crate) const SHORT: Duration = Duration::from_secs(20);
/// Longest wait for something that needs proofs or blocks.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// The two themes, as the `data-theme` attribute of the document says them.
pub(crate) const THEMES: [&str; 2] = ["dark", "light"];

/// An open session.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    client: Client,
    view: View,
    screens: PathBuf,
}

impl Page {
    /// Wraps a session and brings its viewport to the size of the view.
    pub(crate) async fn new(client: Client, view: View, screens: &Path) -> Result<Self> {
        let page = Self { client, view, screens: screens.join(view.name()) };
        if view != View::Phone {
            page.fit().await?;
        }
        Ok(page)
    }

    /// The view of this session.
    pub(crate) fn view(&self) -> View {
        self.view
    }

    /// Waits for a handle and returns its element.
    pub(crate) async fn find(&self, id: &str) -> Result<Element> {
        self.find_within(id, SHORT).await
    }

    /// Waits for a handle up to `limit`.
    pub(crate) async fn find_within(&self, id: &str, limit: Duration) -> Result<Element> {
        let css = selector(id);
        match self.client.wait().at_most(limit).every(POLL).for_element(Locator::Css(&css)).await {
            Ok(element) => Ok(element),
            Err(error) => {
                Err(format!("no `{id}` on the page after {} s: {error}\n{}", limit.as_secs(), self.seen().await).into())
            }
        }
    }

    /// Waits until exactly `count` elements have the handle.
    pub(crate) async fn find_all(&self, id: &str, count: usize) -> Result<Vec<Element>> {
        self.until(&format!("{count} of `{id}`"), SHORT, async || {
            let found = self.client.find_all(Locator::Css(&selector(id))).await?;
            Ok((found.len() == count).then_some(found))
        })
        .await
    }

    /// Texts of the elements `css` inside a handle, now.
    pub(crate) async fn texts(&self, id: &str, css: &str) -> Result<Vec<String>> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent.trim())";
        let found = self.script(script, vec![json!(format!("{} {css}", selector(id)))]).await?;
        Ok(found.as_array().into_iter().flatten().filter_map(|t| t.as_str().map(str::to_owned)).collect())
    }

    /// Waits for the one element with the handle whose attribute has the value, and clicks it.
    pub(crate) async fn click_where(&self, id: &str, name: &str, value: &str) -> Result<()> {
        let css = format!("{}[{name}=\"{value}\"]", selector(id));
        self.until(&format!("`{id}` of {value} to be clickable"), SHORT, async || {
            let found = self.client.find(Locator::Css(&css)).await?;
            Ok(found.click().await.ok())
        })
        .await
    }

    /// Writes down every value that an attribute of a handle takes from now on, also those that pass quickly.
    pub(crate) async fn record(&self, id: &str, name: &str) -> Result<()> {
        let script = "const [css, name] = arguments; const seen = window.umbelRecorded = []; \
            const look = () => { const e = document.querySelector(css); const v = e && e.getAttribute(name); \
                if (v && seen[seen.length - 1] !== v) seen.push(v); }; \
            new MutationObserver(look).observe(document.body, \
                { subtree: true, childList: true, attributes: true, attributeFilter: [name] }); look();";
        self.script(script, vec![json!(selector(id)), json!(name)]).await.map(|_| ())
    }

    /// What was written down since [`Page::record`].
    pub(crate) async fn recorded(&self) -> Result<Vec<String>> {
        let seen = self.script("return window.umbelRecorded || []", vec![]).await?;
        Ok(seen.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect())
    }

    /// Waits until the page shows no skeleton: what it loads has come.
    pub(crate) async fn settled(&self) -> Result<()> {
        self.until("the page to have loaded", SHORT, async || {
            let busy = self.client.find_all(Locator::Css("[aria-busy=\"true\"]")).await?;
            Ok(busy.is_empty().then_some(()))
        })
        .await
    }

    /// Waits for a handle and clicks it.
    pub(crate) async fn click(&self, id: &str) -> Result<()> {
        self.until(&format!("`{id}` to be clickable"), SHORT, async || {
            let element = self.find(id).await?;
            if !element.is_enabled().await? {
                return Ok(None);
            }
            // A page that is being redrawn may take the element away, or cover it, between two calls.
            Ok(element.click().await.ok())
        })
        .await
    }

    /// Waits for a field and puts `text` in it, in place of what it holds.
    pub(crate) async fn fill(&self, id: &str, text: &str) -> Result<()> {
        self.until(&format!("`{id}` to take its text"), SHORT, async || {
            let element = self.find(id).await?;
            element.clear().await?;
            element.send_keys(text).await?;
            Ok((element.prop("value").await?.as_deref() == Some(text)).then_some(()))
        })
        .await
    }

    /// The text of a handle now.
    pub(crate) async fn text(&self, id: &str) -> Result<String> {
        Ok(self.find(id).await?.text().await?.trim().to_owned())
    }

    /// An attribute of a handle now.
    pub(crate) async fn attr(&self, id: &str, name: &str) -> Result<Option<String>> {
        Ok(self.find(id).await?.attr(name).await?)
    }

    /// Waits until the text of a handle satisfies `check`; returns the text.
    pub(crate) async fn until_text(&self, id: &str, limit: Duration, check: impl Fn(&str) -> bool) -> Result<String> {
        let last = std::cell::RefCell::new(String::new());
        let found = self
            .until(&format!("the text of `{id}`"), limit, async || {
                let text = self.text(id).await?;
                let fits = check(&text);
                last.replace(text.clone());
                Ok(fits.then_some(text))
            })
            .await;
        found.map_err(|error| format!("{error}\nits last text: {:?}", last.borrow()).into())
    }

    /// Polls `look` until it gives a value.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        limit: Duration,
        look: impl AsyncFn() -> Result<Option<T>>,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            // A look may fail while the page changes under it; the last failure tells why the deadline passed.
            let error = match look().await {
                Ok(Some(value)) => return Ok(value),
                Ok(None) => None,
                Err(error) => Some(error),
            };
            if Instant::now() > deadline {
                let why = error.map_or_else(String::new, |e| format!(": {e}"));
                return Err(format!("waited {} s for {what}{why}\n{}", limit.as_secs(), self.seen().await).into());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Pictures of the page as it is, in both themes: `<page>-<theme>.png`.
    pub(crate) async fn picture(&self, name: &str) -> Result<()> {
        let before = self.script("return document.documentElement.getAttribute('data-theme')", vec![]).await?;
        for theme in THEMES {
            self.set_theme(&json!(theme)).await?;
            let bytes = self.client.screenshot().await?;
            std::fs::write(self.screens.join(format!("{name}-{theme}.png")), bytes)?;
        }
        self.set_theme(&before).await
    }

    /// Fails when the page tells of an error.
    pub(crate) async fn assert_well(&self, name: &str) -> Result<()> {
        if self.client.find_all(Locator::Css(&selector("error-card"))).await?.is_empty() {
            return Ok(());
        }
        Err(format!("page {name} tells of an error\n{}", self.seen().await).into())
    }

    /// Fails when the page scrolls sideways.
    pub(crate) async fn assert_fits(&self, name: &str) -> Result<()> {
        let widths = self
            .script("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]", vec![])
            .await?;
        match (widths[0].as_u64(), widths[1].as_u64()) {
            (Some(content), Some(shown)) if content <= shown => Ok(()),
            _ => Err(format!("page {name} scrolls sideways: {widths} CSS pixels").into()),
        }
    }

    /// Runs a script in the page.
    pub(crate) async fn script(&self, script: &str, args: Vec<Value>) -> Result<Value> {
        Ok(self.client.execute(script, args).await?)
    }

    /// Ends the session; the window or browser closes.
    pub(crate) async fn close(self) -> Result<()> {
        Ok(self.client.close().await?)
    }

    /// Shows the page in a theme, its canvases included: they are painted anew after the style sheet changed.
    async fn set_theme(&self, theme: &Value) -> Result<()> {
        let script = "const root = document.documentElement; \
            if (arguments[0] === null) root.removeAttribute('data-theme'); \
            else root.setAttribute('data-theme', arguments[0]); \
            window.dispatchEvent(new Event('resize'));";
        self.script(script, vec![theme.clone()]).await?;
        let stale = "const shown = [...document.querySelectorAll('canvas')].filter(c => c.offsetWidth && c.offsetHeight); \
            return shown.filter(c => c.dataset.painted !== (arguments[0] ?? '')).length";
        self.until("the canvases to be painted", SHORT, async || {
            let left = self.script(stale, vec![theme.clone()]).await?;
            Ok((left.as_u64() == Some(0)).then_some(()))
        })
        .await?;
        // Two frames: styles are applied and painted. Then whatever fades from one colour to another has arrived.
        self.client
            .execute_async(
                "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));",
                vec![],
            )
            .await?;
        let fading = "return document.getAnimations().filter(a => a.playState === 'running' && \
            a.effect.getComputedTiming().endTime !== Infinity).length";
        self.until("colours to arrive", SHORT, async || {
            Ok((self.script(fading, vec![]).await?.as_u64() == Some(0)).then_some(()))
        })
        .await?;
        Ok(())
    }

    /// Sets the outer size so that the viewport has the view's size.
    async fn fit(&self) -> Result<()> {
        let (width, height) = self.view.size();
        self.client.set_window_rect(0, 0, width, height).await?;
        let frame = self
            .script("return [window.outerWidth - window.innerWidth, window.outerHeight - window.innerHeight]", vec![])
            .await?;
        let extra = |i: usize| frame[i].as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n < 400).unwrap_or(0);
        self.client.set_window_rect(0, 0, width + extra(0), height + extra(1)).await?;
        Ok(())
    }

    /// What a person would see, for an error message.
    async fn seen(&self) -> String {
        let _ = match self.client.screenshot().await {
            Ok(bytes) => std::fs::write(self.screens.join("failure.png"), bytes),
            Err(_) => Ok(()),
        };
        let script = "document.querySelectorAll('details').forEach(d => d.open = true); \
            return location.href + '\\n' + document.body.innerText.slice(0, 1500) + '\\nhandles: ' + \
            [...document.querySelectorAll('[data-testid]')].map(e => e.dataset.testid).join(' ')";
        match self.script(script, vec![]).await {
            Ok(text) => format!("the page says: {}", text.as_str().unwrap_or("nothing")),
            Err(error) => format!("the page does not answer: {error}"),
        }
    }
}

fn selector(id: &str) -> String {
    format!("[data-testid=\"{id}\"]")
}
