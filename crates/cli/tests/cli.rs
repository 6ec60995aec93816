//! The command as a user meets it: exit codes, messages, resume, equal bits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use assert_cmd::Command;

fn equipoise(args: &[&str]) -> (i32, String, String) {
    let out = Command::cargo_bin("equipoise").unwrap().args(args).output().unwrap();
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
}

const CONFIG: &str = "
name: small
games: [cyclic: { margins: [0.1, 0.2, 0.4] }]
reference: { random-normal: { scale: 1.0 } }
tau: [0.0, 0.1]
oracle: { sampled: { duels_per_query: 16 } }
solvers: [mwu: { step_size: 0.1 }, egpo, nash-md, bradley-terry, fictitious-play]
repetitions: 2
seed: 3
limits: { steps: 300 }
save_policies: recorded
";

/// Everything recorded but times: paths below `runs/`, and the lines without the column of seconds. How many files there must be is for the test to say.
fn records(dir: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for run in std::fs::read_dir(dir.join("runs")).unwrap() {
        let run = run.unwrap().path();
        for file in ["trace.csv", "policies.csv", "path.csv"] {
            let Ok(text) = std::fs::read_to_string(run.join(file)) else { continue };
            let seconds = text.lines().next().unwrap().split(',').position(|c| c == "seconds");
            let strip = |l: &str| {
                let cells = l.split(',').enumerate().filter(|(k, _)| Some(*k) != seconds);
                cells.map(|(_, c)| c).collect::<Vec<_>>().join(",")
            };
            let name = format!("{}/{file}", run.file_name().unwrap().to_str().unwrap());
            all.push((name, text.lines().map(strip).collect::<Vec<_>>().join("\n")));
        }
    }
    all.sort();
    all
}

#[test]
fn equal_bits_for_any_jobs_and_resume_skips_what_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("small.yaml");
    std::fs::write(&config, CONFIG).unwrap();
    let run = |out: &str, jobs: &str| {
        let out = dir.path().join(out);
        let (code, _, err) =
            equipoise(&["run", config.to_str().unwrap(), "--out", out.to_str().unwrap(), "--jobs", jobs]);
        assert_eq!(code, 0, "{err}");
        (out, err)
    };
    let (one, _) = run("one", "1");
    let (two, _) = run("two", "2");
    let expected = records(&one);
    assert_eq!(expected.len(), 3 * 20);
    assert!(expected == records(&two), "one job and two jobs differ");
    // a run without its run.json is not finished: it is run again, to the same bits
    let victim = std::fs::read_dir(two.join("runs")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(victim.join("run.json")).unwrap();
    let (two, err) = run("two", "2");
    assert!(err.contains("19 of 20 runs were finished before"), "{err}");
    assert!(expected == records(&two), "a resumed experiment differs");
}

