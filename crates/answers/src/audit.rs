//! The statements about the methods, against measurements.

mod choose;
mod page;

use std::collections::BTreeMap;
use std::fmt;

use equipoise::audit::{Finding, Instance, check_claim, instances, search, suite};
use equipoise::claims::{Claim, Expected, Standing};
use equipoise::env::Game;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::AnswerError;
use crate::progress::{Progress, Stage};
use crate::table::{table, width};

/// How many times what is measured a bound must allow, at the end of a run, to be off.
const VACUOUS: f64 = 1000.0;

/// The share of the gained orders of magnitude below which a bound tells nothing of them.
const TOLD: f64 = 0.1;

/// Which claims are audited, and how.
#[derive(Clone, Debug, Default)]
pub struct AuditOptions {
    /// Only these claims, by id.
    pub claims: Vec<String>,
    /// And those about these methods, by name. Nothing in either list: all claims.
    pub solvers: Vec<String>,
    /// A game of one's own, with its name, in place of the suite: each of its contexts, from its uniform and from a random reference.
    pub game: Option<(String, Game)>,
    /// What is run otherwise than the claims say: parameters of the methods, by name, and besides them `tau` (of claims about the
    /// regularised game) and `steps`. Claims about methods without such a parameter, and claims whose statement fixes it, are
    /// left out, with a note.
    pub set: Map<String, Value>,
    /// Besides the suite, so many random small games (and a quarter as many climbed from the worst) are searched for a
    /// counter-example.
    pub search: u32,
    /// Seed of the random games and starts.
    pub seed: u64,
}

/// The claims with their findings. Serialises as a list.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
#[non_exhaustive]
pub struct AuditAnswer {
    /// The claims, in the order of the registry.
    pub claims: Vec<ClaimAnswer>,
    /// Seed of the random games and starts.
    #[serde(skip)]
    pub seed: u64,
}

/// A claim with all its findings.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClaimAnswer {
    /// The claim.
    pub claim: &'static Claim,
    /// What was found on each instance, the worst for the claim first; at least one.
    pub findings: Vec<Finding>,
    /// The instance of the worst one.
    pub instance: Instance,
    /// How many instances, of the suite and of the search, ended with each verdict, by its name.
    pub verdicts: BTreeMap<&'static str, u32>,
    /// Games searched.
    pub searched: u32,
    /// Whether it came out as the claim says it will: nothing worse than [`Claim::expected`], no run that could not be made, and
    /// on the suite a break where one is known.
    pub as_expected: bool,
}

/// Audits claims.
///
/// ```
/// use equipoise_answers::{AuditOptions, Silent, audit};
///
/// let options = AuditOptions { claims: vec!["egpo-contraction".to_owned()], ..Default::default() };
/// let found = audit(&options, &Silent)?;
/// assert!(found.broken().next().is_none() && found.claims[0].least_slack() >= Some(1.0));
/// # Ok::<(), equipoise_answers::AnswerError>(())
/// ```
///
/// # Errors
/// [`AnswerError::Option`] for an unknown claim or method, [`AnswerError::Audit`] if a claim cannot be run.
pub fn audit(options: &AuditOptions, progress: &dyn Progress) -> Result<AuditAnswer, AnswerError> {
    let (chosen, left_out) = choose::claims(options)?;
    left_out.iter().for_each(|note| progress.note(note));
    let asked = choose::Asked::of(options)?;
    let _stage = Stage::begin(progress, "claims", Some(chosen.len()));
    let mut claims = Vec::with_capacity(chosen.len());
    for claim in chosen {
        claims.push(audit_claim(claim, options, &asked)?);
        progress.advance(1);
    }
    Ok(AuditAnswer { claims, seed: options.seed })
}

