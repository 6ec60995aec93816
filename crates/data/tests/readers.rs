//! The readers against each other, against counts made by hand, and against bad files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use equipoise_data::{
    Battle, Comparisons, Grouping, Outcome, Reading, Repetitions, Selection, Ties, parse_battles,
    parse_comparisons, parse_grouped, parse_rankings, read_battles, read_comparisons, read_grouped,
};
use parquet::basic::{Compression, Encoding};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

fn parse(name: &str, bytes: &[u8], selection: &Selection) -> Result<Comparisons, String> {
    parse_comparisons(Path::new(name), bytes, selection).map_err(|e| e.to_string())
}

fn all(name: &str, text: &str) -> Result<Comparisons, String> {
    parse(name, text.as_bytes(), &Selection::default())
}

#[test]
fn ties_are_half_wins_and_filters_hold() {
    let text = "item_a,item_b,outcome,weight,context\nx,y,a,3,p\ny,x,tie,1,p\nx,z,b,2,p\nx,y,b,9,q\n";
    let selection = Selection { context: Some("p".into()), ..Selection::default() };
    let data = parse("d.csv", text.as_bytes(), &selection).unwrap();
    assert_eq!(data.labels, ["x", "y", "z"]);
    assert_eq!((data.total, data.total_ties, data.checks.rows, data.checks.skipped), (6.0, 1.0, 3, 1));
    assert_eq!(data.matrix(0.0).prob(0, 1), 3.5 / 4.0);
    assert_eq!(data.matrix(0.5).prob(0, 1), 4.0 / 5.0);
    assert_eq!((data.unmet_pairs(), data.unmet(), data.components().len()), (vec![(1, 2)], 1, 1));
    // order of presentation is kept
    let pair = data.pairs[0];
    assert_eq!((pair.forward.first, pair.backward.tie, pair.outcomes()), (3.0, 1.0, (3.0, 0.0, 1.0)));
    let dropped = parse("d.csv", text.as_bytes(), &Selection { ties: Ties::Drop, ..selection }).unwrap();
    assert_eq!((dropped.matrix(0.0).prob(0, 1), dropped.total, dropped.total_ties), (1.0, 5.0, 1.0));
    let of = |items: &[&str]| Selection {
        items: Some(items.iter().map(ToString::to_string).collect()),
        ..Selection::default()
    };
    let some = parse("d.csv", text.as_bytes(), &of(&["x", "z"])).unwrap();
    assert_eq!((some.labels, some.total), (vec!["x".to_owned(), "z".to_owned()], 2.0));
    assert_eq!(data.among(&[2, 0]).pairs[0].outcomes(), (2.0, 0.0, 0.0));
}

#[test]
fn arena_names_time_stamps_and_numbers_as_names() {
    let json = "\u{feff}{\"model_a\": \"x\", \"model_b\": 7, \"winner\": \"tie (bothbad)\", \"turn\": [1, {\"k\": 2}]}\n\n\
                {\"model_a\": \"x\", \"model_b\": 7, \"winner\": \"model_b\", \"tstamp\": 1725445800.5, \"judge\": null}\n";
    let data = all("d.jsonl", json).unwrap();
    assert_eq!((data.matrix(0.0).prob(0, 1), data.labels[1].as_str()), (0.25, "7"));
    assert_eq!(data.pairs[0].forward.both_bad, 1.0);
    assert_eq!(data.checks.ignored_columns, ["turn"]);
    let since = |text: &str| Selection { since: Some(text.into()), ..Selection::default() };
    let error = parse("d.jsonl", json.as_bytes(), &since("2024-09-04")).unwrap_err();
    assert!(error.contains("d.jsonl:1: timestamp `` is neither"), "{error}");
    let csv =
        "item_a,item_b,outcome,timestamp\nx,y,a,2024-09-03\nx,y,b,2024-09-04T10:30:00Z\ny,x,a,2024-01-01\n";
    assert_eq!(parse("d.csv", csv.as_bytes(), &since("2024-09-04")).unwrap().total, 1.0);
    let battles = parse_battles(Path::new("d.csv"), csv.as_bytes(), &Selection::default()).unwrap();
    let times: Vec<f64> = battles.rows.iter().map(|b| b.time.unwrap()).collect();
    assert_eq!((times[1] - times[0], times[2] < times[0]), (34.5 * 3600.0, true));
    assert_eq!((battles.rows[2].first, battles.rows[2].outcome), (1, Outcome::First));
    let odd = csv.replace("2024-01-01", "soon");
    let battles = parse_battles(Path::new("d.csv"), odd.as_bytes(), &Selection::default()).unwrap();
    assert_eq!((battles.rows[2].time.is_some(), battles.checks.unread_times.first.clone()), (false, vec![4]));
}

