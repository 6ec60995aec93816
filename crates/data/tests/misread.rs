//! What a file says must not be lost, counted twice or read as something else without a word.

#![allow(clippy::single_range_in_vec_init, reason = "a list of row groups of which there is one")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use equipoise_data::{
    Comparisons, Invalid, Reading, Selection, input_files, parse_battles, parse_comparisons, read_comparisons,
};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

fn read(name: &str, text: &str) -> Result<Comparisons, String> {
    read_as(name, text, &Selection::default())
}

fn read_as(name: &str, text: &str, selection: &Selection) -> Result<Comparisons, String> {
    parse_comparisons(Path::new(name), text.as_bytes(), selection).map_err(|e| e.to_string())
}

fn reading(reading: Reading) -> Selection {
    Selection { reading, ..Selection::default() }
}

fn outcomes(words: &[&str]) -> Selection {
    let outcomes = words.iter().map(|w| w.parse().unwrap()).collect();
    reading(Reading { outcomes, ..Reading::default() })
}

/// Wins of the item that comes first in the alphabet, of the other, and ties, of a file of two items.
fn won(data: &Comparisons) -> (f64, f64, f64) {
    let (first, second, ties) = data.pairs[0].outcomes();
    if data.labels[0] < data.labels[1] { (first, second, ties) } else { (second, first, ties) }
}

fn said(data: &Comparisons) -> String {
    data.checks.remarks().join("\n")
}

#[test]
fn weights_of_every_kind_of_row_are_bounded() {
    let skip = reading(Reading { invalid: Invalid::Skip, ..Reading::default() });
    for (weight, rule) in [("1e15", "between 1e-9 and 1e9"), ("-1", "at least 0"), ("1e-300", "between 1e-9")]
    {
        let forms = [
            format!("voter,x,y,count\nv1,1,2,1\nv2,2,1,{weight}\n"),
            format!("ranking,weight\nx>y,1\ny>x,{weight}\n"),
            format!("item_a,item_b,outcome,weight\nx,y,a,1\nx,y,b,{weight}\n"),
            format!("item_a,item_b,wins_a,wins_b\nx,y,1,0\nx,y,0,{weight}\n"),
            format!("item,opponent,wins\nx,y,1\ny,x,{weight}\n"),
        ];
        for text in forms {
            let error = read("d.csv", &text).unwrap_err();
            assert!(error.starts_with("d.csv:3: ") && error.contains(rule), "{text}: {error}");
            assert_eq!(error.matches("--invalid skip").count(), 1, "{error}");
            let kept = read_as("d.csv", &text, &skip).unwrap();
            assert_eq!((won(&kept), kept.checks.left_out.len()), ((1.0, 0.0, 0.0), 1), "{text}");
        }
    }
    // each is a number of comparisons, and their product is none
    for text in [
        "item_a,item_b,wins_a,wins_b,weight\nx,y,1e8,2,1e8\n",
        "item_a,item_b,wins_a,wins_b,weight\nx,y,1e-8,2,1e-8\n",
    ] {
        let error = read("d.csv", text).unwrap_err();
        assert!(error.contains("d.csv:2: weight times wins_a is 1"), "{error}");
    }
    let error = read_as("d.csv", "item_a,item_b,outcome,weight\nx,y,left,1e8\n", &outcomes(&["left=a*1e8"]));
    assert!(error.as_ref().is_err_and(|e| e.contains("weight times votes is 1e16")), "{error:?}");
}