fn audit_claim(
    claim: &'static Claim,
    options: &AuditOptions,
    asked: &choose::Asked,
) -> Result<ClaimAnswer, AnswerError> {
    let mut runs: Vec<(Finding, Instance)> = Vec::new();
    let mut verdicts = BTreeMap::new();
    let on = match (&options.game, asked.tau) {
        (Some((name, game)), tau) => instances(name, game, claim.game, tau, options.seed),
        (None, tau) => suite(claim.game, tau, options.seed),
    };
    for instance in on {
        let instance = Instance { changes: asked.changes.clone(), ..instance };
        let finding = check_claim(claim, &instance)?;
        *verdicts.entry(finding.judged.verdict.name()).or_insert(0) += 1;
        runs.push((finding, instance));
    }
    let mut searched = 0;
    if options.search > 0 {
        let found = search(claim, options.search, asked.tau, &asked.changes, options.seed)?;
        searched = found.games;
        for (name, count) in found.verdicts {
            *verdicts.entry(name).or_insert(0) += count;
        }
        runs.push((found.worst, found.instance));
        // an error that is not the worst finding is told beside it
        let told = |(error, _): &(Finding, Instance)| runs.iter().all(|(f, _)| f.instance != error.instance);
        let error = found.error.filter(told);
        runs.extend(error);
    }
    let score = |(finding, _): &(Finding, Instance)| finding.judged.severity().score();
    // a stable sort: equally bad findings stay in the order of the suite
    runs.sort_by(|a, b| score(b).total_cmp(&score(a)));
    let instance = runs.first().expect("the suite has instances").1.clone();
    let count = |name: &str| verdicts.get(name).copied().unwrap_or(0);
    let broken = count("FAIL") > 0;
    let as_known = options.game.is_none() && *asked == choose::Asked::default();
    let as_expected = count("ERROR") == 0
        && match claim.expected {
            // what is known to break breaks on the suite; elsewhere it may hold
            Expected::Fail => broken || !as_known,
            Expected::Pass | Expected::Inconclusive => !broken,
        };
    let findings = runs.into_iter().map(|(finding, _)| finding).collect();
    Ok(ClaimAnswer { claim, findings, instance, verdicts, searched, as_expected })
}

impl AuditAnswer {
    /// Claims that are broken.
    pub fn broken(&self) -> impl Iterator<Item = &ClaimAnswer> {
        self.claims.iter().filter(|claim| claim.fails())
    }

    /// Claims that came out otherwise than they are known to: broken and not known to be, not broken and known to be, or not to be
    /// run.
    pub fn unexpected(&self) -> impl Iterator<Item = &ClaimAnswer> {
        self.claims.iter().filter(|claim| !claim.as_expected)
    }

    /// The report page, in Markdown. `replayed` says of a claim whether its worst finding is replayed by an experiment in
    /// [`ClaimAnswer::folder`].
    #[must_use]
    pub fn page(&self, replayed: impl Fn(&ClaimAnswer) -> bool) -> String {
        page::page(self, replayed)
    }
}

impl ClaimAnswer {
    /// The finding that is worst for the claim.
    #[must_use]
    pub fn worst(&self) -> &Finding {
        &self.findings[0]
    }

    /// Whether it is broken.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.verdicts.contains_key("FAIL")
    }

    /// The smallest `bound / measured` anywhere; `None` without a bound.
    #[must_use]
    pub fn least_slack(&self) -> Option<f64> {
        self.findings.iter().filter_map(|f| f.judged.slack).reduce(f64::min)
    }

    /// Slack at the end of each run with a bound, rising.
    #[must_use]
    pub fn final_slacks(&self) -> Vec<f64> {
        let mut slacks: Vec<f64> = self.findings.iter().filter_map(|f| f.judged.last?.slack()).collect();
        slacks.sort_by(f64::total_cmp);
        slacks
    }

    /// Instances on which the bound predicts nothing: the run ends more than a thousand times below it, and it tells less than
    /// a tenth of the orders of magnitude that were gained. (An exponential bound with half the true rate still tells half of
    /// them.)
    #[must_use]
    pub fn off(&self) -> usize {
        let off = |f: &&Finding| {
            let Some(last) = f.judged.last else { return false };
            let (allowed, start) = (last.allowed.unwrap_or(f64::INFINITY), f.facts.initial);
            allowed > VACUOUS * last.measured && (start / allowed).ln() < TOLD * (start / last.measured).ln()
        };
        self.findings.iter().filter(off).count()
    }

    /// Whether the bound is vacuous: it predicts nothing on most of the instances that have one.
    #[must_use]
    pub fn vacuous(&self) -> bool {
        let bounded = self.findings.iter().filter(|f| f.judged.last.is_some()).count();
        bounded > 0 && 2 * self.off() > bounded
    }

    /// Where an experiment that replays the worst finding belongs, below the folder of the page.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("{}/{}", if self.fails() { "counterexamples" } else { "findings" }, self.claim.id)
    }
}