#[test]
fn odd_rows_are_counted_with_their_lines() {
    let csv = "item_a,item_b,outcome,context,annotator,mood\nx,y,a,p,ann,1\nx,x,tie,p,ann,\nx,y,a,p,ann,2\nx,y,b,p,ann,\n";
    let data = all("d.csv", csv).unwrap();
    assert_eq!((data.checks.self_comparisons.count, &data.checks.self_comparisons.first[..]), (1, &[3][..]));
    assert_eq!((data.checks.repetitions.count, &data.checks.repetitions.first[..]), (1, &[4][..]));
    assert_eq!((data.total, data.checks.rows), (3.0, 3));
    let remarks = data.checks.remarks();
    assert_eq!(remarks[0], "1 rows compare an item with itself and are left out (line 3)");
    assert_eq!(remarks[2], "columns ignored: mood");
    assert_eq!(all("d.csv", "item_a,item_b,outcome\nx,y,a\nz,w,a\n").unwrap().components().len(), 2);
}

/// What repeats an earlier row is dropped as it is said to be, wherever the two stand: in one part of a file or in two, or in two
/// files.
#[test]
fn repetitions_are_dropped_over_all_files() {
    let with = |repetitions| Selection {
        reading: Reading { repetitions, ..Reading::default() },
        ..Selection::default()
    };
    // one judgement with another weight, one of another annotator, one turned round, one without an annotator, twice
    let csv = "item_a,item_b,outcome,context,annotator,weight\nx,y,a,p,ann,1\nx,y,a,p,ann,2\nx,y,a,p,bob,1\ny,x,b,p,ann,1\n\
               x,y,a,p,,1\nx,y,a,p,,1\nx,y,a,p,ann,1\n";
    let read =
        |repetitions| parse_comparisons(Path::new("d.csv"), csv.as_bytes(), &with(repetitions)).unwrap();
    let [kept, dropped, equal] = [Repetitions::Keep, Repetitions::Drop, Repetitions::DropEqual].map(read);
    assert_eq!((kept.total, kept.checks.rows, kept.checks.repetitions.count), (8.0, 7, 2));
    assert_eq!((dropped.total, dropped.checks.rows), (5.0, 5));
    assert_eq!((dropped.checks.repetitions.count, &dropped.checks.repetitions.first[..]), (2, &[3, 8][..]));
    let said =
        "2 rows repeat a judgement (same annotator, context, items, outcome) and are dropped (lines 3, 8)";
    assert_eq!(dropped.checks.remarks()[0], said);
    assert_eq!((equal.total, equal.checks.rows), (6.0, 5));
    assert_eq!(&equal.checks.repetitions.first[..], &[7, 8][..]);
    // counts of a pair are one row of several entries
    let counts = "item_a,item_b,wins_a,wins_b,ties\nx,y,3,2,1\nx,y,3,2,1\nx,y,3,2,0\n";
    let read = |repetitions| {
        parse_comparisons(Path::new("d.csv"), counts.as_bytes(), &with(repetitions)).unwrap().total
    };
    assert_eq!((read(Repetitions::Keep), read(Repetitions::DropEqual)), (17.0, 11.0));
    // many parts of a file, and two files: the second is all repetitions, in every form in which rows are kept
    let folder = tempfile::tempdir().unwrap();
    let mut text = "item_a,item_b,outcome,context,annotator\n".to_owned();
    for k in 0..60_000 {
        text.push_str(&format!("item {},other,{},p{},ann\n", k % 7, ["a", "b", "tie"][k % 3], k % 2_000));
    }
    let paths = ["one.csv", "two.csv"].map(|name| folder.path().join(name));
    paths.iter().for_each(|path| std::fs::write(path, &text).unwrap());
    let mut selection = with(Repetitions::Drop);
    selection.reading.more = vec![paths[1].clone()];
    let mut seen = std::collections::HashSet::new();
    let distinct = text.lines().skip(1).filter(|line| seen.insert(*line)).count();
    let battles = read_battles(&paths[0], &selection).unwrap();
    assert_eq!(battles.rows.len(), distinct);
    assert_eq!(battles.checks.repetitions.count as usize, 120_000 - distinct);
    assert!(battles.checks.remarks()[0].contains("(in 2 files)"), "{:?}", battles.checks.remarks());
    let grouped = read_grouped(&paths[0], &selection, Grouping::Annotator).unwrap();
    assert_eq!(grouped.groups[0].total as usize, distinct);
    // what cannot be told is said
    let refused =
        |name: &str, text: &str, repetitions| parse(name, text.as_bytes(), &with(repetitions)).unwrap_err();
    let error = refused("d.csv", "item_a,item_b,outcome,context\nx,y,a,p\n", Repetitions::Drop);
    assert!(error.contains("no column `annotator`") && error.contains("drop-equal"), "{error}");
    let error = refused("d.csv", "ranking,context,annotator\nx > y,p,j\n", Repetitions::Drop);
    assert!(error.contains("d.csv:2") && error.contains("leave --repetitions out"), "{error}");
    assert!("twice".parse::<Repetitions>().unwrap_err().contains("drop-equal"));
}

