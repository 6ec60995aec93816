//! `equipoise run`, `plan`, `check`, `report`, `schema`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use equipoise::data::{labels_as_file, nearest_file};
use equipoise_experiment::{
    Executed, Monitor, Options, Plan, Shard, Steal, check as expected, check_space, execute, forecast,
    parse_file, resolve, schema,
};
use equipoise_records::{guard, write_file};
use equipoise_report::{Exports, Figures, Look};
use serde_json::json;

use super::Outcome;
use crate::args::{self, Overrides, RunOptions};
use crate::progress::{Progress, during};
use crate::{Answer, output, signals};

/// Most missing runs that are listed one by one.
const LISTED: usize = 50;

pub(super) fn run(args: args::Run) -> Outcome {
    let plan = resolved(&args.config, &args.overrides)?;
    let shard = shard(args.shard.as_deref())?;
    if args.steal && shard.is_none() {
        return Err("--steal takes over what other processes have not done yet: give the share of this one, --shard i/N".into());
    }
    let options = Options { shard, steal: args.steal.then_some(Steal::All), ..options(&plan, &args.options) };
    let executed = carry_out(&plan, &options)?;
    if executed.skipped > 0 {
        output::note(&format!(
            "{} of {} runs were finished before and are kept (--fresh runs them again)",
            executed.skipped, executed.runs
        ));
    }
    if executed.taken_over > 0 {
        output::note(&format!("{} runs of other shares were done besides", executed.taken_over));
    }
    match (&executed.rendered, options.shard) {
        (Some(rendered), _) => {
            output::print(&rendered.terminal);
            output::note(&format!("report: {}", options.out.join("report.html").display()));
        }
        (None, Some(shard)) => output::note(&format!(
            "share {shard}: {} of {} runs; when all shares are done: equipoise merge {}",
            executed.runs,
            plan.runs(),
            options.out.display()
        )),
        (None, None) => {}
    }
    if executed.interrupted {
        let parts = match executed.cut_short {
            0 => String::new(),
            n => format!(", and of {n} that were running what they had recorded (stop reason `interrupted`)"),
        };
        output::note(&format!(
            "interrupted: finished runs are kept{parts}; the same command goes on from here"
        ));
        return Ok(Answer::Interrupted);
    }
    for run in &executed.diverged {
        output::note(&format!("{} on {} broke down: {}", run.label, run.game, run.detail));
    }
    Ok(if executed.diverged.is_empty() { Answer::Yes } else { Answer::No })
}

/// The share that is asked for, or that of a Slurm array task.
fn shard(given: Option<&str>) -> Result<Option<Shard>, Box<dyn std::error::Error>> {
    let environment = |name: &str| std::env::var(name).ok();
    if let Some(text) = given {
        return Ok(Some(Shard::parse(text, &environment)?));
    }
    let shard = Shard::of_slurm(&environment)?;
    if let Some(shard) = shard {
        output::note(&format!(
            "task of a Slurm array: this process does the share {shard} (--shard 1/1 does all)"
        ));
    }
    Ok(shard)
}

pub(super) fn plan(args: args::Plan) -> Outcome {
    let plan = resolved(&args.config, &args.overrides)?;
    if args.units {
        output::print_with(|out| units(&plan, args.json, out));
        return Ok(Answer::Yes);
    }
    let forecast = during("making games and timing methods", || forecast(&plan))?;
    output::print_with(|out| plan.write_yaml(out));
    output::note(&format!(
        "{} runs on {} games, at most {} steps each",
        plan.runs(),
        plan.games(),
        plan.spec.limits.steps
    ));
    output::note(forecast.to_string().trim_end());
    if plan.check_size(plan.runs()).is_ok() {
        // what `run` would refuse; more runs than one process does are shared, by machines that are not asked here
        check_space(&plan, plan.runs(), &equipoise_experiment::execute::default_out(&plan), true)?;
    }
    Ok(Answer::Yes)
}

/// The units of a plan, a line each.
fn units(plan: &Plan, json: bool, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    if !json {
        writeln!(out, "unit\tgame\ttau\tfirst\truns\tcost")?;
    }
    for row in equipoise_experiment::shard::rows(plan) {
        match json {
            true => writeln!(out, "{}", serde_json::to_string(&row)?)?,
            false => writeln!(
                out,
                "{}\t{}\t{}\t{}\t{}\t{:.3e}",
                row.unit, row.game, row.tau, row.first, row.runs, row.cost
            )?,
        }
    }
    Ok(())
}

pub(super) fn generate(args: &args::Generate) -> Outcome {
    let plan = resolved(&args.config, &args.overrides)?;
    let found = during("drawing labels", || equipoise_experiment::generate(&plan, args.repetition))?;
    let bytes = labels_as_file(&args.out, &found.game, &found.labels)?;
    signals::writes(&args.out);
    let inputs = plan.input_files();
    let inputs: Vec<&Path> = inputs.iter().map(PathBuf::as_path).chain([args.config.as_path()]).collect();
    guard::refuse_input(&args.out, &inputs)?;
    if !args.force {
        guard::refuse_foreign(&args.out, |_| false)?;
    }
    write_file(&args.out, &bytes)?;
    let labels = &found.labels;
    output::print(&format!(
        "wrote {}: {} labels of {} comparisons",
        args.out.display(),
        labels.lines(),
        labels.duels
    ));
    if let (Some(reason), true) = (found.unknown, found.game.voters().is_some()) {
        output::note(&format!("no column `annotator`: {reason}"));
    }
    for count in &labels.counts {
        output::note(&format!("{}: {} of {} rows", count.name, count.rows_out, count.rows_in));
    }
    Ok(Answer::Yes)
}

