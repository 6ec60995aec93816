//! How time and memory grow: for each axis the exponent that is fitted to four sizes, each twice the one before, and the one that the
//! arithmetic has.
//!
//! `cargo bench --bench growth [-- AXIS ..]`. Each size is measured in a process of its own, so that its memory is its own; seconds are the
//! median of several calls, without what is made before. An exponent that is much above its theory is a regression; one below it means
//! that a constant part is not yet small. Two cores and more are used as the library uses them.

#![expect(clippy::print_stdout, reason = "a program whose result is its output")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use equipoise::core::{Policy, sample, seed};
use equipoise::data::{Comparisons, Selection, parse_comparisons};
use equipoise::env::storage::{LowRank, Storage};
use equipoise::models::{Counts, ModelData, model};
use equipoise::ndarray::Array2;
use equipoise::reference::game_equilibrium;
use equipoise_benches::{driven, problem, problems};
use serde_json::Value;

/// What is made once, to be called again and again.
type Work = Box<dyn FnMut()>;

/// One axis.
struct Axis {
    name: &'static str,
    what: &'static str,
    /// The smallest of the four sizes.
    from: usize,
    /// Exponents of time and memory by the arithmetic.
    theory: [f64; 2],
    work: fn(usize) -> Work,
}

const SIZES: usize = 4;

const AXES: [Axis; 9] = [
    Axis {
        name: "games",
        what: "exact lotteries of so many games of 30 actions, one by one",
        from: 250,
        theory: [1.0, 1.0],
        work: |games| {
            let problems: Vec<_> = (0..games).map(|_| problem(30, 0.0)).collect();
            Box::new(move || {
                for p in &problems {
                    black_box(
                        game_equilibrium(&p.game, &Policy::uniform(p.game.shape()), 0.0).expect("solved"),
                    );
                }
            })
        },
    },
    Axis {
        name: "contexts",
        what: "20 EGPO steps with both gaps on so many contexts of 8 actions",
        from: 20_000,
        theory: [1.0, 1.0],
        work: |contexts| {
            let problem = problems(contexts, 8, 0.1);
            Box::new(move || {
                black_box(driven(&problem, "egpo", 20));
            })
        },
    },
    Axis {
        name: "actions",
        what: "50 EGPO steps with both gaps, matrix in memory",
        from: 512,
        theory: [2.0, 2.0],
        work: |n| {
            let problem = problem(n, 0.1);
            Box::new(move || {
                black_box(driven(&problem, "egpo", 50));
            })
        },
    },
    Axis {
        name: "lottery",
        what: "exact lottery of one dense game, actions",
        from: 100,
        theory: [3.0, 2.0],
        work: |n| {
            let problem = problem(n, 0.0);
            Box::new(move || {
                let reference = Policy::uniform(problem.game.shape());
                black_box(game_equilibrium(&problem.game, &reference, 0.0).expect("solved"));
            })
        },
    },
    Axis {
        name: "rank",
        what: "one product of 200,000 actions, margins of such a rank",
        from: 16,
        theory: [1.0, 1.0],
        work: |rank| {
            let n = 200_000;
            let mut rng = seed::stream(3, "bench", &[]);
            let bound = (0.5 / rank as f64).sqrt();
            let mut u = Array2::zeros((n, rank));
            u.map_inplace(|v| *v = bound * (2.0 * sample::uniform(&mut rng) - 1.0));
            let storage = LowRank::new(u.view()).expect("short vectors");
            drop(u);
            let (p, mut out) = (vec![1.0 / n as f64; n], vec![0.0; n]);
            Box::new(move || {
                storage.product(black_box(&p), &mut out);
                black_box(&out);
            })
        },
    },
    Axis {
        name: "items",
        what: "Bradley-Terry with errors, so many items of six comparisons each",
        from: 4_000,
        theory: [1.0, 1.0],
        work: |items| {
            let data = counts(read(&battle_lines(items, 3 * items)));
            Box::new(move || {
                black_box(board(&data));
            })
        },
    },
    Axis {
        name: "battles",
        what: "reading and Bradley-Terry with errors, 100 items",
        from: 100_000,
        theory: [1.0, 1.0],
        work: |count| {
            let text = battle_lines(100, count);
            Box::new(move || {
                black_box(board(&counts(read(&text))));
            })
        },
    },
    Axis {
        name: "runs",
        what: "so many runs of 100 EGPO steps on one game of 10 actions",
        from: 500,
        theory: [1.0, 0.0],
        work: |runs| {
            let problem = problem(10, 0.1);
            Box::new(move || {
                for _ in 0..runs {
                    black_box(driven(&problem, "egpo", 100));
                }
            })
        },
    },
    Axis {
        name: "steps",
        what: "so many EGPO steps on one game of 10 actions, log-spaced records",
        from: 50_000,
        theory: [1.0, 0.0],
        work: |steps| {
            let problem = problem(10, 0.1);
            Box::new(move || {
                black_box(driven(&problem, "egpo", steps as u64));
            })
        },
    },
];

