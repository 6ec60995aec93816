//! What the registries hold.

use std::fmt;

use equipoise::core::registry::{FixedPoint, SolverEntry};
use equipoise::data::{GAME_FILES, READERS};
use equipoise::env::channels::{CHANNELS, Stage};
use equipoise::env::designs::DESIGNS;
use equipoise::env::generators::GENERATORS;
use equipoise::estimators::estimators;
use equipoise::eval::METRICS;
use equipoise::models::MODELS;
use equipoise::models::leaderboard::COLUMNS;
use equipoise::objectives::{Input, Minimiser, OBJECTIVES, ObjectiveEntry};
use equipoise::oracles::oracles;
use equipoise::policies::{OPTIMISERS, POLICIES};
use equipoise::reference::axioms::{Axiom, Verdict, axiom_table};
use equipoise::reference::concepts::{CONCEPTS, Needs};
use equipoise::registry::FAMILIES;
use equipoise_records::{Aim, Guarantee};
use serde::Serialize;
use serde_json::Value;

use crate::table::{table, width};

/// A row of a registry, as lists show it.
trait Listed: Serialize {
    /// Heads of the cells.
    const HEADER: &[&str];
    /// What is said below the table.
    const FOOTER: &str = "";

    fn cells(&self) -> Vec<String>;
}

/// The rows of one registry.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum ListAnswer {
    /// Methods.
    Solvers(Vec<SolverRow>),
    /// Game generators.
    Games(Vec<GameRow>),
    /// Oracles.
    Oracles(Vec<OracleRow>),
    /// Label channels.
    Channels(Vec<ChannelRow>),
    /// Pair designs.
    Designs(Vec<DesignRow>),
    /// Metrics.
    Metrics(Vec<MetricRow>),
    /// Preference models.
    Models(Vec<ModelRow>),
    /// Solution concepts and rules of social choice.
    Concepts(Vec<ConceptListRow>),
    /// Axioms of social choice.
    Axioms(Vec<AxiomListRow>),
    /// Columns of a ranking.
    Columns(Vec<ColumnRow>),
    /// File formats.
    Readers(Vec<ReaderRow>),
    /// Losses on labelled responses.
    Objectives(Vec<ObjectiveRow>),
    /// Policy classes.
    Policies(Vec<PolicyRow>),
    /// Optimisers of inner problems.
    Optimisers(Vec<OptimiserRow>),
    /// Gradient estimators.
    Estimators(Vec<EstimatorListRow>),
}

/// A registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Noun {
    /// Methods, with cost, aim, guarantee and citation.
    Solvers,
    /// Game generators.
    Games,
    /// Oracles: what answers a solver's questions.
    Oracles,
    /// Label channels: how a comparison is recorded.
    Channels,
    /// Pair designs: which pairs are compared.
    Designs,
    /// Metrics, with definitions.
    Metrics,
    /// Preference models that can be fitted.
    Models,
    /// Solution concepts and rules of social choice, with what they choose.
    Concepts,
    /// Axioms of social choice, with who satisfies them.
    Axioms,
    /// Columns of a ranking.
    Columns,
    /// File formats that can be read.
    Readers,
    /// Losses that `equipoise loss` evaluates.
    Objectives,
    /// Policy classes, from the table to trees of tokens.
    Policies,
    /// Optimisers of the parameters of a class.
    Optimisers,
    /// Gradient estimators that `equipoise estimators` audits.
    Estimators,
}

