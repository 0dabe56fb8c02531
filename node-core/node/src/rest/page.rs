//! The page's files.

use std::path::{Component, Path, PathBuf};

use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use umbel_api::{ApiError, ErrorCode};

use super::Server;
use super::routes::Refusal;
use crate::error::NodeError;

/// Content types by extension. Anything else is not part of a page.
const CONTENT_TYPES: [(&str, &str); 13] = [
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("json", "application/json"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("ico", "image/x-icon"),
    ("woff2", "font/woff2"),
    ("webmanifest", "application/manifest+json"),
    ("txt", "text/plain; charset=utf-8"),
    ("ftl", "text/plain; charset=utf-8"),
];

/// The folder of a page, as its real path.
///
/// # Errors
/// [`NodeError::NoPage`] where there is no `index.html`.
pub(super) fn root(folder: &Path) -> Result<PathBuf, NodeError> {
    let missing = || NodeError::NoPage(folder.to_owned());
    let folder = folder.canonicalize().map_err(|_| missing())?;
    if folder.join("index.html").is_file() { Ok(folder) } else { Err(missing()) }
}

/// A file of the page; `index.html` for paths that name no file, since the page has its own routes.
pub(super) async fn file(State(server): State<Server>, method: Method, uri: Uri) -> Response {
    let not_found = || Refusal::from(ApiError::new(ErrorCode::NotFound, "there is no such path")).into_response();
    let Some(root) = server.page.as_deref() else { return not_found() };
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let Some((path, content_type)) = locate(root, uri.path()) else { return not_found() };
    // A link may lead out of the folder: the real path decides.
    let Ok(path) = tokio::fs::canonicalize(&path).await else { return not_found() };
    if !path.starts_with(root) {
        return not_found();
    }
    let Ok(bytes) = tokio::fs::read(&path).await else { return not_found() };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(policy) = HeaderValue::from_str(&policy(&server)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The window's policy, with this server in place of the window's bridge. `'self'` does not cover `ws:` in every
/// browser, so that is said.
fn policy(server: &Server) -> String {
    let (address, port) = (server.address, server.address.port());
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self' ws://{address} ws://localhost:{port}; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    )
}

/// Path below `root` and content type; `None` for a path that leaves the folder or names no kind of page file.
fn locate(root: &Path, uri_path: &str) -> Option<(PathBuf, &'static str)> {
    let relative = Path::new(uri_path.strip_prefix('/')?);
    if relative.starts_with("api") {
        return None;
    }
    // Page files have plain names; percent signs would only hide something.
    let plain =
        !uri_path.contains(['%', '\\', '\0']) && relative.components().all(|c| matches!(c, Component::Normal(_)));
    if !plain {
        return None;
    }
    let extension = match relative.extension() {
        Some(extension) => extension.to_str()?,
        None => return Some((root.join("index.html"), CONTENT_TYPES[0].1)),
    };
    let (_, content_type) = CONTENT_TYPES.iter().find(|(known, _)| *known == extension)?;
    Some((root.join(relative), content_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        let root = Path::new("/ui");
        let kind = |path: &str| locate(root, path).map(|(path, kind)| (path.to_string_lossy().into_owned(), kind));
        assert_eq!(kind("/").unwrap().0, "/ui/index.html");
        assert_eq!(kind("/wallet/send").unwrap().0, "/ui/index.html");
        assert_eq!(kind("/ui_bg.wasm").unwrap(), ("/ui/ui_bg.wasm".to_owned(), "application/wasm"));
        for bad in ["/../api.json", "/a/../../b.json", "/%2e%2e/api.json", "/..\\x.js", "//etc/passwd.txt", "/x.exe"] {
            assert!(kind(bad).is_none_or(|(path, _)| path == "/ui/index.html"), "{bad}");
        }
        assert_eq!(kind("/../api.json"), None);
        assert_eq!(kind("//etc/passwd.txt"), None);
    }
}
