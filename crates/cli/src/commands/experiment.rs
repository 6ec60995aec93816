//! `equipoise run`, `plan`, `check`, `report`, `schema`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use equipoise_experiment::{
    Executed, Monitor, Options, Plan, check as claims, execute, forecast, parse_file, resolve, schema,
};
use equipoise_records::StopKind;
use serde_json::json;

use super::Outcome;
use crate::args::{self, Overrides, RunOptions};
use crate::progress::Progress;
use crate::{Answer, output};

pub(super) fn run(args: args::Run) -> Outcome {
    let plan = resolved(&args.config, &args.overrides)?;
    let options = options(&plan, &args.options)?;
    let executed = carry_out(&plan, &options)?;
    output::print(&executed.rendered.terminal);
    if executed.skipped > 0 {
        output::note(&format!(
            "{} of {} runs were finished before and are kept (--fresh runs them again)",
            executed.skipped,
            plan.runs.len()
        ));
    }
    output::note(&format!("report: {}", options.out.join("report.html").display()));
    if executed.interrupted {
        output::note("interrupted: finished runs are kept; the same command goes on from here");
        return Ok(Answer::Interrupted);
    }
    let broken: Vec<_> = executed.runs.iter().filter(|r| r.stop_reason == StopKind::Diverged).collect();
    for run in &broken {
        output::note(&format!("{} on {} broke down: {}", run.label, run.game, run.stop_detail));
    }
    Ok(if broken.is_empty() { Answer::Yes } else { Answer::No })
}

pub(super) fn plan(args: args::Plan) -> Outcome {
    let plan = resolved(&args.config, &args.overrides)?;
    output::print(&plan.to_yaml());
    output::note(&format!(
        "{} runs on {} games, at most {} steps each",
        plan.runs.len(),
        plan.games.len(),
        plan.limits.steps
    ));
    output::note(forecast(&plan).to_string().trim_end());
    Ok(Answer::Yes)
}

pub(super) fn check(args: args::Check) -> Outcome {
    // claims first: a slip in them should not cost a run
    let claims = claims::read_claims(&args.experiment.join("expected.yaml"))?;
    let overrides = Overrides { seed: None, set: Vec::new() };
    let plan = resolved(&args.experiment.join("experiment.yaml"), &overrides)?;
    let options = options(&plan, &args.options)?;
    let executed = carry_out(&plan, &options)?;
    if executed.interrupted {
        return Ok(Answer::Interrupted);
    }
    let verdicts = claims::judge(&claims, &equipoise_records::read(&options.out)?);
    let held = verdicts.iter().filter(|v| v.holds).count();
    if args.json {
        output::json(
            &json!({ "experiment": plan.name, "claims": verdicts, "holds": held == verdicts.len() }),
        );
    } else {
        for v in &verdicts {
            let word = if v.holds { "holds" } else { "FAILS" };
            let worst = match &v.worst {
                Some(worst) => format!("{} runs; closest: {worst}", v.runs),
                None => "no run fits it".into(),
            };
            output::print(&format!("{word}  {}\n       {worst}", v.claim));
        }
        output::print(&format!("{held} of {} claims hold", verdicts.len()));
    }
    Ok(if held == verdicts.len() { Answer::Yes } else { Answer::No })
}

pub(super) fn report(args: args::Report) -> Outcome {
    let rendered = equipoise_report::write_reports(&args.results)?;
    output::print(&rendered.terminal);
    output::note(&format!("report: {}", args.results.join("report.html").display()));
    Ok(Answer::Yes)
}

pub(super) fn schema() -> Outcome {
    output::json(&schema::schema());
    Ok(Answer::Yes)
}

fn resolved(config: &Path, overrides: &Overrides) -> Result<Plan, Box<dyn std::error::Error>> {
    let mut set = overrides.set.clone();
    set.extend(overrides.seed.map(|seed| format!("seed={seed}")));
    Ok(resolve(&parse_file(config, &set)?)?)
}

fn options(plan: &Plan, given: &RunOptions) -> Result<Options, Box<dyn std::error::Error>> {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Options {
        out: given.out.clone().unwrap_or_else(|| equipoise_experiment::execute::default_out(plan)),
        jobs: given.jobs.map_or_else(cores, usize::from),
        fresh: given.fresh,
    })
}

/// Executes with progress; the first Ctrl-C ends it cleanly, a second one at once.
fn carry_out(plan: &Plan, options: &Options) -> Result<Executed, Box<dyn std::error::Error>> {
    let monitor = Arc::new(Monitor::default());
    let stop = Arc::clone(&monitor);
    ctrlc::set_handler(move || {
        if stop.stop.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })?;
    let progress = Progress::start(plan, &monitor);
    let executed = execute(plan, options, &monitor);
    drop(progress);
    Ok(executed?)
}
