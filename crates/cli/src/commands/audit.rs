//! `equipoise audit`: theorems held against measurements.

use std::path::{Path, PathBuf};

use equipoise::data::Selection;
use equipoise_answers::{
    AuditAnswer, AuditOptions, ClaimAnswer, Source, audit as audited, read_settings, to_json,
};
use equipoise_experiment::replay;
use equipoise_records::{RecordsError, guard, write_file};
use equipoise_report::{ReportError, document};

use super::Outcome;
use crate::args::Audit;
use crate::progress::Terminal;
use crate::{Answer, output, signals};

/// What is written, besides a folder a claim.
const FILES: [&str; 3] = ["audit.json", "audit.md", "audit.html"];

pub(super) fn audit(args: Audit) -> Outcome {
    let terminal = Terminal::default();
    let game = match &args.game {
        Some(path) => {
            let source = Source::new(path);
            Some((path.display().to_string(), source.game(&terminal)?.game))
        }
        None => None,
    };
    let options = AuditOptions {
        claims: args.claim,
        solvers: args.solver,
        game,
        set: read_settings(&args.set)?,
        search: args.search,
        seed: args.seed,
    };
    if let Some(dir) = args.out.as_deref() {
        signals::writes_into(dir);
        let game = args.game.as_deref();
        let read =
            game.map(|path| super::inputs(path, &Selection::default(), &[])).transpose()?.unwrap_or_default();
        let read: Vec<&Path> = read.iter().map(PathBuf::as_path).collect();
        FILES.iter().try_for_each(|name| guard::refuse_input(&dir.join(name), &read))?;
        if !(args.force || is_audit(dir)) {
            for name in FILES {
                guard::refuse_foreign(&dir.join(name), |_| false)?;
            }
        }
    }
    let answer = audited(&options, &terminal)?;
    if let Some(dir) = &args.out {
        write(dir, &answer, args.force)?;
        output::note(&format!("report: {}", dir.join("audit.html").display()));
    }
    output::show(&answer, args.json);
    Ok(if answer.unexpected().next().is_none() { Answer::Yes } else { Answer::No })
}

/// Whether a folder holds an audit.
fn is_audit(dir: &Path) -> bool {
    let audit = std::fs::read(dir.join("audit.json")).ok();
    let claims = audit.and_then(|bytes| serde_json::from_slice::<Vec<serde_json::Value>>(&bytes).ok());
    claims.is_some_and(|claims| claims.iter().all(|claim| claim.get("statement").is_some()))
}

/// `audit.json`, `audit.md`, `audit.html`, and a folder for each claim's worst finding, which `equipoise check` replays.
fn write(dir: &Path, answer: &AuditAnswer, force: bool) -> Result<(), ReportError> {
    let replace = force || is_audit(dir);
    let replay_of = |a: &ClaimAnswer| replay(a.claim, a.worst(), &a.instance);
    std::fs::create_dir_all(dir).map_err(RecordsError::from)?;
    write_file(&dir.join("audit.json"), to_json(answer).as_bytes())?;
    for claim in &answer.claims {
        if let Some(files) = replay_of(claim) {
            let folder = dir.join(claim.folder());
            std::fs::create_dir_all(&folder).map_err(RecordsError::from)?;
            for name in ["experiment.yaml", "expected.yaml"] {
                guard::refuse_foreign(&folder.join(name), |_| replace)?;
            }
            write_file(&folder.join("experiment.yaml"), files.experiment.as_bytes())?;
            write_file(&folder.join("expected.yaml"), files.expected.as_bytes())?;
        }
    }
    let page = answer.page(|claim| replay_of(claim).is_some());
    write_file(&dir.join("audit.md"), page.as_bytes())?;
    let html = document("Theorems held against measurements", &page)?;
    Ok(write_file(&dir.join("audit.html"), html.as_bytes())?)
}