#[test]
fn killed_at_any_moment_and_started_again_it_ends_as_if_undisturbed() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("small.yaml");
    // some seconds of work in runs of unequal length
    let text = CONFIG.replace("repetitions: 2", "repetitions: 20").replace("steps: 300", "steps: 3000");
    std::fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let (calm, hunted) = (dir.path().join("calm"), dir.path().join("hunted"));
    assert_eq!(equipoise(&["run", config, "--out", calm.to_str().unwrap()]).0, 0);
    let mut kills = 0;
    for milliseconds in [3, 20, 90, 45, 150, 70, 250] {
        let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("equipoise"))
            .args(["run", config, "--out", hunted.to_str().unwrap(), "--jobs", "2"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        let alive = child.try_wait().unwrap().is_none();
        child.kill().unwrap(); // SIGKILL: nothing can be tidied up
        child.wait().unwrap();
        kills += usize::from(alive);
        if !alive {
            break;
        }
    }
    assert!(kills > 0, "it was always finished before it could be killed");
    assert_eq!(equipoise(&["run", config, "--out", hunted.to_str().unwrap()]).0, 0);
    assert!(records(&calm) == records(&hunted), "a killed and resumed experiment differs");
    let summary = |dir: &Path| {
        let text = std::fs::read_to_string(dir.join("summary.json")).unwrap();
        text.lines().filter(|l| !l.contains("\"seconds\"")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(summary(&calm) == summary(&hunted));
}

#[test]
fn runs_that_share_a_large_game_have_the_bits_they_have_alone() {
    let dir = tempfile::tempdir().unwrap();
    let run = |name: &str, solvers: &str| {
        let (config, out) = (dir.path().join(format!("{name}.yaml")), dir.path().join(name));
        let game =
            "games: [random-uniform: { actions: 1100 }]\nreference: { random-normal: { scale: 1.0 } }\n";
        let text = format!("{game}tau: 0.1\nseed: 5\nlimits: {{ steps: 12 }}\nsolvers: [{solvers}]\n");
        std::fs::write(&config, text).unwrap();
        let (code, _, err) = equipoise(&["run", config.to_str().unwrap(), "--out", out.to_str().unwrap()]);
        assert_eq!(code, 0, "{err}");
        records(&out)
    };
    // of unequal cost: one, two and one query a step
    let alone = ["mwu: { step_size: 0.5 }", "egpo: { step_size: 0.2 }", "omwu: { step_size: 0.1 }"];
    let mut expected: Vec<_> =
        alone.iter().enumerate().flat_map(|(k, s)| run(&format!("alone-{k}"), s)).collect();
    expected.sort();
    assert_eq!(expected.len(), 3);
    assert!(expected == run("together", &alone.join(", ")), "lock-step changed a run");
}

#[test]
fn a_plan_is_a_valid_experiment_with_the_same_runs() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("small.yaml");
    std::fs::write(&config, CONFIG).unwrap();
    let out = dir.path().join("out");
    equipoise(&["run", config.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    let (code, _, err) =
        equipoise(&["run", out.join("plan.yaml").to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("20 of 20 runs were finished before"), "{err}");
}

#[test]
fn bad_input_exits_with_2_and_names_the_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let game = "games: [cyclic]\n";
    for (text, fragments) in [
        ("games: [cyclic]\nsolvers: [egp0]\n", &["bad.yaml:2:11", "did you mean `egpo`"][..]),
        ("games: [cyclic]\nsolver: [egpo]\n", &["bad.yaml:2:1", "`solvers`"]),
        ("games: [cyclic]\nsolvers: [egpo: { step_siz: 1 }]\n", &["bad.yaml:2:19", "step_size"]),
        ("games: [cyclic]\nsolvers: [egpo: { step_size: -1 }]\n", &["bad.yaml:2:30", "above 0"]),
        ("games: [cyclic]\nsolvers: [egpo]\ntau: -1\n", &["bad.yaml:3:6", "at least 0"]),
        ("games: [cyclic]\nsolvers: [egpo]\ntau: .nan\n", &["bad.yaml:3:6", "finite"]),
        ("games: []\nsolvers: [egpo]\n", &["bad.yaml:1:8", "empty list"]),
        ("games: [cyclic]\n", &["`solvers` is missing"]),
        ("", &["is empty"]),
        (
            "games: [matrix: { values: [[0.5, 0.7], [0.4, 0.5]] }]\nsolvers: [egpo]\n",
            &["bad.yaml:1", "sum to 1.1"],
        ),
        ("games: [matrix: { path: no.csv }]\nsolvers: [egpo]\n", &["bad.yaml:1", "cannot be read"]),
        (
            "games: [cyclic]\nsolvers: [egpo]\nreference: { logits: [0, 1] }\n",
            &["bad.yaml:3", "2 logits", "3 actions"],
        ),
        ("games: [cyclic]\nsolvers: [egpo, egpo]\n", &["bad.yaml:2:17", "listed twice"]),
        ("games: [cyclic]\nsolvers: [egpo]\nlimits: { steps: 0 }\n", &["bad.yaml:3:18", "at least 1"]),
        ("games: [cyclic]\nsolvers: [egpo]\nseed: 1\nseed: 2\n", &["bad.yaml:4:1"]),
        ("format: 2\ngames: [cyclic]\nsolvers: [egpo]\n", &["bad.yaml:1:9", "format 2"]),
        ("games: [cyclic]\nsolvers: [omd: { step_size: theorem }]\n", &["bad.yaml:2", "tau is 0"]),
    ] {
        let config = file("bad.yaml", text);
        let out = dir.path().join("never");
        let (code, _, err) = equipoise(&["run", &config, "--out", out.to_str().unwrap()]);
        assert_eq!(code, 2, "{text:?}: {err}");
        for fragment in fragments {
            assert!(err.contains(fragment), "{text:?}: no {fragment:?} in {err}");
        }
        assert!(!out.exists(), "{text:?}: something was written");
    }
    let config = file("ok.yaml", &format!("{game}solvers: [egpo]\n"));
    let (code, _, err) = equipoise(&["plan", &config, "--set", "limits.stepz=3"]);
    assert!(code == 2 && err.contains("--set") && err.contains("steps"), "{err}");
    let (code, _, err) = equipoise(&["solve", "no-such-file.csv"]);
    assert!(code == 2 && err.contains("no-such-file.csv"), "{err}");
}

#[test]
fn solve_and_gap_agree() {
    let dir = tempfile::tempdir().unwrap();
    let game = dir.path().join("g.csv");
    std::fs::write(&game, "x,a,b,c\na,0.5,0.6,0.1\nb,0.4,0.5,0.7\nc,0.9,0.3,0.5\n").unwrap();
    let (code, out, err) = equipoise(&["solve", game.to_str().unwrap(), "--json"]);
    assert_eq!(code, 0, "{err}");
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    // margins x = .1, y = .2, z = .4: (y, z, x) / (x + y + z)
    for (p, e) in answer["policy"].as_array().unwrap().iter().zip([2.0 / 7.0, 4.0 / 7.0, 1.0 / 7.0]) {
        assert!((p.as_f64().unwrap() - e).abs() < 1e-14);
    }
    let policy = dir.path().join("p.json");
    std::fs::write(&policy, answer["policy"].to_string()).unwrap();
    let args = ["gap", game.to_str().unwrap(), "--policy", policy.to_str().unwrap(), "--json"];
    let gap: serde_json::Value = serde_json::from_str(&equipoise(&args).1).unwrap();
    assert!(gap["duality_gap"].as_f64().unwrap().abs() < 1e-15);
    for key in ["exploitability", "duality_gap_tau", "worst_case_win_rate"] {
        assert!(gap[key].is_number(), "{key}");
    }
}

const P09: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/data/p09_set2.csv");
const MTBENCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/data/mtbench_human.csv");

fn json(args: &[&str]) -> serde_json::Value {
    let (code, out, err) = equipoise(args);
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn inspect_says_first_what_it_found() {
    let (code, out, _) = equipoise(&["inspect", P09, "--replicates", "199"]);
    assert!(code == 0 && out.starts_with("cyclic beyond noise\n"), "{out}");
    let (_, out, _) = equipoise(&["inspect", MTBENCH, "--replicates", "199"]);
    assert!(out.starts_with("Bradley-Terry is enough here\n"), "{out}");
    let found = json(&["inspect", P09, "--replicates", "99", "--json"]);
    for key in
        ["n", "labels", "comparisons", "ties", "condorcet_winner", "smith_set", "verdict", "unmet_pairs"]
    {
        assert!(found.get(key).is_some(), "{key}");
    }
    assert_eq!(found["cyclic_triads"]["cyclic"], 4);
    assert_eq!(found["nash"]["support"].as_array().unwrap().len(), 5);
    assert_eq!(found["bradley_terry"]["worst_opponent"], "e");
    // a matrix has no counts
    let dir = tempfile::tempdir().unwrap();
    let matrix = dir.path().join("g.csv");
    std::fs::write(&matrix, "0.5,0.7,0.4\n0.3,0.5,0.8\n0.6,0.2,0.5\n").unwrap();
    let found = json(&["inspect", matrix.to_str().unwrap(), "--json"]);
    assert_eq!(found["verdict"], "no counts, so noise is unknown");
    assert!(found["cyclic_energy"]["p_value"].is_null() && found["condorcet_winner"].is_null());
}

#[test]
fn fit_and_rank_print_what_the_contract_names() {
    let found = json(&["fit", MTBENCH, "--model", "davidson", "--json"]);
    for key in ["labels", "log_strength", "standard_error", "log_likelihood", "deviance", "nu", "residuals"] {
        assert!(found.get(key).is_some(), "{key}");
    }
    assert_eq!((&found["exists"], &found["converged"]), (&true.into(), &true.into()));
    let sum: f64 = found["log_strength"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).sum();
    assert!(sum.abs() < 1e-12);
    for model in ["bradley-terry", "thurstone", "rao-kupper", "grounded-rao-kupper", "elo", "trueskill"] {
        let found = json(&["fit", MTBENCH, "--model", model, "--json"]);
        assert_eq!(found["model"], model);
    }
    let ranked = json(&["rank", MTBENCH, "--replicates", "20", "--json"]);
    assert_eq!((ranked["rows"].as_array().unwrap().len(), &ranked["rows"][0]["label"]), (6, &"gpt-4".into()));
    let (code, out, _) = equipoise(&["rank", MTBENCH, "--replicates", "20"]);
    assert!(code == 0 && out.contains("nobody who met gpt-4 wins more often than it"), "{out}");
    for (args, fragment) in [
        (vec!["fit", MTBENCH, "--model", "bradly-terry"], "did you mean `bradley-terry`?"),
        (vec!["fit", MTBENCH, "--model", "bradley-terry", "--ties", "model"], "has no ties of its own"),
        (vec!["fit", MTBENCH, "--model", "plackett-luce"], "rankings need a column `ranking`"),
        (vec!["rank", MTBENCH, "--by-context"], "has no column `context`"),
        (vec!["fit", MTBENCH, "--model", "scaled-bradley-terry"], "has no column `magnitude`"),
        (vec!["fit", MTBENCH, "--model", "contextual-bradley-terry"], "needs --context-features FILE"),
        (
            vec!["fit", MTBENCH, "--model", "davidson", "--algorithm", "newman"],
            "--algorithm is not for davidson",
        ),
        (vec!["fit", MTBENCH, "--model", "elo", "--home"], "--home is not for elo"),
        (
            vec!["fit", MTBENCH, "--model", "davidson", "--each", "context"],
            "has no column `context`, so nothing",
        ),
        (vec!["inspect", P09, "--each", "annotator"], "has no column `annotator`, so nothing"),
        (vec!["inspect", P09, "--context", "x"], "has no column `context`"),
    ] {
        let (code, _, err) = equipoise(&args);
        assert!(code == 2 && err.contains(fragment), "{err}");
    }
}

/// Two contexts, one of them a circle; magnitudes; both orders of listing.
const GROUPS: &str = "item_a,item_b,outcome,context,weight,magnitude
x,y,a,round,40,2
y,x,a,round,5,1
y,z,a,round,40,1
y,z,b,round,5,3
z,x,a,round,40,1
x,z,a,round,5,1
x,y,a,line,30,1
x,y,b,line,10,1
y,z,a,line,30,2
z,y,a,line,10,1
x,z,tie,line,2,0
x,z,a,line,38,3
";

#[test]
fn groups_are_games_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).unwrap();
        dir.path().join(name).to_str().unwrap().to_owned()
    };
    let data = path("d.csv", GROUPS);
    let (code, out, err) = equipoise(&["inspect", &data, "--each", "context", "--replicates", "199"]);
    assert!(code == 0 && out.starts_with("1 of 2 groups cyclic beyond noise"), "{out}{err}");
    let found = json(&["inspect", &data, "--each", "context", "--replicates", "199", "--json"]);
    assert_eq!(found["groups"][0]["verdict"], "cyclic beyond noise");
    assert_eq!(found["groups"][1]["condorcet_winner"], "x");
    let fitted = json(&["fit", &data, "--model", "bradley-terry", "--each", "context", "--json"]);
    assert!(fitted["p_value"].as_f64().unwrap() < 1e-3, "{fitted}");
    for r in fitted["groups"][0]["log_strength"].as_array().unwrap() {
        assert!(r.as_f64().unwrap().abs() < 1e-12, "a balanced circle has equal strengths");
    }
    let (code, out, err) = equipoise(&["rank", &data, "--each", "context", "--replicates", "20"]);
    assert!(code == 0 && out.contains("may be first") && out.contains("line"), "{out}{err}");
    let ranked = json(&["rank", &data, "--each", "context", "--replicates", "20", "--json"]);
    let line =
        json(&["rank", &data, "--context", "line", "--items", "x,y,z", "--replicates", "20", "--json"]);
    assert_eq!(ranked["groups"][1]["top"]["bradley-terry"], line["top"]["bradley-terry"]);
    assert_eq!(ranked["groups"][1]["rows"][0]["nash_support"], line["rows"][0]["nash_support"]);
    let (code, _, err) = equipoise(&["rank", &data, "--each", "context", "--out", "x"]);
    assert!(code == 2 && err.contains("cannot be used with"), "{err}");
    // one experiment, two games; the plan that it writes makes them again
    let config = path(
        "e.yaml",
        "games: [comparisons: { path: d.csv, each: context }]\nsolvers: [mwu]\nlimits: { steps: 10 }\n",
    );
    let out = dir.path().join("out").to_str().unwrap().to_owned();
    let (code, text, err) = equipoise(&["run", &config, "--out", &out]);
    assert!(code == 0 && text.contains("d(round)") && text.contains("d(line)"), "{text}{err}");
    let again = equipoise(&["run", &format!("{out}/plan.yaml"), "--out", &out]);
    assert!(again.2.contains("2 of 2 runs were finished before"), "{}", again.2);
    let config = path("f.yaml", "games: [comparisons: { path: d.csv, each: contxt }]\nsolvers: [mwu]\n");
    let (code, _, err) = equipoise(&["plan", &config]);
    assert!(code == 2 && err.contains("f.yaml:1") && err.contains("did you mean `context`?"), "{err}");
}

#[test]
fn the_newer_models_fit_and_say_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).unwrap();
        dir.path().join(name).to_str().unwrap().to_owned()
    };
    let data = path("d.csv", GROUPS);
    let features = path("f.csv", "context,length\nline,1\nround,0\n");
    let rankings = path("r.csv", "ranking,weight\nx > y > z,3\nz > x > y,2\ny > z > x,2\nx > z = y,1\n");
    for (model, extra) in [
        ("scaled-bradley-terry", vec![]),
        ("margin-bradley-terry", vec!["--prior"]),
        ("contextual-bradley-terry", vec!["--context-features", &features]),
        ("p2l", vec!["--context-features", &features]),
        ("p2l", vec!["--set", "head=bt-tie"]),
    ] {
        let args: Vec<&str> = ["fit", &data, "--model", model].into_iter().chain(extra).collect();
        let found = json(&[&args[..], &["--json"]].concat());
        assert_eq!((&found["model"], &found["converged"]), (&model.into(), &true.into()), "{found}");
        let (code, out, err) = equipoise(&args);
        assert!(code == 0 && out.contains("converged in"), "{out}{err}");
    }
    let split = json(&["fit", &rankings, "--model", "plackett-luce-split", "--json"]);
    let pairs = json(&["fit", &rankings, "--model", "bradley-terry", "--json"]);
    let newman = json(&["fit", &rankings, "--model", "bradley-terry", "--algorithm", "newman", "--json"]);
    for i in 0..3 {
        let r = |found: &serde_json::Value| found["log_strength"][i].as_f64().unwrap();
        assert!((r(&split) - r(&pairs)).abs() < 1e-10 && (r(&newman) - r(&pairs)).abs() < 1e-10);
    }
    let (code, _, err) = equipoise(&["fit", &rankings, "--model", "plackett-luce"]);
    assert!(code == 2 && err.contains("ranking 4 has tied items"), "{err}");
    let listed = json(&["list", "models", "--json"]);
    assert!(
        ["p2l", "counts", "eigen"].iter().all(|name| listed
            .as_array()
            .unwrap()
            .iter()
            .any(|m| m["name"] == *name))
    );
    let side = json(&["fit", &data, "--compare", "--json"]);
    assert_eq!(side["models"].as_array().unwrap().len(), listed.as_array().unwrap().len());
    assert!(side["smallest"].is_string() != side["undecided"].is_string(), "{side}");
    let (code, _, err) = equipoise(&["fit", &data, "--compare", "--model", "elo"]);
    assert!(code == 2 && err.contains("--compare"), "{err}");
    let table = json(&["fit", &data, "--model", "bradley-terry", "--json"])["probability"].clone();
    assert!(table[0][0] == 0.5 && table.as_array().unwrap().len() == 3, "{table}");
    assert!(listed.as_array().unwrap().iter().all(|m| !m["source"].as_str().unwrap().is_empty()));
}

