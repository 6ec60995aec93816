//! Soft labels: the probability of an answer is recorded in place of an answer.
//!
//! ```text
//! a row for each outcome, of weight Pr(outcome)          or its share among a number of answers
//! ```
//!
//! The labels of conservative and soft-label losses (cDPO, MMPO arXiv:2410.03145). Weights are in fractions: models of single
//! matches refuse them.

use equipoise_core::registry::{BuildError, ensure};
use equipoise_core::{Rng, sample};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Channel, ChannelEntry, ChannelOptions, Stage};
use crate::label::{Label, Law, Outcome};

pub(super) const ENTRY: ChannelEntry = ChannelEntry::of::<Soft>(
    "soft",
    Stage::Written,
    "the probability of every outcome is recorded, or its share among a number of answers, as the weight of a row",
    "soft labels of MMPO, arXiv:2410.03145",
);

/// Soft labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Soft {
    /// Answers whose shares are recorded, at most 1000000, each charged; 0: the probabilities themselves, charged as one.
    pub answers: u32,
}

impl ChannelOptions for Soft {
    fn build(self, _seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        ensure(self.answers <= 1_000_000, "answers", self.answers, "must be at most 1000000")?;
        Ok(Box::new(self))
    }
}

impl Channel for Soft {
    fn write(&self, label: Label, law: &Law, rng: &mut Rng, out: &mut Vec<Label>) {
        let shares = match self.answers {
            0 => law.probabilities(),
            n => {
                let mut counts = [0.0; 4];
                (0..n).for_each(|_| counts[law.outcome(sample::uniform(rng)) as usize] += 1.0);
                counts.map(|c| c / f64::from(n))
            }
        };
        let rows = Outcome::ALL.into_iter().zip(shares).filter(|(_, share)| *share > 0.0);
        out.extend(rows.map(|(outcome, share)| Label { outcome, weight: label.weight * share, ..label }));
    }

    fn price(&self, _actions: usize) -> u64 {
        u64::from(self.answers.max(1))
    }
}
