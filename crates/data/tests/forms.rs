//! Files in the forms in which people hold them: the smallest cut of each, and what must come of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::path::{Path, PathBuf};

use equipoise_data::{
    Comparisons, Contents, Grouping, Invalid, Keep, Reading, Selection, Unit, collect_comparisons, contents,
    parse_battles, parse_comparisons, parse_grouped, parse_grouped_observations, read_battles,
    read_comparisons, read_grouped, read_matrix_as, read_payoffs, read_rankings,
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats").join(name)
}

fn file(name: &str) -> Comparisons {
    read_comparisons(&fixture(name), &Selection::default()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn text(name: &str, text: &str, selection: &Selection) -> Result<Comparisons, String> {
    parse_comparisons(Path::new(name), text.as_bytes(), selection).map_err(|e| e.to_string())
}

fn reading(columns: &[&str], outcomes: &[&str]) -> Selection {
    let columns = columns.iter().map(|c| c.parse().unwrap()).collect();
    let outcomes = outcomes.iter().map(|o| o.parse().unwrap()).collect();
    Selection { reading: Reading { columns, outcomes, ..Reading::default() }, ..Selection::default() }
}

fn skipping() -> Selection {
    Selection { reading: Reading { invalid: Invalid::Skip, ..Reading::default() }, ..Selection::default() }
}

/// Wins of `a` over `b`, of `b` over `a`, and ties.
fn between(data: &Comparisons, a: &str, b: &str) -> (f64, f64, f64) {
    let at = |name: &str| data.labels.iter().position(|l| l == name).unwrap_or_else(|| panic!("{name}"));
    let (i, j) = (at(a), at(b));
    let pair = data.pairs.iter().find(|p| (p.i, p.j) == (i.min(j), i.max(j)));
    let (first, second, ties) = pair.map_or((0.0, 0.0, 0.0), |p| p.outcomes());
    if i < j { (first, second, ties) } else { (second, first, ties) }
}

fn left_out(data: &Comparisons) -> Vec<(&str, u64)> {
    data.checks.left_out.iter().map(|(why, lines)| (why.as_str(), lines.count)).collect()
}

/// Every format of the registry's list of published ones, by its columns alone.
#[test]
fn published_formats_are_told_by_their_columns() {
    let mt = file("mt_bench_pair.jsonl");
    // the second game of each line lists the other model first
    assert_eq!(between(&mt, "alpaca-13b", "gpt-3.5-turbo"), (1.0, 3.0, 1.0));
    assert_eq!((left_out(&mt), mt.pairs[0].backward.total()), (vec![("outcome `error`", 1)], 2.0));
    let human = file("mt_bench_human.jsonl");
    assert_eq!(between(&human, "alpaca-13b", "gpt-3.5-turbo"), (0.0, 1.0, 1.0));

    let hard = file("arena_hard.jsonl");
    assert_eq!(between(&hard, "baseline", "mine"), (1.0, 1.0, 1.0));
    assert_eq!(left_out(&hard), [("game without a verdict", 1)]);
    let strong = reading(&[], &["A>>B=a*3", "B>>A=b*3"]);
    let strong = read_comparisons(&fixture("arena_hard.jsonl"), &strong).unwrap();
    assert_eq!(between(&strong, "baseline", "mine"), (1.0, 3.0, 1.0));
    assert_eq!(between(&file("arena_hard_v2.jsonl"), "o3-mini", "mine"), (1.0, 1.0, 0.0));

    let alpaca = file("alpaca_eval.json");
    let (reference, mine, _) = between(&alpaca, "ref", "mine");
    assert!(
        (mine / (reference + mine) - 0.346_551_7).abs() < 1e-12
            && left_out(&alpaca) == [("no preference", 1)]
    );

    assert_eq!(between(&file("reward_bench.jsonl"), "m1", "m2"), (1.0, 1.0, 0.0));
    let subsets =
        read_grouped(&fixture("reward_bench.jsonl"), &Selection::default(), Grouping::Context).unwrap();
    assert_eq!(subsets.names, ["alpacaeval-easy", "math-prm"]);

    for (name, total, items) in
        [("trl_text.jsonl", 3.0, 5), ("trl_messages.jsonl", 2.0, 4), ("hh_rlhf.jsonl", 2.0, 4)]
    {
        let data = file(name);
        assert_eq!((data.total, data.n()), (total, items), "{name}");
    }
    // one prompt, given and implicit: the same answer is the same item
    let (given, implicit) = (file("trl_messages.jsonl"), file("hh_rlhf.jsonl"));
    assert_eq!(given.labels.iter().filter(|l| implicit.labels.contains(l)).count(), 2);
    let binarized = fixture("ultrafeedback_binarized.jsonl");
    let rows = equipoise_data::read_battles(&binarized, &Selection::default()).unwrap().rows;
    assert_eq!((rows[0].magnitude, rows[1].outcome), (5.5, equipoise_data::Outcome::Tie));
    let ultra = file("ultrafeedback.jsonl");
    assert_eq!(between(&ultra, "m1", "m2"), (1.0, 0.0, 0.0));
    assert_eq!(left_out(&ultra), [("completion without a rating", 1)]);

    let evalica = file("evalica.csv");
    assert_eq!(between(&evalica, "sushi", "burger"), (1.0, 0.0, 0.0));
    assert_eq!(between(&evalica, "sushi", "pizza"), (0.0, 0.0, 1.0));
    for (name, winner, loser) in [("winner_loser.csv", "cy", "ann"), ("tennis.csv", "Bea Li", "Cat Mo")] {
        let data = file(name);
        assert_eq!(between(&data, winner, loser), (1.0, 0.0, 0.0), "{name}");
    }
    let football = file("football.csv");
    assert_eq!(between(&football, "Blues", "Greens"), (1.0, 0.0, 0.0));
    assert_eq!(between(&football, "Blues", "Reds"), (0.0, 1.0, 1.0));

    assert_eq!(file("arena_battles.json").total_ties, 1.0);
    assert_eq!(between(&file("arena_140k.jsonl"), "m2", "m3"), (1.0, 0.0, 0.0));
    assert_eq!(between(&file("kaggle_55k.csv"), "m1", "m2"), (1.0, 0.0, 0.0));
    assert_eq!(between(&file("engineer.jsonl"), "ckpt-1000", "ckpt-500"), (2.0, 0.0, 1.0));
    assert_eq!(between(&file("approval.cat"), "ann", "cy"), (2.0, 0.0, 1.0));
    assert_eq!(between(&file("orders.soc"), "ann", "bob"), (3.0, 2.0, 0.0));
}

#[test]
fn counts_ranks_and_scores_in_every_shape() {
    let square = file("win_counts.csv");
    assert_eq!(between(&square, "A", "B"), (180.0, 140.0, 0.0));
    assert_eq!(
        (square.total, contents(&fixture("win_counts.csv"), &Reading::default())),
        (960.0, Contents::Comparisons)
    );
    assert!(square.checks.remarks().iter().any(|r| r.contains("the diagonal, 24 in all")));
    let long = file("win_counts_long.csv");
    assert_eq!(between(&long, "A", "B"), (180.0, 140.0, 0.0));
    let wide = file("bradley_terry2.csv");
    assert_eq!(between(&wide, "Detroit", "Milwaukee"), (7.0, 6.0, 0.0));
    let ties = text("d.csv", "item_a,item_b,wins_a,wins_b,ties\nx,y,3,2,4\n", &Selection::default()).unwrap();
    assert_eq!(between(&ties, "x", "y"), (3.0, 2.0, 4.0));
    let ranks = file("ranks.csv");
    assert_eq!(between(&ranks, "pizza", "burger"), (2.0, 1.0, 0.0));
    assert_eq!(between(&ranks, "pizza", "sushi"), (1.0, 0.0, 1.0));
    let ratings = file("ratings.csv");
    assert_eq!(between(&ratings, "m2", "m3"), (0.0, 0.0, 1.0));
    assert_eq!(between(&ratings, "m1", "m2"), (1.0, 1.0, 0.0));
    let format = Reading { format: Some("score-table".into()), ..Reading::default() };
    let selection = Selection { reading: format, ..Selection::default() };
    let scores = read_comparisons(&fixture("score_table.tsv"), &selection).unwrap();
    assert_eq!(
        (between(&scores, "m3", "m1"), between(&scores, "m2", "m1")),
        ((1.0, 0.0, 0.0), (1.0, 1.0, 0.0))
    );
    // a matrix of win rates is none of these
    let matrix = "m,x,y\nx,0.5,0.7\ny,0.3,0.5\n";
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.csv");
    std::fs::write(&path, matrix).unwrap();
    assert_eq!(contents(&path, &Reading::default()), Contents::Matrix);
}

/// The same rows, however they are separated, listed and packed.
#[test]
fn separators_arrays_and_compression_make_no_difference() {
    let csv = "item_a,item_b,outcome,weight\nx,y,a,2\ny,z,tie,1\nz,x,b,3\n";
    let whole = text("d.csv", csv, &Selection::default()).unwrap();
    let json: Vec<String> = csv
        .lines()
        .skip(1)
        .map(|l| {
            let c: Vec<&str> = l.split(',').collect();
            format!(
                "{{\"item_a\":\"{}\",\"item_b\":\"{}\",\"outcome\":\"{}\",\"weight\":{}}}",
                c[0], c[1], c[2], c[3]
            )
        })
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let gz = |bytes: &str| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(bytes.as_bytes()).unwrap();
        packer.finish().unwrap()
    };
    let zst = |bytes: &str| zstd::encode_all(bytes.as_bytes(), 1).unwrap();
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("d.tsv", csv.replace(',', "\t").into_bytes()),
        ("e.csv", csv.replace(',', ";").into_bytes()),
        ("f.csv", csv.replace(',', "|").into_bytes()),
        ("g.csv", format!("# written by hand\n{csv}").into_bytes()),
        ("h.csv", csv.replace("item_a,item_b,outcome", "Item_A,Item B,OUTCOME").into_bytes()),
        ("i.json", format!("[{}]", json.join(",\n ")).into_bytes()),
        ("j.json", json.join("\n").into_bytes()),
        ("k.jsonl", format!("[\n{}\n]\n", json.join(", ")).into_bytes()),
        ("l.csv.gz", gz(csv)),
        ("m.tsv.zst", zst(&csv.replace(',', "\t"))),
        ("n.json.gz", gz(&format!("[{}]", json.join(",")))),
        ("o.jsonl.zst", zst(&json.join("\n"))),
    ];
    for (name, bytes) in &files {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(contents(&path, &Reading::default()), Contents::Comparisons, "{name}");
        let read = read_comparisons(&path, &Selection::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((&read.labels, &read.pairs), (&whole.labels, &whole.pairs), "{name}");
    }
    // a folder, a pattern and a list of files are their rows one after another
    let twelve = read_comparisons(dir.path(), &Selection::default()).unwrap();
    assert_eq!((twelve.total, twelve.checks.files), (72.0, 12));
    let some = dir.path().join("[d-f].*");
    assert_eq!(read_comparisons(&some, &Selection::default()).unwrap().total, 18.0);
    let more = Reading { more: vec![dir.path().join("e.csv")], ..Reading::default() };
    let two = Selection { reading: more, ..Selection::default() };
    let two = collect_comparisons(&dir.path().join("d.tsv"), &two, Default::default()).unwrap();
    assert_eq!(two.observations.comparisons.total, 12.0);
}

#[test]
fn columns_and_words_are_what_the_user_says() {
    let csv = "Left,Right,Who,n\nx,y,L,2\ny,x,R,1\nx,y,none,5\nx,y,?,1\n";
    let found = text(
        "d.csv",
        csv,
        &reading(
            &["item_a=Left", "item_b=Right", "outcome=Who", "weight=n"],
            &["L=a", "R=b", "none=tie", "?=skip"],
        ),
    )
    .unwrap();
    assert_eq!((between(&found, "x", "y"), left_out(&found)), ((3.0, 0.0, 5.0), vec![("outcome `?`", 1)]));
    let json =
        "{\"won\":\"x\",\"lost\":\"y\",\"lang\":\"de\"}\n{\"won\":\"y\",\"lost\":\"x\",\"lang\":\"en\"}\n";
    let found =
        text("d.jsonl", json, &reading(&["winning=won", "losing=lost", "context=lang"], &[])).unwrap();
    assert_eq!(between(&found, "x", "y"), (1.0, 1.0, 0.0));
    // an unknown layout: what was found, what is needed, and the option
    for (name, body) in [
        ("d.csv", "foo,bar\n1,2\n"),
        ("d.jsonl", "{\"foo\":1,\"bar\":2}\n"),
        ("d.json", "[{\"foo\":1,\"bar\":2}]"),
    ] {
        let error = text(name, body, &Selection::default()).unwrap_err();
        assert!(
            ["foo", "bar", "item_a,item_b,outcome", "--columns item_a=NAME"]
                .iter()
                .all(|w| error.contains(w)),
            "{error}"
        );
    }
    let error = text("d.csv", csv, &reading(&["item_a=Lefft"], &[])).unwrap_err();
    assert!(error.contains("has no column `Lefft` for item_a; the header is `Left,Right,Who,n`"), "{error}");
    let wrapped =
        text("d.json", "{\"data\": [{\"model_a\": \"x\"}], \"version\": 1, \"n\": 2}", &Selection::default())
            .unwrap_err();
    assert!(wrapped.contains("is one object with a list under `data`"), "{wrapped}");
}

/// A word that names an item is that item, unless it is a word for the other; numbers are the score of the first.
#[test]
fn outcomes_by_name_by_case_and_by_number() {
    let rows = |rows: &str| format!("item_a,item_b,outcome\n{rows}");
    let read = |body: &str| text("d.csv", &rows(body), &Selection::default());
    for body in [
        "Ada,Ben,Ada\nBen,Cy,Cy\nCy,Ada,draw\n",
        "Ada,Ben,1\nBen,Cy,0\nCy,Ada,0.5\n",
        "Ada,Ben,A\nBen,Cy,B\nCy,Ada,Tie\n",
    ] {
        let data = read(body).unwrap();
        assert_eq!(between(&data, "Ada", "Ben"), (1.0, 0.0, 0.0), "{body}");
        assert_eq!(between(&data, "Cy", "Ben"), (1.0, 0.0, 0.0), "{body}");
        assert_eq!(between(&data, "Cy", "Ada"), (0.0, 0.0, 1.0), "{body}");
    }
    assert!(read("B,A,A\n").unwrap_err().contains("is the name of one item and a word for the other"));
    assert!(read("x,y,2\n").unwrap_err().contains("others need --outcomes"));
    // in a column of winners a number may be a place
    let error = text("d.csv", "model_a,model_b,winner\nx,y,1\n", &Selection::default()).unwrap_err();
    assert!(error.contains("say what numbers mean by --outcomes"), "{error}");
}

#[test]
fn rows_that_break_a_rule_are_left_out_when_asked_and_counted() {
    let csv = "item_a,item_b,outcome,weight\nA,B,a,1\nA,B,,1\nB,A,error,1\nB,A,a,x\nA,B\n,B,a,1\nB,A,a,1\n";
    assert!(
        text("d.csv", csv, &Selection::default()).unwrap_err().contains("d.csv:3: outcome `` is not known")
    );
    let data = text("d.csv", csv, &skipping()).unwrap();
    assert_eq!(between(&data, "A", "B"), (1.0, 1.0, 0.0));
    let expected = [
        ("no name of an item", 1),
        ("no outcome", 1),
        ("outcome `error`", 1),
        ("weight is not a number", 1),
        ("wrong number of cells", 1),
    ];
    assert_eq!(left_out(&data), expected);
    let json = "{\"model_a\":\"A\",\"model_b\":\"B\",\"winner\":\"model_a\"}\n{\"model_a\":\"A\",\"model_b\":\"B\",\"winner\":null}\n{\"model_a\":\"A\",\"model_b\":\"B\"}\nnot json\n";
    let data = text("d.jsonl", json, &skipping()).unwrap();
    assert_eq!((data.total, left_out(&data)), (1.0, vec![("no outcome", 2), ("not a JSON object", 1)]));
    let none = text("d.csv", "item_a,item_b,outcome\nA,B,?\n", &skipping()).unwrap_err();
    assert!(none.contains("all rows were left out (outcome `?`: 1)"), "{none}");
}

#[test]
fn rankings_with_and_without_spaces() {
    let csv = "ranking,weight\nAnna>Bert>Carl,5\nBert>Carl>Anna,4\nCarl>Anna>Bert,3\nAnna > Bert > Carl,1\n";
    let data = text("d.csv", csv, &Selection::default()).unwrap();
    assert_eq!(data.labels, ["Anna", "Bert", "Carl"]);
    let margins = [("Anna", "Bert", 5.0), ("Bert", "Carl", 7.0), ("Carl", "Anna", 1.0)];
    for (a, b, margin) in margins {
        let (wins, losses, _) = between(&data, a, b);
        assert_eq!(wins - losses, margin, "{a} {b}");
    }
    let tied = text("d.csv", "ranking\np1 > p2 = p3 > p4\n", &Selection::default()).unwrap();
    assert_eq!(between(&tied, "p2", "p3"), (0.0, 0.0, 1.0));
    for body in ["A, B, C", "A>>B", "A;B", "A < B", "A > B>C"] {
        let error = text("d.csv", &format!("ranking\n\"{body}\"\n"), &Selection::default()).unwrap_err();
        assert!(error.starts_with("d.csv:2: ranking"), "{error}");
    }
}

#[test]
fn time_stamps_in_any_unit_and_never_in_two() {
    let file = |times: [&str; 2]| {
        format!("item_a,item_b,outcome,timestamp\nx,y,a,{}\nx,y,b,{}\n", times[0], times[1])
    };
    let since = Selection { since: Some("2024-03-01".into()), ..Selection::default() };
    for times in [
        ["1704449472", "1717200000"],
        ["1704449472250", "1717200000000"],
        ["1704449472250000", "1717200000000000"],
        ["1704449472250000000", "1717200000000000000"],
        ["20240105", "20240601"],
        ["2024-01-05", "2024-06-01T00:00:00Z"],
    ] {
        let data = text("d.csv", &file(times), &since).unwrap();
        assert_eq!((data.total, between(&data, "x", "y").1), (1.0, 1.0), "{times:?}");
        let remarks = data.checks.remarks();
        assert!(remarks.contains(&"time stamps from 2024-01-05 to 2024-06-01".to_owned()), "{remarks:?}");
    }
    let mixed = file(["1704449472", "1717200000000"]);
    let error = parse_battles(Path::new("d.csv"), mixed.as_bytes(), &Selection::default()).unwrap_err();
    assert!(
        error.to_string().contains("time stamps in seconds (line 2) and in milliseconds (line 3)"),
        "{error}"
    );
}

#[test]
fn names_that_print_alike() {
    let csv = "item_a,item_b,outcome\nJuli\u{e1}n,Ben,a\nJulia\u{301}n,Ben,b\nAda,Ben,a\nAda\u{a0},Ben,a\nBen\u{200b},Ada,a\nada,Ben,b\n";
    let data = text("d.csv", csv, &Selection::default()).unwrap();
    let remarks = data.checks.remarks().join("\n");
    assert_eq!((data.n(), data.checks.alike.len()), (7, 3));
    assert!(remarks.contains("`Ben\\u{200b}`") && remarks.contains("--normalise-names"), "{remarks}");
    let one = Reading { normalise_names: true, ..Reading::default() };
    let data = text("d.csv", csv, &Selection { reading: one.clone(), ..Selection::default() }).unwrap();
    assert_eq!(data.labels, ["Juli\u{e1}n", "Ben", "Ada"]);
    assert_eq!((between(&data, "Ben", "Ada"), data.checks.alike.len()), ((2.0, 2.0, 0.0), 0));
    let only =
        Selection { items: Some(vec!["ADA".into(), "ben".into()]), reading: one, ..Selection::default() };
    assert_eq!(text("d.csv", csv, &only).unwrap().total, 4.0);
}

#[test]
fn weights_names_and_contexts_are_bounded() {
    let row = |weight: &str| format!("item_a,item_b,outcome,weight\nx,y,a,{weight}\n");
    for weight in ["1e12", "1e308", "1e-320", "-1", "nan"] {
        assert!(
            text("d.csv", &row(weight), &Selection::default()).unwrap_err().contains("weight"),
            "{weight}"
        );
    }
    let long = format!("item_a,item_b,outcome\nx,{},a\n", "y".repeat(1 << 20));
    let error = text("d.csv", &long, &Selection::default()).unwrap_err();
    assert!(error.contains("is a name of 1048576 bytes") && error.len() < 400, "{error}");
    let mut many = "item_a,item_b,outcome,question_id\n".to_owned();
    (0..2000).for_each(|k| many.push_str(&format!("x,y,a,q{k}\n")));
    let grouped = equipoise_data::parse_grouped(
        Path::new("d.csv"),
        many.as_bytes(),
        &Selection::default(),
        Grouping::Context,
    );
    let remarks = grouped.unwrap().checks.remarks().join("\n");
    assert!(
        remarks.contains("2000 contexts, 1.0 comparisons each") && remarks.contains("--context-column"),
        "{remarks}"
    );
}

#[test]
fn matrices_that_were_rounded_and_payoffs() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let rounded = write("r.csv", "m,x,y,z\nx,0.5,0.563,0.313\ny,0.438,0.5,0.688\nz,0.688,0.313,0.5\n");
    let error = read_matrix_as(&rounded, &Reading::default()).unwrap_err().to_string();
    assert!(error.contains("--symmetrise") && error.contains("5.000e-4"), "{error}");
    let symmetrise = Reading { symmetrise: true, ..Reading::default() };
    let read = read_matrix_as(&rounded, &symmetrise).unwrap();
    assert!(
        (read.game.matrix(0).margin(0, 1) - 0.0625).abs() < 1e-15 && read.remarks[0].contains("5.000e-4")
    );
    for (name, text) in [
        ("t.csv", "m\tx\ty\tz\nx\t0.5\t0.7\t0.4\ny\t0.3\t0.5\t0.8\nz\t0.6\t0.2\t0.5\n"),
        ("g.csv", "m;x;y;z\nx;0,5;0,7;0,4\ny;0,3;0,5;0,8\nz;0,6;0,2;0,5\n"),
    ] {
        let read = read_matrix_as(&write(name, text), &Reading::default()).unwrap();
        assert_eq!((read.game.prob(0, 0, 1), read.game.prob(0, 2, 0)), (0.7, 0.6), "{name}");
    }
    let payoffs = write("p.csv", "m,x,y,z\nx,0,3,-1\ny,-3,0,2\nz,1,-2,0\n");
    let read = read_matrix_as(&payoffs, &Reading::default()).unwrap();
    assert_eq!((read.game.matrix(0).margin(0, 1), read.game.matrix(0).margin(2, 1)), (0.15, -0.1));
    assert!(read.remarks[0].contains("read as payoffs"));
    let nfg = read_payoffs(&fixture("payoffs.nfg"), &Reading::default()).unwrap();
    assert_eq!((nfg.payoffs[[1, 0]], nfg.payoffs[[0, 1]], nfg.payoffs[[0, 2]]), (0.0, 0.5, 2.5));
    assert_eq!(read_payoffs(&fixture("outcomes.nfg"), &Reading::default()).unwrap().payoffs[[1, 1]], 2.0);
}

