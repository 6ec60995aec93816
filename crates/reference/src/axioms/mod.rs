//! Axioms of social choice as predicates on a rule and a profile, and the table of which rule satisfies which.
//!
//! A rule is a row of [`CONCEPTS`](crate::concepts::CONCEPTS) that ballots are enough for, at its default parameters; what it
//! plays is its lottery, or a draw among the items that tie. Profiles on which a rule has several lotteries, or no answer, prove
//! nothing and are not counted. Of a set of counter-examples the smallest is kept: fewest items, then fewest voters.

mod profile;
mod table;

use crate::concepts::{Ballot, Choice, ConceptEntry, ConceptOptions, Electorate};
use crate::error::ReferenceError;

pub use profile::{MOST_LETTERS, Profile, ProfileError};
pub use table::{Cell, Verdict, axiom_table, proved, verdicts_of};

/// Within which two probabilities are one.
const LEVEL: f64 = 1e-8;

/// A property that a rule may have on every profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Axiom {
    /// Pareto.
    Pareto,
    /// Majority.
    Majority,
    /// Pairwise majority consistency.
    PairwiseMajority,
    /// Condorcet winner.
    CondorcetWinner,
    /// Condorcet loser.
    CondorcetLoser,
    /// Smith.
    Smith,
    /// Independence of clones.
    Clones,
    /// Monotonicity.
    Monotonicity,
    /// Participation.
    Participation,
    /// Independence of unplayed items.
    Independence,
    /// Strategyproofness.
    Strategyproofness,
    /// Reversal symmetry.
    ReversalSymmetry,
    /// Homogeneity.
    Homogeneity,
}

impl Axiom {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Pareto,
        Self::Majority,
        Self::PairwiseMajority,
        Self::CondorcetWinner,
        Self::CondorcetLoser,
        Self::Smith,
        Self::Clones,
        Self::Monotonicity,
        Self::Participation,
        Self::Independence,
        Self::Strategyproofness,
        Self::ReversalSymmetry,
        Self::Homogeneity,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pareto => "pareto",
            Self::Majority => "majority",
            Self::PairwiseMajority => "pairwise-majority",
            Self::CondorcetWinner => "condorcet-winner",
            Self::CondorcetLoser => "condorcet-loser",
            Self::Smith => "smith",
            Self::Clones => "clones",
            Self::Monotonicity => "monotonicity",
            Self::Participation => "participation",
            Self::Independence => "independence",
            Self::Strategyproofness => "strategyproofness",
            Self::ReversalSymmetry => "reversal-symmetry",
            Self::Homogeneity => "homogeneity",
        }
    }

    /// The axiom of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|axiom| axiom.name() == name)
    }

    /// What it asks.
    #[must_use]
    pub fn definition(self) -> &'static str {
        match self {
            Self::Pareto => "an item that all voters rank below another has probability 0",
            Self::Majority => "the first choice of more than half of the voters has probability 1",
            Self::PairwiseMajority => {
                "where the majorities are a ranking, the rule's scores or rankings are that ranking; rules with neither are not asked"
            }
            Self::CondorcetWinner => "an item that beats every other has probability 1",
            Self::CondorcetLoser => "an item that every other beats has probability 0",
            Self::Smith => "what is outside the smallest set whose members beat all others has probability 0",
            Self::Clones => {
                "a copy next to an item on every ballot, above, below or level with it, changes the probability of no third item; of rules that choose a set, whether it is chosen"
            }
            Self::Monotonicity => {
                "voters that move an item up by one place do not lower its probability; of rules that choose a set, it stays chosen"
            }
            Self::Participation => {
                "voters of one ballot do not gain by staying at home: what is played with them is as often better for them as worse, against what is played without"
            }
            Self::Independence => "removing an item of probability 0 changes no other probability",
            Self::Strategyproofness => {
                "voters of one ballot do not gain by another ballot: a gain is more probability above every place of their order, and at one of them strictly"
            }
            Self::ReversalSymmetry => {
                "the only item played has probability 0 where all ballots are turned round"
            }
            Self::Homogeneity => "as many copies of every voter change nothing",
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn source(self) -> &'static str {
        match self {
            Self::Pareto => "Arrow 1951",
            Self::Majority => "the rule of most votes",
            Self::PairwiseMajority => "Ge et al. 2024, arXiv:2405.14758",
            Self::CondorcetWinner | Self::CondorcetLoser => "Condorcet 1785",
            Self::Smith => "Smith 1973, doi:10.2307/1914033",
            Self::Clones => "Tideman 1987, doi:10.1007/BF00433944",
            Self::Monotonicity => "Fishburn 1982",
            Self::Participation => {
                "Moulin 1988, doi:10.1016/0022-0531(88)90253-0; pairwise comparison of lotteries: Brandl, Brandt, Hofbauer 2019"
            }
            Self::Independence => "Brandl, Brandt, Seedig 2016, doi:10.3982/ECTA13337",
            Self::Strategyproofness => "Gibbard 1977, doi:10.2307/1911681",
            Self::ReversalSymmetry => "Saari 1994",
            Self::Homogeneity => "Smith 1973, doi:10.2307/1914033",
        }
    }
}

