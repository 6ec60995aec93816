//! Every way in which a configuration can be wrong is refused with its place, its rule and, where one is near, a way
//! out.

use std::path::Path;

use equipoise_experiment::exact::ExactAnswers;
use equipoise_experiment::{ConfigError, Plan, file, resolve};

/// A config around which one thing is wrong at a time.
const GAMES: &str = "games:\n  - matrix: { values: [[0.5, 0.7], [0.3, 0.5]] }\n";
const SOLVERS: &str = "solvers:\n  - mwu: { step_size: 0.5 }\n";

/// Parses, resolves, makes every game and builds every method on it, as a process alone does before it writes anything.
fn prepare(folder: &Path, bytes: &[u8], overrides: &[String]) -> Result<(), ConfigError> {
    let plan = Plan::new(resolve(&file::parse("c.yaml", folder, bytes, overrides)?)?)?;
    plan.check_size(plan.runs())?;
    (0..plan.games()).try_for_each(|g| plan.check_methods(&plan.make(g)?, &ExactAnswers::default()))
}

fn error_in(folder: &Path, bytes: &[u8], overrides: &[&str]) -> ConfigError {
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    match prepare(folder, bytes, &overrides) {
        Err(error) => error,
        Ok(()) => panic!("accepted:\n{}", String::from_utf8_lossy(bytes)),
    }
}

fn error(text: &str) -> ConfigError {
    error_in(Path::new("."), text.as_bytes(), &[])
}

/// Line and column of an error, and all that it says.
fn check(error: &ConfigError, line: usize, column: usize, fragment: &str, context: &str) {
    let shown = error.to_string();
    assert_eq!((error.line, error.column), (line, column), "{context}\n---\n{shown}");
    assert!(shown.contains(fragment), "{context}\n---\n{shown}\n--- lacks: {fragment}");
}

/// A line appended to an otherwise good config: it stands on line 5.
const APPENDED: &[(&str, usize, &str)] = &[
    ("solver: [mwu]", 1, "did you mean `solvers`?"),
    ("xyzzy: 1", 1, "known: format, name, description"),
    ("format: 2", 9, "format 2 is not known; this program reads format 1"),
    ("format: one", 9, "`format` must be a whole number of at least 0, found the text `one`"),
    ("name: 7", 7, "`name` must be text, found the number 7"),
    ("name: a/b", 7, "must consist of letters, digits"),
    ("name: ''", 7, "must consist of letters, digits"),
    ("name: [a]", 7, "`name` must be text, found a list of 1"),
    ("description: { a: b }", 14, "`description` must be text, found a block"),
    ("tau: -0.1", 6, "`tau` is -0.1, must be at least 0"),
    ("tau: .nan", 6, "`tau` is NaN, must be a finite number"),
    ("tau: .inf", 6, "`tau` is inf, must be a finite number"),
    ("tau: []", 6, "`tau` is an empty list"),
    ("tau: [0.1, x]", 12, "`tau` must be a number, found the text `x`"),
    ("tau: [0, 0.1, 0.0]", 15, "tau = 0 is listed twice"),
    ("tau: 0.1.2", 6, "found the text `0.1.2`"),
    ("tau:", 4, "`tau` must be a number, found nothing"),
    ("oracle: exakt", 9, "did you mean `exact`?"),
    ("oracle: { exact: { a: 1 } }", 11, "takes no parameters"),
    ("oracle: { sampled: { duels: 8 } }", 22, "did you mean `duels_per_query`?"),
    ("oracle: { sampled: { duels_per_query: 0 } }", 39, "`duels_per_query` is 0, must be at least 1"),
    ("oracle: { sampled: { duels_per_query: -1 } }", 39, "`duels_per_query`: invalid value"),
    ("oracle: { sampled: { labels: bernouli } }", 30, "unknown variant `bernouli`"),
    ("oracle: [exact, exact]", 17, "the oracle `exact` is listed twice"),
    ("reference: uniforme", 12, "did you mean `uniform`?"),
    ("reference: { logits: [0, 1, 2] }", 22, "the reference has 3 logits; game `matrix` has 2 actions"),
    ("reference: { logits: [0, .nan] }", 26, "`logits` is NaN"),
    ("reference: { logits: [] }", 22, "`logits` is an empty list"),
    ("reference: { logits: { a: 0, b: 1 } }", 22, "`logits` must be a list"),
    ("reference: { path: no/such.csv }", 20, "cannot be read"),
    ("reference: logits", 12, "`reference` is `uniform`, `logits: [..]`"),
    ("reference: { random-normal: { scale: -1 } }", 38, "`scale` is -1, must lie in [0, 1000]"),
    ("reference: { random-normal: { sigma: 1 } }", 31, "unknown key `sigma`"),
    ("start: { logits: [1] }", 18, "the start has 1 logits; game `matrix` has 2 actions"),
    ("start: { path: a.csv }", 10, "unknown start `path`"),
    ("repetitions: 0", 14, "`repetitions` is 0, must be at least 1"),
    ("repetitions: 1.5", 14, "`repetitions` must be a whole number"),
    ("repetitions: [1, 1]", 14, "`repetitions` must be a whole number"),
    ("repetitions: 1000000000000", 14, "at least 1 and at most 1000000"),
    ("seed: -1", 7, "`seed` must be a whole number of at least 0, found the number -1"),
    ("seed: 18446744073709551616", 7, "`seed` must be a whole number"),
    ("limits: 100", 9, "`limits` must be a block of keys, found the number 100"),
    ("limits: { steps: 0 }", 18, "`steps` is 0, must be at least 1"),
    ("limits: { step: 10 }", 11, "did you mean `steps`?"),
    ("limits: { steps: [10, 20] }", 18, "`steps` must be a whole number of at least 0, found a list of 2"),
    ("limits: { seconds: 0 }", 20, "`seconds` is 0, must be above 0"),
    ("limits: { queries: 0 }", 20, "`queries` is 0, must be at least 1"),
    ("limits: { target: { duality_gp: 1 } }", 21, "did you mean `duality_gap`?"),
    ("limits: { target: { duality_gap: -1 } }", 34, "must be at least 0"),
    (
        "limits: { target: { worst_case_win_rate: 0.6 } }",
        42,
        "the target of `worst_case_win_rate` is 0.6, which no policy reaches",
    ),
    ("limits: { target: { win_rate_vs_reference: 1.5 } }", 44, "larger values of this metric are better"),
    ("limits: { target: 1.0e-6 }", 19, "`target` must be a block of metrics and values"),
    ("record: every", 9, "`record` is `log`, `every: K` or `at: [steps]`"),
    ("record: { every: 0 }", 18, "`every` is 0, must be at least 1"),
    ("record: { at: 5 }", 15, "`at` must be a list"),
    ("record: logarithmic", 9, "did you mean `log`?"),
    ("metrics: []", 10, "`metrics` is an empty list"),
    ("metrics: [duality_gap, klto]", 24, "unknown metric `klto`"),
    ("metrics: [entropy, entropy]", 20, "the metric `entropy` is listed twice"),
    ("metrics: entropy", 10, "`metrics` must be a list"),
    ("save_policies: all", 16, "known: final, recorded"),
    ("noise: loud", 8, "known: shared, independent"),
    ("games: []", 1, "the key `games` stands twice"),
    ("tau: !!float 3", 6, "the tag"),
    ("\ttau: 3", 2, "replace the tab"),
    ("tau: [0.1", 10, "not YAML"),
    ("--- {}", 1, "a second document begins"),
    ("? [a]\n: 1", 3, "a key must be a word"),
];