#[test]
fn a_board_becomes_a_page() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("d.csv");
    std::fs::write(&data, GROUPS).unwrap();
    let out = dir.path().join("board");
    let args = ["rank", data.to_str().unwrap(), "--out", out.to_str().unwrap(), "--replicates", "20"];
    let (code, text, err) = equipoise(&args);
    assert!(code == 0 && err.contains("leaderboard.html") && text.contains("top by bradley-terry"), "{err}");
    let page = std::fs::read_to_string(out.join("leaderboard.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 5);
    let record: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("leaderboard.json")).unwrap()).unwrap();
    assert_eq!(record["contexts"].as_array().unwrap().len(), 2);
    let by_context = equipoise(&["rank", data.to_str().unwrap(), "--by-context", "--replicates", "20"]);
    assert_eq!(by_context.0, 0, "{}", by_context.2);
    std::fs::write(&data, "item_a,item_b,outcome\nx,y,a\n").unwrap();
    let (code, text, err) = equipoise(&args);
    assert!(code == 0 && text.contains("no finite maximum"), "{text}{err}");
}

/// Rows of a context, and pairs of a ranking, are not independent of each other, and nobody says so without need.
#[test]
fn what_rests_on_independent_rows_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).unwrap();
        dir.path().join(name).to_str().unwrap().to_owned()
    };
    let inspected = |file: &str, more: &[&str]| {
        let (code, out, err) = equipoise(&[&["inspect", file, "--replicates", "99"], more].concat());
        assert_eq!(code, 0, "{err}");
        out
    };
    let repeated =
        "rows are taken as independent of each other, but 2 contexts compare a pair more than once";
    let rows = "item_a,item_b,outcome,context\nx,y,a,p\nx,y,b,p\nx,y,a,q\nx,y,a,q\nx,y,b,r\n";
    let several = path("several.csv", rows);
    let out = inspected(&several, &[]);
    assert!(out.lines().nth(2).unwrap().contains(repeated), "{out}");
    let found = json(&["inspect", &several, "--replicates", "99", "--json"]);
    assert_eq!(found["repeated"], serde_json::json!([{ "by": "context", "groups": 2 }]));
    let once = path("once.csv", "item_a,item_b,outcome,context\nx,y,a,p\nx,z,b,p\nx,y,a,q\ny,z,a,q\n");
    assert!(!inspected(&once, &[]).contains("independent"));
    // the page as well
    let page = dir.path().join("board");
    let out = ["--out", page.to_str().unwrap(), "--replicates", "9"];
    let record = |more: &[&str]| {
        let (code, _, err) = equipoise(&[&["rank", &several], &out[..], more].concat());
        assert_eq!(code, 0, "{err}");
        std::fs::read_to_string(page.join("leaderboard.json")).unwrap()
    };
    assert!(record(&["--by-context"]) != record(&[]));
    // contexts as observations, also of every annotator, and of every context by itself
    let out = inspected(&several, &["--by-context"]);
    assert!(
        out.contains("observations: 3 contexts; leads have") && !out.contains("independent of each"),
        "{out}"
    );
    let found = json(&["inspect", &several, "--replicates", "99", "--json", "--by-context"]);
    assert_eq!((&found["observed"], &found["observations"]), (&"contexts".into(), &3.0.into()));
    let nested = path(
        "nested.csv",
        "item_a,item_b,outcome,context,annotator\nx,y,a,p,u\ny,z,a,p,u\ny,x,a,q,u\nz,y,a,q,u\nx,y,a,p,v\ny,x,a,q,v\n",
    );
    for command in [&["rank"][..], &["fit", "--model", "bradley-terry"], &["inspect"]] {
        let found = json(&[command, &[&nested, "--json", "--each", "annotator", "--by-context"]].concat());
        let first = &found["groups"][0];
        assert_eq!(
            (&first["observed"], &first["observations"]),
            (&"contexts".into(), &2.0.into()),
            "{found}"
        );
    }
    let found = json(&["inspect", &several, "--each", "context", "--by-context", "--json"]);
    assert_eq!(found["groups"][0]["verdict"], "one observation, so noise is unknown");
    // pairs of one ranking cannot be dealt apart
    let orders = "ranking,weight,annotator\nx > y > z,2,u\nz > y > x,1,v\nx > z > y,2,v\n";
    let rankings = path("rankings.csv", orders);
    let found = json(&["inspect", &rankings, "--replicates", "99", "--json"]);
    let agreement = &found["agreement"][0];
    assert!(agreement["p_value"].is_null(), "{agreement}");
    assert!(agreement["untested"].as_str().unwrap().contains("cannot be dealt apart"), "{agreement}");
    assert!(inspected(&rankings, &[]).contains("is not tested: the pairs of one ranking"));
    for command in [&["rank"][..], &["fit", "--model", "bradley-terry"], &["inspect"]] {
        let found = json(&[command, &[&rankings, "--json", "--each", "annotator"]].concat());
        let first = &found["groups"][0];
        assert_eq!(
            (&first["observed"], &first["observations"]),
            (&"rankings".into(), &2.0.into()),
            "{found}"
        );
        assert!(first["position"].is_null());
    }
    // what was drawn is whole rankings, on the page as well, or nothing
    let (_, said, _) = equipoise(&["rank", &rankings, "--replicates", "9"]);
    assert!(said.contains("Observations: 5 rankings"), "{said}");
    let tied = path("tied.csv", "ranking\nx > y = z\nz > y > x\ny > x > z\n");
    let (code, _, err) = equipoise(&["inspect", &tied, "--ties", "drop"]);
    assert!(code == 2 && err.contains("leave out --ties drop"), "{err}");
    let large = path("large.csv", "ranking,weight\nx > y > z,1e9\nz > y > x,1e9\n");
    let (code, _, err) = equipoise(&["inspect", &large]);
    assert!(code == 2 && err.contains("rankings; at most"), "{err}");
    // a p-value that is drawn, and close to the level
    let close = path(
        "close.csv",
        "item_a,item_b,outcome,weight\nT,A,a,22\nT,A,b,13\nT,K,a,8\nT,K,b,10\nA,K,a,23\nA,K,b,12\n",
    );
    let (_, out, _) = equipoise(&["inspect", &close, "--replicates", "499"]);
    assert!(
        out.contains("one rating an item: p = 0.0") && out.contains("499 data sets do not tell it from"),
        "{out}"
    );
    // what a tie counts
    let ties = path("ties.csv", "item_a,item_b,outcome,weight\nx,y,a,2\nx,y,b,1.5\nx,y,tie,1\n");
    let (_, half, _) = equipoise(&["rank", &ties]);
    let (_, drop, _) = equipoise(&["rank", &ties, "--ties", "drop"]);
    assert!(half.contains("ties: half a win to each side") && drop.contains("ties: dropped"), "{drop}");
    // Elo and TrueSkill of half matches
    assert!(half.contains("Elo and TrueSkill: left out, as weights in fractions"), "{half}");
    let (code, _, err) = equipoise(&["fit", &ties, "--model", "elo"]);
    assert!(code == 2 && err.contains("row of weight 1.5"), "{err}");
}