/// The rows of a registry, in its order.
///
/// ```
/// use equipoise_answers::{ListAnswer, Noun, list};
///
/// let ListAnswer::Solvers(rows) = list(Noun::Solvers) else { panic!("solvers were asked for") };
/// assert!(rows.iter().any(|row| row.name == "egpo"));
/// ```
#[must_use]
pub fn list(noun: Noun) -> ListAnswer {
    match noun {
        Noun::Solvers => ListAnswer::Solvers(
            FAMILIES
                .iter()
                .flat_map(|family| family.solvers.iter().map(|entry| SolverRow::of(family.name, entry)))
                .collect(),
        ),
        Noun::Games => ListAnswer::Games(
            GENERATORS
                .iter()
                .map(|g| (g.name, g.summary, g.known, g.defaults, g.schema))
                .chain(GAME_FILES.iter().map(|f| (f.name, f.summary, f.known, f.defaults, f.schema)))
                .map(|(name, summary, known, defaults, schema)| GameRow {
                    name,
                    summary,
                    known,
                    defaults: defaults(),
                    schema: schema().to_value(),
                })
                .collect(),
        ),
        Noun::Oracles => ListAnswer::Oracles(
            oracles()
                .into_iter()
                .map(|o| OracleRow {
                    name: o.name,
                    summary: o.summary,
                    source: o.source,
                    defaults: (o.defaults)(),
                    schema: (o.schema)().to_value(),
                })
                .collect(),
        ),
        Noun::Channels => ListAnswer::Channels(
            CHANNELS
                .iter()
                .map(|c| ChannelRow {
                    name: c.name,
                    summary: c.summary,
                    stage: c.stage,
                    source: c.source,
                    defaults: (c.defaults)(),
                    schema: (c.schema)().to_value(),
                })
                .collect(),
        ),
        Noun::Designs => ListAnswer::Designs(
            DESIGNS
                .iter()
                .map(|d| DesignRow { name: d.name, summary: d.summary, source: d.source })
                .collect(),
        ),
        Noun::Metrics => ListAnswer::Metrics(
            METRICS.iter().map(|m| MetricRow { name: m.name, definition: m.definition }).collect(),
        ),
        Noun::Columns => ListAnswer::Columns(
            COLUMNS
                .iter()
                .map(|c| ColumnRow {
                    name: c.name,
                    title: c.heading,
                    definition: c.definition,
                    match_by_match: c.by_match,
                    concept: c.concept().map(|entry| entry.name),
                    source: c.source(),
                })
                .collect(),
        ),
        Noun::Readers => ListAnswer::Readers(
            READERS
                .iter()
                .map(|r| ReaderRow {
                    name: r.name,
                    summary: r.summary,
                    endings: r.endings,
                    columns: r.columns,
                    source: r.source,
                })
                .collect(),
        ),
        Noun::Concepts => ListAnswer::Concepts(
            CONCEPTS
                .iter()
                .map(|c| ConceptListRow {
                    name: c.name,
                    definition: c.definition,
                    over_met: c.over_met.map(|rule| rule.definition),
                    needs: match c.needs {
                        // ballots hold them
                        Needs::WinRates => "win rates",
                        other => other.name(),
                    },
                    source: c.source,
                })
                .collect(),
        ),
        Noun::Axioms => ListAnswer::Axioms(Axiom::ALL.into_iter().map(AxiomListRow::of).collect()),
        Noun::Models => ListAnswer::Models(
            MODELS
                .iter()
                .map(|m| ModelRow {
                    name: m.name,
                    definition: m.definition,
                    takes: m.takes(),
                    ties: m.ties,
                    fitted: m.fitted,
                    source: m.source,
                    defaults: (m.defaults)(),
                    schema: (m.schema)().to_value(),
                })
                .collect(),
        ),
        Noun::Objectives => ListAnswer::Objectives(OBJECTIVES.iter().map(ObjectiveRow::of).collect()),
        Noun::Policies => ListAnswer::Policies(
            POLICIES
                .iter()
                .map(|p| PolicyRow {
                    name: p.name,
                    summary: p.summary,
                    verified: p.verified,
                    source: p.source,
                    defaults: (p.defaults)(),
                    schema: (p.schema)().to_value(),
                })
                .collect(),
        ),
        Noun::Estimators => ListAnswer::Estimators(
            estimators()
                .map(|e| EstimatorListRow {
                    name: e.name,
                    row: e.row,
                    target: e.target.says(),
                    summary: e.summary,
                    unbiased_for: e.unbiased_for,
                    verified: e.verified,
                    source: e.source,
                })
                .collect(),
        ),
        Noun::Optimisers => ListAnswer::Optimisers(
            OPTIMISERS
                .iter()
                .map(|o| OptimiserRow {
                    name: o.name,
                    summary: o.summary,
                    exact: o.exact,
                    verified: o.verified,
                    source: o.source,
                    defaults: (o.defaults)(),
                    schema: (o.schema)().to_value(),
                })
                .collect(),
        ),
    }
}

