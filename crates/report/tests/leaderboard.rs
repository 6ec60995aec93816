//! A leaderboard's pages: made from the record alone, with unknown shown as unknown.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_records::leaderboard::{self, Context, FORMAT, Item, Leaderboard, Points};
use equipoise_report::leaderboard::{render_leaderboard, write_leaderboard};

fn item(label: &str, strength: f64) -> Item {
    Item {
        label: label.into(),
        comparisons: 60.0,
        strength,
        interval: (Some(strength - 0.3), Some(strength + 0.3)),
        bootstrap: Some((strength - 0.2, strength + 0.25)),
        rank: Some((1, 3)),
        elo: Some((1000.0 + strength, 4.0)),
        trueskill: Some(20.0),
        borda: 0.5,
        copeland: 1.0,
        nash: Some(0.25),
        nash_support: Some(0.9),
        worst_opponent: Some((0, 0.4)),
        worst_met: Some(10.0),
        points: None,
    }
}

/// Four items: the first three in a circle, the last met only the first.
fn board() -> Leaderboard {
    let win = |p: f64| Some(p);
    Leaderboard {
        format: FORMAT,
        title: "a <board>".into(),
        source: "4 items, 120 comparisons".into(),
        remarks: vec!["2 of 6 pairs never met".into()],
        verdict: vec![("Is one rating enough?".into(), "Cyclic beyond noise.".into())],
        items: vec![item("a|b", 0.4), item("bert", 0.2), item("c_1", -0.1), item("dora", -0.5)],
        comparisons: 120.0,
        win_rates: vec![
            vec![None, win(0.7), win(0.3), win(0.9)],
            vec![win(0.3), None, win(0.8), None],
            vec![win(0.7), win(0.2), None, None],
            vec![win(0.1), None, None, None],
        ],
        met: vec![vec![30.0; 4]; 4],
        expected: vec![vec![0.5; 4]; 4],
        top_set: vec![0, 1, 2],
        cycle: vec![0, 1, 2],
        cycle_strength: 2.2,
        tops: vec![("bradley-terry".into(), 0), ("nash".into(), 1)],
        contexts: ["x", ""]
            .map(|name| Context {
                name: name.into(),
                comparisons: 60.0,
                favourite: Some((1, name.is_empty())),
                complete: name.is_empty(),
                condorcet_winner: None,
                beaten_by: Some((2, 0.25)),
                win_rates: vec![Some(0.6), Some(0.5), None, Some(0.1)],
            })
            .to_vec(),
        replicates: 200,
        resampled: "comparisons".into(),
        points: None,
        order: Some("time".into()),
        seed: 7,
        version: "0.0.0".into(),
    }
}

#[test]
fn pages_show_findings_first_and_the_unknown_as_unknown() {
    let pages = render_leaderboard(&board()).unwrap();
    let html = &pages.html;
    let at = |text: &str| html.find(text).unwrap_or_else(|| panic!("no `{text}`"));
    assert!(
        at("Cyclic beyond noise") < at("The leaderboard") && at("The leaderboard") < at("Context by context")
    );
    assert!(html.contains("a &lt;board&gt;") && !html.contains("<board>"));
    // four drawings and the contexts': intervals, win rates, cycle, residuals
    assert_eq!(html.matches("<svg").count(), 5);
    for (text, count) in [("1 - 3", 4), ("never met, so unknown", 2), ("71%", 0), ("70%", 2)] {
        assert!(html.matches(text).count() >= count, "{text}");
    }
    assert!(html.contains("log strength in nats") && html.contains("won by at least 2.2 standard errors"));
    assert!(!html.contains("http:") && !html.contains("https:") && !html.contains("<script src"));
    // a row of Markdown is one line, and labels mean only themselves
    let md = &pages.markdown;
    assert!(md.contains("| 1 | a\\|b | 60 |") && md.contains("| 3 | c\\_1 |"), "{md}");
    assert!(
        md.contains("|--:|:--|--:|--:|") && md.contains("\n| 1 | a\\|b") && md.contains("|\n| 2 | bert"),
        "{md}"
    );
    assert!(md.contains("| x | 60 | bert (with the prior) | unknown, pairs unmet |"), "{md}");
    assert!(md.contains("| (none) | 60 | bert | none | c\\_1 (25%) |"), "{md}");
    // the largest residual, from the side that wins more than its rating
    assert!(md.contains("| a\\|b | dora | 90% | 50% | 30 | 4.4 |"), "{md}");
}

/// Without points of its own a page has those of the strength; with them, what they are, and open ends as open.
#[test]
fn points_have_their_scale_and_their_intervals() {
    let mut board = board();
    let plain = render_leaderboard(&board).unwrap();
    assert!(plain.html.contains("1000 + 400 log10 odds") && !plain.markdown.contains("points"));
    board.points = Some("400 points are odds of 10, bert stands at 1114; adjusted for len_a - len_b".into());
    let points = |rating, error, interval| Some(Points { rating, error, interval });
    board.items[0].points = points(1201.4, 9.7, (Some(1177.4), Some(1225.4)));
    board.items[1].points = points(1114.0, 0.0, (Some(1114.0), Some(1114.0)));
    board.items[2].points = points(1000.0, 9.0, (None, Some(1020.0)));
    let pages = render_leaderboard(&board).unwrap();
    for page in [&pages.markdown, &pages.html] {
        for text in ["1201 +- 24", "1114 +- 0", "1000 (open to 1020)", "bert stands at 1114"] {
            assert!(page.contains(text), "{text} {page}");
        }
        assert!(!page.contains("1000 + 400 log10 odds"));
    }
    let cells = |line: &str| line.matches('|').count();
    let table: Vec<&str> = pages.markdown.lines().skip_while(|l| !l.starts_with("| # |")).take(6).collect();
    assert!(table.iter().all(|line| cells(&line.replace("\\|", "")) == cells(table[0])), "{table:#?}");
}

#[test]
fn the_record_comes_back_and_gives_the_same_pages() {
    let dir = tempfile::tempdir().unwrap();
    let pages = write_leaderboard(&dir.path().join("new/folder"), &board()).unwrap();
    let folder = dir.path().join("new/folder");
    let read = leaderboard::read(&folder).unwrap();
    assert_eq!(read, board());
    assert_eq!(render_leaderboard(&read).unwrap(), pages);
    assert_eq!(std::fs::read_to_string(folder.join("leaderboard.html")).unwrap(), pages.html);
    let file = folder.join("leaderboard.json");
    let text = std::fs::read_to_string(&file).unwrap().replace("\"format\": 1", "\"format\": 9");
    std::fs::write(&file, text).unwrap();
    assert!(leaderboard::read(&folder).unwrap_err().to_string().contains("format 9"));
}

#[test]
fn one_item_that_beats_all_has_no_circle_and_a_pair_no_contexts() {
    let mut board = board();
    (board.top_set, board.cycle, board.contexts, board.replicates) = (vec![0], Vec::new(), Vec::new(), 0);
    board.items.iter_mut().for_each(|i| (i.bootstrap, i.elo, i.trueskill) = (None, None, None));
    board.order = None;
    let pages = render_leaderboard(&board).unwrap();
    assert!(pages.html.contains("beats everybody, so the top set is one item"));
    assert!(!pages.html.contains("Context by context") && !pages.markdown.contains("Elo"));
    assert_eq!(pages.html.matches("<svg").count(), 4);
}