#[test]
fn features_explain_strengths() {
    let dir = tempfile::tempdir().unwrap();
    let (data, features) = (dir.path().join("d.csv"), dir.path().join("f.csv"));
    std::fs::write(&data, "item_a,item_b,outcome,weight\nx,y,a,30\nx,y,b,10\ny,z,a,30\ny,z,b,10\n").unwrap();
    std::fs::write(&features, "item,size\nx,3\ny,2\nz,1\nw,9\n").unwrap();
    let args = [
        "fit",
        data.to_str().unwrap(),
        "--model",
        "bradley-terry",
        "--features",
        features.to_str().unwrap(),
        "--json",
    ];
    let found = json(&args);
    // one unit of size is worth log 3 in both pairs
    let b = found["coefficients"][0]["coefficient"].as_f64().unwrap();
    assert!((b - 3f64.ln()).abs() < 1e-12, "{found}");
    std::fs::write(&features, "item,size\nx,3\ny,2\n").unwrap();
    let (code, _, err) = equipoise(&args);
    assert!(code == 2 && err.contains("`z` has no features"), "{err}");
}

#[test]
fn certificates_are_checked_on_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (game, other, answer) = (path("g.csv"), path("h.csv"), path("a.json"));
    std::fs::write(&game, "x,a,b,c\na,0.5,0.6,0.1\nb,0.4,0.5,0.7\nc,0.9,0.3,0.5\n").unwrap();
    std::fs::write(&other, "x,a,b,c\na,0.5,0.6,0.2\nb,0.4,0.5,0.7\nc,0.8,0.3,0.5\n").unwrap();
    let (code, out, _) = equipoise(&["solve", &game, "--json"]);
    assert_eq!(code, 0);
    std::fs::write(&answer, &out).unwrap();
    let solved: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(solved["certificate"]["exact"]["policy"], serde_json::json!(["2/7", "4/7", "1/7"]));
    let check = |file: &str, game: Option<&str>| {
        let mut args = vec!["gap", "--certificate", file, "--json"];
        args.extend(game);
        let (code, out, err) = equipoise(&args);
        (code, serde_json::from_str::<serde_json::Value>(&out).unwrap_or_default(), err)
    };
    for with in [None, Some(game.as_str())] {
        let (code, report, err) = check(&answer, with);
        assert_eq!(
            (code, &report["valid"], &report["unique"]),
            (0, &true.into(), &true.into()),
            "{report} {err}"
        );
        assert!(report["policy_duality_gap"].as_f64().unwrap() < 1e-15);
    }
    let (code, report, _) = check(&answer, Some(&other));
    assert!(code == 1 && report["problems"][0].as_str().unwrap().contains("the game 0.1999"), "{report}");
    // each forgery is found
    for (from, to, fragment) in [
        ("\"2/7\"", "\"3/7\"", "does not sum to 1"),
        ("\"4/7\"", "\"-4/7\"", "negative"),
        ("\"7/10\"", "\"8/10\"", "not complementary"),
        ("\"2/7\",\n        \"4/7\"", "\"4/7\",\n        \"2/7\"", "beats the policy"),
    ] {
        assert!(out.contains(from), "{from}: {out}");
        std::fs::write(&answer, out.replace(from, to)).unwrap();
        let (code, report, _) = check(&answer, None);
        assert!(code == 1 && report["problems"].to_string().contains(fragment), "{fragment}: {report}");
    }
    // a claim of uniqueness that is not true
    let ties = path("ties.csv");
    std::fs::write(&ties, "0.5,0.5\n0.5,0.5\n").unwrap();
    let (_, out, _) = equipoise(&["solve", &ties, "--json"]);
    let forged = out.replace("\"unique\": false", "\"unique\": true");
    assert_ne!(out, forged);
    std::fs::write(&answer, forged).unwrap();
    let (code, report, _) = check(&answer, None);
    assert!(code == 1 && report["problems"].to_string().contains("only equilibrium"), "{report}");
    std::fs::write(&answer, "{\"policy\": [1.0]}").unwrap();
    let (code, _, err) = check(&answer, None);
    assert!(code == 2 && err.contains("no list `win_rates`"), "{err}");
}

