//! What should be played: solution concepts and rules of social choice, each a pure function of an [`Electorate`], behind one
//! list, [`CONCEPTS`].
//!
//! A set is returned as a set and a tie as a tie: no rule breaks one in silence. Majorities are compared by their margins,
//! `m_ij = votes for i over j - votes for j over i` of ballots, or `K_ij = P_ij - 1/2` of win rates. Sums of votes are exact; sums
//! of win rates are level within rounding.

mod chains;
mod choice;
mod covering;
mod electorate;
mod fits;
mod judges;
mod linear;
mod lotteries;
mod meetings;
mod orders;
mod paths;
mod payoffs;
mod proportional;
mod ratings;
mod samples;
mod scoring;
mod stackelberg;
mod zero_sum;

use crate::error::ReferenceError;
pub(crate) use lotteries::softmax as normalised_logits;

pub use chains::{PreferenceChain, alpha_rank_law, preference_chain};
pub use choice::{Choice, ConceptOptions, LARGEST_ORDERS};
pub use electorate::{Ballot, Electorate, Judge};
pub use fits::fitted_ratings;
pub use judges::{
    JudgedLottery, blackwell_winner, entropic_blackwell_winner, guaranteed_value, judged_win_rates,
    level_lottery, level_value,
};
pub use linear::{LinearRanking, leximax_copeland, separating, unanimous_pairs};
pub use lotteries::lottery_ranges;
pub use meetings::Meetings;
pub use payoffs::{Payoff, payoff_equilibrium};
pub use proportional::{first_choices, proportional_lottery, proportionality, worst_win_rates};
pub use ratings::{SoftCondorcet, deviation_ratings};
pub use samples::{best_of_samples, sample_payoffs};
pub use stackelberg::{Stackelberg, seen_within, stackelberg};
pub use zero_sum::{ZeroSum, agents_against_tasks, task_payoffs, zero_sum};

/// What a concept is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Win rates, or ballots.
    WinRates,
    /// Ballots.
    Ballots,
    /// Win rates of several judges.
    Judges,
    /// Win rates, or ballots, and features of the items.
    Features,
}

impl Needs {
    /// What it is, in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WinRates => "win rates or ballots",
            Self::Ballots => "ballots",
            Self::Judges => "several judges",
            Self::Features => "features of the items",
        }
    }
}

/// A row of the list.
#[derive(Clone, Copy, Debug)]
pub struct ConceptEntry {
    /// Its name.
    pub name: &'static str,
    /// What it chooses.
    pub definition: &'static str,
    /// What it is told.
    pub needs: Needs,
    /// Whose it is.
    pub source: &'static str,
    /// Its scores where some items never met, for rules that have one.
    pub over_met: Option<OverMet>,
    choose: fn(&Electorate, &ConceptOptions) -> Result<Choice, ReferenceError>,
}

/// A score over the opponents that an item met: what a leaderboard shows, as an unknown win rate is not one half.
#[derive(Clone, Copy, Debug)]
pub struct OverMet {
    /// What it is, and what it is to the rule's own score where all pairs met.
    pub definition: &'static str,
    scores: fn(&Meetings) -> Vec<f64>,
}

impl OverMet {
    /// The scores, `[n]`, larger is better.
    #[must_use]
    pub fn scores(&self, meetings: &Meetings) -> Vec<f64> {
        (self.scores)(meetings)
    }
}

impl ConceptOptions {
    /// What a concept is asked with, in words; empty for one without parameters.
    #[must_use]
    pub fn parameters(&self, concept: &str) -> String {
        match concept {
            "quantal-response" | "slhf-leader" | "slhf-follower" | "mchf" | "rlhf" | "dpo"
            | "blackwell-entropy" => {
                format!("tau {}", self.tau())
            }
            "alpha-rank" => format!("population {}, selection {}", self.population(), self.selection()),
            "proportional" => format!("beta {}", self.beta()),
            "k-sample" => format!("k {}", self.samples()),
            "judges-at-risk" => format!("level {}", self.level()),
            _ => String::new(),
        }
    }
}

