//! What many short runs cost beside their methods: seconds in steps, seconds in all, and where the rest goes.
//!
//! `cargo run --release -p equipoise-experiment --example short_runs [RUNS [STEPS [ACTIONS [FOLDER]]]]`; the folder decides
//! which disk is measured. Ten games, so that each has one exact answer for many runs.

#![allow(clippy::print_stdout, reason = "a program for people")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use equipoise_experiment::{Monitor, Options, Plan, execute, file, resolve};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (runs, steps, actions) = (number(10_000)?, number(100)?, number(100)?);
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let text = format!(
        "games: [random-uniform: {{ actions: {actions}, count: 10 }}]\ntau: 0.1\nsolvers: [mwu, egpo]\n\
         repetitions: {}\nlimits: {{ steps: {steps} }}\n",
        runs.div_ceil(20)
    );
    let plan = Plan::new(resolve(&file::parse("short.yaml", Path::new("."), text.as_bytes(), &[])?)?)?;
    let out = tempfile::Builder::new().prefix("short-runs-").tempdir_in(&folder)?;
    let jobs = std::thread::available_parallelism()?.get();
    let options = Options {
        out: out.path().join("results"),
        jobs,
        fresh: false,
        shard: None,
        steal: None,
        force: false,
    };
    let monitor = Monitor::default();
    let begun = Instant::now();
    let mut stages: Vec<(&str, Duration)> = Vec::new();
    let executed = std::thread::scope(|scope| {
        let running = scope.spawn(|| execute(&plan, &options, &monitor));
        let pause = Duration::from_millis(1);
        while !running.is_finished() {
            let stage = monitor.stage();
            match stages.last_mut() {
                Some((last, spent)) if *last == stage => *spent += pause,
                _ => stages.push((stage, pause)),
            }
            std::thread::sleep(pause);
        }
        running.join().expect("an execution does not panic")
    })?;
    let total = begun.elapsed().as_secs_f64();
    let results = equipoise_records::read(&options.out)?;
    let solver: f64 = results.runs.iter().map(|run| run.record.seconds).sum::<f64>() / jobs as f64;
    println!(
        "{} runs of {steps} steps, {actions} actions, {jobs} threads, in {}",
        executed.runs,
        folder.display()
    );
    println!(
        "steps of the methods: {solver:.3} s; in all: {total:.3} s, {:.2} times as long",
        total / solver
    );
    for (stage, spent) in stages.iter().filter(|(stage, _)| !stage.is_empty()) {
        println!("  {stage}: at least {:.3} s", spent.as_secs_f64());
    }
    Ok(())
}
