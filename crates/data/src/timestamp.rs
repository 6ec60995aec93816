//! Times as seconds since 1970-01-01 UTC, from the ways files write them.

/// What a number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
    /// `YYYYMMDD` or `YYYYMMDDHHMMSS`.
    Digits,
    /// `YYYY`.
    Years,
}

impl Unit {
    pub(crate) const ALL: [Self; 6] =
        [Self::Seconds, Self::Milliseconds, Self::Microseconds, Self::Nanoseconds, Self::Digits, Self::Years];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
            Self::Microseconds => "microseconds",
            Self::Nanoseconds => "nanoseconds",
            Self::Digits => "YYYYMMDD",
            Self::Years => "years",
        }
    }
}

/// The unit of a number, by its size: seconds up to 1e11 (the year 5138), then a thousandth of it each thousand times on;
/// eight or fourteen digits that are a date of the years 1900 to 2199 are that date, and four digits the first day of such
/// a year. 0 is the same in every unit.
fn number(text: &str, value: f64) -> Option<(f64, Option<Unit>)> {
    // a column of whole numbers with blanks is written as one of floats
    let text =
        text.find('.').filter(|&k| text[k + 1..].bytes().all(|b| b == b'0')).map_or(text, |k| &text[..k]);
    let digits = matches!(text.len(), 4 | 8 | 14);
    if digits && text.bytes().all(|b| b.is_ascii_digit()) && ("1900".."2200").contains(&&text[..4]) {
        if text.len() == 4 {
            let day = day_number(&format!("{text}-01-01"))?;
            return Some((day as f64 * 86_400.0, Some(Unit::Years)));
        }
        let day = day_number(&format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..8]));
        let clock = match text.get(8..).filter(|c| !c.is_empty()) {
            None => Some(0.0),
            Some(c) => clock_seconds(&format!("{}:{}:{}", &c[..2], &c[2..4], &c[4..])),
        };
        if let (Some(day), Some(clock)) = (day, clock) {
            return Some((day as f64 * 86_400.0 + clock, Some(Unit::Digits)));
        }
    }
    let (per_second, unit) = match value.abs() {
        0.0 => return Some((0.0, None)),
        x if x < 1e11 => (1.0, Unit::Seconds),
        x if x < 1e14 => (1e3, Unit::Milliseconds),
        x if x < 1e17 => (1e6, Unit::Microseconds),
        x if x < 1e20 => (1e9, Unit::Nanoseconds),
        _ => return None,
    };
    // whole numbers are divided without rounding the number first: nanoseconds have more digits than a double
    let seconds = match text.parse::<i128>() {
        Ok(whole) => {
            let each = per_second as i128;
            whole.div_euclid(each) as f64 + whole.rem_euclid(each) as f64 / per_second
        }
        Err(_) => value / per_second,
    };
    Some((seconds, Some(unit)))
}

/// The day of a time, `YYYY-MM-DD`: the inverse of the day count.
#[must_use]
pub fn date(seconds: f64) -> String {
    let z = (seconds / 86_400.0).floor() as i64 + 719_468;
    let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    format!("{:04}-{month:02}-{day:02}", year + 400 * era + i64::from(month <= 2))
}

/// Reads `YYYY-MM-DD`, `YYYY-MM-DD[T ]HH:MM[:SS[.fff]][Z|+HH:MM]` (UTC without a zone) or a number, whose unit its size
/// tells.
pub(crate) fn read(text: &str) -> Option<(f64, Option<Unit>)> {
    if let Ok(value) = text.parse::<f64>() {
        return number(text, value).filter(|_| value.is_finite());
    }
    words(text).map(|seconds| (seconds, None))
}

/// A time from which on rows are wanted: as [`read`], but for numbers below 1e8 (1973) that are no date of eight digits, such
/// as a year, which nobody means as seconds.
pub(crate) fn since(text: &str) -> Option<f64> {
    let small = text.parse::<f64>().is_ok_and(|x| x < 1e8);
    read(text).filter(|(_, unit)| !small || *unit == Some(Unit::Digits)).map(|(seconds, _)| seconds)
}

fn words(text: &str) -> Option<f64> {
    let (date, rest) = text.split_at_checked(10)?;
    let day = day_number(date)? as f64 * 86_400.0;
    if rest.is_empty() {
        return Some(day);
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone_at);
    Some(day + clock_seconds(clock.trim_end())? - zone_seconds(zone)?)
}