impl ConceptEntry {
    /// What it chooses for an electorate.
    ///
    /// # Errors
    /// [`ReferenceError`] if an exact answer fails.
    pub fn choose(
        &self,
        electorate: &Electorate,
        options: &ConceptOptions,
    ) -> Result<Choice, ReferenceError> {
        let missing = match self.needs {
            Needs::Ballots if electorate.ballots().is_none() && electorate.judges().is_some() => {
                "it needs ballots of every judge, and win rates alone were given of some"
            }
            Needs::Ballots if electorate.ballots().is_none() => {
                "it needs ballots, and win rates alone were given"
            }
            Needs::Judges if electorate.judges().is_none() => {
                "it needs the win rates of several judges, and one game was given: --judge FILE"
            }
            Needs::Features if electorate.features().is_none() => {
                "it needs features of the items, and none were given: --features FILE"
            }
            _ => return self.asked(electorate, options),
        };
        Ok(Choice::open(missing))
    }
}

impl ConceptEntry {
    fn asked(&self, electorate: &Electorate, options: &ConceptOptions) -> Result<Choice, ReferenceError> {
        let tau = options.tau();
        if !(tau > 0.0 && tau.is_finite()) {
            return Ok(Choice::open(format!("tau {tau} must be a finite number above 0")));
        }
        let choice = (self.choose)(electorate, options)?;
        let finite = |values: &[f64]| values.iter().all(|v| v.is_finite());
        Ok(match &choice {
            Choice::Lottery { policy, .. } if !finite(policy) => Choice::open(format!(
                "its logarithms leave the range of floating point ({}); take a tau nearer to 1",
                options.parameters(self.name)
            )),
            _ => choice,
        })
    }
}

/// The concept of that name.
#[must_use]
pub fn concept(name: &str) -> Option<&'static ConceptEntry> {
    CONCEPTS.iter().find(|entry| entry.name == name)
}

const fn first(given: &[OverMet]) -> Option<OverMet> {
    match given {
        [one, ..] => Some(*one),
        [] => None,
    }
}

macro_rules! rows {
    ($($name:literal, $needs:ident, $choose:path, $definition:literal, $source:literal $(, over met $scores:path, $of_met:literal)?;)*) => {
        &[$(ConceptEntry {
            name: $name,
            definition: $definition,
            needs: Needs::$needs,
            source: $source,
            over_met: first(&[$(OverMet { definition: $of_met, scores: $scores })?]),
            choose: $choose,
        }),*]
    };
}