#[test]
fn solve_selects_ranges_and_follows_the_path() {
    let dir = tempfile::tempdir().unwrap();
    let game = dir.path().join("g.csv").to_str().unwrap().to_owned();
    // a and b tie; c loses to a and beats b
    std::fs::write(&game, "x,a,b,c\na,0.5,0.5,0.6\nb,0.5,0.5,0.2\nc,0.4,0.8,0.5\n").unwrap();
    let solve = |extra: &[&str]| {
        let args: Vec<&str> = ["solve", &game, "--json"].iter().chain(extra).copied().collect();
        let (code, out, err) = equipoise(&args);
        assert_eq!(code, 0, "{err}");
        serde_json::from_str::<serde_json::Value>(&out).unwrap()
    };
    let probability = |answer: &serde_json::Value| answer["policy"][0].as_f64().unwrap();
    let spread = solve(&["--ranges"]);
    assert!((probability(&spread) - 0.75).abs() < 1e-12 && spread["dimension"] == 1, "{spread}");
    assert!((spread["ranges"][0][0].as_f64().unwrap() - 0.75).abs() < 1e-9, "{spread}");
    assert_eq!(probability(&solve(&["--select", "vertex"])), 1.0);
    let path = solve(&["--path"]);
    let points = path["path"].as_array().unwrap();
    assert_eq!((points.len(), points[20]["tau"].as_f64()), (21, Some(1e-4)));
    assert!((points[20]["policy"][0].as_f64().unwrap() - 0.75).abs() < 1e-2, "{path}");
    let (code, _, err) = equipoise(&["solve", &game, "--tau", "0.1", "--select", "vertex"]);
    assert!(code == 2 && err.contains("--select"), "{err}");
    let (code, _, err) = equipoise(&["gap"]);
    assert!(code == 2 && err.contains("--policy"), "{err}");
}

