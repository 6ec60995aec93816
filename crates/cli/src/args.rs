//! What can be typed.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// Game-theoretic Nash alignment, measured: which method converges to which policy under general preferences, how
/// fast, at what cost, and how far the Bradley-Terry answer is from the Nash answer.
#[derive(Debug, Parser)]
#[command(name = "equipoise", version, arg_required_else_help = true, propagate_version = true)]
#[command(
    after_help = "Example:\n  equipoise run configs/quickstart.yaml\n\nExit codes: 0 done; 1 a claim failed or a run \
                        broke down; 2 bad input or configuration; 130 interrupted."
)]
pub(crate) struct Args {
    /// Log what is done to standard error; twice for more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run an experiment and write its report.
    #[command(
        after_help = "Example:\n  equipoise run configs/quickstart.yaml --set limits.steps=2000 --jobs 1\n\n\
                            Finished runs with the same id are skipped: that is how an interrupted experiment resumes."
    )]
    Run(Run),
    /// Resolve an experiment and show its plan: every run, every parameter. Nothing runs, nothing is written.
    #[command(
        after_help = "Example:\n  equipoise plan configs/quickstart.yaml --set seed=3\n\nThe printed plan is \
                            itself a valid experiment file."
    )]
    Plan(Plan),
    /// Run an experiment folder (experiment.yaml) and verify its claims (expected.yaml).
    #[command(
        after_help = "Example:\n  equipoise check experiments/last-iterate-cycles\n\nExit code 1 if a claim \
                            fails."
    )]
    Check(Check),
    /// Render the report of a results folder again.
    #[command(after_help = "Example:\n  equipoise report results/quickstart")]
    Report(Report),
    /// Exact equilibrium of a preference matrix, with its certificate.
    #[command(
        after_help = "Example:\n  equipoise solve game.csv\n  equipoise solve game.csv --tau 0.1 --json\n  equipoise \
                            solve game.csv --select vertex --ranges\n  equipoise solve game.csv --path\n\n\
                            The file: .csv (n lines of n numbers, labels optional), .json ({\"labels\", \"matrix\"}) \
                            or .npy; entries are Pr(row beats column). Comparison files (item_a,item_b,outcome) are \
                            understood too."
    )]
    Solve(Solve),
    /// Duality gap of a policy in a preference matrix.
    #[command(
        after_help = "Example:\n  equipoise gap game.csv --policy policy.csv --tau 0.1 --json\n  equipoise gap \
                            --certificate answer.json\n\nA policy file: \
                            .csv with header label,prob, or .json with a list of numbers."
    )]
    Gap(Gap),
    /// List what the registry holds.
    #[command(after_help = "Example:\n  equipoise list solvers\n  equipoise list games --json")]
    List(List),
    /// JSON schema of experiment files, for editors.
    #[command(after_help = "Example:\n  equipoise schema > equipoise.schema.json")]
    Schema,
}

/// Overrides that run, plan and check share.
#[derive(Debug, ClapArgs)]
pub(crate) struct Overrides {
    /// Seed of all random streams, instead of the file's.
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// Override a key of the file, as in `--set limits.steps=500`; the value is YAML. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Conduct {
    /// Folder for the results [default: results/ and the name of the experiment].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Runs done at the same time [default: number of cores]. Results are equal to the bit for any number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Run everything again, even what is finished.
    #[arg(long)]
    pub(crate) fresh: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Run {
    /// Experiment file (YAML).
    pub(crate) config: PathBuf,
    #[command(flatten)]
    pub(crate) conduct: Conduct,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Plan {
    /// Experiment file (YAML).
    pub(crate) config: PathBuf,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Check {
    /// Folder with experiment.yaml and expected.yaml.
    pub(crate) experiment: PathBuf,
    #[command(flatten)]
    pub(crate) conduct: Conduct,
    /// Print the verdicts as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Report {
    /// Results folder.
    pub(crate) results: PathBuf,
}

/// A file with a game: a preference matrix, or comparisons.
#[derive(Debug, ClapArgs)]
pub(crate) struct GameFile {
    /// Preference matrix (.csv, .json, .npy) or comparisons (.csv, .jsonl).
    pub(crate) game: PathBuf,
    #[command(flatten)]
    pub(crate) filter: Filter,
}

/// Which of the comparisons of a file are counted, and how.
#[derive(Debug, ClapArgs)]
pub(crate) struct Filter {
    /// Of comparisons: only this context.
    #[arg(long)]
    pub(crate) context: Option<String>,
    /// Of comparisons: only this annotator.
    #[arg(long)]
    pub(crate) annotator: Option<String>,
    /// Of comparisons: what a tie counts.
    #[arg(long, value_enum, default_value_t = Ties::Half)]
    pub(crate) ties: Ties,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ties {
    /// Half a win to each side.
    Half,
    /// Nothing.
    Drop,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Regularisation {
    /// KL regularisation towards the reference; 0 is the original game.
    #[arg(long, value_name = "T", default_value_t = 0.0)]
    pub(crate) tau: f64,
    /// Reference policy (file) [default: uniform].
    #[arg(long, value_name = "POLICY")]
    pub(crate) reference: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Solve {
    #[command(flatten)]
    pub(crate) file: GameFile,
    #[command(flatten)]
    pub(crate) regularisation: Regularisation,
    /// Of several equilibria of the original game, which one [default: maximum-entropy].
    #[arg(long, value_enum, value_name = "WHICH")]
    pub(crate) select: Option<Select>,
    /// Also the least and the largest probability of every action over all equilibria of the original game.
    #[arg(long, conflicts_with = "path")]
    pub(crate) ranges: bool,
    /// The whole curve of regularised equilibria: four temperatures a decade from 10 down to --tau [default: 1e-4].
    #[arg(long)]
    pub(crate) path: bool,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// One of several equilibria.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Select {
    /// The one of largest entropy.
    MaximumEntropy,
    /// The limit of the equilibria regularised towards --reference: the one nearest to it in KL.
    RegularisedLimit,
    /// A vertex of the set of equilibria.
    Vertex,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Gap {
    /// Preference matrix (.csv, .json, .npy) or comparisons (.csv, .jsonl).
    #[arg(required_unless_present = "certificate")]
    pub(crate) game: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// Policy to measure (file).
    #[arg(long, value_name = "POLICY", required_unless_present = "certificate")]
    pub(crate) policy: Option<PathBuf>,
    /// Check the exact proof in an answer of `equipoise solve --json` instead; with a game, also that it is the proof's.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["policy", "tau", "reference"])]
    pub(crate) certificate: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) regularisation: Regularisation,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct List {
    /// What to list.
    #[arg(value_enum)]
    pub(crate) what: Listing,
    /// Print the list as JSON, with parameters and their schema.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listing {
    /// Methods, with cost, aim, guarantee and citation.
    Solvers,
    /// Game generators and file kinds.
    Games,
    /// Metrics, with definitions.
    Metrics,
    /// Preference models that can be fitted.
    Models,
}