#[test]
fn keys_of_an_experiment() {
    for (line, column, fragment) in APPENDED {
        let text = format!("{GAMES}{SOLVERS}{line}\n");
        check(&error(&text), 5, *column, fragment, line);
    }
}

/// An entry of `games` on line 2.
const GAME_ENTRIES: &[(&str, usize, &str)] = &[
    ("matrx: { values: [[0.5]] }", 5, "did you mean `matrix`?"),
    ("[1]", 5, "must be a name, or one key with its parameters"),
    ("{ matrix: { values: [[0.5]] }, cyclic: {} }", 36, "has one key, its kind; this one has 2"),
    ("matrix", 5, "needs exactly one of `path` and `values`"),
    ("matrix: { path: a.csv, values: [[0.5]] }", 5, "needs exactly one of"),
    ("matrix: { value: [[0.5]] }", 15, "did you mean `values`?"),
    ("matrix: { values: [] }", 23, "the matrix is empty"),
    (
        "matrix: { values: [[0.5, 0.7], [0.3]] }",
        23,
        "row 2 has 1 numbers; a matrix of 2 rows needs 2 in each",
    ),
    ("matrix: { values: [[0.5, 0.7], [0.4, 0.5]] }", 23, "must be 1"),
    ("matrix: { values: [[0.5, 1.7], [-0.7, 0.5]] }", 23, "row 1, column 2: 1.7 is not a probability"),
    ("matrix: { values: [[0.5, .nan], [0.3, 0.5]] }", 30, "NaN is not a finite number"),
    ("matrix: { values: [[0.5, a], [0.3, 0.5]] }", 23, "`values[0][1]` must be a number"),
    ("matrix: { values: [[0.5]], labels: [a, b] }", 40, "2 labels given for 1 actions"),
    ("matrix: { values: [[0.5]], storage: f16 }", 41, "`storage` is \"f16\", must be one of f64, f32"),
    ("matrix: { values: [[0.5]], storage: pairs }", 41, "must be one of f64, f32"),
    ("random-uniform: { storage: f16 }", 32, "unknown variant `f16`"),
    ("low-rank: { vectors: { random-normal: { rank: 3 } } }", 51, "must be even and at least 2"),
    ("matrix: { values: [[0.5]], name: ' ' }", 38, "must be a line of text that is not blank"),
    ("matrix: { path: no/such.csv }", 21, "cannot be read"),
    ("matrix: { path: a.txt }", 21, "cannot be read"),
    ("comparisons", 5, "`comparisons` needs a `path`"),
    ("comparisons: { path: a.csv, ties: third }", 39, "must be one of half, drop"),
    ("comparisons: { path: [] }", 26, "the grid of `path` is empty"),
    ("cyclic: { margin: [0.1] }", 15, "did you mean `margins`?"),
    ("cyclic: { margins: [0.1, 0.9, 0.1] }", 30, "`margins[1]`"),
    ("cyclic: { margins: x }", 24, "`margins`"),
    ("cyclic: { count: 2 }", 22, "draws nothing at random"),
    ("cyclic: { count: 0 }", 22, "must be a whole number from 1 to 10000000"),
    ("cyclic: 3", 13, "the parameters of game `cyclic` must be a block of keys, found the number 3"),
    ("use: no/such.yaml", 10, "cannot be read"),
    ("use", 5, "`use` needs a path"),
];

