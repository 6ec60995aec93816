//! Digests of the files of a run: what says that a record is whole, and that two of them are equal.
//!
//! Times are left out, so equal runs have equal digests on any machine.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::schema::{PathPoint, PolicyPoint, RunRecord, TracePoint};

/// Digest of each file of a run, by its name.
pub(crate) type Digests = BTreeMap<String, String>;

/// Rows of a file of a run, as far as they are equal in equal runs.
pub(crate) trait Row {
    fn feed(&self, hash: &mut blake3::Hasher);
}

impl Row for TracePoint {
    fn feed(&self, hash: &mut blake3::Hasher) {
        let numbers = [self.step, self.queries, self.duels, bits(self.value)];
        feed(hash, &numbers, &[self.iterate.name(), &self.metric]);
    }
}

impl Row for PolicyPoint {
    fn feed(&self, hash: &mut blake3::Hasher) {
        let (context, action) = (self.context as u64, self.action as u64);
        let numbers = [self.step, context, action, bits(self.prob), bits(self.log_prob)];
        feed(hash, &numbers, &[self.iterate.name()]);
    }
}

impl Row for PathPoint {
    fn feed(&self, hash: &mut blake3::Hasher) {
        feed(hash, &[self.step, bits(self.p0), bits(self.p1), bits(self.p2)], &[]);
    }
}

/// Numbers, then words, each of which a zero ends: at once, because the hash takes many short pieces slowly.
fn feed(hash: &mut blake3::Hasher, numbers: &[u64], words: &[&str]) {
    let mut row = [0; 256];
    let mut length = 0;
    let pieces = numbers.iter().map(|number| Piece::Number(number.to_le_bytes()));
    for piece in pieces.chain(words.iter().flat_map(|word| [Piece::Word(word), Piece::Word("\0")])) {
        let bytes = match &piece {
            Piece::Number(bytes) => &bytes[..],
            Piece::Word(word) => word.as_bytes(),
        };
        if length + bytes.len() > row.len() {
            hash.update(&row[..length]);
            length = 0;
        }
        if bytes.len() > row.len() {
            hash.update(bytes);
        } else {
            row[length..length + bytes.len()].copy_from_slice(bytes);
            length += bytes.len();
        }
    }
    hash.update(&row[..length]);
}

enum Piece<'a> {
    Number([u8; 8]),
    Word(&'a str),
}

/// The bits of a number as CSV keeps them: one NaN.
fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN } else { value }.to_bits()
}

pub(crate) fn of_rows<T: Row>(rows: &[T]) -> String {
    let mut hash = blake3::Hasher::new();
    rows.iter().for_each(|row| row.feed(&mut hash));
    hash.finalize().to_hex().to_string()
}

pub(crate) fn of_record(record: &RunRecord) -> String {
    let mut value = serde_json::to_value(record).expect("a record serialises to JSON");
    value["seconds"] = Value::Null;
    blake3::hash(value.to_string().as_bytes()).to_hex().to_string()
}