/// Three columns of which one is 1, as published votes have them, are an outcome in all formats.
#[test]
fn winners_in_three_columns() {
    let csv = "id,model_a,model_b,response_a,winner_model_a,winner_model_b,winner_tie\n\
               1,x,y,\"so,\nto say\",1,0,0\n2,x,y,no,0,1.0,0\n3,y,x,,False,False,True\n";
    let json = "{\"model_a\": \"x\", \"model_b\": \"y\", \"winner_model_a\": 1, \"winner_model_b\": 0, \"winner_tie\": 0}\n\
                {\"model_a\": \"x\", \"model_b\": \"y\", \"winner_model_a\": 0, \"winner_model_b\": 1.0, \"winner_tie\": \"0\"}\n\
                {\"model_a\": \"y\", \"model_b\": \"x\", \"winner_model_a\": false, \"winner_model_b\": false, \"winner_tie\": true}\n";
    let parquet = |ties: &[bool]| {
        let schema = "message m { required binary model_a (UTF8); required binary model_b (UTF8);
            required int64 winner_model_a; required double winner_model_b; required boolean winner_tie; }";
        let mut bytes = Vec::new();
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        for k in 0..5 {
            let mut column = group.next_column().unwrap().unwrap();
            let texts = |words: [&str; 3]| words.map(ByteArray::from);
            match k {
                0 => column.typed::<ByteArrayType>().write_batch(&texts(["x", "x", "y"]), None, None),
                1 => column.typed::<ByteArrayType>().write_batch(&texts(["y", "y", "x"]), None, None),
                2 => column.typed::<Int64Type>().write_batch(&[1, 0, 0], None, None),
                3 => column.typed::<DoubleType>().write_batch(&[0.0, 1.0, 0.0], None, None),
                _ => column.typed::<BoolType>().write_batch(ties, None, None),
            }
            .unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
        writer.close().unwrap();
        bytes
    };
    let files = [
        ("d.csv", csv.as_bytes().to_vec()),
        ("d.jsonl", json.as_bytes().to_vec()),
        ("d.parquet", parquet(&[false, false, true])),
    ];
    for (name, bytes) in &files {
        let data = parse(name, bytes, &Selection::default()).unwrap();
        assert_eq!((data.total, data.pairs[0].outcomes()), (3.0, (1.0, 1.0, 1.0)), "{name}");
        assert_eq!(data.pairs[0].backward.tie, 1.0, "{name}");
    }
    let rule =
        "winner_model_a, winner_model_b, winner_tie are `0`, `1`, `1`; exactly one must be 1, the others 0";
    for (name, bytes, place) in [
        ("d.csv", csv.replace("0,1.0,0", "0,1,1").into_bytes(), "d.csv:4: "),
        (
            "d.jsonl",
            json.replace("1.0, \"winner_tie\": \"0\"", "1, \"winner_tie\": true").into_bytes(),
            "d.jsonl:2: ",
        ),
        ("d.parquet", parquet(&[false, true, true]), "d.parquet:2: "),
    ] {
        let way_out = "--invalid skip leaves such rows out and counts them";
        let error = parse(name, &bytes, &Selection::default()).unwrap_err();
        assert_eq!(error, format!("{place}{rule}; {way_out}"));
    }
    let none = all("d.csv", &csv.replace("1,0,0\n2", "0,0,\n2")).unwrap_err();
    assert!(none.starts_with("d.csv:2: ") && none.contains("are `0`, `0`, ``; exactly one"), "{none}");
    let partial = all("d.csv", "model_a,model_b,winner_model_a,winner_tie\n").unwrap_err();
    assert!(partial.contains("has not all of winner_model_a,winner_model_b,winner_tie"), "{partial}");
    // an outcome in words comes first, and the columns are listed as ignored
    let both = all(
        "d.csv",
        &csv.replace("id,", "winner,")
            .replace("\n1,", "\ntie,")
            .replace("\n2,", "\ntie,")
            .replace("\n3,", "\na,"),
    );
    let both = both.unwrap();
    assert_eq!((both.total_ties, both.checks.ignored_columns.len()), (2.0, 4));
    let both = all("d.jsonl", &json.replace("}", ", \"winner\": \"model_b\"}")).unwrap();
    assert_eq!((both.pairs[0].outcomes().1, both.checks.ignored_columns.len()), (2.0, 3));
    let judged = "item_a,item_b,winner_model_a,winner_model_b,winner_tie,context,annotator\nx,y,1,0,0,p,j\nx,y,0,1,0,p,j\n";
    assert_eq!(all("d.csv", judged).unwrap().checks.repetitions.count, 0);
}