#[test]
fn a_result_that_is_told_goes_before_one_that_is_worked_out() {
    for (header, row) in [
        ("item_a,item_b,rating_a,rating_b,winner", "x,y,1500,1400,b"),
        ("item_a,item_b,score_a,score_b,outcome", "x,y,3,1,b"),
        ("player1,player2,score1,score2,result", "x,y,3,1,b"),
        ("home_team,away_team,home_goals,away_goals,verdict", "x,y,3,1,b"),
        ("item_a,item_b,wins_a,wins_b,result", "x,y,3,1,b"),
    ] {
        let data = read("d.csv", &format!("{header}\n{row}\n")).unwrap();
        assert_eq!(won(&data), (0.0, 1.0, 0.0), "{header}");
        assert_eq!(data.checks.ignored_columns.len(), 2, "{header}");
        let keys: Vec<&str> = header.split(',').collect();
        let pairs: Vec<String> =
            keys.iter().zip(row.split(',')).map(|(k, v)| format!("\"{k}\": \"{v}\"")).collect();
        let json = read("d.jsonl", &format!("{{{}}}\n", pairs.join(", "))).unwrap();
        assert_eq!(won(&json), (0.0, 1.0, 0.0), "{header}");
    }
    // ratings from before a match are no result of it
    let error = read("d.csv", "item_a,item_b,rating_a,rating_b\nx,y,1500,1400\n").unwrap_err();
    assert!(error.contains("Missing: outcome"), "{error}");
}

/// The words `a` and `b` where items have these names.
#[test]
fn a_word_for_a_side_is_a_side_and_what_is_open_to_doubt_is_said() {
    let row = |row: &str| read("d.csv", &format!("item_a,item_b,outcome\n{row}\n"));
    for (line, expected) in
        [("a,c,a", (1.0, 0.0, 0.0)), ("a,b,a", (1.0, 0.0, 0.0)), ("a,b,b", (0.0, 1.0, 0.0))]
    {
        assert_eq!(won(&row(line).unwrap()), expected, "{line}");
    }
    // our own words are sides, as documented, and where the other item has the name it is said
    let (lower, upper) = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)); // in the order of names
    for (line, expected) in [("b,a,a", upper), ("b,a,b", lower), ("b,c,b", upper), ("c,a,a", upper)] {
        let data = row(line).unwrap();
        assert_eq!(won(&data), expected, "{line}");
        let said = data.checks.remarks().join("\n");
        assert!(
            said.contains("though an item has such a name") && said.contains("--outcomes"),
            "{line}: {said}"
        );
    }
    // a published data set: items a to e, words a and b
    assert!(row("a,b,a").unwrap().checks.remarks().iter().all(|r| !r.contains("such a name")));
    // other words stay open to doubt
    for line in ["B,A,A", "x,Tie,Tie"] {
        let error = row(line).unwrap_err();
        assert!(
            error.contains("is the name of one item and a word for") && error.contains("--outcomes"),
            "{error}"
        );
    }
    // words of a format name sides, whatever items are called
    let mt = "{\"question_id\": 1, \"model_1\": \"model_2\", \"model_2\": \"model_1\", \"g1_winner\": \"model_1\", \
              \"g2_winner\": \"model_1\", \"judge\": \"j\"}\n";
    assert_eq!(won(&read("d.jsonl", mt).unwrap()), (0.0, 2.0, 0.0));
    assert_eq!(won(&read("d.csv", "winner,loser\nb,a\n").unwrap()), (0.0, 1.0, 0.0));
}

#[test]
fn a_first_object_may_be_long() {
    for long in [70_000, 700_000] {
        let row = |text: usize, a: &str, b: &str| {
            let text = "q".repeat(text);
            format!(
                "{{\"text\": \"{text}\", \"Left\": 1, \"model_a\": \"{a}\", \"model_b\": \"{b}\", \"result\": \"a\"}}"
            )
        };
        let rows = [row(long, "x", "y"), row(3, "x", "y")];
        for (name, text) in [("d.jsonl", rows.join("\n")), ("d.json", format!("[{}]", rows.join(",")))] {
            let data = read(name, &text).unwrap_or_else(|e| panic!("{name} {long}: {e}"));
            assert_eq!((data.total, won(&data)), (2.0, (2.0, 0.0, 0.0)), "{name}");
        }
    }
}

