//! The words of the page: `assets/i18n/{en,de}.json`, looked up by [`t!`] and, where a number decides, [`tn!`].
//!
//! A key names its place (`send.amount`). `{name}` in a text is replaced by an argument; a text that counts has two
//! forms, `key.one` and `key.other`. The whole page is drawn again when the language changes, so a lookup is not reactive.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::LazyLock;
use umbel_api::settings::Language;

/// A language that the page speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tongue {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

type Texts = HashMap<String, String>;

static EN: LazyLock<Texts> = LazyLock::new(|| load(include_str!("../../assets/i18n/en.json")));
static DE: LazyLock<Texts> = LazyLock::new(|| load(include_str!("../../assets/i18n/de.json")));

thread_local! {
    static TONGUE: Cell<Tongue> = const { Cell::new(Tongue::En) };
}

fn load(json: &str) -> Texts {
    serde_json::from_str(json).expect("the tests read every file of texts")
}

impl Tongue {
    /// The language that `setting` gives where the browser asks for `wanted`.
    pub(crate) fn choose(setting: Language, wanted: &[String]) -> Self {
        match setting {
            Language::En => Self::En,
            Language::De => Self::De,
            Language::System => wanted
                .iter()
                .find_map(|tag| match tag.get(..2) {
                    Some("en") => Some(Self::En),
                    Some("de") => Some(Self::De),
                    _ => None,
                })
                .unwrap_or_default(),
        }
    }

    /// The language in use.
    pub(crate) fn current() -> Self {
        TONGUE.get()
    }

    /// Takes this language into use.
    pub(crate) fn set_current(self) {
        TONGUE.set(self);
    }

    /// Its tag, for numbers, dates and `<html lang>`.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::En => "en-GB",
            Self::De => "de-DE",
        }
    }

    fn texts(self) -> &'static Texts {
        match self {
            Self::En => &EN,
            Self::De => &DE,
        }
    }
}

/// The text of `key` in the language in use, with `{name}` replaced by the arguments.
pub(crate) fn text(key: &str, arguments: &[(&str, String)]) -> String {
    let found = Tongue::current().texts().get(key).or_else(|| EN.get(key));
    let mut text = found.cloned().unwrap_or_else(|| key.to_owned());
    for (name, value) in arguments {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}

/// The text that counts `n`: `key.one` or `key.other`, with `{n}` replaced by the number.
pub(crate) fn count(key: &str, n: u64) -> String {
    let form = if n == 1 { "one" } else { "other" };
    text(&format!("{key}.{form}"), &[("n", crate::format::integer(n))])
}

/// `t!("key")`, `t!("key", name = value)`: a text.
macro_rules! t {
    ($key:literal) => {
        $crate::i18n::text($key, &[])
    };
    ($key:literal, $($name:ident = $value:expr),+ $(,)?) => {
        $crate::i18n::text($key, &[$((stringify!($name), ::std::string::ToString::to_string(&$value))),+])
    };
}

/// `tn!("key", n)`: a text that counts.
macro_rules! tn {
    ($key:literal, $n:expr) => {
        $crate::i18n::count($key, $n)
    };
}

pub(crate) use {t, tn};

#[cfg(test)]
mod tests {
    use super::{DE, EN, Texts, Tongue};
    use std::collections::BTreeSet;
    use std::path::Path;
    use umbel_api::settings::Language;

    /// Every string literal of the source that has the form of a key, and every key of `t!` and `tn!`.
    fn literals(folder: &Path, all: &mut BTreeSet<String>, asked: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("the source is there") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                literals(&path, all, asked);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let source = std::fs::read_to_string(&path).expect("readable");
                let mut rest = source.as_str();
                while let Some(start) = rest.find('"') {
                    let before = &rest[..start];
                    let body = &rest[start + 1..];
                    let Some(end) = body.find('"') else { break };
                    let literal = &body[..end];
                    let is_key = literal.contains('.')
                        && !literal.ends_with('.')
                        && literal.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._".contains(&b));
                    if is_key {
                        all.insert(literal.to_owned());
                        if before.trim_end().ends_with("t!(") {
                            asked.insert(literal.to_owned());
                        } else if before.trim_end().ends_with("tn!(") {
                            asked.insert(format!("{literal}.one"));
                            asked.insert(format!("{literal}.other"));
                        }
                    }
                    rest = &body[end + 1..];
                }
            }
        }
    }

    fn used() -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut all, mut asked) = (BTreeSet::new(), BTreeSet::new());
        literals(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all, &mut asked);
        (all, asked)
    }

    fn arguments(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect()
    }

    #[test]
    fn both_languages_have_the_same_keys_and_arguments() {
        let keys = |texts: &Texts| texts.keys().cloned().collect::<BTreeSet<_>>();
        let (en, de) = (keys(&EN), keys(&DE));
        assert_eq!(en.difference(&de).collect::<Vec<_>>(), Vec::<&String>::new(), "missing in de.json");
        assert_eq!(de.difference(&en).collect::<Vec<_>>(), Vec::<&String>::new(), "only in de.json");
        for (key, english) in EN.iter() {
            assert_eq!(arguments(english), arguments(&DE[key]), "arguments of {key}");
            assert!(!english.trim().is_empty() && !DE[key].trim().is_empty(), "{key} is empty");
        }
    }

    #[test]
    fn no_key_is_missing() {
        let missing: Vec<_> = used().1.into_iter().filter(|key| !EN.contains_key(key)).collect();
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn no_key_is_unused() {
        let all = used().0;
        let is_used = |key: &String| {
            let base = key.strip_suffix(".one").or_else(|| key.strip_suffix(".other")).unwrap_or(key);
            all.contains(key) || all.contains(base)
        };
        let mut unused: Vec<_> = EN.keys().filter(|key| !is_used(key)).collect();
        unused.sort();
        assert_eq!(unused, Vec::<&String>::new());
    }

    #[test]
    fn the_first_language_that_is_spoken_is_taken() {
        let wanted = ["fr-FR".to_owned(), "de-CH".to_owned(), "en".to_owned()];
        assert_eq!(Tongue::choose(Language::System, &wanted), Tongue::De);
        assert_eq!(Tongue::choose(Language::En, &wanted), Tongue::En);
        assert_eq!(Tongue::choose(Language::System, &["fr".to_owned()]), Tongue::En);
    }
}