/// What a rule does on a profile that it should not.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// What is played, `[n]`.
    pub before: Vec<f64>,
    /// What is played after the change that the axiom looks at, if it looks at one.
    pub after: Option<Vec<f64>>,
    /// What was changed, or what is wrong.
    pub change: String,
}

/// The lottery of a rule, if it is told and the only one.
pub(crate) fn lottery(
    rule: &ConceptEntry,
    electorate: &Electorate,
    options: &ConceptOptions,
) -> Result<Option<(Choice, Vec<f64>)>, ReferenceError> {
    let choice = rule.choose(electorate, options)?;
    if matches!(choice, Choice::Lottery { unique: Some(false) | None, .. }) {
        return Ok(None);
    }
    Ok(choice.policy(electorate.n()).map(|policy| (choice, policy)))
}

/// Answers of one rule on profiles.
struct Asked<'a> {
    rule: &'a ConceptEntry,
}

impl Asked<'_> {
    fn play(&self, profile: &Profile) -> Result<Option<Vec<f64>>, ReferenceError> {
        Ok(lottery(self.rule, &profile.electorate(), &ConceptOptions::default())?.map(|(_, policy)| policy))
    }
}

fn letter(i: usize) -> String {
    if i < MOST_LETTERS { char::from(b'a' + i as u8).to_string() } else { format!("item {i}") }
}

