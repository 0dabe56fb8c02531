//! Numbers, amounts and times as people read them, by the language in use.
//!
//! An amount crosses the API as a decimal string of up to eight places and stays one: nothing here is a float.

use crate::dom;
use crate::i18n::{Tongue, t};

/// Places of an amount.
const DECIMALS: usize = 8;
/// Places that a shortened amount keeps at least.
const DECIMALS_SHORT: usize = 2;

/// An amount in units of 10⁻⁸.
pub(crate) type Units = u128;

fn separators() -> (char, char) {
    match Tongue::current() {
        Tongue::En => (',', '.'),
        Tongue::De => ('.', ','),
    }
}

/// A decimal string of the API as units; `None` if it is none.
pub(crate) fn units(decimal: &str) -> Option<Units> {
    let (whole, part) = decimal.split_once('.').unwrap_or((decimal, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if part.len() > DECIMALS || !digits(whole) || !digits(part) || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    format!("{whole}{part:0<DECIMALS$}").parse().ok()
}

/// Units as a decimal string of the API.
pub(crate) fn decimal(units: Units) -> String {
    let text = format!("{units:0>9}");
    let (whole, part) = text.split_at(text.len() - DECIMALS);
    format!("{whole}.{part}")
}

/// What a person typed as a decimal string of the API: group marks and spaces go, the decimal mark of the language or a
/// point is taken. `None` if it is no amount.
pub(crate) fn typed_amount(text: &str) -> Option<String> {
    let (group, mark) = separators();
    let mut clean: String = text.chars().filter(|c| !c.is_whitespace() && *c != '\u{2019}' && *c != '\'').collect();
    if clean.contains(mark) {
        clean = clean.replace(group, "").replace(mark, ".");
    } else if clean.matches(group).count() > 1 || looks_grouped(&clean, group) {
        clean = clean.replace(group, "");
    } else {
        // One foreign mark alone is taken as the decimal mark: "1.5" in German, "1,5" in English.
        clean = clean.replace(group, ".");
    }
    units(&clean).map(|_| clean)
}

fn looks_grouped(text: &str, group: char) -> bool {
    text.split_once(group).is_some_and(|(whole, rest)| rest.len() == 3 && !whole.is_empty() && whole != "0")
}

fn grouped(digits: &str, group: char) -> String {
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(group);
        }
        text.push(digit);
    }
    text
}

/// An amount with every place that says something, at least two.
pub(crate) fn amount_exact(decimal_text: &str) -> String {
    shown(decimal_text, DECIMALS)
}

/// An amount for lists: two to eight places, as many as its first two digits behind the mark need.
pub(crate) fn amount(decimal_text: &str) -> String {
    let Some(value) = units(decimal_text) else { return decimal_text.to_owned() };
    let places = if value >= 100_000_000 || value == 0 {
        DECIMALS_SHORT
    } else {
        let leading = DECIMALS - value.to_string().len();
        (leading + 2).clamp(DECIMALS_SHORT, DECIMALS)
    };
    // Never round a payment up: what does not fit is cut, and the exact figure is in the details.
    shown(decimal_text, places)
}

fn shown(decimal_text: &str, places: usize) -> String {
    let Some(value) = units(decimal_text) else { return decimal_text.to_owned() };
    let text = decimal(value);
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let kept = part[..places.min(part.len())].trim_end_matches('0');
    let (group, mark) = separators();
    format!("{}{mark}{kept:0<DECIMALS_SHORT$}", grouped(whole, group))
}

/// Whether a decimal string is zero.
pub(crate) fn is_zero(decimal_text: &str) -> bool {
    units(decimal_text).is_none_or(|value| value == 0)
}

/// A count.
pub(crate) fn integer(n: u64) -> String {
    grouped(&n.to_string(), separators().0)
}

/// A rate with `places` places.
pub(crate) fn rate(value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let (group, mark) = separators();
    if part.is_empty() { grouped(whole, group) } else { format!("{}{mark}{part}", grouped(whole, group)) }
}

/// Hashes a second with its unit.
pub(crate) fn hash_rate(value: f64) -> String {
    let (scaled, unit) = match value {
        v if v >= 1e9 => (v / 1e9, "GH/s"),
        v if v >= 1e6 => (v / 1e6, "MH/s"),
        v if v >= 1e3 => (v / 1e3, "kH/s"),
        v => (v, "H/s"),
    };
    format!("{} {unit}", rate(scaled, usize::from(scaled < 100.0)))
}