/// All concepts.
pub const CONCEPTS: &[ConceptEntry] = rows! {
    "maximal-lottery", WinRates, lotteries::maximal, "the lottery that no lottery beats: Nash, the von Neumann winner; of several that of largest entropy", "Kreweras 1965; Fishburn 1984, doi:10.2307/2297786";
    "bipartisan", WinRates, lotteries::bipartisan, "items that a maximal lottery of the majorities, whatever their size, plays", "Laffond, Laslier, Le Breton 1993, doi:10.1006/game.1993.1010";
    "essential", WinRates, lotteries::essential, "items that a maximal lottery plays", "Dutta, Laslier 1999, doi:10.1007/s003550050158";
    "random-dictatorship", Ballots, lotteries::random_dictatorship, "the first choice of a voter drawn at random", "Gibbard 1977, doi:10.2307/1911681";
    "plurality", Ballots, scoring::plurality, "most first places", "the rule of most votes";
    "instant-runoff", Ballots, scoring::instant_runoff, "all with fewest first places leave, round by round", "Hare 1859; as pref_voting has it";
    "borda", WinRates, scoring::borda, "largest mean win rate; the order of Bradley-Terry where all pairs met equally often", "Borda 1781",
        over met Meetings::mean_win_rates, "mean win rate over the opponents an item met: the score itself where all pairs met";
    "weak-nanson", WinRates, scoring::weak_nanson, "all with a Borda score at or below the average leave, round by round", "Nanson 1883; Niou 1987";
    "strict-nanson", WinRates, scoring::strict_nanson, "all with a Borda score below the average leave, round by round", "Nanson 1883; Niou 1987";
    "copeland", WinRates, scoring::copeland, "most items beaten less items lost to", "Copeland 1951",
        over met Meetings::beaten, "opponents it beats of those it met, ties half: (score + n - 1) / 2 of n items where all pairs met";
    "llull", WinRates, scoring::llull, "most items beaten or tied with", "Llull 1299";
    "condorcet", WinRates, covering::condorcet, "the item that beats every other", "Condorcet 1785";
    "weak-condorcet", WinRates, covering::weak_condorcet, "items that no other beats", "Condorcet 1785";
    "smith", WinRates, covering::smith, "the smallest set whose members beat all others: the top cycle", "Good 1971; Smith 1973, doi:10.2307/1914033";
    "schwartz", WinRates, covering::schwartz, "the union of the smallest sets that no item outside beats", "Schwartz 1972, doi:10.1007/BF00168055";
    "uncovered-gillies", WinRates, covering::gillies, "items that none covers: beats it, and loses only to what beats it", "Gillies 1959";
    "uncovered-fishburn", WinRates, covering::fishburn, "items that none covers: loses only to some, not all, of what beats it", "Fishburn 1977, doi:10.1137/0133030";
    "uncovered-bordes", WinRates, covering::bordes, "items that none covers: beats it, and all that it beats", "Bordes 1983, doi:10.1016/0022-0531(83)90024-8";
    "uncovered-mckelvey", WinRates, covering::mckelvey, "items that none covers in both ways", "McKelvey 1986, doi:10.2307/2111099";
    "banks", WinRates, orders::banks, "tops of the chains of majorities that nothing extends", "Banks 1985, doi:10.1007/BF00649265";
    "minimax", WinRates, paths::minimax, "smallest worst defeat: the pure policy of least duality gap, the Stackelberg leader without regularisation", "Simpson 1969; Kramer 1977",
        over met Meetings::worst_win_rates, "least win rate against an opponent it met: the score as a win rate where all pairs met";
    "schulze", WinRates, paths::schulze, "items whose strongest path to every other is no weaker than the path back", "Schulze 2011, doi:10.1007/s00355-010-0475-4";
    "ranked-pairs", WinRates, paths::ranked_pairs, "majorities locked from the largest on, unless they close a cycle; winners under any order of equal ones", "Tideman 1987, doi:10.1007/BF00433944";
    "river", WinRates, paths::river, "as ranked-pairs, each item locked below one other at most; equal majorities in the order of items", "Heitzig 2004";
    "split-cycle", WinRates, paths::split_cycle, "items without a defeat that is larger than the weakest link of every cycle through it", "Holliday, Pacuit 2023, doi:10.1007/s11127-023-01042-3";
    "stable-voting", WinRates, paths::stable_voting, "of split-cycle's, who wins without the opponent of the largest margin", "Holliday, Pacuit 2023, doi:10.1007/s10602-022-09383-9";
    "kemeny", WinRates, orders::kemeny, "rankings of largest agreement with the margins", "Kemeny 1959; Young, Levenglick 1978, doi:10.1137/0135023";
    "slater", WinRates, orders::slater, "rankings that agree with most majorities, whatever their size", "Slater 1961, doi:10.2307/2332752";
    "quantal-response", WinRates, lotteries::quantal_response, "the equilibrium regularised towards the reference at temperature tau", "McKelvey, Palfrey 1995, doi:10.1006/game.1995.1023";
    "slhf-leader", WinRates, stackelberg::leader, "the leader of the regularised Stackelberg game, tau for both", "2025, arXiv:2512.16626";
    "slhf-follower", WinRates, stackelberg::follower, "what the follower of that game makes of the leader's answer: one refinement", "2025, arXiv:2512.16626";
    "mchf", WinRates, chains::mchf, "stationary law of moves to mu exp(margin / tau)", "2026, arXiv:2606.22652";
    "mchf-logit", WinRates, chains::mchf_logit, "the same with log-odds in place of margin / tau; Bradley-Terry shares for Bradley-Terry win rates", "2026, arXiv:2606.22652";
    "proportional", WinRates, proportional::choose, "population-proportional alignment: u exp(beta u) of the worst win rate u; beta is 0 unless given, and probabilities are proportional to u", "2025, arXiv:2506.05619";
    "alpha-rank", WinRates, chains::alpha_rank, "stationary law of mutants that take over a population; it has 50 members, and selection 1 / (10 tau), unless given", "Omidshafiei et al. 2019, doi:10.1038/s41598-019-45619-9";
    "rlhf", WinRates, fits::rlhf, "mu exp(r / tau) of the Bradley-Terry rewards of all pairs, met equally often", "Ouyang et al. 2022, arXiv:2203.02155";
    "dpo", WinRates, fits::dpo, "the same where pairs are two draws from the reference: the tabular minimiser of DPO's loss", "Rafailov et al. 2023, arXiv:2305.18290";
    "payoff-logit", WinRates, payoffs::logit, "the lottery of the game paid in log-odds", "Shi et al. 2025, arXiv:2505.20627";
    "payoff-sign", WinRates, payoffs::sign, "the lottery of the game paid in majorities, whatever their size", "Fishburn 1984, doi:10.2307/2297786";
    "payoff-sine", WinRates, payoffs::sine, "the lottery of the game paid in sin(pi (P - 1/2))", "Shi et al. 2025, arXiv:2505.20627";
    "payoff-square", WinRates, payoffs::square, "the first player's lottery of the game paid in P^2; of several that of largest entropy", "Shi et al. 2025, arXiv:2505.20627";
    "payoff-root", WinRates, payoffs::root, "the first player's lottery of the game paid in the root of P; of several that of largest entropy", "Shi et al. 2025, arXiv:2505.20627";
    "payoff-log", WinRates, payoffs::log, "the first player's lottery of the game paid in log P; of several that of largest entropy", "Shi et al. 2025, arXiv:2505.20627";
    "nash-averaging", WinRates, ratings::nash_averaging, "items ranked by their payoff against the maximal lottery of largest entropy", "Balduzzi et al. 2018, arXiv:1806.02643";
    "deviation-ratings", WinRates, ratings::deviation, "items ranked by the lexicographically least sorted gain against a lottery", "Marris et al. 2025, arXiv:2502.11645";
    "soft-condorcet", WinRates, ratings::soft_condorcet, "ratings where descent from the middle on a smooth Kemeny distance ends", "Lanctot et al. 2024, arXiv:2411.00119";
    "k-sample", Ballots, samples::choose, "what the population's choice among k + 1 of its draws does not change; k is 2 unless given", "Cai, Zheng 2026, arXiv:2601.08777";
    "blackwell", Judges, judges::blackwell, "best win rate in the eyes of the worst judge; of several lotteries that of largest entropy", "Bhatia et al. 2020; 2026, arXiv:2602.19041";
    "blackwell-entropy", Judges, judges::entropic, "the same where the opponent pays tau KL to the reference", "2026, arXiv:2602.19041";
    "judges-at-risk", Judges, judges::at_level, "best mean win rate over the worst part of the judges, half of them unless given: conditional value at risk; of several lotteries that of largest entropy", "Rockafellar, Uryasev 2000, doi:10.21314/JOR.2000.038";
    "leximax-copeland", Features, linear::plain, "of the rankings linear in the features, that of the best Copeland scores from the top", "2024, arXiv:2405.14758";
    "lcpo", Features, linear::pareto, "the same among those that keep what all voters agree on", "2024, arXiv:2405.14758";
};

/// Largest `2 (K pi)_i`: how far a policy is from a maximal lottery.
#[must_use]
pub fn gap_of(electorate: &Electorate, policy: &[f64]) -> f64 {
    let mut product = vec![0.0; policy.len()];
    electorate.matrix().product(policy, &mut product);
    2.0 * product.iter().copied().fold(0.0, f64::max)
}
