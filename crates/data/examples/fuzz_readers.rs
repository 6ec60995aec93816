//! `fuzz_readers SECONDS [SEED]`: damaged, spliced and made-up files of every format through every reader; prints the
//! number of files tried, read and refused. A reader that panics, or whose answers contradict each other, ends it with the
//! bytes that did it, as `found-SEED.bin`.
//!
//! `cargo run --release -p equipoise-data --example fuzz_readers -- 600`
//!
//! What must hold of every file: no panic; a refusal names the file; what is read is finite; counting, keeping rows and
//! grouping agree on the total. Parquet inputs are built anew from random rows, in random encodings, and damaged as others.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use equipoise_core::{Rng, sample::index, seed::stream};
use equipoise_data::{
    Grouping, Selection, Ties, parse_battles, parse_comparisons, parse_grouped, parse_matrix, parse_policy,
    parse_rankings,
};
use parquet::basic::{Compression, Encoding};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

const TEXTS: [(&str, &str); 12] = [
    (
        "d.csv",
        "item_a,item_b,outcome,weight,context,annotator,timestamp,magnitude\nx,y,a,3,p,j,2024-09-03,1\n\"y,z\",x,tie,0.5,q,k,2024-09-04T10:30:00Z,2\nx,z,b,,p,j,1725445800.5,\n",
    ),
    (
        "d.csv",
        "\u{feff}model_a,model_b,winner,question_id,judge,tstamp\r\ngpt-4,llama,model_a,1,ann,1.7e9\r\ngpt-4,llama,tie (bothbad),1,bob,\r\n",
    ),
    (
        "d.csv",
        "id,model_a,model_b,prompt,winner_model_a,winner_model_b,winner_tie\n1,x,y,\"[\"\"so,\r\n\"\"]\",1,0,0\r\n2,y,z,,0,0,1\n3,x,z,\"a\"b,False,True,False\n",
    ),
    (
        "d.jsonl",
        "{\"model_a\": \"x\", \"model_b\": \"y\", \"winner_model_a\": 1, \"winner_model_b\": 0, \"winner_tie\": false}\n",
    ),
    ("d.csv", "ranking,weight,context\nx > y = z > w,2,p\nw > x,1,q\nx = y,,\n"),
    (
        "d.jsonl",
        "{\"item_a\": \"x\", \"item_b\": 7, \"outcome\": \"a\", \"weight\": 2}\n\n{\"model_a\": \"x\", \"model_b\": \"\\u00e9\", \"winner\": \"tie\", \"turn\": [1, {\"k\": null}]}\n",
    ),
    (
        "d.jsonl",
        "{\"ranking\": \"x > y > z\", \"weight\": 3.5}\n{\"ranking\": \"z > x\", \"context\": null}\n",
    ),
    (
        "d.soi",
        "# FILE NAME: x.soi\n# ALTERNATIVE NAME 1: ann\n# ALTERNATIVE NAME 2: bob\n# ALTERNATIVE NAME 3: cy\n3: 2,1\n1: 3,1,2\n",
    ),
    (
        "d.toc",
        "# ALTERNATIVE NAME 1: a b\n# ALTERNATIVE NAME 2: c\n# ALTERNATIVE NAME 3: d\n10: {1,3},2\n2: 2,{1,3}\n",
    ),
    ("m.csv", "x,a,b,c\na,0.5,0.6,0.1\nb,0.4,0.5,0.7\nc,0.9,0.3,0.5\n"),
    ("m.json", "{\"labels\": [\"a\", \"b\"], \"matrix\": [[0.5, 0.7], [0.3, 0.5]]}"),
    ("p.json", "[0.25, 0.5, 0.25]"),
];
/// Pieces that mean something to some format.
const WORDS: [&[u8]; 35] = [
    b",",
    b"\n",
    b"\r\n",
    b"\"",
    b"\"\"",
    b" > ",
    b" = ",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"#",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xe9",
    b"\0",
    b"1e308",
    b"-1",
    b"nan",
    b"inf",
    b"1e-320",
    b"9999999999999999999",
    b"item_a",
    b"ranking",
    b"weight",
    b"tie",
    b"model_a",
    b"both_bad",
    b"winner_tie",
    b"# ALTERNATIVE NAME 4: x\n",
    b"PAR1",
    b"\x93NUMPY",
    b"0000-13-45",
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds =
        arguments.next().and_then(|s| s.parse::<u64>().ok()).expect("usage: fuzz_readers SECONDS [SEED]");
    let seed = arguments.next().and_then(|s| s.parse::<u64>().ok()).unwrap_or(0);
    let mut rng = stream(seed, "fuzz", &[]);
    let mut corpus: Vec<(&str, Vec<u8>)> = TEXTS.iter().map(|(n, t)| (*n, t.as_bytes().to_vec())).collect();
    corpus.extend((0..12).map(|_| ("d.parquet", parquet(&mut rng))));
    corpus.push(("m.npy", npy(&[[0.5, 0.7], [0.3, 0.5]])));
    let (clock, mut tried, mut read) = (Instant::now(), 0u64, 0u64);
    while clock.elapsed() < Duration::from_secs(seconds) {
        let (name, mut bytes) = corpus[index(&mut rng, corpus.len())].clone();
        if name == "d.parquet" && index(&mut rng, 8) == 0 {
            bytes = parquet(&mut rng);
        }
        for _ in 0..index(&mut rng, 6) {
            let other = index(&mut rng, corpus.len());
            damage(&mut bytes, &corpus[other].1, &mut rng);
        }
        tried += 1;
        let outcome = std::panic::catch_unwind(|| check(name, &bytes));
        match outcome {
            Ok(Ok(was_read)) => read += u64::from(was_read),
            Ok(Err(wrong)) => found(seed, name, &bytes, &wrong),
            Err(_) => found(seed, name, &bytes, "a panic"),
        }
        // what is still read is worth damaging further
        if matches!(outcome, Ok(Ok(true))) && index(&mut rng, 50) == 0 && bytes.len() < 20_000 {
            match corpus.len() < 500 {
                true => corpus.push((name, bytes)),
                false => {
                    let place = TEXTS.len() + 13 + index(&mut rng, corpus.len() - TEXTS.len() - 13);
                    corpus[place] = (name, bytes);
                }
            }
        }
    }
    let refused = tried - read;
    #[expect(clippy::print_stdout, reason = "a program whose result is its output")]
    {
        println!("{tried} files in {seconds} s, seed {seed}: {read} read, {refused} refused, nothing found");
    }
}