/// Columns of a file on disk are read at once, each at its own place.
#[test]
fn parquet_from_disk_is_what_its_bytes_are() {
    const GROUPS: usize = 60;
    const ROWS: usize = 700;
    let schema = "message m { required binary item_a (UTF8); required binary item_b (UTF8); \
                  required binary outcome (UTF8); required binary context (UTF8); required double weight; }";
    let mut bytes = Vec::new();
    let properties =
        WriterProperties::builder().set_dictionary_enabled(false).set_data_page_size_limit(512).build();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties)).unwrap();
    for g in 0..GROUPS {
        let mut group = writer.next_row_group().unwrap();
        for c in 0..5 {
            let mut column = group.next_column().unwrap().unwrap();
            let word = |k: usize| match c {
                0 => format!("item {}", (g + k) % 7),
                1 => format!("item {}", (g + k) % 7 + 1 + k % 3),
                2 => ["a", "b", "tie"][(g * k) % 3].to_owned(),
                _ => format!("a context with a long name, number {}", k % 5),
            };
            if c == 4 {
                let weights: Vec<f64> = (0..ROWS).map(|k| 1.0 + (k % 4) as f64 / 4.0).collect();
                column.typed::<DoubleType>().write_batch(&weights, None, None).unwrap();
            } else {
                let words: Vec<_> = (0..ROWS).map(|k| ByteArray::from(word(k).as_str())).collect();
                column.typed::<ByteArrayType>().write_batch(&words, None, None).unwrap();
            }
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.parquet");
    std::fs::write(&path, &bytes).unwrap();
    let whole = parse("d.parquet", &bytes, &Selection::default()).unwrap();
    assert_eq!(whole.checks.rows, (GROUPS * ROWS) as u64);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    for _ in 0..20 {
        let read = pool.install(|| read_comparisons(&path, &Selection::default())).unwrap();
        assert_eq!((&read.labels, read.total), (&whole.labels, whole.total));
        assert_eq!(format!("{:?}", read.pairs), format!("{:?}", whole.pairs));
    }
}

/// A page that says it holds billions of lengths is refused before memory is taken for them.
#[test]
fn pages_that_promise_too_much_are_refused() {
    for encoding in [Encoding::DELTA_BYTE_ARRAY, Encoding::DELTA_LENGTH_BYTE_ARRAY] {
        let schema = "message m { required binary item_a (UTF8); optional binary item_b (UTF8); \
                      required binary outcome (UTF8); }";
        let properties =
            WriterProperties::builder().set_dictionary_enabled(false).set_encoding(encoding).build();
        let mut whole = Vec::new();
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer = SerializedFileWriter::new(&mut whole, schema, Arc::new(properties)).unwrap();
        let mut group = writer.next_row_group().unwrap();
        for word in ["x", "y", "a"] {
            let mut column = group.next_column().unwrap().unwrap();
            let words = vec![ByteArray::from(word); 50];
            let levels = (word == "y").then(|| vec![1; 50]);
            column.typed::<ByteArrayType>().write_batch(&words, levels.as_deref(), None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
        writer.close().unwrap();
        assert_eq!(parse("d.parquet", &whole, &Selection::default()).unwrap().total, 50.0);
        // blocks of 128 in 4 parts, 50 lengths
        let places: Vec<usize> =
            (0..whole.len()).filter(|&k| whole[k..].starts_with(&[0x80, 1, 4, 50])).collect();
        assert!(places.len() >= 3, "{places:?}");
        for place in places {
            let mut damaged = whole.clone();
            damaged[place + 3..place + 8].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x7f]);
            let error = parse("d.parquet", &damaged, &Selection::default()).unwrap_err();
            assert!(error.contains("a page is damaged") && error.contains("write it again"), "{error}");
        }
    }
}

#[test]
fn rankings_count_for_all_their_pairs() {
    let csv = "ranking,context,weight\nx > y = z > w,p,2\nw > x,q,\nw,q,1\n";
    let data = all("d.csv", csv).unwrap();
    assert_eq!(data.labels, ["x", "y", "z", "w"]);
    assert_eq!((data.total, data.total_ties, data.checks.short_rankings.count), (13.0, 2.0, 1));
    assert_eq!(data.matrix(0.0).prob(0, 3), 2.0 / 3.0);
    let kept = parse_rankings(Path::new("d.csv"), csv.as_bytes(), &Selection::default()).unwrap();
    assert_eq!(kept.rankings[0].groups, [vec![0], vec![1, 2], vec![3]]);
    assert_eq!((kept.rankings[0].weight, kept.contexts), (2.0, vec!["p".to_owned(), "q".to_owned()]));
    let soi = "# FILE NAME: x.soi\n# ALTERNATIVE NAME 1: ann\n# ALTERNATIVE NAME 2: bob\n# ALTERNATIVE NAME 3: cy\n\
               # NUMBER UNIQUE ORDERS: 2\n3: 2,1\n1: {1,3},2\n";
    let orders = all("d.toi", soi).unwrap();
    assert_eq!((orders.total, orders.total_ties), (6.0, 1.0));
    assert_eq!(orders.matrix(0.0).prob(1, 0), 0.75);
    for (body, fragment) in [
        ("3: 2,4\n", "d.toi:6: `4` is not one of the 3 alternatives"),
        ("x: 2\n", "must be the whole number of voters"),
        ("1: 2,2\n", "ranks `bob` twice"),
        ("1: {1,2\n", "a brace that is not closed"),
        ("1: 1},2\n", "braces that do not match"),
        ("1,2\n", "is not an order"),
    ] {
        let error = all("d.toi", &soi.replace("3: 2,1\n1: {1,3},2\n", body)).unwrap_err();
        assert!(error.contains(fragment), "{body}: {error}");
    }
}

#[test]
fn bad_files_are_told_where_and_why() {
    let rows = |r: &str| format!("item_a,item_b,outcome,weight\n{r}\n");
    for (name, text, fragment) in [
        ("d.csv", rows("x,y,c,1"), "d.csv:2: outcome `c` is not known"),
        ("d.csv", rows("x,y,q,1"), "d.csv:2: outcome `q` is not known"),
        ("d.csv", rows("x,y,a,1\nx,y,Q,1").replace('\n', "\r\n"), "d.csv:3: outcome `Q`"),
        ("d.csv", rows("\n\nx,\"y\nz\",a,1\n\nx,y,Q,1"), "d.csv:7: outcome `Q`"),
        ("d.csv", rows("x,y,a,1\nx,y,Ties,1"), "d.csv:3: outcome `Ties` is not known, did you mean `tie`?"),
        ("d.csv", rows(",x,a,1"), "d.csv:2: an item has no name"),
        ("d.csv", rows("x,y,a,-1"), "weight `-1` must be"),
        ("d.csv", rows("x,y,a,inf"), "weight `inf` must be"),
        ("d.csv", "item_a,item_b,outcome,magnitude\nx,y,a,-2\n".into(), "d.csv:2: magnitude `-2` must be"),
        ("d.csv", "ranking,magnitude\nx > y,2\n".into(), "d.csv:1: has rankings and a `magnitude`"),
        ("d.csv", rows("x,y,a,one"), "weight `one` is not a number"),
        ("d.csv", rows("x,y,a"), "d.csv:2: has 3 cells where the header has 4"),
        ("d.csv", "a,b\n1,2\n".into(), "d.csv:1: the header is `a,b`; item_a,item_b,outcome"),
        ("d.csv", "item_a;item_b;outcome\n".into(), "has no comparisons"),
        ("d.csv", "item_a,item_b,outcome\n".into(), "has no comparisons"),
        ("d.csv", "item_a,model_a,item_b,outcome\nx,x,y,a\n".into(), "d.csv:1: two columns mean `item_a`"),
        ("d.csv", "item_a,item_b,outcome,ranking\n".into(), "has both rankings and comparisons"),
        ("d.csv", String::new(), "is empty"),
        ("d.csv", "ranking\nx > > y\n".into(), "d.csv:2: ranking `x > > y` has an item without a name"),
        ("d.csv", "ranking\nx > y > x\n".into(), "d.csv:2: ranks `x` twice"),
        ("d.jsonl", "[]\n".into(), "d.jsonl: has no comparisons"),
        ("d.jsonl", "{}\n".into(), "d.jsonl:1: an item has no name"),
        ("d.jsonl", "{\"item_a\": \"x\"\n".into(), "d.jsonl:1: EOF while parsing an object"),
        (
            "d.jsonl",
            "{\"item_a\": true, \"item_b\": 1, \"outcome\": \"a\"}\n".into(),
            "expected text or a number in `item_a`",
        ),
        ("d.jsonl", "{\"item_a\": \"x\", \"model_a\": \"x\"}".into(), "two keys mean `item_a`"),
        ("d.jsonl", String::new(), "has no comparisons"),
        ("d.parquet", "PAR1".into(), "is not whole Parquet"),
        ("d.txt", "x".into(), "has the ending `txt`"),
        ("d.wmd", "x".into(), "weights of a matching market"),
    ] {
        let error = all(name, &text).unwrap_err();
        assert!(error.contains(fragment), "{text:?}: {error}");
    }
    let utf16 = b"\xff\xfei\0t\0e\0m\0";
    for name in ["d.csv", "d.jsonl"] {
        assert!(parse(name, utf16, &Selection::default()).unwrap_err().contains("is UTF-16"));
    }
    let latin = b"item_a,item_b,outcome\nx,y,a\nx,caf\xe9,a\n";
    let error = parse("d.csv", latin, &Selection::default()).unwrap_err();
    assert!(error.starts_with("d.csv:3: `caf") && error.contains("is not UTF-8"), "{error}");
    let open_quote = format!("item_a,item_b,outcome\nx,y,\"a\n{}", "x,y,a\n".repeat(4_000_000));
    let error = all("d.csv", &open_quote).unwrap_err();
    assert!(error.starts_with("d.csv:2: ") && error.contains("a quote that is not closed"), "{error}");
    let gigantic = format!("item_a,item_b,outcome\nx,y,a\n{},y,a\n", "x".repeat(20 << 20));
    let error = all("d.csv", &gigantic).unwrap_err();
    assert!(error.starts_with("d.csv:3: ") && error.contains("longer than 16 MiB"), "{error}");
    let line = format!("{{\"item_a\": \"{}\"}}\n", "x".repeat(65 << 20));
    assert!(all("d.jsonl", &line).unwrap_err().contains("d.jsonl:1: is longer than 64 MiB"));
    let unmarked: Vec<u8> = "item_a,item_b,outcome\nx,y,a\n".bytes().flat_map(|b| [b, 0]).collect();
    let error = parse("d.csv", &unmarked, &Selection::default()).unwrap_err();
    assert!(error.contains("d.csv:1: the header holds zero bytes"), "{error}");
    let marked = "\u{feff}item_a,item_b,outcome\r\nx,y,a\r\ny,x,tie\r\n";
    assert_eq!(all("d.csv", marked).unwrap().total, 2.0);
    // every cut of a Parquet file is refused, in words
    let rows: Rows = (0..50).map(|k| (k % 3, (k + 1) % 3, k, None, 1, 0)).collect();
    let whole = parquet_of(&rows, 20, Compression::SNAPPY);
    for cut in (0..whole.len()).step_by(7) {
        let error = parse("d.parquet", &whole[..cut], &Selection::default()).unwrap_err();
        assert!(error.starts_with("d.parquet: is ") && error.contains("write it again"), "{error}");
    }
    let s = Selection { context: Some("writting".into()), ..Selection::default() };
    let csv = b"item_a,item_b,outcome,context\nx,y,a,writing\n";
    let error = parse("d.csv", csv, &s).unwrap_err();
    assert!(error.contains("1 comparisons, none of them selected; did you mean `writing`?"), "{error}");
    let error = parse("d.csv", b"item_a,item_b,outcome\nx,y,a\n", &s).unwrap_err();
    assert!(error.contains("has no column `context`"), "{error}");
    let items = |list: &[&str]| Selection {
        items: Some(list.iter().map(ToString::to_string).collect()),
        ..Selection::default()
    };
    for (list, fragment) in [
        (
            &["gpt-4", "claude", "lama"][..],
            "no selected comparison of item `lama` with another; did you mean `llama`?",
        ),
        (&["gpt-4", "clyde"], "none of them selected; did you mean `claude`?"),
    ] {
        let csv = b"item_a,item_b,outcome\ngpt-4,claude,a\nllama,gpt-4,b\n";
        let error = parse("d.csv", csv, &items(list)).unwrap_err();
        assert!(error.contains(fragment), "{error}");
    }
    let grouped = parse_grouped(Path::new("d.csv"), csv, &Selection::default(), Grouping::Annotator);
    let error = grouped.unwrap_err().to_string();
    assert!(error.contains("d.csv:1: has no column `annotator`, so nothing can be grouped by"), "{error}");
    let folder = tempfile::Builder::new().suffix(".csv").tempdir().unwrap();
    let error = read_comparisons(folder.path(), &Selection::default()).unwrap_err().to_string();
    assert!(error.contains("is a folder"), "{error}");
}

/// Rows as (a, b, outcome, context, weight, time).
type Rows = Vec<(u8, u8, u8, Option<u8>, u32, i64)>;

fn words(rows: &Rows) -> Vec<[String; 6]> {
    let outcome = |o: u8| ["a", "b", "tie", "both_bad"][usize::from(o % 4)].to_owned();
    rows.iter()
        .map(|&(a, b, o, c, w, t)| {
            let context = c.map_or(String::new(), |c| format!("c,\"{c}\""));
            [format!("m{a}"), format!("m{b}"), outcome(o), context, w.to_string(), t.to_string()]
        })
        .collect()
}

fn csv_of(rows: &Rows) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["item_a", "item_b", "outcome", "context", "weight", "timestamp"]).unwrap();
    words(rows).iter().for_each(|row| writer.write_record(row).unwrap());
    writer.into_inner().unwrap()
}

