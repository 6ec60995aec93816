//! Numbers as people read them: three significant digits, `1.2e-8` for the small and the large.

/// Three significant digits: `0.26`, `1230`, `1.2e-8`.
pub(crate) fn short(x: f64) -> String {
    if !x.is_finite() {
        return "not finite".into();
    }
    if x == 0.0 {
        return "0".into();
    }
    let scientific = format!("{x:.2e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("`{:e}` writes an exponent");
    let exponent: i32 = exponent.parse().expect("`{:e}` writes a decimal exponent");
    if (-3..5).contains(&exponent) {
        // Rounded first, so that 0.99951 is 1 and not 1.00.
        let rounded: f64 = scientific.parse().expect("`{:e}` writes a number");
        let decimals = usize::try_from(2 - exponent).unwrap_or(0);
        trim(&format!("{rounded:.decimals$}")).to_owned()
    } else {
        format!("{}e{exponent}", trim(mantissa))
    }
}

fn trim(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// Three decimals with a sign; what rounds to nothing has none below it.
pub(crate) fn signed(x: f64) -> String {
    let x = if x.abs() < 0.0005 { 0.0 } else { x };
    format!("{x:+.3}")
}

/// A count: exact with separators below ten million, then `1.28e9`.
pub(crate) fn count(n: u64) -> String {
    if n >= 10_000_000 {
        return short(n as f64);
    }
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count that may be half-way between two (a median).
pub(crate) fn median_count(x: f64) -> String {
    if x.is_finite() && x >= 0.0 { count(x.round() as u64) } else { short(x) }
}

/// A contraction factor: `0.873`, and `1 - 1.3e-4` where digits would hide the difference to one.
pub(crate) fn factor(x: f64) -> String {
    let distance = x - 1.0;
    if distance != 0.0 && distance.abs() < 0.01 {
        format!("1 {} {}", if distance < 0.0 { "-" } else { "+" }, short(distance.abs()))
    } else {
        short(x)
    }
}

/// A share of one, in percent with one decimal.
pub(crate) fn percent(x: f64) -> String {
    if x > 0.0 && x < 0.0005 {
        return "under 0.1%".into();
    }
    if x < 1.0 && x > 0.9995 {
        return "over 99.9%".into();
    }
    format!("{}%", trim(&format!("{:.1}", 100.0 * x)))
}

/// `n thing` or `n things`.
pub(crate) fn plural(n: usize, thing: &str) -> String {
    format!("{} {thing}{}", count(n as u64), if n == 1 { "" } else { "s" })
}

/// From the fewest to the most of a thing: the most, and whether there may be fewer.
pub(crate) fn up_to((fewest, most): (usize, usize), thing: &str) -> String {
    format!("{}{}", if fewest < most { "up to " } else { "" }, plural(most, thing))
}

/// `a`, `a and b`, `a, b and c`; the rest of a long list as a number.
pub(crate) fn list(items: &[String], most: usize) -> String {
    let hidden = if items.len() > most + 1 { items.len() - most } else { 0 };
    let mut shown: Vec<String> = items[..items.len() - hidden].to_vec();
    if hidden > 0 {
        shown.push(format!("{hidden} more"));
    }
    match shown.split_last() {
        None => "none".into(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// With a capital first letter.
pub(crate) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// Text on one line, without control characters: labels come from data files.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// An action in a sentence or a heading. Actions of a game without labels are numbered, which alone says nothing:
/// `action 0`.
pub(crate) fn action(label: &str) -> String {
    let numbered = !label.is_empty() && label.chars().all(|c| c.is_ascii_digit());
    if numbered { format!("action {label}") } else { plain(label) }
}

/// [`plain`], at most `most` characters.
pub(crate) fn clipped(text: &str, most: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= most {
        text
    } else {
        let kept: String = text.chars().take(most.saturating_sub(2)).collect();
        format!("{kept}..")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits() {
        for (x, text) in [
            (0.26, "0.26"),
            (0.123_456, "0.123"),
            (0.999_51, "1"),
            (1234.5, "1230"),
            (1.2e-8, "1.2e-8"),
            (1.234_5e-8, "1.23e-8"),
            (-0.5, "-0.5"),
            (99_999.0, "1e5"),
            (0.0, "0"),
            (f64::INFINITY, "not finite"),
        ] {
            assert_eq!(short(x), text, "{x}");
        }
        assert_eq!(count(1_280_000), "1,280,000");
        assert_eq!(count(100), "100");
        assert_eq!(count(64_000_000_000), "6.4e10");
        assert_eq!(factor(0.873), "0.873");
        assert_eq!(factor(0.999_87), "1 - 1.3e-4");
        assert_eq!(factor(1.0), "1");
        assert_eq!(percent(0.3421), "34.2%");
        assert_eq!(percent(1.0), "100%");
        assert_eq!(percent(1e-9), "under 0.1%");
    }

    #[test]
    fn lists_read_like_lists() {
        let items: Vec<String> = ["a", "b", "c", "d"].map(String::from).to_vec();
        assert_eq!(list(&items[..2], 9), "a and b");
        assert_eq!(list(&items, 2), "a, b and 2 more");
        assert_eq!(list(&items, 3), "a, b, c and d");
        assert_eq!((action("0"), action("p09"), action("")), ("action 0".into(), "p09".into(), "".into()));
        assert_eq!(clipped("a\u{1b}[31mvery long label", 8), "a [31m..");
    }
}