#[test]
fn entries_of_games() {
    for (entry, column, fragment) in GAME_ENTRIES {
        let text = format!("games:\n  - {entry}\n{SOLVERS}");
        check(&error(&text), 2, *column, fragment, entry);
    }
}

/// An entry of `solvers` on line 4, with tau 0.5.
const SOLVER_ENTRIES: &[(&str, usize, &str)] = &[
    ("egp0", 5, "did you mean `egpo`?"),
    ("mwu: { step_siz: 0.1 }", 12, "did you mean `step_size`?"),
    ("mwu: { step_size: -0.1 }", 23, "`step_size` = -0.1: must be a finite number above 0"),
    ("mwu: { step_size: [0.1, 0] }", 29, "`step_size` = 0: must be a finite number above 0"),
    ("mwu: { step_size: [] }", 23, "the grid of `step_size` is empty"),
    ("mwu: { step_size: [[0.1]] }", 24, "expected a number above 0, `theorem` or `stability`"),
    ("mwu: { step_size: .nan }", 23, "NaN is not a finite number"),
    ("mwu: { step_size: fast }", 23, "solver `mwu` on game `matrix` with tau 0.5"),
    ("egpo: { step_size: 3.0 }", 24, "must be at most 1"),
    ("mwu: [0.1]", 10, "the parameters of solver `mwu` must be a block of keys"),
    ("{}", 5, "has one key, its kind; this one has 0"),
    ("7", 5, "must be a name, or one key"),
];

#[test]
fn entries_of_solvers() {
    for (entry, column, fragment) in SOLVER_ENTRIES {
        let text = format!("{GAMES}solvers:\n  - {entry}\ntau: 0.5\n");
        check(&error(&text), 4, *column, fragment, entry);
    }
}

#[test]
fn whole_files() {
    let many = vec!["1"; 1001].join(", ");
    let cases: Vec<(String, usize, usize, &str)> = vec![
        (String::new(), 0, 0, "the file is empty"),
        ("# nothing\n".into(), 0, 0, "the file is empty"),
        ("just words".into(), 1, 1, "an experiment must be a block of keys, found the text `just words`"),
        ("[1, 2]".into(), 1, 1, "must be a block of keys, found a list of 2"),
        (GAMES.into(), 1, 1, "the key `solvers` is missing"),
        (SOLVERS.into(), 1, 1, "the key `games` is missing"),
        (format!("{GAMES}solvers: []\n"), 3, 10, "`solvers` is an empty list"),
        (format!("games: []\n{SOLVERS}"), 1, 8, "`games` is an empty list"),
        (format!("games:\n{SOLVERS}"), 1, 6, "`games` must be a list, found nothing"),
        (
            format!("{GAMES}solvers: [mwu, mwu]\n"),
            3,
            16,
            "the solver `mwu` with these parameters is listed twice",
        ),
        (format!("{GAMES}solvers:\n - mwu: {{ step_size: [0.5, 5.0e-1] }}\n"), 4, 4, "is listed twice"),
        (
            format!("games:\n  - cyclic: {{ name: a }}\n  - comal: {{ name: a }}\n{SOLVERS}"),
            3,
            20,
            "two games are called `a`",
        ),
        (
            format!("{GAMES}  - cyclic\n{SOLVERS}reference: {{ logits: [0, 1] }}\n"),
            6,
            22,
            "the reference has 2 logits; game `cyclic` has 3 actions",
        ),
        (format!("a: &a [{many}]\nb: *a\nc: "), 1, 1, "unknown key `a`"),
        ("a: &a [1, *a]".into(), 1, 11, "this alias stands inside the value that it names"),
        ("a: *nobody".into(), 1, 4, "not YAML"),
        (
            "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
             c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n\
             e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
                .into(),
            5,
            29,
            "the aliases up to here stand for more than 100000 values",
        ),
        (format!("a: {}", "[".repeat(1000)), 1, 259, "not YAML: recursion limit exceeded"),
        (
            format!("{GAMES}{SOLVERS}repetitions: 600000\ntau: [0, 1]\n"),
            1,
            1,
            "has 1200000 runs; at most 1000000",
        ),
    ];
    for (text, line, column, fragment) in cases {
        check(&error(&text), line, column, fragment, &text);
    }
    check(&error_in(Path::new("."), b"name: a\xff\n", &[]), 1, 8, "byte 0xff is not UTF-8", "not UTF-8");
    let duplicate = error(&format!("{GAMES}{SOLVERS}seed: 1\nseed: 2\n"));
    check(&duplicate, 6, 1, "it stands first at line 5, column 1", "duplicate keys");
}