/// So many comparisons of items whose strengths are spread over one nat, each item in some.
fn battle_lines(items: usize, count: usize) -> String {
    let mut rng = seed::stream(6, "bench", &[]);
    let mut text = String::from("item_a,item_b,outcome\n");
    for k in 0..count {
        let a = k % items;
        let b = (a + 1 + sample::index(&mut rng, items - 1)) % items;
        let wins = 1.0 / (1.0 + f64::exp((b as f64 - a as f64) / items as f64));
        let outcome = if sample::uniform(&mut rng) < wins { "a" } else { "b" };
        writeln!(text, "m{a},m{b},{outcome}").expect("a string takes all");
    }
    text
}

fn read(text: &str) -> Comparisons {
    parse_comparisons(Path::new("battles.csv"), text.as_bytes(), &Selection::default())
        .expect("valid battles")
}

fn counts(data: Comparisons) -> ModelData {
    ModelData::Counts(Counts { observations: data.into(), features: None })
}

fn board(data: &ModelData) -> f64 {
    let found = model("bradley-terry").expect("registered").fit(data, &Value::Null).expect("a fit");
    f64::from(u8::from(found.convergence.converged))
}

/// A line of the process's own status, in bytes; 0 where the system does not tell.
fn resident(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find(|l| l.starts_with(line)).and_then(|l| l.split_whitespace().nth(1));
    1024 * found.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0)
}

/// What a process of its own does: prints the median seconds of a call and the bytes that all took beyond those of an empty process.
fn one(axis: &Axis, size: usize, test: bool) {
    let before = resident("VmRSS");
    let mut work = (axis.work)(size);
    let mut seconds = Vec::new();
    let clock = Instant::now();
    while seconds.len() < 3 || (clock.elapsed().as_secs_f64() < 1.5 && seconds.len() < 101) {
        let call = Instant::now();
        work();
        seconds.push(call.elapsed().as_secs_f64());
        if test {
            break;
        }
    }
    seconds.sort_by(f64::total_cmp);
    println!("{} {}", seconds[seconds.len() / 2], resident("VmHWM").saturating_sub(before));
}

/// Slope of the logarithms by least squares.
fn exponent(sizes: &[usize], values: &[f64]) -> f64 {
    let logs = |of: &mut dyn Iterator<Item = f64>| of.map(f64::ln).collect::<Vec<_>>();
    let (x, y) = (logs(&mut sizes.iter().map(|s| *s as f64)), logs(&mut values.iter().copied()));
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (mx, my) = (mean(&x), mean(&y));
    let products: f64 = x.iter().zip(&y).map(|(x, y)| (x - mx) * (y - my)).sum();
    products / x.iter().map(|x| (x - mx) * (x - mx)).sum::<f64>()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let test = arguments.iter().any(|a| a == "--test");
    let axis = |name: &str| AXES.iter().find(|a| a.name == name);
    if let [flag, name, size] = &arguments[..]
        && flag == "--one"
    {
        return one(axis(name).expect("an axis"), size.parse().expect("a size"), false);
    }
    if test {
        // as `cargo bench -- --test` does with all benches: each once, small, nothing is timed
        return AXES.iter().for_each(|a| one(a, a.from / 8, true));
    }
    let named: Vec<&Axis> = arguments.iter().filter_map(|a| axis(a)).collect();
    let chosen: Vec<&Axis> = if named.is_empty() { AXES.iter().collect() } else { named };
    println!(
        "{} threads; seconds a call (median), MB at the peak beyond an empty process",
        rayon::current_num_threads()
    );
    println!(
        "{:<9} {:>6} {:>6}  {:>6} {:>6}  sizes: seconds, MB",
        "axis", "time", "theory", "memory", "theory"
    );
    for Axis { name, what, from, theory, .. } in chosen {
        let sizes: Vec<usize> = (0..SIZES).map(|k| from << k).collect();
        let (mut seconds, mut bytes, mut told) = (Vec::new(), Vec::new(), String::new());
        for size in &sizes {
            let program = std::env::current_exe().expect("this program");
            let found =
                Command::new(program).args(["--one", name, &size.to_string()]).output().expect("starts");
            let text = String::from_utf8(found.stdout).expect("numbers");
            let numbers: Vec<f64> = text.split_whitespace().map(|n| n.parse().expect("a number")).collect();
            let [s, b] = numbers[..] else {
                panic!("{name} {size}: {}", String::from_utf8_lossy(&found.stderr))
            };
            write!(told, "{size}: {s:.3e}, {:.1}  ", b / 1e6).expect("a string takes all");
            seconds.push(s);
            bytes.push(b.max(1.0));
        }
        let [time, memory] = [&seconds, &bytes].map(|values| exponent(&sizes, values));
        println!("{name:<9} {time:>6.2} {:>6.1}  {memory:>6.2} {:>6.1}  {told} {what}", theory[0], theory[1]);
    }
}
