//! Points beside other ratings, weights, tags and files: one code for every command that shows them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::path::Path;

use equipoise_answers::equipoise::data::{
    Covaried, Grouping, Observations, Selection, Unit, parse_covariates, parse_grouped_observations,
    parse_observations,
};
use equipoise_answers::equipoise::models::Reweight;
use equipoise_answers::{
    FitAnswer, FitData, FitOptions, PageOptions, PairwiseAnswer, RankData, RankOptions, Silent,
    StandingsOptions, fit, rank, rank_groups, rank_with_page, standings, standings_adjusted, to_json,
};
use serde_json::{Map, Value};

/// Four items; the better one writes more, and some pairs meet ten times as often.
fn text() -> String {
    let mut text = "item_a,item_b,outcome,len_a,len_b,context,annotator\n".to_owned();
    for k in 0..400usize {
        let (i, j) = if k % 3 == 0 { (k % 4, (k + 1 + k / 7 % 3) % 4) } else { (k % 2, 2 + k % 2) };
        if i == j {
            continue;
        }
        let (a, b) = (300 - 40 * i + 17 * (k % 11), 300 - 40 * j + 19 * (k % 7));
        let outcome = match (k * k + 3 * k) % 10 {
            0 => "tie",
            r if r + 2 * j + usize::from(a > b) * 3 > 2 * i + 6 => "a",
            _ => "b",
        };
        let tags = ["math", "code", "math;code", "creative"][k / 5 % 4];
        writeln!(text, "m{i},m{j},{outcome},{a},{b},{tags},u{}", k % 37).unwrap();
    }
    text
}

fn observed(unit: Unit) -> Observations {
    parse_observations(Path::new("d.csv"), text().as_bytes(), &Selection::default(), unit).unwrap()
}

fn covaried() -> Covaried {
    let mut selection = Selection::default();
    selection.reading.covariates = vec!["len_a,len_b".parse().unwrap()];
    parse_covariates(Path::new("d.csv"), text().as_bytes(), &selection, Unit::Annotator).unwrap()
}

fn options() -> StandingsOptions {
    StandingsOptions { anchor: Some("m2".into()), points: 200.0, base: 1114.0, seed: 3, ..Default::default() }
}

fn pairwise(data: FitData, options: &FitOptions) -> PairwiseAnswer {
    let FitAnswer::Pairwise(found) = fit(&data, options, &Silent).unwrap() else { panic!("Bradley-Terry") };
    *found
}

#[test]
fn points_of_fit_and_rank_are_those_of_standings() {
    for (unit, reweight) in [
        (Unit::Row, Reweight::Comparisons),
        (Unit::Annotator, Reweight::Comparisons),
        (Unit::Annotator, Reweight::Pairs),
    ] {
        let data = observed(unit);
        let points = StandingsOptions { reweight, ..options() };
        let expected = standings(&data, &points).unwrap();
        let given = RankData { observations: data.clone(), ..RankData::from(data.comparisons.clone()) };
        let ranked =
            RankOptions { replicates: 20, seed: 3, points: Some(points.clone()), ..Default::default() };
        let found = rank(&given, &ranked, &Silent).unwrap();
        assert_eq!(found.standings.as_ref(), Some(&expected));
        // everything else is as without points
        let plain = rank(&given, &RankOptions { points: None, ..ranked }, &Silent).unwrap();
        assert_eq!((found.rows.clone(), found.top.clone()), (plain.rows, plain.top));
        let said = found.to_string();
        assert!(said.contains("200 points are odds of 10, m2 stands at 1114"), "{said}");
        assert_eq!(said.contains("All other columns"), reweight == Reweight::Pairs, "{said}");
        let mut block = Map::new();
        if reweight == Reweight::Pairs {
            block.insert("reweight".into(), Value::from("pairs"));
        }
        let asked = FitOptions { options: block, points: Some(points), seed: 3, ..Default::default() };
        let found = pairwise(FitData::from(data), &asked);
        assert_eq!(found.standings, Some(expected));
        // errors of differences to the anchor, of the same strengths
        let at = |label: &str| found.labels.iter().position(|l| l == label).unwrap();
        for row in &found.standings.as_ref().unwrap().rows {
            let nats = found.log_strength[at(&row.label)] - found.log_strength[at("m2")];
            assert!((row.rating - 1114.0 - 200.0 / std::f64::consts::LN_10 * nats).abs() < 1e-9);
            assert_eq!(row.error == 0.0, row.label == "m2");
        }
    }
}