/// A loss on labelled responses.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ObjectiveRow {
    /// Its name.
    pub name: &'static str,
    /// Further names it answers to.
    pub aliases: &'static [&'static str],
    /// The loss of a row.
    pub formula: &'static str,
    /// The arrays it takes.
    pub inputs: Vec<Input>,
    /// Whether a finite data set has a finite minimiser.
    pub minimiser: Minimiser,
    /// What its implementation is checked against.
    pub verified: &'static str,
    /// Whose loss it is.
    pub source: &'static str,
    /// Its options with their defaults, an object.
    pub defaults: Value,
    /// The JSON schema of its options.
    pub schema: Value,
}

impl ObjectiveRow {
    fn of(entry: &ObjectiveEntry) -> Self {
        Self {
            name: entry.name,
            aliases: entry.aliases,
            formula: entry.formula,
            inputs: (entry.inputs)(),
            minimiser: entry.minimiser,
            verified: entry.verified,
            source: entry.source,
            defaults: (entry.defaults)(),
            schema: (entry.schema)().to_value(),
        }
    }
}

impl Listed for ObjectiveRow {
    const HEADER: &[&str] =
        &["objective", "loss", "options (defaults)", "minimiser", "verified by", "source"];
    const FOOTER: &str = "\n\nls = log sigmoid; pc, pr, rc, rr = log-probabilities of the chosen and the rejected response under policy and\n\
                          reference. Inputs of each: --json.";

    fn cells(&self) -> Vec<String> {
        let names: Vec<&str> = [self.name].into_iter().chain(self.aliases.iter().copied()).collect();
        vec![
            names.join(", "),
            self.formula.into(),
            parameters(&self.defaults),
            self.minimiser.says().into(),
            self.verified.into(),
            self.source.into(),
        ]
    }
}

/// A gradient estimator.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EstimatorListRow {
    /// Its name.
    pub name: &'static str,
    /// The row of the published table that it belongs to.
    pub row: u8,
    /// The gradient it estimates.
    pub target: String,
    /// Its coefficients, in a line.
    pub summary: &'static str,
    /// Of what it is an unbiased estimate.
    pub unbiased_for: &'static str,
    /// What its implementation is checked against.
    pub verified: &'static str,
    /// Who uses it.
    pub source: &'static str,
}

impl Listed for EstimatorListRow {
    const HEADER: &[&str] = &["row", "estimator", "of", "what", "unbiased for", "verified by", "source"];
    const FOOTER: &str = "\n\nS = sum_t S_t, S_t = grad log pi of token t; r_t = log pi - log mu; h = sum_t r_t; z a label, a an advantage. Bias, noise and\n\
                          fixed point of each: equipoise estimators.";

    fn cells(&self) -> Vec<String> {
        vec![
            self.row.to_string(),
            self.name.into(),
            self.target.clone(),
            self.summary.into(),
            self.unbiased_for.into(),
            self.verified.into(),
            self.source.into(),
        ]
    }
}

/// A policy class.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PolicyRow {
    /// Its name in YAML.
    pub name: &'static str,
    /// What it is, in a line.
    pub summary: &'static str,
    /// What its implementation is checked against.
    pub verified: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Its options with their defaults, an object.
    pub defaults: Value,
    /// The JSON schema of its options.
    pub schema: Value,
}

impl Listed for PolicyRow {
    const HEADER: &[&str] = &["policy", "what", "options (defaults)", "verified by", "source"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.into(),
            self.summary.into(),
            parameters(&self.defaults),
            self.verified.into(),
            self.source.into(),
        ]
    }
}

/// An optimiser.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OptimiserRow {
    /// Its name in YAML.
    pub name: &'static str,
    /// Its step, in a line.
    pub summary: &'static str,
    /// Whether it can be run until the gradient is rounding (`inner_steps: exact`).
    pub exact: bool,
    /// What its implementation is checked against.
    pub verified: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Its options with their defaults, an object.
    pub defaults: Value,
    /// The JSON schema of its options.
    pub schema: Value,
}

