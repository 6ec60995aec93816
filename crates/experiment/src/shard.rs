//! Shares of an experiment for several processes: which runs process `i` of `N` does.
//!
//! The unit is a game with one tau: all its runs if the game is small, sixteen at a time if it is so large that runs in
//! lock-step share a pass over it. Units are assigned by forecast cost, the largest first, each to the process with the
//! least so far (the first of several), ties in the order of the file. So the assignment is a function of the file and of the
//! headers that it names: no process asks another, and no game is made for it. `N` may change between attempts, because
//! finished runs are kept.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::build::Plan;

/// Most runs that share one pass over a large game.
pub(crate) const BATCH: u64 = 16;
/// Bytes of a game that runs in lock-step are worth: see `equipoise::env::batcher::worth_batching`.
const LARGE: u128 = 1 << 22;

/// One of several processes that share an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 1.
    pub(crate) index: u32,
    /// Of how many.
    pub(crate) count: u32,
}

/// Why a share cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// Not `i/N`.
    #[error("`{0}` is not a share; give i/N with 1 <= i <= N, as 3/8, or auto in an array job, or auto/N")]
    Malformed(String),
    /// The number of a task lies beyond the count.
    #[error(
        "{variable} is task {index} of {count}, which there is not; a part that is submitted again needs its first number: give \
         --shard {index}/N with the N of the first submission"
    )]
    Beyond {
        /// The variable.
        variable: &'static str,
        /// Number of the task, from 1.
        index: i64,
        /// Number of tasks.
        count: u32,
    },
    /// No variable of an array job is set.
    #[error(
        "no task of an array job: none of {} is set; give --shard i/N",
        VARIABLES.map(|(name, _)| name).join(", ")
    )]
    NoTask,
    /// An array job that does not tell how many tasks it has.
    #[error("{0} does not tell the number of tasks; give --shard auto/N")]
    NoCount(&'static str),
    /// A variable that is not a number.
    #[error("{variable} is `{value}`, not a number; give --shard i/N")]
    NotANumber {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
}

/// Variables that number the tasks of an array job, and what the first task is called.
const VARIABLES: [(&str, i64); 4] =
    [("SLURM_ARRAY_TASK_ID", 1), ("PBS_ARRAY_INDEX", 1), ("SGE_TASK_ID", 1), ("JOB_COMPLETION_INDEX", 0)];

impl Shard {
    /// Reads `i/N`, or `auto` or `auto/N`: the number of the task of an array job, which `environment` knows.
    ///
    /// # Errors
    /// [`ShardError`].
    pub fn parse(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, ShardError> {
        let Some(rest) = text.strip_prefix("auto") else { return text.parse() };
        let malformed = || ShardError::Malformed(text.to_owned());
        let given = match rest.strip_prefix('/') {
            Some(count) => Some(count.parse().ok().filter(|n| *n > 0).ok_or_else(malformed)?),
            None if rest.is_empty() => None,
            None => return Err(malformed()),
        };
        Self::of_task(given, environment)
    }

    /// The task of a Slurm array of more than one task, if this is one.
    ///
    /// # Errors
    /// [`ShardError`].
    pub fn of_slurm(environment: &dyn Fn(&str) -> Option<String>) -> Result<Option<Self>, ShardError> {
        let set = |name: &str| environment(name).is_some_and(|v| !v.is_empty());
        if !(set("SLURM_ARRAY_TASK_ID") && set("SLURM_ARRAY_TASK_COUNT")) {
            return Ok(None);
        }
        Self::of_task(None, environment).map(|shard| (shard.count > 1).then_some(shard))
    }

    fn of_task(given: Option<u32>, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, ShardError> {
        let number = |variable: &'static str| -> Result<Option<i64>, ShardError> {
            // Grid Engine says `undefined` outside an array
            let Some(value) = environment(variable).filter(|v| !v.is_empty() && v != "undefined") else {
                return Ok(None);
            };
            match value.trim().parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(ShardError::NotANumber { variable, value }),
            }
        };
        for (variable, first) in VARIABLES {
            let Some(task) = number(variable)? else { continue };
            let (mut first, mut count) = (first, given);
            if variable == "SLURM_ARRAY_TASK_ID" {
                first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(first);
                let tasks = number("SLURM_ARRAY_TASK_COUNT")?.and_then(|n| u32::try_from(n).ok());
                count = count.or(tasks.filter(|n| *n > 0));
            }
            let count = count.ok_or(ShardError::NoCount(variable))?;
            let index = task.saturating_sub(first).saturating_add(1);
            return match u32::try_from(index) {
                Ok(index) if (1..=count).contains(&index) => Ok(Self { index, count }),
                _ => Err(ShardError::Beyond { variable, index, count }),
            };
        }
        Err(ShardError::NoTask)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(i, n)| Some((i.trim().parse().ok()?, n.trim().parse().ok()?)));
        match numbers {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err(ShardError::Malformed(text.to_owned())),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// Runs of a game with one tau that are assigned together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Game.
    pub(crate) game: usize,
    /// Index of tau.
    pub(crate) tau: usize,
    /// Which of its runs, in their order.
    pub(crate) runs: Range<u64>,
}

/// Number of runs that `shard` does, or of all.
#[must_use]
pub fn runs(plan: &Plan, shard: Option<Shard>) -> u64 {
    match shard {
        None => plan.runs(),
        Some(_) => share(plan, shard).iter().map(|unit| unit.runs.end - unit.runs.start).sum(),
    }
}

/// The units that `shard` does, or all, in the order of the plan.
pub(crate) fn share(plan: &Plan, shard: Option<Shard>) -> Vec<Unit> {
    let units = units(plan);
    let Some(shard) = shard else { return units.into_iter().map(|(unit, _)| unit).collect() };
    let owners = owners(&units, shard.count);
    let own = units.into_iter().zip(owners).filter(|(_, owner)| *owner == shard.index);
    own.map(|((unit, _), _)| unit).collect()
}

/// Which process, from 1, each of the units is assigned to.
fn owners(units: &[(Unit, u128)], count: u32) -> Vec<u32> {
    let mut order: Vec<usize> = (0..units.len()).collect();
    order.sort_by_key(|&k| Reverse(units[k].1)); // stable: ties in the order of the file
    let mut loads: BinaryHeap<Reverse<(u128, u32)>> = (1..=count).map(|i| Reverse((0, i))).collect();
    let mut owners = vec![0; units.len()];
    for k in order {
        let Reverse((load, index)) = loads.pop().expect("there is a process");
        owners[k] = index;
        loads.push(Reverse((load + units[k].1, index)));
    }
    owners
}

/// The units of all other processes in the order in which `shard` takes them over: process by process, beginning with the one
/// after it, and of each from the end that its owner comes to last.
pub(crate) fn of_others(plan: &Plan, shard: Shard) -> Vec<Unit> {
    let units = units(plan);
    let owners = owners(&units, shard.count);
    let distance = |owner: u32| (owner + shard.count - shard.index) % shard.count;
    let mut others: Vec<(u32, Unit)> =
        units.into_iter().zip(owners).map(|((unit, _), owner)| (distance(owner), unit)).collect();
    others.retain(|(distance, _)| *distance > 0);
    others.reverse();
    others.sort_by_key(|(distance, _)| *distance);
    others.into_iter().map(|(_, unit)| unit).collect()
}

/// A unit of a plan, described.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct UnitRow {
    /// Its number, from 1.
    pub unit: usize,
    /// The game.
    pub game: String,
    /// The regularisation.
    pub tau: f64,
    /// Which of the game's runs with this tau is the first, from 0.
    pub first: u64,
    /// How many runs.
    pub runs: u64,
    /// Forecast cost: multiplications, about.
    pub cost: f64,
}

/// All units of a plan, in its order.
pub fn rows(plan: &Plan) -> impl Iterator<Item = UnitRow> {
    units(plan).into_iter().enumerate().map(|(k, (unit, cost))| UnitRow {
        unit: k + 1,
        game: plan.game_name(unit.game).into_owned(),
        tau: plan.spec.taus[unit.tau],
        first: unit.runs.start,
        runs: unit.runs.end - unit.runs.start,
        cost: cost as f64,
    })
}

/// Whether game `g` is so large that its runs are driven in lock-step, as far as parameters or a header tell.
pub(crate) fn is_large(plan: &Plan, g: usize) -> bool {
    let actions = plan.game_spec(g).extent().1 as u128;
    actions * actions * 4 >= LARGE
}

/// All units with their forecast costs: steps times entries of the matrices, and something for a step itself.
fn units(plan: &Plan) -> Vec<(Unit, u128)> {
    let runs = plan.spec.runs_of_unit();
    let (mut units, mut extent, mut part) = (Vec::new(), (1, 1), 1);
    for game in 0..plan.games() {
        if plan.is_first(game) {
            extent = plan.game_spec(game).extent();
            part = if is_large(plan, game) { BATCH } else { runs.max(1) };
        }
        let (contexts, actions) = (extent.0 as u128, extent.1 as u128);
        let step = contexts.saturating_mul(actions * actions + 16 * actions).saturating_add(256);
        for tau in 0..plan.spec.taus.len() {
            let mut first = 0;
            while first < runs {
                let next = (first + part).min(runs);
                let cost = step.saturating_mul(u128::from(next - first) * u128::from(plan.spec.limits.steps));
                units.push((Unit { game, tau, runs: first..next }, cost));
                first = next;
            }
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Plan {
        let file = crate::file::parse("c.yaml", std::path::Path::new("."), text.as_bytes(), &[]);
        Plan::new(crate::resolve(&file.expect("a file")).expect("a spec")).expect("a plan")
    }

    #[test]
    fn every_run_is_assigned_once_whatever_the_number_of_processes() {
        let plan = plan(
            "games: [cyclic, random-uniform: { actions: 40, count: 9 }, random-uniform: { actions: 2000 }]\n\
             tau: [0, 0.1, 0.2]\nsolvers: [mwu, egpo, omwu]\nrepetitions: 13\n",
        );
        let runs = |units: &[Unit]| units.iter().map(|u| u.runs.end - u.runs.start).sum::<u64>();
        assert_eq!(runs(&share(&plan, None)), plan.runs());
        for count in [1, 2, 3, 7, 64] {
            let mut all: Vec<Unit> =
                (1..=count).flat_map(|index| share(&plan, Some(Shard { index, count }))).collect();
            all.sort_by_key(|u| (u.game, u.tau, u.runs.start));
            assert_eq!(all, share(&plan, None), "{count}");
        }
        // what others have is all but the own, each once, the last of the next process first
        let of = |index| Shard { index, count: 3 };
        let mut rest = of_others(&plan, of(2));
        assert_eq!(rest.first(), share(&plan, Some(of(3))).last());
        assert_eq!(rest.last(), share(&plan, Some(of(1))).first());
        rest.extend(share(&plan, Some(of(2))));
        rest.sort_by_key(|u| (u.game, u.tau, u.runs.start));
        assert_eq!(rest, share(&plan, None));
        assert_eq!(rows(&plan).map(|row| row.runs).sum::<u64>(), plan.runs());
        // the large game is assigned sixteen runs at a time, so that two processes share it
        let large =
            |i| share(&plan, Some(Shard { index: i, count: 2 })).iter().filter(|u| u.game == 10).count();
        assert_eq!((large(1), large(2)), (5, 4));
    }

    #[test]
    fn a_share_is_read_from_text_and_from_array_jobs() {
        let read = |text: &str, variables: &[(&str, &str)]| {
            let environment =
                |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
            Shard::parse(text, &environment).map(|s| s.to_string()).map_err(|e| e.to_string())
        };
        let slurm = |id, min, count| {
            [("SLURM_ARRAY_TASK_ID", id), ("SLURM_ARRAY_TASK_MIN", min), ("SLURM_ARRAY_TASK_COUNT", count)]
        };
        assert_eq!(read("3/8", &[]), Ok("3/8".into()));
        assert_eq!(read("auto", &slurm("5", "3", "4")), Ok("3/4".into()));
        assert_eq!(read("auto/9", &[("JOB_COMPLETION_INDEX", "0")]), Ok("1/9".into()));
        assert_eq!(
            read("auto/9", &[("SGE_TASK_ID", "undefined"), ("PBS_ARRAY_INDEX", "9")]),
            Ok("9/9".into())
        );
        for (text, variables, fragment) in [
            ("0/8", vec![], "`0/8` is not a share"),
            ("9/8", vec![], "`9/8` is not a share"),
            ("3", vec![], "give i/N"),
            ("auto/0", vec![], "`auto/0` is not a share"),
            ("auto", vec![], "none of SLURM_ARRAY_TASK_ID"),
            ("auto", vec![("SGE_TASK_ID", "2")], "give --shard auto/N"),
            ("auto", slurm("7", "0", "3").to_vec(), "give --shard 8/N"),
            ("auto", slurm("x", "0", "3").to_vec(), "SLURM_ARRAY_TASK_ID is `x`"),
        ] {
            let error = read(text, &variables).expect_err(text);
            assert!(error.contains(fragment), "{text}: {error}");
        }
        let alone =
            |name: &str| slurm("1", "1", "1").iter().find(|(n, _)| *n == name).map(|v| v.1.to_owned());
        assert_eq!(Shard::of_slurm(&alone), Ok(None));
        assert_eq!(Shard::of_slurm(&|_| None), Ok(None));
    }
}