#[test]
fn covariates_adjust_the_points_alone_and_in_fit_the_strengths() {
    let data = covaried();
    let expected = standings_adjusted(&data, &options()).unwrap();
    let given = RankData {
        observations: data.observations.clone(),
        covaried: Some(data.clone()),
        ..RankData::from(data.observations.comparisons.clone())
    };
    let ranked = RankOptions { replicates: 20, points: Some(options()), ..Default::default() };
    let page = PageOptions::default();
    let (found, record) = rank_with_page(&given, &ranked, &page, &Silent).unwrap();
    assert_eq!(found.standings.as_ref(), Some(&expected));
    let plain = rank(&given, &RankOptions { points: None, ..ranked }, &Silent).unwrap();
    assert_eq!(found.rows, plain.rows);
    let said = found.to_string();
    assert!(
        said.contains("adjusted for len_a - len_b") && said.contains("as if nothing were adjusted"),
        "{said}"
    );
    assert!(record.points.unwrap().contains("adjusted for len_a - len_b"));
    assert!(
        record.remarks.iter().any(|r| r.contains("nothing else on this page is")),
        "{:?}",
        record.remarks
    );
    let of = |label: &str| expected.rows.iter().find(|r| r.label == label).unwrap();
    for item in &record.items {
        assert_eq!(item.points.unwrap().rating, of(&item.label).rating);
    }
    let asked = FitOptions { points: Some(options()), ..Default::default() };
    let found = pairwise(FitData::Covaried(Box::new(data.clone())), &asked);
    assert_eq!(found.standings.as_ref(), Some(&expected));
    // what is of comparisons that differ in them is left out, with the reason
    assert!(found.calibration_error.is_none() && found.no_calibration.is_some());
    assert!(found.held_out_loss.is_none() && found.no_held_out_loss.is_some());
    assert!(found.residuals.iter().flatten().all(Option::is_none));
    let unadjusted = pairwise(FitData::from(data.observations.clone()), &asked);
    let lead = |f: &PairwiseAnswer| f.log_strength.iter().fold(0.0, |m: f64, r| m.max(r.abs()));
    assert!((lead(&unadjusted) - lead(&found)).abs() > 0.01 && unadjusted.calibration_error.is_some());
    // a bonus of the first is a covariate, not an option
    let home = Map::from_iter([("home".to_owned(), Value::Bool(true))]);
    let refused = fit(&FitData::Covaried(Box::new(data)), &FitOptions { options: home, ..asked }, &Silent);
    assert!(refused.unwrap_err().to_string().contains("a covariate that is 1"));
    let davidson = FitOptions { model: "davidson".into(), points: Some(options()), ..Default::default() };
    let refused = fit(&FitData::from(observed(Unit::Row)), &davidson, &Silent).unwrap_err().to_string();
    assert!(refused.contains("is for bradley-terry"), "{refused}");
}