impl Listed for OptimiserRow {
    const HEADER: &[&str] = &["optimiser", "step", "exact", "options (defaults)", "verified by", "source"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.into(),
            self.summary.into(),
            if self.exact { "yes" } else { "no" }.into(),
            parameters(&self.defaults),
            self.verified.into(),
            self.source.into(),
        ]
    }
}

/// A method.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SolverRow {
    /// Its name in YAML, tables and Python.
    pub name: &'static str,
    /// The family it belongs to.
    pub family: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// Where it comes from.
    pub citation: &'static str,
    /// The game it solves.
    pub aim: Aim,
    /// For which iterate that is proved.
    pub guarantee: Guarantee,
    /// Where it stands still.
    pub fixed_point: FixedPoint,
    /// What a step costs.
    pub cost: &'static str,
    /// What its implementation is checked against.
    pub verified: &'static str,
    /// Its parameters with their defaults, an object.
    pub defaults: Value,
    /// The JSON schema of its parameters.
    pub schema: Value,
}

impl SolverRow {
    fn of(family: &'static str, entry: &SolverEntry) -> Self {
        Self {
            name: entry.name,
            family,
            summary: entry.summary,
            citation: entry.citation,
            aim: entry.aim,
            guarantee: entry.guarantee,
            fixed_point: entry.fixed_point,
            cost: entry.cost,
            verified: entry.verified,
            defaults: (entry.defaults)(),
            schema: (entry.schema)().to_value(),
        }
    }
}

impl Listed for SolverRow {
    const HEADER: &[&str] = &[
        "solver",
        "what",
        "game",
        "proved for",
        "a step costs",
        "parameters (defaults)",
        "verified by",
        "source",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.to_owned(),
            self.summary.to_owned(),
            self.aim.to_string(),
            self.guarantee.to_string(),
            self.cost.to_owned(),
            parameters(&self.defaults),
            self.verified.to_owned(),
            self.citation.to_owned(),
        ]
    }
}

/// A game generator.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GameRow {
    /// Its name.
    pub name: &'static str,
    /// The game, in a line.
    pub summary: &'static str,
    /// What is known about it in closed form.
    pub known: &'static str,
    /// Its parameters with their defaults, an object.
    pub defaults: Value,
    /// The JSON schema of its parameters.
    pub schema: Value,
}

impl Listed for GameRow {
    const HEADER: &[&str] = &["game", "what", "parameters (defaults)", "known"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.into(), self.summary.into(), parameters(&self.defaults), self.known.into()]
    }
}

/// An oracle.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OracleRow {
    /// Its name.
    pub name: &'static str,
    /// What its answers are, in a line.
    pub summary: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Its parameters with their defaults, an object.
    pub defaults: Value,
    /// The JSON schema of its parameters.
    pub schema: Value,
}

impl Listed for OracleRow {
    const HEADER: &[&str] = &["oracle", "answers", "parameters (defaults)", "source"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.into(), self.summary.into(), parameters(&self.defaults), self.source.into()]
    }
}

/// A label channel.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChannelRow {
    /// Its name.
    pub name: &'static str,
    /// What is recorded, in a line.
    pub summary: &'static str,
    /// What it changes, and so where it may stand.
    pub stage: Stage,
    /// Where it comes from.
    pub source: &'static str,
    /// Its options with their defaults, an object.
    pub defaults: Value,
    /// The JSON schema of its options.
    pub schema: Value,
}

impl Listed for ChannelRow {
    const HEADER: &[&str] = &["channel", "what is recorded", "changes", "options (defaults)", "source"];
    const FOOTER: &str =
        "\n\nIn the order of `labels`; what changes answers stands before what changes how they are written.";

    fn cells(&self) -> Vec<String> {
        let changes = match self.stage {
            Stage::Answers => "answers",
            Stage::Rows => "which rows are kept",
            Stage::Written => "how answers are written",
            Stage::Ranked => "comparisons to rankings",
        };
        vec![
            self.name.into(),
            self.summary.into(),
            changes.into(),
            parameters(&self.defaults),
            self.source.into(),
        ]
    }
}

/// A pair design.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DesignRow {
    /// Its name.
    pub name: &'static str,
    /// Which pairs, in a line.
    pub summary: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

