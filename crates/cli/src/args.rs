//! What can be typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{
    ArgGroup, Args as ClapArgs, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum,
};
use equipoise::data::{self, Selection};
use equipoise::models::{self, leaderboard};
use equipoise_answers::{self as answers, Source};
use serde_json::Value;

/// What columns comparison files may have, for the help of those who read them.
macro_rules! columns {
    () => {
        "Columns of comparisons: item_a, item_b (or model_a, model_b); outcome (or winner): a, b, tie, model_a, model_b, \
         tie (bothbad), both_bad, or the name of an item; or winner_model_a, winner_model_b, winner_tie, one of which is 1; or \
         wins_a, wins_b, ties; or winner, loser; or ranking: x > y = z. If need be context (question_id), annotator (judge), \
         timestamp (tstamp), weight, magnitude. Others are skipped. Other names: --columns item_a=NAME,.., --outcomes \
         WORD=a,..; published formats and tables: equipoise list readers."
    };
}

/// Game-theoretic Nash alignment, measured: which method converges to which policy under general preferences, how
/// fast, at what cost, and how far the Bradley-Terry answer is from the Nash answer.
#[derive(Debug, Parser)]
#[command(name = "equipoise", version, arg_required_else_help = true, propagate_version = true)]
#[command(disable_help_subcommand = true)]
#[command(
    after_help = "Example:\n  equipoise run configs/quickstart.yaml\n\nExit codes: 0 done; 1 a claim failed or a run \
                        broke down; 2 bad input or configuration, or an answer that \
                        could not be written; 130 interrupted."
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
    /// Write the labels that a learned oracle of an experiment buys: a data set of known truth.
    #[command(
        after_help = "Example:\n  equipoise generate experiment.yaml --out labels.csv\n  equipoise fit labels.csv --model bradley-terry\n\n\
                            The experiment has one game and `oracle: learned` with `pairs` and `labels`. The file: .csv, .jsonl or \
                            .parquet, read by fit, rank and inspect."
    )]
    Generate(Generate),
    /// Run an experiment folder (experiment.yaml) and verify its claims (expected.yaml).
    #[command(
        after_help = "Example:\n  equipoise check experiments/last-iterate-cycles\n\nExit code 1 if a claim \
                            fails."
    )]
    Check(Check),
    /// Summary and report of a results folder that several processes wrote (`run --shard`).
    #[command(
        after_help = "Example:\n  equipoise run sweep.yaml --out results/sweep --shard 1/2\n  equipoise run sweep.yaml \
                            --out results/sweep --shard 2/2\n  equipoise merge results/sweep\n\nExit code 1 if runs are missing."
    )]
    Merge(Merge),
    /// Render the report of a results folder again.
    #[command(
        after_help = "Example:\n  equipoise report results/quickstart\n  equipoise report results/quickstart --csv --latex \
                            --figures svg --bands 0.25"
    )]
    Report(Report),
    /// Hold the theorems and conjectures about the methods against measurements.
    #[command(
        after_help = "Example:\n  equipoise audit\n  equipoise audit --claim egpo-contraction --search 1000\n  equipoise \
                            audit --solver onpo --out results/audit\n  equipoise audit --game game.csv --solver egpo --set \
                            step_size=0.3 --set tau=0.1\n\nExit code 0 if every claim came out as it is known to \
                            (`expected`: two are known to be broken), 1 if one broke that is not known to, if one that \
                            breaks on the suite did not, or if a run could not be made. The worst \
                            counter-example of a broken claim is an experiment folder below --out, which `equipoise \
                            check` replays."
    )]
    Audit(Audit),
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
    /// What should be played, under every concept side by side: Nash, social choice, Stackelberg, proportional, chains.
    #[command(
        after_help = concat!(
            "Example:\n  equipoise concepts game.csv\n  equipoise concepts election.soc --only schulze --only kemeny --json\n\n\
             Rankings are ballots: items that one leaves out stand below all that it lists. Of comparisons the win rates \
             decide. Concepts: equipoise list concepts.\n\n",
            columns!()
        )
    )]
    Concepts(Concepts),
    /// Losses and gradients of a published objective on given numbers: what a trainer can be tested against.
    #[command(
        after_help = "Example:\n  equipoise loss dpo --set beta=0.1 --input pairs.json --json\n  equipoise list objectives\n\n\
                            The file: one JSON object of arrays, as {\"policy_chosen\": [-28.1], \"policy_rejected\": [-18.7], \
                            \"reference_chosen\": [-28.4], \"reference_rejected\": [-17.7]}: log-probabilities summed over \
                            tokens. `equipoise list objectives --json` names the arrays of each objective."
    )]
    Loss(Loss),
    /// Is a trainer's gradient the gradient of what its paper states? Bias, noise and fixed point of published estimators.
    #[command(after_help = "Example:\n  equipoise estimators --json\n  equipoise list estimators\n\n\
                            Every group of responses on a small tree of tokens is listed with every outcome of its duels, so that \
                            the numbers are expectations and no sample means. Exit code 0: an estimator may be biased.")]
    Estimators(Estimators),
    /// Fit a preference model to comparisons: strengths with errors, likelihood, calibration, held-out loss.
    #[command(
        after_help = concat!(
            "Example:\n  equipoise fit battles.csv --model davidson\n  equipoise fit battles.csv --compare\n  equipoise fit votes.parquet --model \
             bradley-terry --context coding --json\n  equipoise fit arena.csv --model bradley-terry --anchor gpt-4 --covariate len_a,len_b\n\n\
             Models: equipoise list models.\n\n",
            columns!()
        )
    )]
    Fit(Fit),
    /// Rank the items: several ratings side by side, with intervals, and who beats the favourite.
    #[command(
        after_help = concat!(
            "Example:\n  equipoise rank battles.csv --context coding\n  equipoise rank votes.parquet --each context \
             --json\n  equipoise rank arena.csv --anchor gpt-4 --covariate len_a,len_b --reweight pairs\n\nAnchor, covariates and \
             weights are of a column of points; other columns stay as they are.\n\n",
            columns!()
        )
    )]
    Rank(Rank),
    /// Is it cyclic beyond noise? Measures of intransitivity with p-values under one rating an item.
    #[command(
        after_help = concat!(
            "Example:\n  equipoise inspect battles.csv\n  equipoise inspect votes.csv --context coding \
             --replicates 9999 --json\n\n",
            columns!()
        )
    )]
    Inspect(Inspect),
    /// One board to be published: Bradley-Terry points with an anchor, tiers, ranks, and what separates neighbours.
    #[command(
        after_help = concat!(
            "Example:\n  equipoise standings battles.csv --anchor gpt-4 --min-battles 100\n  equipoise standings \
             votes.parquet --level 0.99 --latex\n  equipoise standings arena.csv --covariate len_a,len_b --covariate headers_a,headers_b \
             --covariate bold_a,bold_b\n\n",
            columns!()
        )
    )]
    Standings(Standings),
    /// Are the votes sound? Annotators unlike the rest, spans of time unlike others, and how few votes hold the order up.
    #[command(
        after_help = concat!(
            "Example:\n  equipoise votes battles.csv\n  equipoise votes arena.parquet --share 0.001 --neighbours 10 --json\n\n",
            columns!()
        )
    )]
    Votes(Votes),
    /// Who moved between two leaderboards beyond noise?
    #[command(
        after_help = concat!(
            "Example:\n  equipoise compare august.csv september.csv\n  equipoise compare monday.csv whole_week.csv --nested\n\n\
             Variances of the two add, which is right of leaderboards that share no comparison, and too wide of those that do.\n\n",
            columns!()
        )
    )]
    Compare(Compare),
    /// List what the registry holds.
    #[command(after_help = "Example:\n  equipoise list solvers\n  equipoise list games --json")]
    List(List),
    /// Write a starting configuration for a data file or a game.
    #[command(
        after_help = "Example:\n  equipoise init votes.csv\n  equipoise init rock-paper-scissors --out rps.yaml\n\nThe file \
                            is commented; `equipoise help config` describes every key."
    )]
    Init(Init),
    /// Help on a command, or on the keys of experiment files: `help run`, `help config`, `help config egpo`.
    Help(Help),
    /// JSON schema of experiment files, for editors.
    #[command(after_help = "Example:\n  equipoise schema > equipoise.schema.json")]
    Schema,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Init {
    /// A preference matrix, a file of comparisons, or a game of `equipoise list games`.
    #[arg(default_value = "cyclic")]
    pub(crate) game: String,
    /// The file that is written [default: the name of the data or the game, in this folder, with the ending .yaml].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Help {
    /// A command; or `config`, and a key, a method or a game of experiment files.
    #[arg(value_name = "WHAT")]
    pub(crate) what: Vec<String>,
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
pub(crate) struct RunOptions {
    /// Folder for the results [default: results/ and the name of the experiment].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Runs done at the same time [default: number of cores]. Results are equal to the bit for any number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Run everything again, even what is finished.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Write into the folder even if files in it that were not written by this program are lost by that.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Run {
    /// Experiment file (YAML).
    pub(crate) config: PathBuf,
    #[command(flatten)]
    pub(crate) options: RunOptions,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
    /// Do only share I of N of the runs, into the same folder as the others; `merge` makes the report. `auto`: the share
    /// of a task of a Slurm array; `auto/N`: of a task of a PBS, Grid Engine or Kubernetes array of N. In a Slurm array
    /// of several tasks auto is the default.
    #[arg(long, value_name = "I/N", num_args = 0..=1, default_missing_value = "auto")]
    pub(crate) shard: Option<String>,
    /// After the own share, take over what other processes have not done yet (they share the folder): stragglers and lost machines
    /// hold nothing up.
    #[arg(long)]
    pub(crate) steal: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Plan {
    /// Experiment file (YAML).
    pub(crate) config: PathBuf,
    /// Instead of the plan, list its units: what `--shard` assigns to processes, with the forecast cost of each.
    #[arg(long)]
    pub(crate) units: bool,
    /// The units as JSON, one a line.
    #[arg(long, requires = "units")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Generate {
    /// Experiment file (YAML).
    pub(crate) config: PathBuf,
    /// File to write: .csv, .jsonl or .parquet.
    #[arg(long, value_name = "DATA")]
    pub(crate) out: PathBuf,
    /// The repetition whose labels are written, from 0.
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub(crate) repetition: u32,
    /// Write over a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Check {
    /// Folder with experiment.yaml and expected.yaml.
    pub(crate) experiment: PathBuf,
    #[command(flatten)]
    pub(crate) options: RunOptions,
    /// Print the verdicts as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Audit {
    /// Only this claim. May be repeated.
    #[arg(long, value_name = "ID")]
    pub(crate) claim: Vec<String>,
    /// Only the claims about this method. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) solver: Vec<String>,
    /// Audit this game in place of the suite: a preference matrix or comparisons. Each of its contexts is run from its uniform
    /// and from a random reference.
    #[arg(long, value_name = "FILE")]
    pub(crate) game: Option<PathBuf>,
    /// Run otherwise than the claims say, as in `--set step_size=0.3`: a parameter of the methods, or `tau` (of claims about
    /// the regularised game), or `steps`. Claims that speak of another value become `hypothesis not met`. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Besides the suite, search so many random small games (and a quarter as many climbed from the worst) for a
    /// counter-example.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) search: u32,
    /// Seed of the random games and starts.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Folder for the report page, the findings as JSON, and a configuration that replays each claim's worst finding.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Write over files that were not written by this command.
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
    /// Print the findings as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Merge {
    /// Results folder.
    pub(crate) results: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Report {
    /// Results folder.
    pub(crate) results: PathBuf,
    /// Also `traces.csv` in the folder: every recorded value of every run, with its method, parameters and seed.
    #[arg(long)]
    pub(crate) csv: bool,
    /// Also `tables.tex` in the folder: the tables of the report, for the package booktabs.
    #[arg(long)]
    pub(crate) latex: bool,
    /// Also every drawing as a file in the folder `figures`.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) figures: Option<Figures>,
    /// Bands reach from the quantile Q to the quantile 1 - Q of the repetitions [default: from the smallest to the largest].
    #[arg(long, value_name = "Q")]
    pub(crate) bands: Option<f64>,
}

/// Format of drawings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Figures {
    /// Vector drawings, with their legends.
    Svg,
    /// Pages of the same, with letters of a sans-serif font of this machine.
    Pdf,
}

/// A file with a game: a preference matrix, or comparisons.
#[derive(Debug, ClapArgs)]
pub(crate) struct GameFile {
    /// Preference matrix (.csv, .json, .npy, .npz) or comparisons (.csv, .json, .jsonl, .parquet, PrefLib), compressed
    /// (.gz, .zst) or not; `-` reads standard input. Of comparisons also several files, a folder or a pattern.
    pub(crate) game: PathBuf,
    /// Further files of comparisons, as if their rows followed.
    #[arg(value_name = "MORE")]
    pub(crate) more: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// Of comparisons: what a tie counts.
    #[arg(long, value_enum, default_value_t = Ties::Half)]
    pub(crate) ties: Ties,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Concepts {
    #[command(flatten)]
    pub(crate) file: GameFile,
    /// Temperature of the concepts that have one [default: 0.1].
    #[arg(long, value_name = "T")]
    pub(crate) tau: Option<f64>,
    /// Reference of the concepts that have one: .csv with header label,prob, or .json with a list of numbers [default: uniform].
    #[arg(long, value_name = "FILE")]
    pub(crate) reference: Option<PathBuf>,
    /// beta of population-proportional alignment [default: 0].
    #[arg(long, value_name = "B")]
    pub(crate) beta: Option<f64>,
    /// Of several judges (--judge): the share of the worst of them whose mean win rate counts [default: 0.5].
    #[arg(long, value_name = "A")]
    pub(crate) level: Option<f64>,
    /// Samples that a k-sample winner is to beat [default: 2].
    #[arg(long, value_name = "K")]
    pub(crate) samples: Option<usize>,
    /// A further file with win rates of the same items in the eyes of another judge. May be repeated; their mean is the game.
    #[arg(long, value_name = "FILE")]
    pub(crate) judge: Vec<PathBuf>,
    /// Features of the items, for rules of linear social choice: CSV with a column `item` and one column a feature.
    #[arg(long, value_name = "FILE")]
    pub(crate) features: Option<PathBuf>,
    /// Tell which axioms each rule satisfies, and whether one voter gains by another ballot.
    #[arg(long)]
    pub(crate) axioms: bool,
    /// Only this concept. May be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Write a page: who is played under which rule, and why they differ.
    #[arg(long, value_name = "FILE.html")]
    pub(crate) html: Option<PathBuf>,
    /// Write over a page that this command did not write.
    #[arg(long, requires = "html")]
    pub(crate) force: bool,
    /// Print the answer as JSON, with policies, scores, rankings and sources.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which comparisons are meant.
#[derive(Debug, ClapArgs)]
pub(crate) struct Filters {
    /// Of comparisons: only this context.
    #[arg(long)]
    pub(crate) context: Option<String>,
    /// Of comparisons: only this annotator.
    #[arg(long)]
    pub(crate) annotator: Option<String>,
    /// Of comparisons: only those of two of these items, separated by commas.
    #[arg(long, value_name = "A,B,..", value_delimiter = ',')]
    pub(crate) items: Option<Vec<String>>,
    /// Of comparisons: only those of this date or later (YYYY-MM-DD).
    #[arg(long, value_name = "DATE")]
    pub(crate) since: Option<String>,
    #[command(flatten)]
    pub(crate) layout: Layout,
}

/// How a file is read.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "How the file is read")]
pub(crate) struct Layout {
    /// The format, where the ending and the columns do not tell it; `equipoise list readers` names them.
    #[arg(long, value_name = "NAME")]
    pub(crate) format: Option<String>,
    /// Of comparisons: what columns hold, as in `item_a=left,item_b=right,outcome=verdict`; `winning` and `losing` name
    /// items without an outcome.
    #[arg(long, value_name = "ROLE=NAME,..", value_delimiter = ',')]
    pub(crate) columns: Vec<data::ColumnName>,
    /// Of comparisons: what words of the outcome stand for, as in `left=a,right=b,none=tie`; `skip` leaves rows out, and
    /// `A>>B=a*3` counts them three times.
    #[arg(long, value_name = "WORD=OUTCOME,..", value_delimiter = ',')]
    pub(crate) outcomes: Vec<data::OutcomeWord>,
    /// Of comparisons: the column of the context, short for `--columns context=NAME`.
    #[arg(long, value_name = "NAME")]
    pub(crate) context_column: Option<String>,
    /// Of comparisons: contexts are lists of tags, separated by this sign (in JSON a list is one): a comparison is in the group of
    /// each of its tags, with --each context and --context.
    #[arg(long, value_name = "SIGN")]
    pub(crate) tags: Option<char>,
    /// Of comparisons: what becomes of rows that break a rule.
    #[arg(long, value_enum, default_value_t = Invalid::Refuse)]
    pub(crate) invalid: Invalid,
    /// Of comparisons: what becomes of rows that repeat an earlier one, of whatever file; how many were dropped is said.
    #[arg(long, value_enum, default_value_t = Repetitions::Keep)]
    pub(crate) repetitions: Repetitions,
    /// Of comparisons: items whose names differ only in Unicode form, spaces or case are one item.
    #[arg(long)]
    pub(crate) normalise_names: bool,
    /// Of a matrix: take (P - P')/2 for the margins, for a table that was rounded cell by cell; the largest change is said.
    #[arg(long)]
    pub(crate) symmetrise: bool,
}

/// What becomes of rows that break a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Invalid {
    /// They end the command.
    Refuse,
    /// They are left out and counted, by reason.
    Skip,
}

/// What becomes of rows that repeat an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Repetitions {
    /// They are counted.
    Keep,
    /// They are dropped where the same annotator judged the same items, listed alike, in the same context with the same outcome and
    /// time before.
    Drop,
    /// They are dropped where a row before them is equal in every column that is read.
    DropEqual,
}

impl Layout {
    fn reading(&self, more: &[PathBuf]) -> data::Reading {
        let context = self.context_column.as_ref();
        let context = context.map(|name| data::ColumnName { role: "context", name: name.clone() });
        data::Reading {
            format: self.format.clone(),
            columns: self.columns.iter().cloned().chain(context).collect(),
            outcomes: self.outcomes.clone(),
            covariates: Vec::new(),
            tags: self.tags,
            invalid: match self.invalid {
                Invalid::Refuse => data::Invalid::Refuse,
                Invalid::Skip => data::Invalid::Skip,
            },
            repetitions: match self.repetitions {
                Repetitions::Keep => data::Repetitions::Keep,
                Repetitions::Drop => data::Repetitions::Drop,
                Repetitions::DropEqual => data::Repetitions::DropEqual,
            },
            normalise_names: self.normalise_names,
            symmetrise: self.symmetrise,
            more: more.to_vec(),
        }
    }
}

impl Filters {
    /// The rows that are meant, with what a tie counts, of a file and those behind it.
    pub(crate) fn selection(&self, ties: Ties, more: &[PathBuf]) -> Selection {
        Selection {
            context: self.context.clone(),
            annotator: self.annotator.clone(),
            items: self.items.clone(),
            since: self.since.clone(),
            ties: ties.into(),
            reading: self.layout.reading(more),
        }
    }
}

impl GameFile {
    /// The file and its rows.
    pub(crate) fn source(&self) -> Source {
        Source { path: self.game.clone(), selection: self.filters.selection(self.ties, &self.more) }
    }
}

/// What a tie counts in a fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FitTies {
    /// Half a win to each side.
    Half,
    /// Nothing.
    Drop,
    /// An outcome of its own.
    Model,
}

impl From<FitTies> for answers::FitTies {
    fn from(ties: FitTies) -> Self {
        match ties {
            FitTies::Half => Self::Half,
            FitTies::Drop => Self::Drop,
            FitTies::Model => Self::Model,
        }
    }
}

/// How Bradley-Terry strengths are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Algorithm {
    /// Newton's method, with errors; of more than 3000 items they are estimated from draws.
    Newton,
    /// Newman's iteration, in place: any number of items, without errors.
    Newman,
    /// Zermelo's iteration: likewise, slower.
    Zermelo,
}

