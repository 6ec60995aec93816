//! The trace of a run in a pack: its rows in columns, bit by bit, in less space and time than as CSV.
//!
//! What is measured at one step shares its first four columns, so they stand once for it; and what is measured is the same at
//! most steps, so it is a number of a list. All integers are of variable length (seven bits a byte, least first), of steps and
//! costs the differences from the row before:
//!
//! ```text
//! number of subjects; of each: iterate, metric        as length and text
//! number of patterns; of each: length, its subjects
//! number of groups;   of each: pattern, step, queries, duels, and the eight bytes of the seconds
//! values of all rows, eight bytes each
//! ```

use compact_str::CompactString;

use crate::digest::bits;
use crate::schema::TracePoint;
use crate::vocabulary::Iterate;

/// Rows on their way into columns.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    subjects: Vec<(Iterate, CompactString)>,
    patterns: Vec<Vec<usize>>,
    groups: Vec<u8>,
    /// How many groups are closed.
    closed: u64,
    values: Vec<u8>,
    /// What the rows of the last group share, once there is one, and what they are about.
    shared: Option<Shared>,
    open: Vec<usize>,
    before: Shared,
    pattern: usize,
}

/// What the rows of one step share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shared {
    counts: [u64; 3],
    seconds: u64,
}

impl Shared {
    fn of(point: &TracePoint) -> Self {
        Self { counts: [point.step, point.queries, point.duels], seconds: bits(point.seconds) }
    }
}

impl Columns {
    /// Appends a row.
    pub(crate) fn push(&mut self, point: &TracePoint) {
        let shared = Shared::of(point);
        if self.shared != Some(shared) {
            self.close();
            self.shared = Some(shared);
        }
        let is = |(iterate, metric): &(Iterate, CompactString)| {
            *iterate == point.iterate && *metric == point.metric
        };
        // mostly what came at this place in the group before
        let guess = self.patterns.get(self.pattern).and_then(|pattern| pattern.get(self.open.len())).copied();
        let subject = match guess.filter(|k| is(&self.subjects[*k])) {
            Some(k) => k,
            None => self.subjects.iter().position(is).unwrap_or_else(|| {
                self.subjects.push((point.iterate, point.metric.clone()));
                self.subjects.len() - 1
            }),
        };
        self.open.push(subject);
        self.values.extend(bits(point.value).to_le_bytes());
    }

    fn close(&mut self) {
        let Some(shared) = self.shared.take() else { return };
        if self.patterns.get(self.pattern) != Some(&self.open) {
            self.pattern = self.patterns.iter().position(|known| *known == self.open).unwrap_or_else(|| {
                self.patterns.push(self.open.clone());
                self.patterns.len() - 1
            });
        }
        self.open.clear();
        put(&mut self.groups, self.pattern as u64);
        for (now, before) in shared.counts.iter().zip(self.before.counts) {
            put(&mut self.groups, now.wrapping_sub(before));
        }
        self.groups.extend(shared.seconds.to_le_bytes());
        self.before = shared;
        self.closed += 1;
    }

    /// All rows.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.close();
        let mut out = Vec::with_capacity(256 + self.groups.len() + self.values.len());
        put(&mut out, self.subjects.len() as u64);
        for (iterate, metric) in &self.subjects {
            for text in [iterate.name(), metric] {
                put(&mut out, text.len() as u64);
                out.extend_from_slice(text.as_bytes());
            }
        }
        put(&mut out, self.patterns.len() as u64);
        for pattern in &self.patterns {
            put(&mut out, pattern.len() as u64);
            pattern.iter().for_each(|subject| put(&mut out, *subject as u64));
        }
        put(&mut out, self.closed);
        out.extend(&self.groups);
        out.extend(&self.values);
        out
    }
}