#[test]
fn the_whole_message_reads_well() {
    let text = format!("{GAMES}solvers:\n  - egp0: {{ step_size: 0.1 }}\n");
    let shown = error(&text).to_string();
    let start = "c.yaml:4:5: unknown solver `egp0`\n\
                 4 |   - egp0: { step_size: 0.1 }\n  |     ^^^^\n\
                 help: did you mean `egpo`? known: mwu, ";
    assert!(shown.starts_with(start), "{shown}");
}

#[test]
fn overrides() {
    for (set, column, fragment) in [
        ("seed", 1, "the override `seed` has no `=`"),
        ("limits..steps=3", 1, "has an empty key"),
        ("limits.steps=0", 14, "`steps` is 0, must be at least 1"),
        ("limits.stepz=5", 8, "did you mean `steps`?"),
        ("sed=5", 1, "did you mean `seed`?"),
        ("seed=x", 6, "`seed` must be a whole number"),
        ("seed=[1", 8, "not YAML"),
        ("solvers.1=mwu", 1, "`1` is not an entry of a list of 1 (they count from 0)"),
        ("solvers.0.mwu.step_size=0", 25, "`step_size` = 0: must be a finite number above 0"),
        ("solvers.0.mwu.step_size.x=0", 1, "`x` cannot be set inside the number 0.5"),
        ("solvers=[]", 9, "`solvers` is an empty list"),
        ("games=", 7, "`games` must be a list, found nothing"),
    ] {
        let error = error_in(Path::new("."), format!("{GAMES}{SOLVERS}").as_bytes(), &[set]);
        assert_eq!(error.file, "--set");
        check(&error, 1, column, fragment, set);
    }
}

#[test]
fn files_beside_the_config() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("ragged.csv", "0.5,0.7\n0.3\n");
    write("zero.csv", "label,prob\n0,1\n1,0\n");
    write("short.csv", "label,prob\n0,1\n");
    write("half.json", "[0.5, 0.4]");
    write("nested.yaml", "solvers:\n  - use: other.yaml\n");
    write("games.yaml", "games: [cyclic]\n");
    write("wrong.yaml", "solvers:\n  - mwu: { step: 1 }\n");
    write("keys.yaml", "seed: 5\n");
    for (text, line, column, fragment) in [
        (
            format!("games:\n  - matrix: {{ path: ragged.csv }}\n{SOLVERS}"),
            2,
            21,
            "ragged.csv:2: has 1 cells where",
        ),
        (format!("{GAMES}{SOLVERS}reference: {{ path: zero.csv }}"), 5, 20, "action `1` has probability 0"),
        (format!("{GAMES}{SOLVERS}reference: {{ path: short.csv }}"), 5, 20, "action `1` is missing"),
        (format!("{GAMES}{SOLVERS}reference: {{ path: half.json }}"), 5, 20, "sum to 0.9, not to 1"),
        (format!("{GAMES}solvers:\n  - use: nested.yaml\n"), 2, 5, "a used file may not `use` another"),
        (format!("{GAMES}solvers:\n  - use: games.yaml\n"), 4, 10, "games.yaml has no `solvers`"),
        (format!("{GAMES}solvers:\n  - use: wrong.yaml\n"), 2, 12, "did you mean `step_size`?"),
        (format!("{GAMES}solvers:\n  - use: keys.yaml\n"), 1, 1, "unknown key `seed`"),
    ] {
        check(&error_in(folder.path(), text.as_bytes(), &[]), line, column, fragment, &text);
    }
    let missing = equipoise_experiment::parse_file(&folder.path().join("none.yaml"), &[]).unwrap_err();
    assert!(missing.to_string().contains("none.yaml: cannot be read"), "{missing}");
}
