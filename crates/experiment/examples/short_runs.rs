//! What many short runs cost beside their methods: seconds in steps and measurements, seconds in all, where the rest goes, and how
//! much is written.
//!
//! `cargo run --release -p equipoise-experiment --example short_runs [RUNS [STEPS [ACTIONS [FOLDER]]]]`; the folder decides
//! which disk is measured. Ten games, so that each has one exact answer for many runs.

#![allow(clippy::print_stdout, reason = "a program for people")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use equipoise_experiment::{Monitor, Options, Plan, execute, file, resolve};
use equipoise_records::Run;
use equipoise_records::schema::RunRecord;

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
    let mut since = Instant::now();
    let executed = std::thread::scope(|scope| {
        let running = scope.spawn(|| execute(&plan, &options, &monitor));
        while !running.is_finished() {
            let (stage, now) = (monitor.stage(), Instant::now());
            match stages.last_mut() {
                Some((last, spent)) if *last == stage => *spent += now - since,
                _ => stages.push((stage, now - since)),
            }
            since = now;
            std::thread::sleep(Duration::from_millis(1));
        }
        running.join().expect("an execution does not panic")
    })?;
    let total = begun.elapsed().as_secs_f64();
    let used = processor_time();
    let results = equipoise_records::read(&options.out)?;
    let steps_alone: f64 = results.runs.iter().map(|run| run.record.seconds).sum();
    let share = |nanoseconds: &AtomicU64| nanoseconds.load(Ordering::Relaxed) as f64 * 1e-9;
    let (driving, recording) = (share(&monitor.driving), share(&monitor.recording));
    let threads = jobs as f64;
    println!(
        "{} runs of {steps} steps, {actions} actions, {jobs} threads, in {}",
        executed.runs,
        folder.display()
    );
    println!(
        "in all {total:.3} s: {:.2} times the methods' steps with the measurements that the configuration asks for, {:.2} times the steps \
         alone",
        total * threads / driving,
        total * threads / steps_alone
    );
    println!("seconds of all threads:");
    println!("  steps of the methods {steps_alone:.3}, measurements {:.3}", driving - steps_alone);
    println!(
        "  records {recording:.3}; every record as JSON and back, once, as any way of keeping them has it: {:.3}",
        as_json_and_back(&results.runs)?
    );
    println!("seconds in which all threads may work:");
    for (stage, spent) in stages.iter().filter(|(stage, _)| !stage.is_empty()) {
        println!("  {stage}: {:.3}", spent.as_secs_f64());
    }
    if let Some(used) = used {
        println!("processor time {used:.2} s in all");
    }
    println!("on disk {:.1} MB, {} times made durable", megabytes(&options.out)?, equipoise_records::syncs());
    Ok(())
}

/// Seconds on one thread; the report reads what was recorded.
fn as_json_and_back(runs: &[Run]) -> Result<f64, serde_json::Error> {
    let begun = Instant::now();
    for run in runs {
        let text = serde_json::to_vec(&run.record)?;
        black_box(serde_json::from_slice::<RunRecord>(&text)?);
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// Bytes of all files below a folder.
fn megabytes(folder: &Path) -> std::io::Result<f64> {
    let mut all = 0.0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        all += match entry.file_type()?.is_dir() {
            true => megabytes(&entry.path())?,
            false => entry.metadata()?.len() as f64 * 1e-6,
        };
    }
    Ok(all)
}

/// Seconds that this process has used of all cores, where the system tells.
fn processor_time() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let ticks = text.rsplit_once(')')?.1.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Some(ticks.collect::<Result<Vec<_>, _>>().ok()?.iter().sum::<f64>() / 100.0)
}