/// Appends an integer.
fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The rows in `bytes`; `None` if they are not what [`Columns::into_bytes`] wrote.
pub(crate) fn rows(bytes: &[u8]) -> Option<Vec<TracePoint>> {
    let mut rest = Rest(bytes);
    let subjects: Vec<(Iterate, CompactString)> = rest.list(|rest| {
        let iterate = rest.text()?;
        Some((*Iterate::ALL.iter().find(|known| known.name() == iterate)?, rest.text()?.into()))
    })?;
    let patterns = rest.list(|rest| {
        rest.list(|rest| {
            let subject = rest.number()?;
            subjects.get(usize::try_from(subject).ok()?)
        })
    })?;
    let mut counts = [0_u64; 3];
    let groups = rest.list(|rest| {
        let pattern = rest.number()?;
        for count in &mut counts {
            *count = count.wrapping_add(rest.number()?);
        }
        Some((patterns.get(usize::try_from(pattern).ok()?)?, counts, rest.float()?))
    })?;
    // as many as there are, whatever the groups say
    let mut points = Vec::with_capacity(rest.0.len() / 8);
    for (pattern, [step, queries, duels], seconds) in groups {
        for (iterate, metric) in pattern {
            let (iterate, metric, value) = (*iterate, metric.clone(), rest.float()?);
            points.push(TracePoint { step, queries, duels, seconds, iterate, metric, value });
        }
    }
    rest.0.is_empty().then_some(points)
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                return None;
            }
            value |= part << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn float(&mut self) -> Option<f64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(f64::from_bits(u64::from_le_bytes(*bytes)))
    }

    /// A number, and so many items.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.number()?;
        // an item has a byte at least
        if length > self.0.len() as u64 {
            return None;
        }
        (0..length).map(|_| item(self)).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn point(step: u64, iterate: Iterate, metric: &str, value: f64) -> TracePoint {
        let (queries, seconds) = (step / 2, 1e-7 * step as f64);
        TracePoint { step, queries, duels: u64::MAX - step, seconds, iterate, metric: metric.into(), value }
    }

    fn columns(points: &[TracePoint]) -> Vec<u8> {
        let mut columns = Columns::default();
        points.iter().for_each(|point| columns.push(point));
        columns.into_bytes()
    }

    /// Steps that come back, a metric that is there now and then, and every kind of number.
    fn points() -> Vec<TracePoint> {
        let values =
            [0.1, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 5e-324, f64::MAX, 1.0 / 3.0, -1e-300];
        let mut points = Vec::new();
        for (k, &value) in values.iter().enumerate() {
            let step = [0, 1, 2, 400, 3, 3, u64::MAX, 0, 7][k];
            for iterate in [Iterate::Last, Iterate::Average] {
                points.push(point(step, iterate, "duality_gap", value));
                if k % 3 == 1 {
                    points.push(point(step, iterate, "a, \"metric\"\n", -value));
                }
            }
        }
        points
    }

    #[test]
    fn what_comes_back_is_what_csv_gives_to_the_bit() {
        let all = points();
        for points in [&all[..], &all[..1], &[]] {
            let mut csv = Vec::new();
            let file = std::path::Path::new("trace.csv");
            crate::files::csv_into(file, &mut csv, points).unwrap();
            let by_csv: Vec<TracePoint> = crate::files::parse_csv(file, &csv).unwrap();
            let by_columns = rows(&columns(points)).unwrap();
            let key = |p: &TracePoint| {
                let (seconds, value) = (p.seconds.to_bits(), p.value.to_bits());
                (p.step, p.queries, p.duels, seconds, p.iterate, p.metric.clone(), value)
            };
            assert_eq!(
                by_columns.iter().map(key).collect::<Vec<_>>(),
                by_csv.iter().map(key).collect::<Vec<_>>()
            );
            assert_eq!(by_columns.len(), points.len());
        }
    }

    #[test]
    fn a_regular_trace_takes_little_more_than_its_values() {
        let points: Vec<TracePoint> = (0..100)
            .flat_map(|step| {
                ["a", "b", "c"].map(|metric| point(step, Iterate::Last, metric, 1.0 / step as f64))
            })
            .collect();
        let length = columns(&points).len();
        assert!(length < 300 * 8 + 100 * 24, "{length}");
    }

    #[test]
    fn whatever_is_cut_or_changed_is_refused_or_other_rows_and_no_panic() {
        let whole = columns(&points());
        for length in 0..whole.len() {
            assert_eq!(rows(&whole[..length]), None, "{length}");
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[at] ^= 1 << bit;
                let _ = rows(&changed);
            }
        }
        assert_eq!(rows(&[&whole[..], b"\0"].concat()), None);
    }
}