/// One pass gives what a pass for each of them gives.
#[test]
fn a_file_read_once_is_what_it_is_read_for_each_form() {
    let dir = tempfile::tempdir().unwrap();
    let ranked = "ranking,context,annotator\na>b>c,p,x\nc>a,q,y\nb=c>a,p,y\n";
    let both = "item_a,item_b,outcome,context,annotator\na,b,a,p,x\nb,c,tie,q,x\nc,a,b,p,y\n";
    std::fs::write(dir.path().join("ranked.csv"), ranked).unwrap();
    std::fs::write(dir.path().join("both.csv"), both).unwrap();
    let paths = ["mt_bench_human.jsonl", "ultrafeedback.jsonl", "alpaca_eval.json"].map(fixture);
    let paths = paths.into_iter().filter(|path| path.exists());
    let (mut compared, mut in_order) = (0, 0);
    for path in paths.chain(["ranked.csv", "both.csv"].map(|name| dir.path().join(name))) {
        let selection = Selection::default();
        let keep =
            Keep { rows: Some(1000), contexts: true, annotators: true, rankings: true, ..Keep::default() };
        let once = collect_comparisons(&path, &selection, keep).unwrap();
        let counted = read_comparisons(&path, &selection).unwrap();
        let found = once.observations.comparisons;
        assert_eq!(
            (&found.labels, &found.pairs, found.total),
            (&counted.labels, &counted.pairs, counted.total)
        );
        let battles = read_battles(&path, &selection).unwrap();
        assert_eq!(format!("{:?}", once.battles.unwrap().rows), format!("{:?}", battles.rows));
        for (found, by) in [(once.contexts, Grouping::Context), (once.annotators, Grouping::Annotator)] {
            let Some(found) = found else { continue };
            let alone = read_grouped(&path, &selection, by).unwrap();
            compared += 1;
            assert_eq!((&found.names, &found.groups), (&alone.names, &alone.groups), "{}", path.display());
        }
        match (once.rankings, read_rankings(&path, &selection)) {
            (Some(found), Ok(alone)) => {
                in_order += 1;
                assert_eq!(format!("{found:?}"), format!("{alone:?}"), "{}", path.display());
            }
            (None, Err(_)) => {}
            (found, alone) => panic!("{}: {found:?} {alone:?}", path.display()),
        }
    }
    assert!(compared >= 4 && in_order >= 1, "{compared} {in_order}");
    // of a longer file the rows are not kept
    let keep = Keep { rows: Some(2), ..Keep::default() };
    let short = collect_comparisons(&dir.path().join("both.csv"), &Selection::default(), keep).unwrap();
    assert!(short.battles.is_none() && short.contexts.is_none() && short.rankings.is_none());
}