/// Whether a rule violates an axiom on a profile, and how: the first violation, looked for exhaustively among the items, ballots
/// and numbers of voters of the profile. `Ok(None)` if it does not, or if the axiom asks nothing there.
///
/// # Errors
/// [`ReferenceError`] if an exact answer fails.
pub fn violation(
    rule: &ConceptEntry,
    axiom: Axiom,
    profile: &Profile,
) -> Result<Option<Violation>, ReferenceError> {
    let asked = Asked { rule };
    let Some((choice, before)) = lottery(rule, &profile.electorate(), &ConceptOptions::default())? else {
        return Ok(None);
    };
    let wrong = |change: String| Ok(Some(Violation { before: before.clone(), after: None, change }));
    let changed = |change: String, after: Vec<f64>| {
        Ok(Some(Violation { before: before.clone(), after: Some(after), change }))
    };
    let n = profile.items();
    let electorate = profile.electorate();
    let is_lottery = matches!(choice, Choice::Lottery { .. });
    match axiom {
        Axiom::Pareto => {
            for (a, b) in crate::concepts::unanimous_pairs(&electorate) {
                if before[b] > LEVEL {
                    return wrong(format!("all rank {} below {}", letter(b), letter(a)));
                }
            }
        }
        Axiom::Majority => {
            for i in 0..n {
                let first = profile.ballots().iter().filter(|(order, _)| order[0] == i);
                if 2 * first.map(|(_, w)| w).sum::<u32>() > profile.voters() && before[i] < 1.0 - LEVEL {
                    return wrong(format!("most rank {} first", letter(i)));
                }
            }
        }
        Axiom::PairwiseMajority => {
            if let Some(order) = majority_ranking(&electorate)
                && let Some(agrees) = ranks_so(&choice, &order)
                && !agrees
            {
                let text: String = order.iter().map(|&i| letter(i)).collect();
                return wrong(format!("the majorities are the ranking {text}"));
            }
        }
        Axiom::CondorcetWinner => {
            if let Some(i) = (0..n).find(|&i| beats_all(&electorate, i, 1.0))
                && before[i] < 1.0 - LEVEL
            {
                return wrong(format!("{} beats every other", letter(i)));
            }
        }
        Axiom::CondorcetLoser => {
            if n > 1
                && let Some(i) = (0..n).find(|&i| beats_all(&electorate, i, -1.0))
                && before[i] > LEVEL
            {
                return wrong(format!("every other beats {}", letter(i)));
            }
        }
        Axiom::Smith => {
            let smith = crate::choice::smith_set(electorate.matrix());
            if let Some(i) = (0..n).find(|i| !smith.contains(i) && before[*i] > LEVEL) {
                return wrong(format!("{} is outside the Smith set", letter(i)));
            }
        }
        Axiom::Clones => {
            for item in 0..n {
                for (kind, copied) in copies(profile, item) {
                    let options =
                        ConceptOptions { reference: split_reference(n, item), ..ConceptOptions::default() };
                    let Some((_, after)) = lottery(rule, &copied, &options)? else { continue };
                    // of a set only who is in it counts: a tie of three is no move from a tie of two with a copy
                    let moved = |i: usize| match is_lottery {
                        true => (after[i] - before[i]).abs() > LEVEL,
                        false => (after[i] > 0.0) != (before[i] > 0.0),
                    };
                    if (0..n).any(|i| i != item && moved(i)) {
                        return changed(format!("a copy {kind} {}", letter(item)), after);
                    }
                }
            }
        }
        Axiom::Monotonicity => {
            for (index, (order, voters)) in profile.ballots().iter().enumerate() {
                for at in 1..n {
                    let mut raised = order.clone();
                    raised.swap(at - 1, at);
                    for w in 1..=*voters {
                        let Some(other) = profile.recast(index, w, Some(raised.clone())) else { continue };
                        let Some(after) = asked.play(&other)? else { continue };
                        let item = order[at];
                        let falls = match is_lottery {
                            true => after[item] < before[item] - LEVEL,
                            false => after[item] == 0.0 && before[item] > 0.0,
                        };
                        if falls {
                            let text = format!("{w} voters move {} up by one place", letter(item));
                            return changed(text, after);
                        }
                    }
                }
            }
        }
        Axiom::Participation => {
            for (index, (order, voters)) in profile.ballots().iter().enumerate() {
                for w in 1..=*voters {
                    let Some(rest) = profile.recast(index, w, None) else { continue };
                    let Some(after) = asked.play(&rest)? else { continue };
                    if preferred(order, &after, &before) > LEVEL {
                        return changed(format!("{w} voters of {} stay at home", text_of(order)), after);
                    }
                }
            }
        }
        Axiom::Independence => {
            for item in (0..n).filter(|&i| before[i] == 0.0) {
                let Some(rest) = profile.without(item) else { continue };
                let Some(after) = asked.play(&rest)? else { continue };
                let kept = |i: usize| before[i + usize::from(i >= item)];
                if (0..n - 1).any(|i| (after[i] - kept(i)).abs() > LEVEL) {
                    return changed(format!("{} is removed", letter(item)), after);
                }
            }
        }
        Axiom::Strategyproofness => {
            let orders = permutations(n);
            for (index, (order, voters)) in profile.ballots().iter().enumerate() {
                for other in orders.iter().filter(|other| *other != order) {
                    for w in 1..=*voters {
                        let Some(cast) = profile.recast(index, w, Some(other.clone())) else { continue };
                        let Some(after) = asked.play(&cast)? else { continue };
                        if dominates(order, &after, &before) {
                            let text = format!("{w} voters of {} vote {}", text_of(order), text_of(other));
                            return changed(text, after);
                        }
                    }
                }
            }
        }
        Axiom::ReversalSymmetry => {
            if n > 1
                && let Some(i) = (0..n).find(|&i| before[i] > 1.0 - LEVEL)
                && let Some(after) = asked.play(&profile.reversed())?
                && after[i] > LEVEL
            {
                return changed(
                    format!("all ballots are turned round, and {} is still played", letter(i)),
                    after,
                );
            }
        }
        Axiom::Homogeneity => {
            for times in [2, 3] {
                let Some(copied) = profile.replicated(times) else { continue };
                let Some(after) = asked.play(&copied)? else { continue };
                if (0..n).any(|i| (after[i] - before[i]).abs() > LEVEL) {
                    return changed(format!("each voter {times} times"), after);
                }
            }
        }
    }
    Ok(None)
}

