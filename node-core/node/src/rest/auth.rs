//! Who may call: the token, the cookie made from it, and which page a browser speaks for.

use std::net::SocketAddr;

use axum::http::{HeaderMap, header};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::NodeError;

/// Bytes of a key: guessing 256 bits is out of reach at any rate.
const KEY_LEN_BYTES: usize = 32;

/// The two keys of one run. The cookie has its own, so that the token never lies in a browser's profile.
pub(super) struct Keys {
    token: Zeroizing<String>,
    session: Zeroizing<String>,
    cookie_name: String,
}

impl Keys {
    /// Fresh keys for the server on `port`.
    pub(super) fn fresh(port: u16) -> Result<Self, NodeError> {
        // Browsers share cookies between the ports of one host: the name keeps two nodes apart.
        Ok(Self { token: random_key()?, session: random_key()?, cookie_name: format!("umbel-{port}") })
    }

    /// For `api.json` and the address that is printed.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Whether this is the token. Takes as long for every text of one length.
    pub(super) fn is_token(&self, text: &str) -> bool {
        same(&self.token, text)
    }

    /// What `GET /open` sets.
    pub(super) fn set_cookie(&self) -> String {
        format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie_name, *self.session)
    }

    /// Whether the request carries the token or the cookie.
    pub(super) fn allow(&self, headers: &HeaderMap) -> bool {
        let bearer = text(headers, header::AUTHORIZATION).and_then(|v| v.strip_prefix("Bearer "));
        bearer.is_some_and(|token| self.is_token(token)) || self.has_cookie(headers)
    }

    fn has_cookie(&self, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
        cookies
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .any(|(name, value)| name == self.cookie_name && same(&self.session, value))
    }
}

/// Whether the request was addressed to this server, by a page of this server or by no page at all.
///
/// A name that an attacker points at 127.0.0.1 arrives as another `Host`; a foreign page arrives with its own `Origin`.
pub(super) fn is_addressed_here(headers: &HeaderMap, address: SocketAddr) -> bool {
    let Some(host) = text(headers, header::HOST) else { return false };
    let (numeric, named) = (address.to_string(), format!("localhost:{}", address.port()));
    if host != numeric && host != named {
        return false;
    }
    match headers.get(header::ORIGIN) {
        None => true,
        Some(origin) => origin.to_str().is_ok_and(|origin| origin.strip_prefix("http://") == Some(host)),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn same(secret: &str, text: &str) -> bool {
    secret.as_bytes().ct_eq(text.as_bytes()).into()
}

fn random_key() -> Result<Zeroizing<String>, NodeError> {
    let mut bytes = Zeroizing::new([0u8; KEY_LEN_BYTES]);
    getrandom::fill(bytes.as_mut_slice())
        .map_err(|e| NodeError::System { what: "random bytes", reason: e.to_string() })?;
    Ok(Zeroizing::new(hex::encode(bytes.as_slice())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn token_and_cookie_open_and_nothing_else_does() {
        let keys = Keys::fresh(4000).unwrap();
        let bearer = |t: &str| keys.allow(&headers(&[(header::AUTHORIZATION, &format!("Bearer {t}"))]));
        assert!(bearer(keys.token()));
        assert!(!bearer(""));
        assert!(!bearer(&keys.session));
        assert!(!bearer(&keys.token()[1..]));
        let cookie = keys.set_cookie();
        let pair = cookie.split(';').next().unwrap();
        assert!(keys.allow(&headers(&[(header::COOKIE, &format!("a=b; {pair}"))])));
        assert!(!keys.allow(&headers(&[(header::COOKIE, &pair.replace("4000", "4001"))])));
        assert!(!keys.allow(&headers(&[(header::COOKIE, &format!("umbel-4000={}", keys.token()))])));
        assert!(!keys.allow(&HeaderMap::new()));
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    }

    #[test]
    fn foreign_names_and_pages_are_refused() {
        let address: SocketAddr = "127.0.0.1:4000".parse().unwrap();
        let here = |host: &str, origin: Option<&str>| {
            let mut pairs = vec![(header::HOST, host)];
            pairs.extend(origin.map(|o| (header::ORIGIN, o)));
            is_addressed_here(&headers(&pairs), address)
        };
        assert!(here("127.0.0.1:4000", None));
        assert!(here("localhost:4000", Some("http://localhost:4000")));
        assert!(!here("evil.example:4000", None));
        assert!(!here("127.0.0.1:4001", None));
        assert!(!here("127.0.0.1:4000", Some("http://evil.example")));
        assert!(!here("127.0.0.1:4000", Some("null")));
        assert!(!is_addressed_here(&HeaderMap::new(), address));
    }
}