impl Serialize for ClaimAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let claim = self.claim;
        let hypotheses: Vec<&str> = claim.hypotheses.iter().map(|h| h.says).collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("claim", claim.id)?;
        map.serialize_entry("solver", claim.solver)?;
        map.serialize_entry("statement", claim.statement)?;
        map.serialize_entry("citation", claim.citation)?;
        map.serialize_entry("source", &claim.source)?;
        map.serialize_entry("standing", &claim.standing)?;
        map.serialize_entry("expected", &claim.expected)?;
        map.serialize_entry("as_expected", &self.as_expected)?;
        map.serialize_entry("iterate", &claim.iterate)?;
        map.serialize_entry("quantity", claim.quantity.name())?;
        map.serialize_entry("unit", claim.unit.name())?;
        map.serialize_entry("hypotheses", &hypotheses)?;
        map.serialize_entry("least_slack", &self.least_slack())?;
        map.serialize_entry("vacuous", &self.vacuous())?;
        map.serialize_entry("verdicts", &self.verdicts)?;
        map.serialize_entry("searched", &self.searched)?;
        map.serialize_entry("verdict", self.worst().judged.verdict.name())?;
        map.serialize_entry("findings", &self.findings)?;
        map.end()
    }
}

/// Cells of a table row, and lines of a page.
struct Cells {
    verdict: &'static str,
    counts: String,
    least_slack: String,
    final_slack: String,
    slope: String,
    local_theory: String,
    worst_on: String,
}

impl Cells {
    fn of(claim: &ClaimAnswer) -> Self {
        let worst = claim.worst();
        let count = |name: &str| claim.verdicts.get(name).copied().unwrap_or(0).to_string();
        let remark = if claim.vacuous() { " (vacuous)" } else { "" };
        let final_slack = match claim.final_slacks()[..] {
            [] => String::new(),
            [least, .., most] => format!("{} to {}{remark}", factor(least), factor(most)),
            [only] => format!("{0} to {0}{remark}", factor(only)),
        };
        Self {
            verdict: worst.judged.verdict.name(),
            counts: ["PASS", "FAIL", "INCONCLUSIVE", "HYPOTHESIS NOT MET", "ERROR"].map(count).join("/"),
            least_slack: claim.least_slack().map_or(String::new(), factor),
            final_slack,
            slope: worst.judged.slope.map_or(String::new(), |s| {
                format!("{:.4} +- {:.1e} on {}..{}", s.value, s.half_width, s.window.0, s.window.1)
            }),
            local_theory: worst.predicted_factor.map_or(String::new(), |f| format!("{:.4}", f.ln())),
            worst_on: if worst.tau > 0.0 {
                format!("{}, tau {:.3}", worst.instance, worst.tau)
            } else {
                worst.instance.clone()
            },
        }
    }
}

/// Four digits where they matter.
fn factor(slack: f64) -> String {
    if slack < 100.0 { format!("{slack:.4}") } else { format!("{slack:.3e}") }
}

impl fmt::Display for AuditAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = [
            "claim",
            "solver",
            "verdict",
            "expected",
            "verdicts",
            "least slack",
            "slack at the end",
            "slope (95%)",
            "local theory",
            "worst on",
        ];
        let rows = self.claims.iter().map(|claim| {
            let cells = Cells::of(claim);
            vec![
                claim.claim.id.to_owned(),
                claim.claim.solver.to_owned(),
                cells.verdict.to_owned(),
                format!("{}{}", claim.claim.expected.name(), if claim.as_expected { "" } else { " (!)" }),
                cells.counts,
                cells.least_slack,
                cells.final_slack,
                cells.slope,
                cells.local_theory,
                cells.worst_on,
            ]
        });
        f.write_str(&table(width(f), &header, rows))?;
        write!(
            f,
            "\nverdicts: pass/fail/open/silent/error\n{} claims ({} conjectures), {} of them broken, {} otherwise than expected (!), {} bounds that predict nothing (off by more than {VACUOUS} at the end of most runs)",
            self.claims.len(),
            self.claims.iter().filter(|claim| claim.claim.standing == Standing::Conjecture).count(),
            self.broken().count(),
            self.unexpected().count(),
            self.claims.iter().filter(|claim| claim.vacuous()).count(),
        )
    }
}