fn json_of(rows: &Rows) -> Vec<u8> {
    let line = |[a, b, o, c, w, t]: [String; 6]| {
        let context = if c.is_empty() { serde_json::Value::Null } else { c.into() };
        let (weight, stamp): (u32, i64) = (w.parse().unwrap(), t.parse().unwrap());
        let winner = o.replace("both_bad", "tie (bothbad)");
        let row = serde_json::json!({
            "model_a": a, "model_b": b, "winner": winner, "question_id": context, "weight": weight, "tstamp": stamp,
        });
        row.to_string() + "\n"
    };
    words(rows).into_iter().map(line).collect::<String>().into_bytes()
}

fn parquet_of(rows: &Rows, group: usize, compression: Compression) -> Vec<u8> {
    let schema = "message m {
        required binary item_a (UTF8); required binary item_b (UTF8); required binary outcome (UTF8);
        optional binary context (UTF8); required double weight; required int64 timestamp (TIMESTAMP(MILLIS,true)); }";
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut bytes = Vec::new();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties)).unwrap();
    for part in words(rows).chunks(group) {
        let mut rows = writer.next_row_group().unwrap();
        let texts =
            |k: usize| -> Vec<ByteArray> { part.iter().map(|r| ByteArray::from(r[k].as_str())).collect() };
        for k in 0..6 {
            let mut column = rows.next_column().unwrap().unwrap();
            match k {
                3 => {
                    let levels: Vec<i16> = part.iter().map(|r| i16::from(!r[3].is_empty())).collect();
                    let here: Vec<ByteArray> = texts(3).into_iter().filter(|t| !t.is_empty()).collect();
                    column.typed::<ByteArrayType>().write_batch(&here, Some(&levels), None).unwrap();
                }
                4 => {
                    let weights: Vec<f64> = part.iter().map(|r| r[4].parse().unwrap()).collect();
                    column.typed::<DoubleType>().write_batch(&weights, None, None).unwrap();
                }
                5 => {
                    let times: Vec<i64> = part.iter().map(|r| 1000 * r[5].parse::<i64>().unwrap()).collect();
                    column.typed::<Int64Type>().write_batch(&times, None, None).unwrap();
                }
                _ => {
                    column.typed::<ByteArrayType>().write_batch(&texts(k), None, None).unwrap();
                }
            }
            column.close().unwrap();
        }
        rows.close().unwrap();
    }
    writer.close().unwrap();
    bytes
}