/// Bytes with their unit.
pub(crate) fn bytes(n: usize) -> String {
    let value = n as f64;
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{} kB", rate(value / 1e3, 1)),
        _ => format!("{} MB", rate(value / 1e6, 1)),
    }
}

/// Minutes and seconds, such as `4:12`.
pub(crate) fn clock(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// How long ago, in one unit.
pub(crate) fn ago(time_ms: u64, now_ms: f64) -> String {
    let seconds = ((now_ms - time_ms as f64) / 1_000.0).max(0.0);
    let whole = |value: f64| rate(value.floor(), 0);
    match seconds {
        s if s < 2.0 => t!("time.now"),
        s if s < 60.0 => t!("time.seconds", n = whole(s)),
        s if s < 3_600.0 => t!("time.minutes", n = whole(s / 60.0)),
        s if s < 86_400.0 => t!("time.hours", n = whole(s / 3_600.0)),
        s => t!("time.days", n = whole(s / 86_400.0)),
    }
}

/// A span of seconds that is still to come.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        0..60 => t!("time.seconds", n = seconds),
        60..3_600 => t!("time.minutes", n = seconds.div_ceil(60)),
        _ => t!("time.hours", n = seconds.div_ceil(3_600)),
    }
}

/// A span that is over, exact where it is short.
pub(crate) fn short_span(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { t!("time.seconds", n = rate(ms as f64 / 1_000.0, 1)) }
}

/// Date and time in full.
pub(crate) fn moment(time_ms: u64) -> String {
    dom::date_text(time_ms as f64, Tongue::current().tag(), &[("dateStyle", "long"), ("timeStyle", "medium")])
}

/// A hash or an address with its middle left out.
pub(crate) fn shortened(text: &str, head: usize, tail: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= head + tail + 1 {
        return text.to_owned();
    }
    let (start, end) = (&chars[..head], &chars[chars.len() - tail..]);
    format!("{}…{}", start.iter().collect::<String>(), end.iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::{amount, amount_exact, decimal, integer, shortened, typed_amount, units};
    use crate::i18n::Tongue;

    #[test]
    fn amounts_are_cut_never_rounded_up() {
        Tongue::En.set_current();
        assert_eq!(amount("1250.00000000"), "1,250.00");
        assert_eq!(amount("1.99999999"), "1.99");
        assert_eq!(amount("0.00310000"), "0.0031");
        assert_eq!(amount("0.00000001"), "0.00000001");
        assert_eq!(amount("0.00000000"), "0.00");
        assert_eq!(amount_exact("1.25000001"), "1.25000001");
        assert_eq!(amount_exact("1.5"), "1.50");
        assert_eq!(integer(1_204_318), "1,204,318");
    }

    #[test]
    fn typed_amounts_follow_the_language() {
        Tongue::En.set_current();
        assert_eq!(typed_amount("1,250.5").as_deref(), Some("1250.5"));
        assert_eq!(typed_amount("1,250").as_deref(), Some("1250"));
        assert_eq!(typed_amount("1,5").as_deref(), Some("1.5"));
        assert_eq!(typed_amount("0.123456789"), None);
        assert_eq!(typed_amount("abc"), None);
        Tongue::De.set_current();
        assert_eq!(typed_amount("1.250,5").as_deref(), Some("1250.5"));
        assert_eq!(typed_amount("1.250").as_deref(), Some("1250"));
        assert_eq!(typed_amount("0.125").as_deref(), Some("0.125"));
        assert_eq!(typed_amount("0,5").as_deref(), Some("0.5"));
        assert_eq!(typed_amount("1.5").as_deref(), Some("1.5"));
        assert_eq!(amount("1250.5"), "1.250,50");
        Tongue::En.set_current();
    }

    #[test]
    fn units_and_back() {
        assert_eq!(units("1.25"), Some(125_000_000));
        assert_eq!(decimal(1), "0.00000001");
        assert_eq!(units(""), None);
        assert_eq!(units("-1"), None);
    }

    #[test]
    fn long_text_loses_its_middle() {
        assert_eq!(shortened("abcdefghij", 3, 2), "abc…ij");
        assert_eq!(shortened("abcdef", 3, 2), "abcdef");
    }
}
