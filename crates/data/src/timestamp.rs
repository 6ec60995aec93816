//! Times as seconds since 1970-01-01 UTC, from the ways files write them.

/// Reads `YYYY-MM-DD`, `YYYY-MM-DD[T ]HH:MM[:SS[.fff]][Z|+HH:MM]` (UTC without a zone) or a number of seconds.
pub(crate) fn seconds(text: &str) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some(number);
    }
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
    use super::seconds;

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
            // the inverse by the day count of 400 years, one day at a time within a month
            let date = |d: i64| {
                let z = d + 719_468;
                let era = z.div_euclid(146_097);
                let doe = z.rem_euclid(146_097);
                let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
                let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
                let mp = (5 * doy + 2) / 153;
                let month = if mp < 10 { mp + 3 } else { mp - 9 };
                let year = yoe + era * 400 + i64::from(month <= 2);
                format!("{year:04}-{month:02}-{:02}", doy - (153 * mp + 2) / 5 + 1)
            };
            proptest::prop_assert_eq!(seconds(&date(day)), Some(day as f64 * 86_400.0));
        }
    }
}