#[test]
fn groups_that_overlap_are_said_and_controlled_under_any_dependence() {
    let mut selection = Selection::default();
    let read = |selection: &Selection| {
        let bytes = text();
        let (path, by) = (Path::new("d.csv"), Grouping::Context);
        parse_grouped_observations(path, bytes.as_bytes(), selection, by, Unit::Row).unwrap()
    };
    let apart = read(&selection);
    selection.reading.tags = Some(';');
    let data = read(&selection);
    let each = FitOptions { each: Some(Grouping::Context), ..Default::default() };
    let fitted = |data| match fit(&FitData::Groups(data), &each, &Silent).unwrap() {
        FitAnswer::Groups(found) => found,
        _ => panic!("groups"),
    };
    let (plain, found) = (fitted(apart), fitted(data.clone()));
    assert_eq!((plain.groups.len(), found.groups.len(), plain.in_several_groups), (4, 3, 0.0));
    let sum: f64 = found.groups.iter().map(|g| g.comparisons).sum();
    assert!(found.in_several_groups > 50.0 && sum == found.comparisons + found.in_several_groups);
    assert_eq!(found.comparisons, plain.comparisons);
    assert!((found.pooled_log_likelihood - plain.pooled_log_likelihood).abs() < 1e-9);
    assert!(found.p_value.is_none() && found.untested.unwrap().contains("several groups"));
    // the largest p-value is multiplied by 1 + 1/2 + 1/3, and is at most 1
    let known: Vec<(f64, f64)> =
        found.groups.iter().filter_map(|g| Some((g.deviance_p_value?, g.adjusted_p_value?))).collect();
    let largest = known.iter().copied().fold((0.0, 0.0), |a, b| if b.0 > a.0 { b } else { a });
    let harmonic: f64 = (1..=known.len()).map(|k| 1.0 / k as f64).sum();
    assert!(known.is_empty() || (largest.1 - (harmonic * largest.0).min(1.0)).abs() < 1e-12, "{known:?}");
    assert!(found.to_string().contains("are in several groups and count in each"));
    let ranked = RankOptions { replicates: 0, points: Some(options()), ..Default::default() };
    let found = rank_groups(&data, &ranked, &Silent).unwrap();
    let said = found.to_string();
    assert!(
        said.contains("are in several groups") && said.contains("creative: Bradley-Terry, ties half; 200"),
        "{said}"
    );
    let file = String::from_utf8(found.file(Path::new("b.csv")).unwrap()).unwrap();
    assert!(file.starts_with("group,place,item,") && file.lines().count() == 1 + 3 * 4, "{file}");
}

#[test]
fn leaderboards_go_to_files_as_they_are() {
    let data = observed(Unit::Annotator);
    let given = RankData { observations: data.clone(), ..RankData::from(data.comparisons.clone()) };
    let ranked = RankOptions { replicates: 20, points: Some(options()), ..Default::default() };
    let found = rank(&given, &ranked, &Silent).unwrap();
    let json: Value = serde_json::from_str(&to_json(&found)).unwrap();
    let lines = String::from_utf8(found.file(Path::new("b.jsonl")).unwrap()).unwrap();
    for (line, row) in lines.lines().zip(json["rows"].as_array().unwrap()) {
        let line: Value = serde_json::from_str(line).unwrap();
        for key in ["bradley_terry", "low", "nash", "nash_support", "worst_win_rate", "worst_opponent", "elo"]
        {
            assert_eq!(line[key], row[key], "{key}");
        }
        assert_eq!(line["item"], row["label"]);
        let points = json["standings"]["rows"].as_array().unwrap();
        let points = points.iter().find(|p| p["label"] == row["label"]).unwrap();
        assert_eq!((&line["points"], &line["points_low"]), (&points["rating"], &points["low"]));
    }
    let tex = String::from_utf8(found.file(Path::new("b.tex")).unwrap()).unwrap();
    assert!(
        tex.contains("1114.0 $\\pm$ 0.0") && tex.contains("Nash (support)") && tex.contains("\\toprule"),
        "{tex}"
    );
    assert!(found.file(Path::new("b.parquet")).unwrap().starts_with(b"PAR1"));
    let refused = found.file(Path::new("b.xls")).unwrap_err().to_string();
    assert!(refused.contains(".csv, .jsonl, .parquet or .tex"), "{refused}");
    let board = standings(&data, &options()).unwrap();
    let csv = String::from_utf8(board.file(Path::new("b.CSV")).unwrap()).unwrap();
    // to the last digit, under the head of the printed one
    assert_eq!(csv.lines().next(), board.csv().lines().next());
    assert!(csv.contains(&board.rows[0].rating.to_string()), "{csv}");
    let fitted = pairwise(FitData::from(data), &FitOptions { points: Some(options()), ..Default::default() });
    let csv = String::from_utf8(fitted.file(Path::new("b.csv")).unwrap()).unwrap();
    assert!(csv.starts_with("item,log_strength,standard_error,") && csv.lines().count() == 5, "{csv}");
    let tex = String::from_utf8(fitted.file(Path::new("b.tex")).unwrap()).unwrap();
    assert!(tex.contains("log strength") && tex.contains("\\midrule"), "{tex}");
}