impl Listed for DesignRow {
    const HEADER: &[&str] = &["design", "pairs", "source"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.into(), self.summary.into(), self.source.into()]
    }
}

/// A metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MetricRow {
    /// Its name.
    pub name: &'static str,
    /// Its definition.
    pub definition: &'static str,
}

impl Listed for MetricRow {
    const HEADER: &[&str] = &["metric", "definition"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.into(), self.definition.into()]
    }
}

/// A preference model.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelRow {
    /// Its name.
    pub name: &'static str,
    /// Its definition, in a line.
    pub definition: &'static str,
    /// What it is fitted to, its options, and whether the order of the data matters.
    pub takes: String,
    /// What a tie is to it.
    pub ties: &'static str,
    /// How it is fitted, and its errors.
    pub fitted: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Its options with their defaults, an object.
    pub defaults: Value,
    /// The JSON schema of its options.
    pub schema: Value,
}

/// A solution concept.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ConceptListRow {
    /// Its name.
    pub name: &'static str,
    /// What it chooses.
    pub definition: &'static str,
    /// What it is told: `win rates` (or ballots), `ballots`, `several judges`, or `features of the items`.
    pub needs: &'static str,
    /// Its score over opponents met, which a leaderboard shows, if it has one.
    pub over_met: Option<&'static str>,
    /// Whose it is.
    pub source: &'static str,
}

impl Listed for ConceptListRow {
    const HEADER: &[&str] = &["concept", "chooses", "needs", "source"];

    fn cells(&self) -> Vec<String> {
        [self.name, self.definition, self.needs, self.source].map(str::to_owned).to_vec()
    }
}

/// An axiom, and which rules satisfy it on every profile of strict ballots on which they have one answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AxiomListRow {
    /// Its name.
    pub name: &'static str,
    /// What it asks.
    pub definition: &'static str,
    /// Whose it is.
    pub source: &'static str,
    /// Rules that satisfy it, by a theorem.
    pub satisfied: Vec<AxiomEvidence>,
    /// Rules that do not, with the smallest counter-example found.
    pub refuted: Vec<AxiomEvidence>,
    /// Rules of which neither is known, and where counter-examples were looked for.
    pub open: Vec<AxiomEvidence>,
}

/// Why a rule satisfies an axiom, or does not.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AxiomEvidence {
    /// The rule.
    pub rule: String,
    /// The theorem's source, the counter-example (voters and ballots, best first), or what was searched.
    pub evidence: String,
}

impl AxiomListRow {
    fn of(axiom: Axiom) -> Self {
        let mut row = Self {
            name: axiom.name(),
            definition: axiom.definition(),
            source: axiom.source(),
            satisfied: Vec::new(),
            refuted: Vec::new(),
            open: Vec::new(),
        };
        for cell in axiom_table().iter().filter(|cell| cell.axiom == axiom) {
            let evidence = |text: String| AxiomEvidence { rule: cell.rule.clone(), evidence: text };
            match &cell.verdict {
                Verdict::Proved { source } => row.satisfied.push(evidence((*source).to_owned())),
                Verdict::Refuted { profile } => row.refuted.push(evidence(profile.to_string())),
                Verdict::Open { searched } => row.open.push(evidence(searched.clone())),
                _ => {}
            }
        }
        row
    }
}

impl Listed for AxiomListRow {
    const HEADER: &[&str] = &["axiom", "asks that", "satisfied by", "refuted for", "open for", "source"];
    const FOOTER: &str = "\n\nSatisfied: by a theorem. Refuted: a counter-example is known; --json has the smallest. Open: none was found, which is no \
     proof.\nRules at their default parameters, on strict ballots.";

    fn cells(&self) -> Vec<String> {
        let names = |of: &[AxiomEvidence]| match of.len() {
            0 => "none".to_owned(),
            1..=24 => of.iter().map(|e| e.rule.as_str()).collect::<Vec<_>>().join(", "),
            many => format!("{many} rules"),
        };
        vec![
            self.name.into(),
            self.definition.into(),
            names(&self.satisfied),
            format!("{} rules", self.refuted.len()),
            names(&self.open),
            self.source.into(),
        ]
    }
}