#[test]
fn which_columns_were_taken_is_said() {
    let data =
        read("d.csv", "item,score,dataset,prompt\nm1,1,t,p1\nm2,2,t,p1\nm1,2,t,p2\nm2,1,t,p2\n").unwrap();
    assert_eq!(won(&data), (1.0, 1.0, 0.0));
    assert!(said(&data).contains("read `prompt` as context"), "{}", said(&data));
    assert_eq!(data.checks.ignored_columns, ["dataset"]);
    // several scores of one item in one context
    let data = read("d.csv", "item,score,task\nm1,1,t\nm2,2,t\nm1,5,t\n").unwrap();
    assert!(said(&data).contains("1 of 3 scores repeat an item in one context"), "{}", said(&data));
    for (text, told) in [
        ("home_team,away_team,home_goals,away_goals\nx,y,2,1\n", "`home_team` as item_a"),
        ("player1,player2,verdict,date\nx,y,a,2024-01-01\n", "`verdict` as outcome"),
        ("winner,loser,votes\nx,y,2\n", "`winner` as the item that won, `loser` as the item that lost"),
        ("{\"response_a\": \"x\", \"response_b\": \"y\", \"verdict\": \"a\"}", "`verdict` as outcome"),
    ] {
        let name = if text.starts_with('{') { "d.jsonl" } else { "d.csv" };
        let data = read(name, text).unwrap();
        assert!(said(&data).contains(told), "{text}: {}", said(&data));
    }
    let plain = read("d.csv", "item_a,item_b,outcome\nx,y,a\n").unwrap();
    assert!(plain.checks.readings.is_empty(), "{:?}", plain.checks.readings);
    // of two columns of one name none is taken
    let error = read("d.csv", "item_a,item_b,outcome,outcome\nx,y,a,b\n").unwrap_err();
    assert!(error.contains("keep one of them"), "{error}");
}

#[test]
fn a_column_that_says_draw_beside_winner_and_loser_is_not_ignored() {
    for (header, row) in [
        ("winner,loser,draw", "x,y,1"),
        ("winner_name,loser_name,is_tie", "x,y,true"),
        ("winner,loser,outcome", "x,y,tie"),
        ("Winner;Loser;Draws", "x;y;0"),
    ] {
        let error = read("d.csv", &format!("{header}\n{row}\n")).unwrap_err();
        assert!(error.contains("which say that every row was won"), "{error}");
    }
    let error = read(
        "d.jsonl",
        "{\"winner\": \"x\", \"loser\": \"y\"}\n{\"winner\": \"x\", \"loser\": \"y\", \"draw\": true}\n",
    );
    assert!(error.as_ref().is_err_and(|e| e.contains("`draw` beside `winner` and `loser`")), "{error:?}");
}

/// Who lists the words of outcomes means no others but ours and the names of items.
#[test]
fn listed_words_are_all_the_words() {
    let rows = |last: &str| format!("item_a,item_b,outcome\nx,y,left\nx,y,a\nx,y,x\nx,y,{last}\n");
    assert_eq!(won(&read_as("d.csv", &rows("left"), &outcomes(&["left=a"])).unwrap()), (4.0, 0.0, 0.0));
    for word in ["A", "1", "response_b", "[[B]]", "0.5", "right"] {
        let error = read_as("d.csv", &rows(word), &outcomes(&["left=a"])).unwrap_err();
        assert!(error.contains("d.csv:5: ") && error.contains("is not among your --outcomes"), "{error}");
    }
}