#[test]
fn the_tables_of_the_readme_are_the_registries() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    for (noun, rows) in
        [("solvers", 40), ("policies", 6), ("optimisers", 7), ("objectives", 37), ("estimators", 29)]
    {
        let out =
            Command::cargo_bin("equipoise").unwrap().args(["list", noun, "--markdown"]).output().unwrap();
        let table = String::from_utf8(out.stdout).unwrap();
        assert!(table.lines().count() >= rows + 2 && table.contains("| verified by |"), "{table}");
        let shown = readme.split(&format!("<!-- equipoise list {noun} --markdown -->\n")).nth(1).unwrap();
        let shown = shown.split("<!-- end -->").next().unwrap();
        assert_eq!(shown, table, "print it again with `equipoise list {noun} --markdown`");
    }
}

/// Many games go in and answers come out by the batch, in the formats of arrays and of tables.
#[test]
fn many_games_are_solved_to_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    // cycles of three with margins x, y, z: the equilibrium is (y, z, x) / (x + y + z)
    let margins = |x: usize| [0.1 + 0.001 * x as f64, 0.2, 0.3];
    let win_rates = |x: usize| {
        let [a, b, c] = margins(x);
        vec![0.5, 0.5 + a, 0.5 - c, 0.5 - a, 0.5, 0.5 + b, 0.5 + c, 0.5 - b, 0.5]
    };
    let cube = equipoise::ndarray::Array3::from_shape_fn((200, 3, 3), |(x, i, j)| win_rates(x)[3 * i + j]);
    let (games, answers) = (path("games.npy"), path("answers.npz"));
    ndarray_npy::write_npy(&games, &cube).unwrap();
    let summary = json(&["solve", &games, "--out", &answers, "--json"]);
    assert_eq!((&summary["contexts"], &summary["unique"]["yes"]), (&200.into(), &200.into()), "{summary}");
    assert!(summary["largest_duality_gap"].as_f64().unwrap() < 1e-15);
    let mut npz = ndarray_npy::NpzReader::new(std::fs::File::open(&answers).unwrap()).unwrap();
    let policy: equipoise::ndarray::Array2<f64> = npz.by_name("policy").unwrap();
    let gap: equipoise::ndarray::Array1<f64> = npz.by_name("duality_gap").unwrap();
    assert_eq!((policy.dim(), gap.len()), ((200, 3), 200));
    for (x, p) in policy.outer_iter().enumerate() {
        let [a, b, c] = margins(x);
        for (found, expected) in p.iter().zip([b, c, a].map(|m| m / (a + b + c))) {
            assert!((found - expected).abs() < 1e-14, "{p}");
        }
    }
    // regularised, towards a reference for all of them: as each alone
    let reference = path("mu.json");
    std::fs::write(&reference, "[0.2, 0.3, 0.5]").unwrap();
    let summary =
        json(&["solve", &games, "--out", &answers, "--json", "--tau", "0.1", "--reference", &reference]);
    assert!(summary["largest_duality_gap_tau"].as_f64().unwrap() < 1e-28, "{summary}");
    let mut npz = ndarray_npy::NpzReader::new(std::fs::File::open(&answers).unwrap()).unwrap();
    let logs: equipoise::ndarray::Array2<f64> = npz.by_name("log_policy").unwrap();
    let single = path("one.json");
    let rows: Vec<Vec<f64>> = win_rates(7).chunks(3).map(<[f64]>::to_vec).collect();
    std::fs::write(&single, serde_json::to_string(&rows).unwrap()).unwrap();
    let (answer, tau) = (path("one-answer.json"), ["--tau", "0.1", "--reference", &reference]);
    let (code, _, err) = equipoise(&[&["solve", &single, "--out", &answer], &tau[..]].concat());
    assert_eq!(code, 0, "{err}");
    let alone: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&answer).unwrap()).unwrap();
    for (a, b) in logs.row(7).iter().zip(alone["log_policy"].as_array().unwrap()) {
        assert!((a - b.as_f64().unwrap()).abs() < 1e-13, "{logs} {alone}");
    }
    // games of unequal size
    let ragged = path("games.parquet");
    let mut writer =
        equipoise::data::AnswerWriter::create(ragged.as_ref(), None, &["win_rates"], &[]).unwrap();
    writer.write(&[9, 4], &[&[win_rates(0), vec![0.5; 4]].concat()], &[]).unwrap();
    writer.finish().unwrap();
    let summary = json(&["solve", &ragged, "--out", &path("answers.parquet"), "--json"]);
    assert_eq!(summary["unique"], serde_json::json!({ "yes": 1, "no": 1, "undecided": 0 }), "{summary}");
    // what does not fit is told
    for (args, fragment) in [
        (vec!["solve", &ragged, "--out", &answers], "write to a .parquet file"),
        (vec!["solve", &games, "--out", "answers.txt"], "answers go to .npz or .parquet"),
        (vec!["solve", &single, "--out", &answers], "is one game by its ending"),
        (vec!["solve", &games, "--out", &answers, "--path"], "--path"),
        (vec!["solve", &ragged, "--out", &answers, "--reference", &reference], "may differ in size"),
    ] {
        let (code, _, err) = equipoise(&args);
        assert!(code == 2 && err.contains(fragment), "{fragment}: {err}");
    }
}

