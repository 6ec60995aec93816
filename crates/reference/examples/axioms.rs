//! Writes `crates/reference/src/axioms/table.csv`: which rule satisfies which axiom, with evidence.
//!
//! `cargo run --release -p equipoise-reference --example axioms > crates/reference/src/axioms/table.csv`
//!
//! Every profile of few voters is looked at, then random ones; the first counter-example in that order is kept, so it is the
//! smallest: fewest items, then fewest voters. Two minutes on two cores.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for one table")]

use equipoise_core::Rng;
use equipoise_core::sample::index;
use equipoise_core::seed::stream;
use equipoise_reference::axioms::{Axiom, Profile, is_asked, permutations, profiles, proved, violation};
use equipoise_reference::concepts::{CONCEPTS, ConceptEntry, Needs};
use rayon::prelude::*;

/// Voters of the profiles of three and of four items that are all looked at, and random profiles after them.
struct Search {
    three: u32,
    four: u32,
    random: usize,
}

impl Search {
    fn of(rule: &ConceptEntry) -> Self {
        match rule.name {
            // thousands of steps an answer
            "k-sample" | "soft-condorcet" => Self { three: 5, four: 2, random: 0 },
            // every item is played: nothing is left to find after the first profiles
            "quantal-response" | "slhf-leader" | "slhf-follower" | "mchf" | "mchf-logit" | "alpha-rank"
            | "rlhf" | "dpo" => Self { three: 6, four: 2, random: 0 },
            _ => Self { three: 8, four: 3, random: 1500 },
        }
    }

    fn words(&self) -> String {
        let random = match self.random {
            0 => String::new(),
            some => format!(", and {some} random ones of 4 items and up to 12 voters"),
        };
        format!(
            "all profiles of 3 items up to {} voters and of 4 items up to {}{random}",
            self.three, self.four
        )
    }
}

fn random_profile(rng: &mut Rng) -> Profile {
    let orders = permutations(4);
    let blocks = 2 + index(rng, 3);
    let ballots = (0..blocks).map(|_| (orders[index(rng, orders.len())].clone(), 1 + index(rng, 3) as u32));
    Profile::new(4, ballots).unwrap()
}

fn main() {
    let mut all: Vec<(usize, u32, Vec<Profile>)> = Vec::new();
    for voters in 1..=8 {
        all.push((3, voters, profiles(3, voters)));
    }
    for voters in 1..=3 {
        all.push((4, voters, profiles(4, voters)));
    }
    let mut rng = stream(0, "axioms", &[]);
    let mut random: Vec<Profile> = (0..1500).map(|_| random_profile(&mut rng)).collect();
    random.sort_by_key(Profile::voters);
    let rules: Vec<&ConceptEntry> =
        CONCEPTS.iter().filter(|c| matches!(c.needs, Needs::WinRates | Needs::Ballots)).collect();
    let cells: Vec<(&ConceptEntry, Axiom)> =
        rules.iter().flat_map(|rule| Axiom::ALL.map(|axiom| (*rule, axiom))).collect();
    let lines: Vec<String> = cells
        .par_iter()
        .map(|(rule, axiom)| {
            if !is_asked(rule, *axiom).unwrap() {
                return format!("{};{};not asked;", rule.name, axiom.name());
            }
            let search = Search::of(rule);
            let fits = |n: usize, voters: u32| voters <= if n == 3 { search.three } else { search.four };
            let small = all.iter().filter(|(n, voters, _)| fits(*n, *voters)).flat_map(|(_, _, p)| p);
            let mut looked = small.chain(random.iter().take(search.random));
            let found = looked.find(|profile| violation(rule, *axiom, profile).unwrap().is_some());
            let name = axiom.name();
            match (found, proved(rule.name, *axiom)) {
                (Some(profile), None) => format!("{};{name};refuted;{profile}", rule.name),
                (Some(profile), Some(source)) => panic!("{} {name}: {source}, but {profile}", rule.name),
                (None, Some(_)) => format!("{};{name};satisfied;", rule.name),
                (None, None) => format!("{};{name};open;{}", rule.name, search.words()),
            }
        })
        .collect();
    println!("rule;axiom;verdict;evidence");
    lines.iter().for_each(|line| println!("{line}"));
}