/// Whether an axiom asks a rule anything: pairwise majority consistency asks rules with scores or rankings.
///
/// # Errors
/// [`ReferenceError`] if an exact answer fails.
pub fn is_asked(rule: &ConceptEntry, axiom: Axiom) -> Result<bool, ReferenceError> {
    if axiom != Axiom::PairwiseMajority {
        return Ok(true);
    }
    let profile = Profile::new(3, [(vec![0, 1, 2], 3), (vec![1, 0, 2], 1)]).expect("each ranks all");
    let found = lottery(rule, &profile.electorate(), &ConceptOptions::default())?;
    Ok(found.is_some_and(|(choice, _)| ranks_so(&choice, &[0, 1, 2]).is_some()))
}

fn text_of(order: &[usize]) -> String {
    order.iter().map(|&i| letter(i)).collect()
}

fn beats_all(electorate: &Electorate, i: usize, sign: f64) -> bool {
    (0..electorate.n()).all(|j| i == j || sign * electorate.matrix().margin(i, j) > 0.0)
}

/// The ranking that all majorities agree with, if they are one without ties.
fn majority_ranking(electorate: &Electorate) -> Option<Vec<usize>> {
    let n = electorate.n();
    let wins = |i: usize| (0..n).filter(|&j| electorate.matrix().margin(i, j) > 0.0).count();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(wins(i)));
    (0..n).all(|at| wins(order[at]) == n - 1 - at).then_some(order)
}

/// Whether a rule's ranking is this one; `None` if it has none.
fn ranks_so(choice: &Choice, order: &[usize]) -> Option<bool> {
    match choice {
        Choice::Rankings { rankings, .. } => Some(matches!(&rankings[..], [only] if only == order)),
        Choice::Winners { scores: Some(scores), .. } => {
            Some(order.windows(2).all(|w| scores[w[0]] > scores[w[1]]))
        }
        _ => None,
    }
}