#[test]
fn times_of_years_floats_and_since() {
    let since = |text: &str| Selection { since: Some(text.into()), ..Selection::default() };
    let rows = |times: [&str; 3]| {
        let row = |time: &str| format!("x,y,a,{time}\n");
        format!("item_a,item_b,outcome,timestamp\n{}", times.map(row).concat())
    };
    for times in [
        ["2022", "2023", "2024"],
        ["2022.0", "2023.0", "2024.0"],
        ["20220101.0", "20230101.0", "20240101.0"],
        ["1640995200.0", "1672531200.0", "1704067200.0"],
    ] {
        let data = read_as("d.csv", &rows(times), &since("2023-01-01")).unwrap();
        assert_eq!(data.total, 2.0, "{times:?}");
        assert!(said(&data).contains("time stamps from 2022-01-01 to 2024-01-01"), "{}", said(&data));
    }
    for text in ["2024", "17", "0", "last week"] {
        let error = read_as("d.csv", &rows(["2022", "2023", "2024"]), &since(text)).unwrap_err();
        assert!(
            error.contains(&format!("since `{text}` is neither")) && error.contains("YYYY-MM-DD"),
            "{error}"
        );
    }
    let mixed = parse_battles(
        Path::new("d.csv"),
        rows(["2022", "1672531200", "2024"]).as_bytes(),
        &Selection::default(),
    );
    let error = mixed.unwrap_err().to_string();
    assert!(error.contains("in years (line 2)") && error.contains("in seconds (line 3)"), "{error}");
}

#[test]
fn no_file_counts_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for name in ["a.csv", "b.csv"] {
        std::fs::write(path(name), "item_a,item_b,outcome\nx,y,a\n").unwrap();
    }
    let of = |first: &Path, more: &[&Path]| {
        let more = more.iter().map(|p| p.to_path_buf()).collect();
        read_comparisons(first, &reading(Reading { more, ..Reading::default() }))
    };
    assert_eq!(of(&path("a.csv"), &[&path("b.csv")]).unwrap().total, 2.0);
    let (a, folder, pattern) = (path("a.csv"), dir.path(), path("*.csv"));
    for (first, more) in [
        (&*a, &*a),
        (&*a, &*dir.path().join(".").join("a.csv")),
        (&*a, folder),
        (folder, &*pattern),
        (Path::new("-"), Path::new("-")),
    ] {
        let error = of(first, &[more]).unwrap_err().to_string();
        assert!(error.contains("is named twice"), "{}: {error}", more.display());
    }
    // what a command reads is what it may not write over
    let more = vec![pattern];
    assert!(input_files(folder, &Reading { more, ..Reading::default() }).is_err());
    assert_eq!(input_files(folder, &Reading::default()).unwrap(), [path("a.csv"), path("b.csv")]);
}

#[test]
fn nothing_is_counted_as_minus_nothing() {
    let data = read("d.csv", "item_a,item_b,outcome,weight\nx,y,a,0\n").unwrap();
    for number in
        [data.total, data.total_ties, data.among(&[0]).total, data.with_pairs(Vec::new()).total_ties]
    {
        assert!(number == 0.0 && number.is_sign_positive(), "{number:?}");
    }
}

/// Packed files are read to their end: what is cut off or damaged there is an error, and a second member is rows too.
#[test]
fn streams_are_read_to_their_end() {
    let dir = tempfile::tempdir().unwrap();
    let read = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        read_comparisons(&path, &Selection::default()).map_err(|e| e.to_string())
    };
    let gz = |text: &str| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(text.as_bytes()).unwrap();
        packer.finish().unwrap()
    };
    let zst = |text: &str| zstd::encode_all(text.as_bytes(), 1).unwrap();
    let (head, tail) = ("item_a,item_b,outcome\nx,y,a\n", "x,y,b\nx,y,tie\n");
    for (name, whole, two) in [
        ("d.csv.gz", gz(&(head.to_owned() + tail)), [gz(head), gz(tail)].concat()),
        ("d.csv.zst", zst(&(head.to_owned() + tail)), [zst(head), zst(tail)].concat()),
    ] {
        assert_eq!(read(name, &whole).unwrap().total, 3.0, "{name}");
        assert_eq!(read(name, &two).unwrap().total, 3.0, "{name}: two members");
        for cut in 1..whole.len().min(12) {
            let error = read(name, &whole[..whole.len() - cut]);
            assert!(error.as_ref().is_err_and(|e| e.contains(name)), "{name} without {cut} bytes: {error:?}");
        }
        let garbage = [&whole[..], b"not packed"].concat();
        assert!(read(name, &garbage).is_err(), "{name}: bytes behind the end");
    }
    // the checksum of gzip stands behind all rows
    let mut damaged = gz(&(head.to_owned() + tail));
    let at = damaged.len() - 8;
    damaged[at] ^= 1;
    assert!(read("e.csv.gz", &damaged).is_err());
}