/// What a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Each {
    /// Every context.
    Context,
    /// Every annotator.
    Annotator,
}

impl From<Each> for data::Grouping {
    fn from(each: Each) -> Self {
        match each {
            Each::Context => Self::Context,
            Each::Annotator => Self::Annotator,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Fit {
    /// Comparisons (.csv, .json, .jsonl, .parquet, PrefLib), compressed (.gz, .zst) or not; several files, a folder or a
    /// pattern; `-` reads standard input.
    pub(crate) data: PathBuf,
    /// Further files, as if their rows followed.
    #[arg(value_name = "MORE")]
    pub(crate) more: Vec<PathBuf>,
    /// The model; `equipoise list models` says what each is.
    #[arg(long, value_name = "M", required_unless_present = "compare")]
    pub(crate) model: Option<String>,
    /// Fit every model that is fitted to comparisons, and put them side by side: held-out log-likelihood with paired intervals,
    /// calibration, cycles, what Nash of each plays, and the smallest model that is not beaten beyond noise. Models of contexts predict each
    /// comparison in its own context, by --context-features or, of up to 50 contexts, by strengths of each.
    #[arg(long, conflicts_with_all = ["model", "each", "home", "prior", "set", "features", "algorithm", "scaled", "adjusted", "export"])]
    pub(crate) compare: bool,
    /// Fit every context (or annotator) by itself.
    #[arg(long, value_enum)]
    pub(crate) each: Option<Each>,
    /// Of bradley-terry: how the strengths are found.
    #[arg(long, value_enum, default_value_t = Algorithm::Newton)]
    pub(crate) algorithm: Algorithm,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// What a tie counts [default: an outcome of its own where the model has ties, else half a win to each side].
    #[arg(long, value_enum)]
    pub(crate) ties: Option<FitTies>,
    #[command(flatten)]
    pub(crate) observed: Observed,
    /// Fit a bonus for the item listed first.
    #[arg(long)]
    pub(crate) home: bool,
    /// Add the logistic prior: one win and one loss of every item against an item of strength 0.
    #[arg(long)]
    pub(crate) prior: bool,
    /// An option of the model, as in `--set dimension=6`; the value is JSON, and text where it is none. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Strengths linear in features: CSV with a column `item` and one column a feature.
    #[arg(long, value_name = "FILE")]
    pub(crate) features: Option<PathBuf>,
    /// Of contextual-bradley-terry, p2l and --compare: CSV with a column `context` and one column a feature.
    #[arg(long, value_name = "FILE")]
    pub(crate) context_features: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) export: Export,
    #[command(flatten)]
    pub(crate) scaled: Scaled,
    #[command(flatten)]
    pub(crate) adjusted: Adjusted,
    /// Seed of the random splits and draws.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Print the result as JSON, with the matrices of probabilities and residuals.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Fit {
    pub(crate) fn options(&self) -> Result<answers::FitOptions, answers::AnswerError> {
        let flag = |key: &str, given: bool| given.then(|| (key.to_owned(), Value::Bool(true)));
        let algorithm = self.algorithm.to_possible_value().filter(|_| self.algorithm != Algorithm::Newton);
        let algorithm = algorithm.map(|v| ("algorithm".to_owned(), Value::from(v.get_name())));
        let mut options = answers::read_settings(&self.set)?;
        let reweight = (self.adjusted.reweight != Reweight::Comparisons)
            .then(|| ("reweight".to_owned(), Value::from("pairs")));
        for (key, value) in
            [flag("home", self.home), flag("prior", self.prior), algorithm, reweight].into_iter().flatten()
        {
            if options.insert(key.clone(), value).is_some() {
                let rule = "is given by an option of its own already".into();
                return Err(answers::AnswerError::Option { option: "set".into(), value: key, rule });
            }
        }
        Ok(answers::FitOptions {
            model: self.model.clone().unwrap_or_default(),
            options,
            each: self.each.map(Into::into),
            ties: self.ties.map(Into::into),
            points: self.scaled.given().then(|| self.scaled.options(self.seed)),
            seed: self.seed,
        })
    }
}

/// Points beside other ratings.
#[derive(Debug, ClapArgs)]
#[group(id = "scaled", multiple = true)]
pub(crate) struct Scaled {
    /// Also in points, with errors of the differences to this item, which stands at the base.
    #[arg(long, value_name = "ITEM")]
    pub(crate) anchor: Option<String>,
    /// Also in points, so many of which are odds of 10 [default: 400].
    #[arg(long, value_name = "POINTS")]
    pub(crate) scale: Option<f64>,
    /// Also in points, these being of the anchor, or of the mean [default: 1000].
    #[arg(long, value_name = "POINTS", allow_negative_numbers = true)]
    pub(crate) base: Option<f64>,
}

impl Scaled {
    /// Whether points are asked for.
    pub(crate) fn given(&self) -> bool {
        self.anchor.is_some() || self.scale.is_some() || self.base.is_some()
    }

    pub(crate) fn options(&self, seed: u64) -> answers::StandingsOptions {
        let usual = answers::StandingsOptions::default();
        answers::StandingsOptions {
            anchor: self.anchor.clone(),
            points: self.scale.unwrap_or(usual.points),
            base: self.base.unwrap_or(usual.base),
            seed,
            ..usual
        }
    }
}

/// A leaderboard as a file.
#[derive(Debug, ClapArgs)]
#[command(group(ArgGroup::new("written").multiple(true)))]
pub(crate) struct Export {
    /// Also write the leaderboard to a file for other programs: .csv, .jsonl, .parquet or .tex (booktabs).
    #[arg(long, value_name = "FILE", group = "written")]
    pub(crate) export: Option<PathBuf>,
    /// Write over files that were not written by this command.
    #[arg(long, requires = "written")]
    pub(crate) force: bool,
}

/// What Bradley-Terry ratings are adjusted for.
#[derive(Debug, ClapArgs)]
#[group(id = "adjusted", multiple = true)]
pub(crate) struct Adjusted {
    /// Adjust for a number of the comparisons: a column of differences (first less second), or one for either item. May be given up
    /// to six times. Ratings are those where the items do not differ in it; its coefficient is for a difference of its root mean square.
    #[arg(long = "covariate", value_name = "COLUMN|A,B")]
    pub(crate) covariates: Vec<data::CovariateColumns>,
    /// What counts alike in the estimate.
    #[arg(long, value_enum, default_value_t = Reweight::Comparisons)]
    pub(crate) reweight: Reweight,
}

/// What counts alike in an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reweight {
    /// Every comparison.
    Comparisons,
    /// Every pair of items that met, however often: a comparison weighs 1 over those of its pair.
    Pairs,
}

impl From<Reweight> for models::Reweight {
    fn from(reweight: Reweight) -> Self {
        match reweight {
            Reweight::Comparisons => Self::Comparisons,
            Reweight::Pairs => Self::Pairs,
        }
    }
}

/// What is one observation: the same for every error, interval, p-value and rank.
#[derive(Debug, ClapArgs)]
pub(crate) struct Observed {
    /// Take all comparisons of a context as one observation, in every error, interval, p-value and rank [default: a row, or
    /// a whole ranking].
    #[arg(long, conflicts_with = "by_annotator")]
    pub(crate) by_context: bool,
    /// Take all comparisons of an annotator as one observation, likewise.
    #[arg(long)]
    pub(crate) by_annotator: bool,
}

impl Observed {
    pub(crate) fn unit(&self) -> data::Unit {
        match self {
            Self { by_context: true, .. } => data::Unit::Context,
            Self { by_annotator: true, .. } => data::Unit::Annotator,
            _ => data::Unit::Row,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Unmet {
    /// The win rates of the Bradley-Terry fit.
    Fitted,
    /// Left open: no lottery unless all pairs met.
    Open,
}

impl From<Unmet> for leaderboard::Unmet {
    fn from(unmet: Unmet) -> Self {
        match unmet {
            Unmet::Fitted => Self::Fitted,
            Unmet::Open => Self::Open,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Rank {
    /// Comparisons (.csv, .json, .jsonl, .parquet, PrefLib), compressed (.gz, .zst) or not; several files, a folder or a
    /// pattern; `-` reads standard input.
    pub(crate) data: PathBuf,
    /// Further files, as if their rows followed.
    #[arg(value_name = "MORE")]
    pub(crate) more: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// Rank every context (or annotator) by itself; ratings that follow matches in turn are left out.
    #[arg(long, value_enum, conflicts_with_all = ["out", "covariates"])]
    pub(crate) each: Option<Each>,
    /// What a tie counts.
    #[arg(long, value_enum, default_value_t = Ties::Half)]
    pub(crate) ties: Ties,
    /// Bootstrap samples.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(crate) replicates: usize,
    #[command(flatten)]
    pub(crate) observed: Observed,
    /// What pairs that never met are to the maximal lottery.
    #[arg(long, value_enum, default_value_t = Unmet::Fitted)]
    pub(crate) unmet: Unmet,
    #[command(flatten)]
    pub(crate) export: Export,
    #[command(flatten)]
    pub(crate) scaled: Scaled,
    #[command(flatten)]
    pub(crate) adjusted: Adjusted,
    /// Folder for the board as a page (leaderboard.html, .md, .json): intervals, win rates, cycles, residuals, contexts.
    #[arg(long, value_name = "DIR", group = "written")]
    pub(crate) out: Option<PathBuf>,
    /// Seed of the random draws.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How points are shown.
#[derive(Debug, ClapArgs)]
pub(crate) struct Points {
    /// Confidence of intervals, ranks and tiers, which hold together.
    #[arg(long, value_name = "P", default_value_t = 0.95)]
    pub(crate) level: f64,
    /// Points that odds of 10 are worth.
    #[arg(long, value_name = "POINTS", default_value_t = 400.0)]
    pub(crate) scale: f64,
    /// Points of the anchor, or of the mean.
    #[arg(long, value_name = "POINTS", default_value_t = 1000.0, allow_negative_numbers = true)]
    pub(crate) base: f64,
    /// Of comparisons: what a tie counts.
    #[arg(long, value_enum, default_value_t = Ties::Half)]
    pub(crate) ties: Ties,
    #[command(flatten)]
    pub(crate) filters: Filters,
    #[command(flatten)]
    pub(crate) observed: Observed,
    /// Seed of the draws for critical values.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u64,
}

impl Points {
    pub(crate) fn options(&self) -> answers::StandingsOptions {
        let (level, points, base) = (self.level, self.scale, self.base);
        answers::StandingsOptions { level, points, base, seed: self.seed, ..Default::default() }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Standings {
    /// Comparisons (.csv, .jsonl, .parquet, PrefLib).
    pub(crate) data: PathBuf,
    /// Item that stands at the base, without an error of its own [default: the mean of all].
    #[arg(long, value_name = "ITEM")]
    pub(crate) anchor: Option<String>,
    #[command(flatten)]
    pub(crate) export: Export,
    #[command(flatten)]
    pub(crate) adjusted: Adjusted,
    /// Mark items of fewer comparisons as provisional, without a tier.
    #[arg(long, value_name = "N", default_value_t = 0.0)]
    pub(crate) min_battles: f64,
    #[command(flatten)]
    pub(crate) points: Points,
    /// Print the result as JSON, with predicted win rates of all pairs and their intervals.
    #[arg(long, conflicts_with_all = ["csv", "latex"])]
    pub(crate) json: bool,
    /// Print the board as CSV.
    #[arg(long, conflicts_with = "latex")]
    pub(crate) csv: bool,
    /// Print the board as a LaTeX table (booktabs).
    #[arg(long)]
    pub(crate) latex: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Votes {
    /// Comparisons (.csv, .jsonl, .parquet, PrefLib).
    pub(crate) data: PathBuf,
    /// Share of all votes that may be dropped to turn the order of two neighbours.
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    pub(crate) share: f64,
    /// Neighbours of the board that are tried, from the top.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) neighbours: usize,
    /// Deals of outcomes to times.
    #[arg(long, value_name = "N", default_value_t = 999)]
    pub(crate) replicates: usize,
    /// What a tie counts.
    #[arg(long, value_enum, default_value_t = Ties::Half)]
    pub(crate) ties: Ties,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// Seed of the deals.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Compare {
    /// Comparisons of the old board (.csv, .jsonl, .parquet, PrefLib).
    pub(crate) old: PathBuf,
    /// Comparisons of the new one.
    pub(crate) new: PathBuf,
    /// NEW holds all comparisons of OLD, which nothing in the files can prove: the variance of a change is then the difference of the
    /// two, where that form holds (comparisons independent, no ties, finite maxima).
    #[arg(long)]
    pub(crate) nested: bool,
    #[command(flatten)]
    pub(crate) points: Points,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Inspect {
    #[command(flatten)]
    pub(crate) file: GameFile,
    /// Inspect every context (or annotator) by itself, as a game of its own.
    #[arg(long, value_enum)]
    pub(crate) each: Option<Each>,
    #[command(flatten)]
    pub(crate) observed: Observed,
    /// Data sets drawn under one rating an item.
    #[arg(long, value_name = "N", default_value_t = 999)]
    pub(crate) replicates: usize,
    /// Seed of the random draws.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ties {
    /// Half a win to each side.
    Half,
    /// Nothing.
    Drop,
}

impl From<Ties> for data::Ties {
    fn from(ties: Ties) -> Self {
        match ties {
            Ties::Half => Self::Half,
            Ties::Drop => Self::Drop,
        }
    }
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
    /// Write the answer to a file: `.json`; or `.npz` or `.parquet`, a row a game, for a file of any number of games
    /// (.npy or .npz: contexts x n x n; .parquet: a column `win_rates` of lists, row by row), which are then read, solved and
    /// written a batch at a time.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write over files that were not written by this command.
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
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

impl From<Select> for answers::Select {
    fn from(select: Select) -> Self {
        match select {
            Select::MaximumEntropy => Self::MaximumEntropy,
            Select::RegularisedLimit => Self::RegularisedLimit,
            Select::Vertex => Self::Vertex,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Gap {
    /// Preference matrix (.csv, .json, .npy, .npz) or comparisons (.csv, .jsonl, .parquet, PrefLib).
    #[arg(required_unless_present = "certificate")]
    pub(crate) game: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// Of comparisons: what a tie counts.
    #[arg(long, value_enum, default_value_t = Ties::Half)]
    pub(crate) ties: Ties,
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
pub(crate) struct Loss {
    /// The objective; `equipoise list objectives` says what each is.
    pub(crate) objective: String,
    /// An option of the objective, as in `--set beta=0.1`. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// JSON file with one object of arrays; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Estimators {
    /// Print the table as JSON.
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
    /// Print the list as a Markdown table.
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listing {
    /// Methods, with cost, aim, guarantee and citation.
    Solvers,
    /// Game generators and file kinds.
    Games,
    /// Oracles, with their parameters.
    Oracles,
    /// Metrics, with definitions.
    Metrics,
    /// Preference models that can be fitted.
    Models,
    /// Solution concepts and rules of social choice, with what they choose.
    Concepts,
    /// Axioms of social choice, with which rules satisfy them.
    Axioms,
    /// Columns of `equipoise rank`, with definitions.
    Columns,
    /// File formats that can be read.
    Readers,
    /// Losses that `equipoise loss` evaluates.
    Objectives,
    /// Policy classes, from the table to trees of tokens.
    Policies,
    /// Optimisers of the parameters of a policy class.
    Optimisers,
    /// Label channels: how a comparison is recorded.
    Channels,
    /// Pair designs: which pairs are compared.
    Designs,
    /// Gradient estimators that `equipoise estimators` audits.
    Estimators,
}

impl From<Listing> for answers::Noun {
    fn from(what: Listing) -> Self {
        match what {
            Listing::Solvers => Self::Solvers,
            Listing::Games => Self::Games,
            Listing::Oracles => Self::Oracles,
            Listing::Metrics => Self::Metrics,
            Listing::Models => Self::Models,
            Listing::Concepts => Self::Concepts,
            Listing::Axioms => Self::Axioms,
            Listing::Columns => Self::Columns,
            Listing::Readers => Self::Readers,
            Listing::Objectives => Self::Objectives,
            Listing::Policies => Self::Policies,
            Listing::Optimisers => Self::Optimisers,
            Listing::Channels => Self::Channels,
            Listing::Designs => Self::Designs,
            Listing::Estimators => Self::Estimators,
        }
    }
}

/// Reads what was typed. A number below 0 is a value, which its option then refuses by its rule, and no tip that leads nowhere is
/// given.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Args, clap::Error> {
    let command = Args::command().mut_subcommands(|sub| sub.allow_negative_numbers(true));
    let typed = command.try_get_matches_from(arguments).and_then(|matches| Args::from_arg_matches(&matches));
    typed.map_err(|mut said| {
        if said.kind() == clap::error::ErrorKind::UnknownArgument {
            said.remove(clap::error::ContextKind::Suggested);
        }
        said
    })
}