fn found(seed: u64, name: &str, bytes: &[u8], what: &str) -> ! {
    let file = format!("found-{seed}.bin");
    let _ = std::fs::write(&file, bytes);
    panic!("{what}, on {} bytes as `{name}`, kept as {file}", bytes.len());
}

/// Whether the file is read; an error if the answers contradict each other.
fn check(name: &str, bytes: &[u8]) -> Result<bool, String> {
    let path = Path::new(name);
    if name.starts_with('m') {
        return Ok(parse_matrix(path, bytes).is_ok());
    }
    if name.starts_with('p') {
        let labels: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        return Ok(parse_policy(path, bytes, &labels).is_ok());
    }
    let all = Selection::default();
    let counted = parse_comparisons(path, bytes, &all);
    let kept = parse_battles(path, bytes, &all);
    let _ = parse_rankings(path, bytes, &all);
    let filtered = Selection { since: Some("2024-01-01".into()), ties: Ties::Drop, ..Selection::default() };
    let _ = parse_comparisons(path, bytes, &filtered);
    let one = Selection {
        context: Some("p".into()),
        items: Some(vec!["x".into(), "y".into()]),
        ..Selection::default()
    };
    let _ = parse_comparisons(path, bytes, &one);
    match (&counted, &kept) {
        (Ok(c), Ok(k)) => {
            let sum: f64 = k.rows.iter().map(|b| b.weight).sum();
            let near = |x: f64, y: f64| (x - y).abs() <= 1e-9 * x.abs().max(y.abs());
            if !near(c.total, sum) || !c.total.is_finite() {
                return Err(format!("counted {} and kept {sum}", c.total));
            }
            if let Ok(grouped) = parse_grouped(path, bytes, &all, Grouping::Context) {
                let total: f64 = grouped.groups.iter().map(|g| g.total).sum();
                if !near(total, c.total) {
                    return Err(format!("counted {} and grouped {total}", c.total));
                }
                (0..grouped.names.len()).for_each(|g| drop(grouped.alone(g)));
            }
            let matrix = c.matrix(0.0);
            let n = c.n();
            if (0..n.min(20)).any(|i| (0..n.min(20)).any(|j| !(0.0..=1.0).contains(&matrix.prob(i, j)))) {
                return Err("a win rate outside [0, 1]".into());
            }
            Ok(true)
        }
        (Err(e), _) if e.path != path || e.rule.is_empty() => Err(format!("a refusal without a place: {e}")),
        (Err(_), Err(_)) => Ok(false),
        // kept rows carry more columns, which may be what is wrong
        (Ok(_), Err(_)) => Ok(false),
        (Err(e), Ok(_)) => Err(format!("kept, but not counted: {e}")),
    }
}