impl Listed for ModelRow {
    const HEADER: &[&str] = &["model", "definition", "takes", "a tie is", "fitted by; errors", "source"];
    const FOOTER: &str = "\n\nOptions of `equipoise fit`: --home, a bonus for the item listed first; --prior, the posterior mode under a logistic\n\
     prior; --features FILE, strengths linear in features of the items; --context-features FILE; --algorithm; --each.\n\
     Where no finite maximum exists the prior is added, and said.";

    fn cells(&self) -> Vec<String> {
        [self.name, self.definition, &self.takes, self.ties, self.fitted, self.source]
            .map(str::to_owned)
            .to_vec()
    }
}

/// Rows of any registry.
trait Rows {
    fn text(&self, width: u16) -> String;
    fn markdown(&self) -> String;
}

impl<R: Listed> Rows for Vec<R> {
    fn text(&self, width: u16) -> String {
        table(width, R::HEADER, self.iter().map(R::cells)) + R::FOOTER
    }

    /// A bar inside a cell is escaped, or it would end the cell.
    fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|c| c.replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let header: Vec<String> = R::HEADER.iter().map(|&h| h.to_owned()).collect();
        let rule = format!("|{}\n", "---|".repeat(header.len()));
        line(&header) + &rule + &self.iter().map(|row| line(&row.cells())).collect::<String>()
    }
}

/// A column of a ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ColumnRow {
    /// Its name; of a rating, the key among the items on top.
    pub name: &'static str,
    /// The head of the column.
    pub title: &'static str,
    /// What it is, with its unit and range.
    pub definition: &'static str,
    /// Whether it follows matches one by one.
    pub match_by_match: bool,
    /// The solution concept that it shows, over the opponents that an item met, if it is one.
    pub concept: Option<&'static str>,
    /// Where it comes from.
    pub source: &'static str,
}

impl Listed for ColumnRow {
    const HEADER: &[&str] = &["column", "head", "definition", "source"];

    fn cells(&self) -> Vec<String> {
        [self.name, self.title, self.definition, self.source].map(str::to_owned).to_vec()
    }
}

/// A file format.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReaderRow {
    /// Its name.
    pub name: &'static str,
    /// What stands in such a file, in a line.
    pub summary: &'static str,
    /// Endings by which it is told.
    pub endings: &'static [&'static str],
    /// Columns, keys or arrays that mean something, with the names of published files.
    pub columns: &'static [&'static str],
    /// Where the format comes from.
    pub source: &'static str,
}

impl Listed for ReaderRow {
    const HEADER: &[&str] = &["reader", "what", "endings", "columns", "source"];

    fn cells(&self) -> Vec<String> {
        let endings: Vec<String> = self.endings.iter().map(|e| format!(".{e}")).collect();
        let columns = self.columns.join(", ");
        vec![self.name.into(), self.summary.into(), endings.join(" "), columns, self.source.into()]
    }
}

impl ListAnswer {
    fn rows(&self) -> &dyn Rows {
        match self {
            Self::Solvers(rows) => rows,
            Self::Games(rows) => rows,
            Self::Oracles(rows) => rows,
            Self::Metrics(rows) => rows,
            Self::Models(rows) => rows,
            Self::Concepts(rows) => rows,
            Self::Axioms(rows) => rows,
            Self::Columns(rows) => rows,
            Self::Readers(rows) => rows,
            Self::Objectives(rows) => rows,
            Self::Policies(rows) => rows,
            Self::Channels(rows) => rows,
            Self::Designs(rows) => rows,
            Self::Optimisers(rows) => rows,
            Self::Estimators(rows) => rows,
        }
    }

    /// The list as a Markdown table.
    #[must_use]
    pub fn markdown(&self) -> String {
        self.rows().markdown()
    }
}

impl fmt::Display for ListAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rows().text(width(f)))
    }
}

fn parameters(defaults: &Value) -> String {
    let Some(object) = defaults.as_object() else { return String::new() };
    object
        .iter()
        .map(|(key, value)| match value {
            Value::Null => key.clone(),
            Value::String(s) => format!("{key}: {s}"),
            other => format!("{key}: {other}"),
        })
        .collect::<Vec<_>>()
        .join(", ")
}
