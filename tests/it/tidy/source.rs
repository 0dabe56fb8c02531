//! Reading the repository's files, and telling code from comments, text and tests.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold nothing people wrote.
const SKIPPED: [&str; 5] = [".git", "target", "gen", "node_modules", "vectors"];

/// One file of the repository.
#[derive(Debug, Clone)]
pub(super) struct SourceFile {
    /// Path from the root, with `/`.
    pub(super) path: String,
    /// All of it.
    pub(super) text: String,
}

impl SourceFile {
    /// For examples in tests of the checks.
    pub(super) fn example(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Test code by its place: integration tests, benches, the runner of the end-to-end tests.
    pub(super) fn is_test(&self) -> bool {
        let in_folder = |name: &str| self.path.split('/').any(|part| part == name);
        in_folder("tests")
            || in_folder("benches")
            || in_folder("testutil")
            || self.path.ends_with("/testutil.rs")
            || self.path.ends_with("/tests.rs")
    }

    /// Code without tests; comments and text blanked.
    pub(super) fn code(&self) -> String {
        without_tests(&blank(&self.text, true))
    }

    /// Code without comments; text stays.
    pub(super) fn code_with_text(&self) -> String {
        let code = blank(&self.text, true);
        let shown = blank(&self.text, false);
        // Where both blankings agree there is no comment; inside text the source itself shows.
        self.text
            .chars()
            .zip(code.chars().zip(shown.chars()))
            .map(|(c, (code, shown))| if code == shown { c } else { ' ' })
            .collect()
    }

    /// Only what stands in tests, by place or by attribute.
    pub(super) fn test_code(&self) -> String {
        let code = blank(&self.text, true);
        if self.is_test() {
            return code;
        }
        let kept = without_tests(&code);
        code.chars().zip(kept.chars()).map(|(c, kept)| if kept == '\u{b7}' { c } else { '\n' }).collect()
    }

    /// Code and comments without tests; text blanked.
    pub(super) fn code_and_comments(&self) -> String {
        let whole = blank(&self.text, true);
        let kept = without_tests(&whole);
        // Lines keep their places, so that the blanked version says which lines are tests.
        let code_lines: Vec<&str> = kept.lines().collect();
        let shown = blank(&self.text, false);
        shown
            .lines()
            .zip(whole.lines())
            .enumerate()
            .filter(|(i, (_, before))| code_lines.get(*i).is_some_and(|after| after == before))
            .map(|(_, (line, _))| line)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// The repository root.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies one folder below the root")
}

/// A file that must exist.
pub(super) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// All files with one of the extensions, in a fixed order.
pub(super) fn files(extensions: &[&str]) -> Vec<SourceFile> {
    let mut found = Vec::new();
    walk(root(), extensions, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "no files with extensions {extensions:?}");
    found
}

fn walk(folder: &Path, extensions: &[&str], found: &mut Vec<SourceFile>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries {
        let path: PathBuf = entry.expect("the folder can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                walk(&path, extensions, found);
            }
        } else if path.extension().is_some_and(|e| extensions.iter().any(|wanted| e == *wanted)) {
            let relative = path.strip_prefix(root()).expect("the walk starts at the root");
            let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            found.push(SourceFile { path: relative.to_string_lossy().replace('\\', "/"), text });
        }
    }
}

/// Replaces the insides of string literals, and comments when asked, with spaces; line breaks stay.
pub(super) fn blank(text: &str, comments_too: bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    let keep_lines = |c: char| if c == '\n' { '\n' } else { ' ' };
    while i < chars.len() {
        let rest = &chars[i..];
        let end = if rest.starts_with(&['/', '/']) {
            let end = i + rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
            push(&mut out, &chars[i..end], |c| if comments_too { keep_lines(c) } else { c });
            end
        } else if rest.starts_with(&['/', '*']) {
            let end = i + block_comment_len(rest);
            push(&mut out, &chars[i..end], |c| if comments_too { keep_lines(c) } else { c });
            end
        } else if let Some(len) = string_len(rest, i.checked_sub(1).map(|p| chars[p])) {
            push(&mut out, &chars[i..i + len], keep_lines);
            i + len
        } else if let Some(len) = char_len(rest) {
            push(&mut out, &chars[i..i + len], keep_lines);
            i + len
        } else {
            out.push(chars[i]);
            i + 1
        };
        i = end;
    }
    out
}

fn push(out: &mut String, chars: &[char], map: impl Fn(char) -> char) {
    out.extend(chars.iter().map(|c| map(*c)));
}

fn block_comment_len(rest: &[char]) -> usize {
    let (mut depth, mut i) = (0, 0);
    while i < rest.len() {
        if rest[i..].starts_with(&['/', '*']) {
            depth += 1;
            i += 2;
        } else if rest[i..].starts_with(&['*', '/']) {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    rest.len()
}

/// Length of a string literal at the start, with its prefix and hashes.
fn string_len(rest: &[char], before: Option<char>) -> Option<usize> {
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') && rest.first() != Some(&'"') {
        return None;
    }
    let prefix = rest.iter().take(2).take_while(|c| matches!(c, 'r' | 'b' | 'c')).count();
    let raw = rest[..prefix].contains(&'r');
    let hashes = if raw { rest[prefix..].iter().take_while(|c| **c == '#').count() } else { 0 };
    let mut i = prefix + hashes;
    if rest.get(i) != Some(&'"') {
        return None;
    }
    i += 1;
    while i < rest.len() {
        if !raw && rest[i] == '\\' {
            i += 2;
        } else if rest[i] == '"' && rest[i + 1..].iter().take_while(|c| **c == '#').count() >= hashes {
            return Some(i + 1 + hashes);
        } else {
            i += 1;
        }
    }
    Some(rest.len())
}

/// Length of a character literal at the start; a lifetime is none.
fn char_len(rest: &[char]) -> Option<usize> {
    if rest.first() != Some(&'\'') {
        return None;
    }
    if rest.get(1) == Some(&'\\') {
        return rest[2..]
            .iter()
            .position(|c| *c == '\'')
            .map(|p| p + 3)
            .map(|len| if rest.get(2) == Some(&'\'') { 4 } else { len });
    }
    (rest.get(2) == Some(&'\'')).then_some(3)
}

/// Blanks every item under `#[cfg(test)]` or `#[cfg(any(test, …))]`. Comments and text must be blanked before: braces
/// are counted.
fn without_tests(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = find_test_attribute(rest) {
        let item = &rest[at..];
        out.push_str(&rest[..at]);
        let len = item_len(item);
        out.extend(item[..len].chars().map(|c| if c == '\n' { '\n' } else { '\u{b7}' }));
        rest = &item[len..];
    }
    out.push_str(rest);
    out
}

fn find_test_attribute(code: &str) -> Option<usize> {
    ["#[cfg(test)]", "#[cfg(any(test", "#[cfg(feature = \"test-util\")]"].iter().filter_map(|a| code.find(a)).min()
}

/// An item ends with its closing brace, or with a semicolon before any brace.
fn item_len(item: &str) -> usize {
    let mut depth = 0usize;
    for (i, c) in item.char_indices().skip_while(|(_, c)| *c != ']') {
        match c {
            '{' => depth += 1,
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return i + 1;
                }
            }
            ';' if depth == 0 => return i + 1,
            _ => {}
        }
    }
    item.len()
}

/// True when `word` stands in `text` between characters that are no part of an identifier.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[test]
fn comments_text_and_tests_are_told_from_code() {
    let file = SourceFile::example(
        "a/src/lib.rs",
        "// f64 here\nlet a = \"f64 \\\" f64\"; let c = '\"'; let l: &'static str = r#\"f64 \"f64\"#;\n/* f64 /* f64 */ */\nlet x: u8 = 1;\n#[cfg(test)]\nmod tests {\n    fn f() { let y: f64 = 1.0; }\n}\nlet z: u8 = 2;\n",
    );
    let code = file.code();
    assert!(!code.contains("f64"), "{code}");
    assert!(code.contains("let x: u8 = 1;") && code.contains("let z: u8 = 2;"), "{code}");
    let commented = file.code_and_comments();
    assert!(commented.contains("// f64 here"), "{commented}");
    assert!(!commented.contains("let y"), "{commented}");
    assert!(commented.contains("let z"), "{commented}");
}