#[test]
fn a_target_beyond_the_equilibrium_is_said_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("c.yaml");
    let out = dir.path().join("out");
    let said = |game: &str, target: &str| {
        let text = format!(
            "games: [{game}]\nsolvers: [egpo, mwu]\ntau: [0.0, 0.1]\nlimits: {{ steps: 5, target: {{ {target} }} }}\n"
        );
        std::fs::write(&config, text).unwrap();
        [vec!["plan"], vec!["run", "--fresh", "--out", out.to_str().unwrap()]].map(|mut args| {
            args.push(config.to_str().unwrap());
            let (code, _, err) = equipoise(&args);
            assert_eq!(code, 0, "{err}");
            err
        })
    };
    // the equilibrium of the regularised game has a gap in the original one, that of the original game a regularised gap
    for (target, tau, game, methods) in [
        ("duality_gap: 1.0e-3", "0.1", "regularised", "runs of egpo that"),
        ("duality_gap_tau: 1.0e-6", "0.1", "original", "runs of mwu that"),
    ] {
        for err in said("perturbed-rps", target) {
            let words =
                format!("game `perturbed-rps`, tau {tau}: the target {}", target.split(':').next().unwrap());
            assert!(
                err.contains(&words) && err.contains(&format!("equilibrium of the {game} game")),
                "{err}"
            );
            assert!(err.contains(methods) && !err.contains("tau 0: the target"), "{err}");
        }
    }
    // at the uniform equilibrium both vanish, whatever the rounding
    for err in said("rock-paper-scissors", "duality_gap: 1.0e-12") {
        assert!(!err.contains("cannot be met"), "{err}");
    }
}