/// A battle with several tags counts in each of its categories, once; the same from a text and from a list, in chunks or not.
#[test]
fn tags_overlap_and_every_comparison_counts_in_each_of_its_own() {
    let tagged = || {
        let mut selection = Selection::default();
        selection.reading.tags = Some(';');
        selection
    };
    let csv = "item_a,item_b,outcome,context,annotator\nx,y,a,math; code,u\nx,y,b,code;math;code,v\ny,z,a,math,u\nz,x,tie,,u\nx,z,a,; ;creative,v\n";
    let json = concat!(
        "{\"item_a\":\"x\",\"item_b\":\"y\",\"outcome\":\"a\",\"context\":[\"math\",\"code\"],\"annotator\":\"u\"}\n",
        "{\"item_a\":\"x\",\"item_b\":\"y\",\"outcome\":\"b\",\"context\":[\"code\",\"math\",\"code\"],\"annotator\":\"v\"}\n",
        "{\"item_a\":\"y\",\"item_b\":\"z\",\"outcome\":\"a\",\"context\":\"math\",\"annotator\":\"u\"}\n",
        "{\"item_a\":\"z\",\"item_b\":\"x\",\"outcome\":\"tie\",\"context\":[],\"annotator\":\"u\"}\n",
        "{\"item_a\":\"x\",\"item_b\":\"z\",\"outcome\":\"a\",\"context\":[\"creative\"],\"annotator\":\"v\"}\n"
    );
    for (name, text) in [("d.csv", csv), ("d.jsonl", json)] {
        let by = |unit| {
            let (path, bytes) = (Path::new(name), text.as_bytes());
            parse_grouped_observations(path, bytes, &tagged(), Grouping::Context, unit)
        };
        let found = by(Unit::Annotator).unwrap();
        assert_eq!(found.names, ["math", "code", "", "creative"], "{name}");
        let totals: Vec<f64> = found.groups.iter().map(|g| g.total).collect();
        // five comparisons, two of them twice
        assert_eq!(
            (totals, found.shared, found.pooled().total),
            (vec![3.0, 2.0, 1.0, 1.0], 2.0, 5.0),
            "{name}"
        );
        assert_eq!(
            (between(&found.groups[0], "x", "y"), between(&found.groups[0], "y", "z")),
            ((1.0, 1.0, 0.0), (1.0, 0.0, 0.0))
        );
        // those of one annotator stay together over the lists that hold a tag
        let math = found.observations(0);
        assert_eq!((math.count(), math.words()), (2.0, "annotators"));
        assert_eq!(math.clusters().unwrap().map(|o| o.cells.len()).collect::<Vec<_>>(), [2, 1]);
        // selecting a tag takes all that have it
        for (tag, total) in [("math", 3.0), ("code", 2.0), ("creative", 1.0)] {
            let selection = Selection { context: Some(tag.into()), ..tagged() };
            let alone = parse_comparisons(Path::new(name), text.as_bytes(), &selection).unwrap();
            assert_eq!(alone.total, total, "{name} {tag}");
        }
        let refused = by(Unit::Context).unwrap_err().to_string();
        assert!(refused.contains("leave --by-context out"), "{refused}");
    }
    // without the option a list is none, and a text is one name
    let plain = parse_comparisons(Path::new("d.jsonl"), json.as_bytes(), &Selection::default());
    let plain = plain.unwrap_err().to_string();
    assert!(plain.contains("--tags"), "{plain}");
    let whole =
        parse_grouped(Path::new("d.csv"), csv.as_bytes(), &Selection::default(), Grouping::Context).unwrap();
    assert_eq!((whole.names.len(), whole.shared), (5, 0.0));
    let mut held = Selection::default();
    held.reading.tags = Some('|');
    let list = json.replace("\"math\",\"code\"", "\"math|code\"");
    let refused = parse_comparisons(Path::new("d.jsonl"), list.as_bytes(), &held).unwrap_err().to_string();
    assert!(refused.contains("no tag holds"), "{refused}");
    for sign in ['a', ' ', '\n'] {
        held.reading.tags = Some(sign);
        assert!(parse_comparisons(Path::new("d.csv"), csv.as_bytes(), &held).is_err());
    }
}