fn clock_seconds(clock: &str) -> Option<f64> {
    let mut parts = clock.split(':');
    let whole = |part: &str, below: u32| -> Option<f64> {
        let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        let number: u32 = digits.then(|| part.parse().ok())??;
        (number < below).then(|| f64::from(number))
    };
    let (hours, minutes) = (whole(parts.next()?, 25)?, whole(parts.next()?, 60)?);
    let seconds = match parts.next() {
        None => 0.0,
        Some(s) if s.starts_with(|c: char| c.is_ascii_digit()) => s.parse().ok().filter(|s| *s < 61.0)?,
        Some(_) => return None,
    };
    parts.next().is_none().then_some(hours * 3600.0 + minutes * 60.0 + seconds)
}

fn zone_seconds(zone: &str) -> Option<f64> {
    match zone {
        "" | "Z" | "z" => Some(0.0),
        _ => {
            let sign = if zone.starts_with('-') { -1.0 } else { 1.0 };
            let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
            let ok = matches!(digits.len(), 2 | 4) && digits.bytes().all(|b| b.is_ascii_digit());
            let number: f64 = ok.then(|| format!("{digits:0<4}").parse().ok())??;
            Some(sign * ((number / 100.0).floor() * 3600.0 + (number % 100.0) * 60.0))
        }
    }
}

/// Days from 1970-01-01 of a Gregorian date: years are counted from March, so that the leap day is the last of its year.
fn day_number(date: &str) -> Option<i64> {
    let bytes = date.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        bytes[range].iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| 10 * n + i64::from(b - b'0')))
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) {
        return None;
    }
    let march_year = year - i64::from(month <= 2);
    let leaps = march_year.div_euclid(4) - march_year.div_euclid(100) + march_year.div_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(365 * march_year + leaps + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::{Unit, date, read, since};

    fn seconds(text: &str) -> Option<f64> {
        read(text).map(|(seconds, _)| seconds)
    }

    #[test]
    fn the_size_of_a_number_tells_its_unit() {
        for (text, expected, unit) in [
            ("1704449472", 1_704_449_472.0, Unit::Seconds),
            ("1704449472250", 1_704_449_472.25, Unit::Milliseconds),
            ("1704449472250000", 1_704_449_472.25, Unit::Microseconds),
            ("1704449472250000000", 1_704_449_472.25, Unit::Nanoseconds),
            ("20240105", 1_704_412_800.0, Unit::Digits),
            ("20240105101112", 1_704_449_472.0, Unit::Digits),
            ("20249905", 20_249_905.0, Unit::Seconds),
            ("17", 17.0, Unit::Seconds),
            ("20240105.0", 1_704_412_800.0, Unit::Digits),
            ("1704449472.0", 1_704_449_472.0, Unit::Seconds),
            ("2024", 1_704_067_200.0, Unit::Years),
            ("2024.0", 1_704_067_200.0, Unit::Years),
            ("2200", 2_200.0, Unit::Seconds),
        ] {
            assert_eq!(read(text), Some((expected, Some(unit))), "{text}");
        }
        assert_eq!((read("0"), read("1e30")), (Some((0.0, None)), None));
        for text in ["2024", "17", "0", "-5", "2024.0"] {
            assert_eq!(since(text), None, "{text}");
        }
        for text in ["20240105", "2024-01-05", "1704412800"] {
            assert_eq!(since(text), Some(1_704_412_800.0), "{text}");
        }
        assert_eq!(date(1_704_449_472.25), "2024-01-05");
        assert_eq!(date(-1.0), "1969-12-31");
    }

    #[test]
    fn the_usual_forms() {
        for (text, expected) in [
            ("1970-01-01", 0.0),
            ("2000-02-29", 951_782_400.0),
            ("2026-11-24", 1_795_478_400.0),
            ("1969-12-31", -86_400.0),
            ("2024-09-04T10:30:00Z", 1_725_445_800.0),
            ("2024-09-04 12:30:00.500+02:00", 1_725_445_800.5),
            ("2024-09-04T10:30", 1_725_445_800.0),
            ("1725445800.25", 1_725_445_800.25),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2023-02-29",
            "2024-13-01",
            "2024-9-4",
            "2024-09-04T25:99",
            "nan",
            "2024-09-0\u{e9}",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = seconds(&text);
        }

        #[test]
        fn days_follow_each_other(day in -200_000i64..200_000) {
            let text = date(day as f64 * 86_400.0);
            proptest::prop_assert_eq!(seconds(&text), Some(day as f64 * 86_400.0));
        }
    }
}