fn damage(bytes: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let at = index(rng, bytes.len() + 1);
    let word = WORDS[index(rng, WORDS.len())];
    match index(rng, 8) {
        0 if at < bytes.len() => bytes[at] ^= 1 << index(rng, 8),
        1 if at < bytes.len() => bytes[at] = index(rng, 256) as u8,
        2 => bytes.truncate(at),
        3 => drop(bytes.splice(at..at, word.iter().copied())),
        4 => {
            let to = (at + word.len()).min(bytes.len());
            drop(bytes.splice(at..to, word.iter().copied()));
        }
        5 => {
            let from = index(rng, other.len() + 1);
            let to = (from + index(rng, 200)).min(other.len());
            drop(bytes.splice(at..at, other[from..to].iter().copied()));
        }
        6 => {
            // a piece again, many times now and then: long cells and records
            let to = (at + index(rng, 40)).min(bytes.len());
            let piece = bytes[at..to].repeat(1 + index(rng, 30));
            drop(bytes.splice(at..at, piece));
        }
        7 => {
            let to = (at + index(rng, 12)).min(bytes.len());
            bytes.drain(at..to);
        }
        _ => {}
    }
}

/// A Parquet file of random rows in random encodings.
fn parquet(rng: &mut Rng) -> Vec<u8> {
    const SCHEMAS: [&str; 4] = [
        "message m { required binary item_a (UTF8); required binary item_b (UTF8); required binary outcome (UTF8); }",
        "message m { optional binary model_a (UTF8); required int32 model_b; required binary winner (UTF8); optional double weight; }",
        "message m { required binary item_a (UTF8); required int64 item_b; required binary outcome; required int64 timestamp (TIMESTAMP(MILLIS,true)); }",
        "message m { required binary ranking (UTF8); optional double weight; }",
    ];
    let compression = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::LZ4_RAW,
        Compression::ZSTD(Default::default()),
    ];
    let encoding =
        [Encoding::PLAIN, Encoding::PLAIN, Encoding::DELTA_BYTE_ARRAY, Encoding::DELTA_LENGTH_BYTE_ARRAY];
    let mut properties = WriterProperties::builder()
        .set_compression(compression[index(rng, 4)])
        .set_dictionary_enabled(index(rng, 2) == 0);
    let schema = parse_message_type(SCHEMAS[index(rng, SCHEMAS.len())]).expect("a valid schema");
    for column in schema.get_fields() {
        if column.get_physical_type() == parquet::basic::Type::BYTE_ARRAY {
            properties = properties.set_column_encoding(column.name().into(), encoding[index(rng, 4)]);
        }
    }
    let names: Vec<String> = schema.get_fields().iter().map(|f| f.name().to_owned()).collect();
    let (mut bytes, rows) = (Vec::new(), index(rng, 40));
    let mut writer = SerializedFileWriter::new(&mut bytes, Arc::new(schema), Arc::new(properties.build()))
        .expect("a writer");
    for _ in 0..=index(rng, 2) {
        let mut group = writer.next_row_group().expect("a row group");
        for name in &names {
            let mut column = group.next_column().expect("a column").expect("one more");
            let here: Vec<bool> = (0..rows).map(|_| index(rng, 4) > 0).collect();
            let levels: Vec<i16> = here.iter().map(|h| i16::from(*h)).collect();
            let optional = matches!(name.as_str(), "model_a" | "weight");
            let (count, levels) = match optional {
                true => (here.iter().filter(|h| **h).count(), Some(&levels[..])),
                false => (rows, None),
            };
            let mut word = |name: &str| -> ByteArray {
                let words: &[&str] = match name {
                    "outcome" | "winner" => &["a", "b", "tie", "model_a", "both_bad"],
                    "ranking" => &["x > y", "x = y > z", "z > y > x", "x"],
                    _ => &["x", "y", "z", "w"],
                };
                ByteArray::from(words[index(rng, words.len())])
            };
            {
                match name.as_str() {
                    "model_b" => drop(column.typed::<Int32Type>().write_batch(
                        &(0..count as i32).collect::<Vec<_>>(),
                        levels,
                        None,
                    )),
                    "item_b" if names.contains(&"timestamp".to_owned()) => {
                        drop(column.typed::<Int64Type>().write_batch(
                            &(0..count as i64).collect::<Vec<_>>(),
                            levels,
                            None,
                        ));
                    }
                    "timestamp" => {
                        let times: Vec<i64> = (0..count as i64).map(|k| k * 1_000_000_007).collect();
                        drop(column.typed::<Int64Type>().write_batch(&times, levels, None));
                    }
                    "weight" => {
                        drop(column.typed::<DoubleType>().write_batch(&vec![1.5; count], levels, None))
                    }
                    other => {
                        let texts: Vec<ByteArray> = (0..count).map(|_| word(other)).collect();
                        drop(column.typed::<ByteArrayType>().write_batch(&texts, levels, None));
                    }
                }
            }
            column.close().expect("a column closes");
        }
        group.close().expect("a row group closes");
    }
    writer.close().expect("a file closes");
    bytes
}

fn npy(rows: &[[f64; 2]; 2]) -> Vec<u8> {
    let mut header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }".to_vec();
    header.resize(117, b' ');
    header.push(b'\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header);
    rows.iter().flatten().for_each(|x| bytes.extend(x.to_le_bytes()));
    bytes
}