fn rows() -> impl Strategy<Value = Rows> {
    let context = proptest::option::of(0u8..3);
    // numbers of eight digits may be dates
    let times = prop_oneof![-5_000_000_000i64..-1_000_000_000, 1_000_000_000i64..5_000_000_000];
    let row = (0u8..6, 0u8..6, any::<u8>(), context, 0u32..5, times);
    proptest::collection::vec(row, 1..60)
}

proptest! {
    #[test]
    fn the_formats_agree_with_each_other_and_with_counting_by_hand(rows in rows(), group in 1usize..70) {
        let compressions = [
            Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::LZ4_RAW,
            Compression::ZSTD(Default::default()), Compression::GZIP(Default::default()),
        ];
        let files = [
            ("d.csv", csv_of(&rows)),
            ("d.jsonl", json_of(&rows)),
            ("d.parquet", parquet_of(&rows, group, compressions[group % 5])),
        ];
        let since = Selection { since: Some("1970-01-01".into()), ..Selection::default() };
        for selection in [Selection::default(), since] {
            let kept = |r: &&(u8, u8, u8, Option<u8>, u32, i64)| {
                r.0 != r.1 && (selection.since.is_none() || r.5 >= 0)
            };
            let weight = |of: &dyn Fn(u8, u8, u8) -> bool| -> f64 {
                rows.iter().filter(kept).filter(|r| of(r.0, r.1, r.2 % 4)).map(|r| f64::from(r.4)).sum()
            };
            for (file, bytes) in &files {
                let counted = parse(file, bytes, &selection);
                if !rows.iter().any(|r| kept(&r)) {
                    prop_assert!(counted.is_err());
                    continue;
                }
                let counted = counted.unwrap();
                prop_assert_eq!(counted.total, weight(&|_, _, _| true));
                prop_assert_eq!(counted.total_ties, weight(&|_, _, o| o >= 2));
                let number = |i: usize| counted.labels[i][1..].parse::<u8>().unwrap();
                for pair in &counted.pairs {
                    let (i, j) = (number(pair.i), number(pair.j));
                    let (wins, losses, ties) = pair.outcomes();
                    let won = |x, y| weight(&|a, b, o| (a, b, o) == (x, y, 0) || (b, a, o) == (x, y, 1));
                    prop_assert_eq!((wins, losses), (won(i, j), won(j, i)));
                    let both = weight(&|a, b, o| ((a, b) == (i, j) || (b, a) == (i, j)) && o >= 2);
                    prop_assert_eq!(ties, both);
                    prop_assert_eq!(pair.forward.both_bad, weight(&|a, b, o| (a, b, o) == (i, j, 3)));
                }
                let battles = parse_battles(Path::new(file), bytes, &selection).unwrap();
                prop_assert_eq!(&battles.counts().pairs, &counted.pairs);
                let grouped = parse_grouped(Path::new(file), bytes, &selection, Grouping::Context).unwrap();
                prop_assert_eq!(&grouped.pooled().pairs, &counted.pairs);
                for (k, name) in grouped.names.iter().enumerate() {
                    let here = |b: &&Battle| &battles.contexts[b.context as usize] == name;
                    let by_hand: f64 = battles.rows.iter().filter(here).map(|b| b.weight).sum();
                    prop_assert_eq!(grouped.groups[k].total, by_hand);
                    let alone = grouped.alone(k);
                    prop_assert_eq!(alone.total, by_hand);
                    if name.is_empty() || alone.pairs.is_empty() {
                        continue;
                    }
                    // reading the group by itself gives the same, to the order of its items
                    let itself = Selection {
                        context: Some(name.clone()),
                        items: Some(alone.labels.clone()),
                        ..selection.clone()
                    };
                    let itself = parse(file, bytes, &itself).unwrap();
                    prop_assert_eq!((itself.labels, itself.pairs), (alone.labels, alone.pairs));
                }
            }
        }
    }

    #[test]
    fn damaged_files_are_refused_or_read(
        rows in rows(),
        damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..8),
        cut in any::<usize>(),
    ) {
        for (name, mut bytes) in [
            ("d.csv", csv_of(&rows)),
            ("d.jsonl", json_of(&rows)),
            ("d.parquet", parquet_of(&rows, 20, Compression::SNAPPY)),
        ] {
            for &(place, byte) in &damage {
                let place = place % bytes.len();
                bytes[place] = byte;
            }
            if cut % 3 == 0 {
                bytes.truncate(cut % bytes.len());
            }
            let _ = parse(name, &bytes, &Selection::default());
        }
    }

    #[test]
    fn no_bytes_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        text in "(item_a|ranking|,|\n|\"|a|#|:|\\{|\\}|1| > ){0,60}",
    ) {
        for name in ["d.csv", "d.jsonl", "d.parquet", "d.soi"] {
            let _ = parse(name, &bytes, &Selection::default());
            let _ = parse(name, text.as_bytes(), &Selection::default());
            let _ = parse_rankings(Path::new(name), text.as_bytes(), &Selection::default());
        }
    }
}