pub(super) fn merge(args: args::Merge) -> Outcome {
    signals::writes_into(&args.results);
    let merged = during("merging", || equipoise_experiment::merge(&args.results))?;
    match &merged.rendered {
        Some(rendered) => {
            output::print(&rendered.terminal);
            output::note(&format!("report: {}", args.results.join("report.html").display()));
        }
        None => output::note("too many runs for one report; summary.json has a row for each"),
    }
    for run in merged.missing.iter().take(LISTED) {
        let [label, game] = [&run.label, &run.game];
        output::note(&format!(
            "missing: {} ({label} on {game} with tau {}, repetition {}){}{}",
            run.id,
            run.tau,
            run.repetition,
            if run.why.is_empty() { "" } else { ": " },
            run.why
        ));
    }
    let missing = merged.missing.len();
    if missing > LISTED {
        output::note(&format!("and {} more", missing - LISTED));
    }
    if missing > 0 {
        output::note(&format!(
            "{missing} of {} runs are missing: do their shares again, then merge again",
            merged.runs
        ));
    }
    Ok(if missing == 0 { Answer::Yes } else { Answer::No })
}

pub(super) fn check(args: args::Check) -> Outcome {
    let overrides = Overrides { seed: None, set: Vec::new() };
    if !args.experiment.join("experiment.yaml").is_file() {
        let rule = "is no folder with experiment.yaml and expected.yaml, which check takes; equipoise run takes a file";
        return Err(format!("{}: {rule}", args.experiment.display()).into());
    }
    let plan = resolved(&args.experiment.join("experiment.yaml"), &overrides)?;
    // a slip in the claims should not cost a run
    let claims = expected::read_expected(&args.experiment.join("expected.yaml"), &plan)?;
    let options = options(&plan, &args.options);
    let executed = carry_out(&plan, &options)?;
    if executed.interrupted {
        return Ok(Answer::Interrupted);
    }
    let verdicts = expected::judge(&claims, &equipoise_records::read(&options.out)?);
    let held = verdicts.iter().filter(|v| v.holds).count();
    if args.json {
        output::json(
            &json!({ "experiment": plan.spec.name, "claims": verdicts, "holds": held == verdicts.len() }),
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
    if let Some(bands) = args.bands.filter(|q| !(*q > 0.0 && *q < 0.5)) {
        return Err(
            format!("--bands {bands} must be above 0 and below 0.5, as 0.25 for the inner half").into()
        );
    }
    let look = Look { bands: args.bands };
    let figures = args.figures.map(|format| match format {
        args::Figures::Svg => Figures::Svg,
        args::Figures::Pdf => Figures::Pdf,
    });
    let exports = Exports { csv: args.csv, latex: args.latex, figures };
    signals::writes_into(&args.results);
    let (rendered, written) =
        during("writing the report", || equipoise_report::write_reports_as(&args.results, look, exports))?;
    output::print(&rendered.terminal);
    output::note(&format!("report: {}", args.results.join("report.html").display()));
    if let [first, rest @ ..] = &written[..] {
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        output::note(&format!("written: {}{more}", first.display()));
    }
    Ok(Answer::Yes)
}

pub(super) fn schema() -> Outcome {
    output::json(&schema::schema());
    Ok(Answer::Yes)
}

fn resolved(config: &Path, overrides: &Overrides) -> Result<Plan, Box<dyn std::error::Error>> {
    let mut set = overrides.set.clone();
    set.extend(overrides.seed.map(|seed| format!("seed={seed}")));
    let file = parse_file(config, &set).map_err(|error| hinted(&error.to_string(), config))?;
    Ok(during("listing games", || Plan::new(resolve(&file)?))?)
}

/// What is said of a file that is no experiment, with the way out where it is known.
fn hinted(error: &str, config: &Path) -> String {
    const DATA: [&str; 6] = ["csv", "tsv", "jsonl", "npy", "npz", "parquet"];
    let ending = config.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    match config.exists() {
        false => format!("{}{}", error.trim_end(), nearest_file(config)),
        true if DATA.contains(&ending.as_str()) => {
            format!(
                "{}\nthis is data: equipoise init {} writes an experiment on it",
                error.trim_end(),
                config.display()
            )
        }
        true => error.to_owned(),
    }
}

fn options(plan: &Plan, given: &RunOptions) -> Options {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    Options {
        out: given.out.clone().unwrap_or_else(|| equipoise_experiment::execute::default_out(plan)),
        jobs: given.jobs.map_or_else(cores, usize::from),
        fresh: given.fresh,
        shard: None,
        steal: None,
        force: given.force,
    }
}

/// Executes with progress; the first signal ends it cleanly, a second one at once.
fn carry_out(plan: &Plan, options: &Options) -> Result<Executed, Box<dyn std::error::Error>> {
    let monitor = Arc::new(Monitor::default());
    signals::writes_into(&options.out);
    signals::stop(&monitor);
    let progress = Progress::start(plan, options.shard, &monitor);
    let executed = execute(plan, options, &monitor);
    drop(progress);
    Ok(executed?)
}