/// The three ways of a copy next to an item.
fn copies(profile: &Profile, item: usize) -> [(&'static str, Electorate); 3] {
    [
        ("below", profile.with_copy(item, true).electorate()),
        ("above", profile.with_copy(item, false).electorate()),
        ("level with", profile.electorate().with_clone(item)),
    ]
}

/// The uniform reference of `n` items where a copy shares its item's part.
fn split_reference(n: usize, item: usize) -> Option<equipoise_core::Policy> {
    let mut shares = vec![1.0 / n as f64; n + 1];
    shares[item] /= 2.0;
    shares[n] = shares[item];
    let shape = equipoise_core::Shape::single(n + 1)?;
    equipoise_core::Policy::from_probs(&shape, shares.into()).ok()
}

/// Probability that a draw of `p` is above a draw of `q` on a ballot, less that it is below.
fn preferred(order: &[usize], p: &[f64], q: &[f64]) -> f64 {
    let mut above = 0.0;
    for (at, &x) in order.iter().enumerate() {
        above += order[at + 1..].iter().map(|&y| p[x] * q[y] - p[y] * q[x]).sum::<f64>();
    }
    above
}

/// Whether `p` has more probability than `q` on the first places of a ballot, however many are taken, and strictly so once.
fn dominates(order: &[usize], p: &[f64], q: &[f64]) -> bool {
    let (mut gain, mut most) = (0.0f64, 0.0f64);
    for &x in order {
        gain += p[x] - q[x];
        if gain < -LEVEL {
            return false;
        }
        most = most.max(gain);
    }
    most > LEVEL
}

/// All orders of `n` items, in lexicographic order.
#[must_use]
pub fn permutations(n: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for _ in 0..n {
        let longer = |order: &Vec<usize>| {
            (0..n)
                .filter(|i| !order.contains(i))
                .map(|i| order.iter().copied().chain([i]).collect::<Vec<usize>>())
                .collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// All profiles of `n` items and so many voters, up to the names of the items: the first order of each is the ballot of most
/// voters, or one of several.
#[must_use]
pub fn profiles(n: usize, voters: u32) -> Vec<Profile> {
    let orders = permutations(n);
    let mut found = Vec::new();
    let mut counts = vec![0u32; orders.len()];
    fill(&mut counts, 0, voters, &mut |counts| {
        // names do not matter: the ballot in the order of the letters is one of the largest groups
        if counts[0] == counts.iter().copied().max().unwrap_or(0) {
            found.extend(Profile::new(n, orders.iter().cloned().zip(counts.iter().copied())));
        }
    });
    found
}

fn fill(counts: &mut [u32], at: usize, left: u32, visit: &mut dyn FnMut(&[u32])) {
    if at + 1 == counts.len() {
        counts[at] = left;
        visit(counts);
        counts[at] = 0;
        return;
    }
    for voters in (0..=left).rev() {
        counts[at] = voters;
        fill(counts, at + 1, left - voters, visit);
    }
    counts[at] = 0;
}

/// Whether one voter gains by voting otherwise.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Misreport {
    /// Yes.
    Gain {
        /// The ballot, best first.
        ballot: Vec<usize>,
        /// What the voter casts instead.
        cast: Vec<usize>,
        /// What is played if all tell the truth, `[n]`.
        before: Vec<f64>,
        /// What is played then, `[n]`.
        after: Vec<f64>,
    },
    /// No voter of any ballot gains by any strict ballot.
    None,
    /// Not told, and why.
    Open(String),
}

/// Most items of which all other ballots are looked at.
pub const LARGEST_MISREPORT: usize = 5;
/// Most distinct ballots.
const MOST_BALLOTS: usize = 60;

/// Whether one voter of a strict ballot gains by another strict ballot, in the sense of
/// [`Strategyproofness`](Axiom::Strategyproofness). A ballot of weight below 1 is recast whole.
///
/// # Errors
/// [`ReferenceError`] if an exact answer fails.
pub fn misreport(
    rule: &ConceptEntry,
    electorate: &Electorate,
    options: &ConceptOptions,
) -> Result<Misreport, ReferenceError> {
    let n = electorate.n();
    let Some(ballots) = electorate.ballots() else {
        return Ok(Misreport::Open("it needs ballots".into()));
    };
    let distinct = ballots.len();
    if n > LARGEST_MISREPORT || distinct > MOST_BALLOTS {
        return Ok(Misreport::Open(format!(
            "all {n}! ballots of {distinct} would be looked at; up to {LARGEST_MISREPORT} items and {MOST_BALLOTS} ballots: cut it with --items"
        )));
    }
    // thousands of steps an answer
    if rule.name == "k-sample" {
        return Ok(Misreport::Open("it is not looked for: each answer takes thousands of steps".into()));
    }
    let strict = |b: &Ballot| b.groups.iter().all(|g| g.len() == 1) && b.groups.len() + 1 >= n;
    let Some((_, before)) = lottery(rule, electorate, options)? else {
        return Ok(Misreport::Open("it has no answer here, or several".into()));
    };
    let orders = permutations(n);
    let (mut skipped, mut untold) = (0, 0);
    for (index, ballot) in ballots.iter().enumerate() {
        if !strict(ballot) {
            skipped += 1;
            continue;
        }
        let mut order: Vec<usize> = ballot.groups.iter().flatten().copied().collect();
        order.extend((0..n).filter(|i| !ballot.groups.iter().flatten().any(|j| j == i)).collect::<Vec<_>>());
        let moved = ballot.weight.min(1.0);
        for cast in orders.iter().filter(|cast| **cast != order) {
            let mut other = ballots.to_vec();
            other[index].weight -= moved;
            other.retain(|b| b.weight > 0.0);
            other.push(Ballot::strict(cast, moved));
            let told = match Electorate::of_ballots(n, other) {
                Some(electorate) => lottery(rule, &electorate, options)?,
                None => None,
            };
            let Some((_, after)) = told else {
                untold += 1;
                continue;
            };
            if dominates(&order, &after, &before) {
                return Ok(Misreport::Gain { ballot: order, cast: cast.clone(), before, after });
            }
        }
    }
    Ok(match (skipped, untold) {
        (0, 0) => Misreport::None,
        (0, _) => Misreport::Open(format!(
            "after {untold} other ballots the rule has no answer, or several; by the rest no voter gains"
        )),
        (_, 0) => Misreport::Open(format!(
            "{skipped} ballots have ties, which are not looked at; the others do not gain"
        )),
        _ => Misreport::Open(format!(
            "{skipped} ballots have ties, which are not looked at, and after {untold} others the rule has no answer, or several; by the rest no voter gains"
        )),
    })
}
