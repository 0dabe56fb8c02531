//! Length of files, words that promise or excuse, errors as text.

use super::source::{self, SourceFile};

/// Longest file, in lines: nobody reviews a longer one as a whole.
const MAX_LINES: usize = 900;

/// Words that mark unfinished or pretended work, in code and comments.
const UNFINISHED: [&str; 9] =
    ["todo", "fixme", "xxx", "stub", "stubs", "stubbed", "placeholder", "placeholders", "simulated"];
/// Comments that tell history instead of what is.
const HISTORY: [&str; 5] = ["FIX:", "FIXED:", "CHANGED:", "previously", "formerly"];
/// Parts of type names that say nothing about the thing.
const EMPTY_NAMES: [&str; 8] = ["Helper", "Helpers", "Util", "Utils", "Manager", "Enhanced", "Optimized", "Advanced"];

fn check_length(file: &SourceFile) -> Option<String> {
    let lines = file.text.lines().count();
    (lines > MAX_LINES).then(|| format!("{}: {lines} lines; {MAX_LINES} is the most", file.path))
}

fn check_words(file: &SourceFile) -> Vec<String> {
    let mut findings = Vec::new();
    for line in file.code_and_comments().lines() {
        let mut tell =
            |word: &str, why: &str| findings.push(format!("{}: `{word}`: {why}: {}", file.path, line.trim()));
        // The attribute of a form field is a word of HTML.
        let shown = line.replace("placeholder=", "").replace("::placeholder", "");
        for word in shown.split(|c: char| !c.is_alphanumeric()) {
            let lower = word.to_lowercase();
            if UNFINISHED.contains(&lower.as_str()) {
                tell(word, "unfinished work does not stay in the tree");
            }
        }
        if let Some((_, comment)) = line.split_once("//") {
            for phrase in HISTORY.iter().filter(|phrase| comment.contains(*phrase)) {
                tell(phrase, "say what is; history is in the log");
            }
        }
        if let Some(name) = declared_type(line) {
            for part in parts(name).filter(|part| EMPTY_NAMES.contains(&part.as_str())) {
                tell(&part, "name the thing by a word of the field");
            }
        }
    }
    findings
}

/// The name in `struct Name`, `enum Name`, `trait Name`.
fn declared_type(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().skip_while(|w| !matches!(*w, "struct" | "enum" | "trait"));
    words.next()?;
    words.next().map(|word| word.split(|c: char| !c.is_alphanumeric()).next().unwrap_or(word))
}

/// `WalletManager` → `Wallet`, `Manager`.
fn parts(name: &str) -> impl Iterator<Item = String> {
    let mut parts: Vec<String> = Vec::new();
    for c in name.chars() {
        match parts.last_mut() {
            Some(part) if !c.is_uppercase() => part.push(c),
            _ => parts.push(c.to_string()),
        }
    }
    parts.into_iter()
}

/// `Result<…, String>`: nobody can branch on it, score a peer by it or translate it.
fn check_text_errors(file: &SourceFile) -> Vec<String> {
    let dense: String = file.code().chars().filter(|c| !c.is_whitespace()).collect();
    dense
        .match_indices("Result<")
        .filter(|(at, found)| last_argument(&dense[at + found.len()..]) == Some("String"))
        .map(|(at, _)| {
            let shown: String = dense[at..].chars().take(60).collect();
            format!("{}: an error as text: {shown}", file.path)
        })
        .collect()
}

/// The last of two or more arguments of a generic type whose opening bracket was just passed.
fn last_argument(rest: &str) -> Option<&str> {
    let (mut depth, mut start) = (0i32, None);
    for (i, c) in rest.char_indices() {
        match c {
            '>' if rest[..i].ends_with('-') => {}
            '<' | '(' | '[' => depth += 1,
            '>' if depth == 0 => return start.map(|s: usize| &rest[s..i]),
            '>' | ')' | ']' => depth -= 1,
            ',' if depth == 0 => start = Some(i + 1),
            ';' | '{' => return None,
            _ => {}
        }
    }
    None
}

/// Singletons that hide an order of start.
fn check_singletons(file: &SourceFile) -> Vec<String> {
    let code = file.code();
    let lines = code.lines().filter(|line| line.contains("static ") && line.contains("Lock<") && line.contains("Arc<"));
    lines.map(|line| format!("{}: a shared singleton: pass it in: {}", file.path, line.trim())).collect()
}

/// This folder describes the words; everything else must not contain them.
fn is_this_check(file: &SourceFile) -> bool {
    file.path.starts_with("tests/it/tidy")
}

#[test]
fn files_are_short() {
    let findings: Vec<String> = source::files(&["rs", "css", "js", "ts"]).iter().filter_map(check_length).collect();
    super::expect_none(&findings);
    let long = SourceFile::example("a.rs", &"x\n".repeat(MAX_LINES + 1));
    assert!(check_length(&long).is_some());
    assert!(check_length(&SourceFile::example("a.rs", &"x\n".repeat(MAX_LINES))).is_none());
}

#[test]
fn words_say_what_is() {
    let files = source::files(&["rs", "css", "js", "ts"]);
    let findings: Vec<String> = files.iter().filter(|f| !is_this_check(f)).flat_map(check_words).collect();
    super::expect_none(&findings);
    for word in UNFINISHED {
        let comment = SourceFile::example("a.rs", &format!("fn f() {{}} // {}: later", word.to_uppercase()));
        super::expect_found(&check_words(&comment), &word.to_uppercase());
    }
    for phrase in HISTORY {
        super::expect_found(&check_words(&SourceFile::example("a.rs", &format!("/// {phrase} it was"))), phrase);
    }
    for name in EMPTY_NAMES {
        let declared = SourceFile::example("a.rs", &format!("pub(crate) struct Wallet{name}<T> {{"));
        super::expect_found(&check_words(&declared), name);
    }
    let fine = "view! { <input placeholder=\"Name\" /> } // \"todo\"? no: text\nlet s = \"stub\";";
    let findings = check_words(&SourceFile::example("a.rs", fine));
    assert_eq!(findings.len(), 1, "only the comment counts: {findings:?}");
}

#[test]
fn errors_are_typed() {
    let files = source::files(&["rs"]);
    let findings: Vec<String> = files.iter().filter(|f| !f.is_test()).flat_map(check_text_errors).collect();
    super::expect_none(&findings);
    let bad = "fn f() -> Result<Vec<(u8, u8)>,\n    String> { }";
    super::expect_found(&check_text_errors(&SourceFile::example("a.rs", bad)), "Result<");
    let fine =
        "fn f() -> Result<Vec<String>, Error> {} fn g() -> Result<String> {} type T = Result<fn(u8) -> String, E>;";
    super::expect_none(&check_text_errors(&SourceFile::example("a.rs", fine)));
}

#[test]
fn nothing_is_a_singleton() {
    let files = source::files(&["rs"]);
    let findings: Vec<String> = files.iter().filter(|f| !f.is_test()).flat_map(check_singletons).collect();
    super::expect_none(&findings);
    let bad = SourceFile::example("a.rs", "static NODE: OnceLock<Arc<Node>> = OnceLock::new();");
    super::expect_found(&check_singletons(&bad), "NODE");
}
