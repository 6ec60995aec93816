//! Text from files on terminals and pages.

use std::borrow::Cow;

/// Whether a character acts on a terminal (control characters but a line end), or on the order or presence of what is
/// written around it.
#[must_use]
pub fn is_unprintable(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A text of JSON with an escape, as `\u200d`, for every character that [`is_unprintable`]: it is the same JSON. Such
/// characters stand within its strings alone.
///
/// ```
/// assert_eq!(equipoise_records::text::printable_json("\"a\u{200d}b\""), "\"a\\u200db\"");
/// ```
#[must_use]
pub fn printable_json(json: &str) -> Cow<'_, str> {
    escaped(json, |c, shown| {
        let mut units = [0; 2];
        c.encode_utf16(&mut units).iter().for_each(|unit| shown.push_str(&format!("\\u{unit:04x}")));
    })
}

/// The same text with an escape, as `\u{1b}`, for every character that [`is_unprintable`].
///
/// ```
/// assert_eq!(equipoise_records::text::printable("a\u{1b}]0;b"), "a\\u{1b}]0;b");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |c, shown| shown.extend(c.escape_unicode()))
}

fn escaped(text: &str, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.chars().any(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_unprintable(c) {
            true => escape(c, &mut shown),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}