/// A column of a Parquet file: its type in the schema, and its values, none where it is null.
enum Values<'a> {
    Text(&'a [Option<&'a str>]),
    Whole(&'a [Option<i64>]),
    Number(&'a [Option<f64>]),
}

/// A Parquet file of optional columns; each slice of `groups` is a row group.
fn parquet(
    columns: &[(&str, Values<'_>)],
    groups: &[std::ops::Range<usize>],
    properties: WriterProperties,
) -> Vec<u8> {
    let schema: String = columns
        .iter()
        .map(|(field, _)| field.to_string() + if field.ends_with('}') { "\n" } else { ";\n" })
        .collect();
    let schema = Arc::new(parse_message_type(&format!("message m {{ {schema} }}")).unwrap());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties)).unwrap();
    for rows in groups {
        let mut group = writer.next_row_group().unwrap();
        for (field, values) in columns {
            // a value within a group that is there has the level 2
            let deep = if field.contains("group") { 2 } else { 1 };
            let level = |there: bool| if there { deep } else { 0 };
            let mut column = group.next_column().unwrap().unwrap();
            match values {
                Values::Text(all) => {
                    let part = &all[rows.clone()];
                    let levels: Vec<i16> = part.iter().map(|v| level(v.is_some())).collect();
                    let here: Vec<ByteArray> = part.iter().flatten().map(|v| ByteArray::from(*v)).collect();
                    column.typed::<ByteArrayType>().write_batch(&here, Some(&levels), None).unwrap();
                }
                Values::Whole(all) => {
                    let part = &all[rows.clone()];
                    let levels: Vec<i16> = part.iter().map(|v| level(v.is_some())).collect();
                    let here: Vec<i64> = part.iter().flatten().copied().collect();
                    column.typed::<Int64Type>().write_batch(&here, Some(&levels), None).unwrap();
                }
                Values::Number(all) => {
                    let part = &all[rows.clone()];
                    let levels: Vec<i16> = part.iter().map(|v| level(v.is_some())).collect();
                    let here: Vec<f64> = part.iter().flatten().copied().collect();
                    column.typed::<DoubleType>().write_batch(&here, Some(&levels), None).unwrap();
                }
            }
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    bytes
}

const ITEM_A: &str = "optional binary item_a (UTF8)";
const ITEM_B: &str = "optional binary item_b (UTF8)";
const OUTCOME: &str = "optional binary outcome (UTF8)";
const X: &[Option<&str>] = &[Some("x"), Some("x"), Some("x"), Some("x")];
const Y: &[Option<&str>] = &[Some("y"), Some("y"), Some("y"), Some("y")];
const WORDS: &[Option<&str>] = &[Some("a"), Some("b"), Some("a"), Some("tie")];

fn plain() -> WriterProperties {
    WriterProperties::default()
}

fn parse(bytes: &[u8], selection: &Selection) -> Result<Comparisons, String> {
    parse_comparisons(Path::new("d.parquet"), bytes, selection).map_err(|e| e.to_string())
}

#[test]
fn parquet_of_any_encoding_and_any_row_groups() {
    let columns = || [(ITEM_A, Values::Text(X)), (ITEM_B, Values::Text(Y)), (OUTCOME, Values::Text(WORDS))];
    let dictionary = WriterProperties::builder()
        .set_dictionary_enabled(true)
        .set_dictionary_page_size_limit(4)
        .set_data_page_row_count_limit(1)
        .set_compression(Compression::SNAPPY)
        .build();
    let without = WriterProperties::builder().set_dictionary_enabled(false).build();
    for (what, properties) in
        [("default", plain()), ("dictionary that overflows", dictionary), ("plain", without)]
    {
        for groups in [vec![0..4], vec![0..0, 0..1, 1..1, 1..4, 4..4]] {
            let bytes = parquet(&columns(), &groups, properties.clone());
            let data = parse(&bytes, &Selection::default()).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(won(&data), (2.0, 1.0, 1.0), "{what}, {groups:?}");
        }
    }
    let empty = parquet(&columns(), &[0..0], plain());
    let none = parse(&empty, &Selection::default()).unwrap_err();
    assert!(none.contains("d.parquet"), "{none}");
}

#[test]
fn nulls_in_parquet_are_blanks() {
    let holes: &[Option<&str>] = &[Some("x"), None, Some("x"), Some("x")];
    let words: &[Option<&str>] = &[Some("a"), Some("b"), None, Some("tie")];
    let weights: &[Option<f64>] = &[Some(2.0), None, None, None];
    let bytes = parquet(
        &[
            (ITEM_A, Values::Text(holes)),
            (ITEM_B, Values::Text(Y)),
            (OUTCOME, Values::Text(words)),
            ("optional double weight", Values::Number(weights)),
        ],
        &[0..2, 2..4],
        plain(),
    );
    let error = parse(&bytes, &Selection::default()).unwrap_err();
    assert!(error.contains("d.parquet:2: an item has no name"), "{error}");
    let data = parse(&bytes, &reading(Reading { invalid: Invalid::Skip, ..Reading::default() })).unwrap();
    let left_out: Vec<(&str, u64)> =
        data.checks.left_out.iter().map(|(why, lines)| (why.as_str(), lines.count)).collect();
    assert_eq!((won(&data), left_out), ((2.0, 0.0, 1.0), vec![("no name of an item", 1), ("no outcome", 1)]));
}

#[test]
fn parquet_columns_of_odd_types_are_read_as_they_are_or_refused_by_name() {
    let with = |field: &'static str, values: Values<'static>| {
        let columns = [
            (ITEM_A, Values::Text(X)),
            (ITEM_B, Values::Text(Y)),
            (OUTCOME, Values::Text(WORDS)),
            (field, values),
        ];
        parquet(&columns, &[0..4], plain())
    };
    let one = || Values::Whole(&[Some(100), Some(250), Some(100), Some(100)]);
    // what nobody asks for may be of any type
    let nested = with("optional group conversation { optional binary content (UTF8); }", Values::Text(WORDS));
    assert_eq!(won(&parse(&nested, &Selection::default()).unwrap()), (2.0, 1.0, 1.0));
    for (what, bytes) in [
        ("item_a", with("optional binary item_a (UTF8)", Values::Text(Y))),
        ("weight", with("optional group weight { optional binary n (UTF8); }", Values::Text(WORDS))),
        (
            "weight",
            with(
                "optional int64 weight (INTEGER(64,false))",
                Values::Whole(&[Some(-1), Some(1), Some(1), Some(1)]),
            ),
        ),
        ("weight", with("optional int64 weight (DECIMAL(10,2))", one())),
        ("timestamp", with("optional int64 timestamp (TIME(MICROS,true))", one())),
    ] {
        let battles = parse_battles(Path::new("d.parquet"), &bytes, &Selection::default());
        let error = battles.map(|b| format!("read: {:?}", b.rows)).unwrap_or_else(|e| e.to_string());
        assert!(error.starts_with("d.parquet") && error.contains(what), "{what}: {error}");
        assert!(!error.contains("`-1`"), "{error}");
    }
}
