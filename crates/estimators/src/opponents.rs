//! The gradient of the win rate where opponents or responses are drawn from another law than the one meant.
//!
//! ```text
//! g = (q - 1/2) S    q the exact win rate against the law that is used
//! ```

use crate::design::{Design, Labels, Opponent, Sampling, Target};
use crate::estimator::{Coefficients, EstimatorEntry, Group};

/// A row of this family.
const fn row(
    (row, name): (u8, &'static str),
    summary: &'static str,
    (meant, used): (Opponent, Opponent),
    sampling: Sampling,
    source: &'static str,
) -> EstimatorEntry {
    EstimatorEntry {
        name,
        row,
        summary,
        target: Target::WinRate { against: meant },
        design: Design { group: 1, sampling, labels: Labels::WinRates, opponent: used, exchangeable: true },
        unbiased_for: "the same with the law that is used",
        source,
        verified: "enumeration on the fixture and on a random tree: bias and cosine",
        rule,
    }
}

fn rule(g: &Group<'_>, out: &mut Coefficients<'_>) {
    out.add_response(g.tokens(0), g.label(0) - 0.5);
}

/// The rows.
pub(crate) const ENTRIES: &[EstimatorEntry] = &[
    row(
        (25, "token-mixture-0.125"),
        "opponents from the mixture of tokens in place of responses, 0.125 of the reference",
        (Opponent::SequenceMixture { share: 0.125 }, Opponent::TokenMixture { share: 0.125 }),
        Sampling::Policy,
        "Nash-MD (2312.00886) as TRL samples it; the paper's mixture",
    ),
    row(
        (25, "token-mixture-0.5"),
        "the same with 0.5 of the reference",
        (Opponent::SequenceMixture { share: 0.5 }, Opponent::TokenMixture { share: 0.5 }),
        Sampling::Policy,
        "Nash-MD (2312.00886) as TRL samples it; its default mixture",
    ),
    row(
        (26, "swapped-mixture"),
        "opponents from the mixture with 0.875 of the reference in place of 0.125",
        (Opponent::SequenceMixture { share: 0.125 }, Opponent::SequenceMixture { share: 0.875 }),
        Sampling::Policy,
        "TRL #1853 in review: the coefficient on the other model",
    ),
    row(
        (27, "temperature-0.7"),
        "responses sampled at temperature 0.7, scored at 1",
        (Opponent::Policy, Opponent::Policy),
        Sampling::Tempered { temperature: 0.7, top: None },
        "sampling options of trainers, uncorrected",
    ),
    row(
        (27, "temperature-2-top-2"),
        "responses sampled at temperature 2 from the 2 likeliest tokens, scored at 1",
        (Opponent::Policy, Opponent::Policy),
        Sampling::Tempered { temperature: 2.0, top: Some(2) },
        "sampling options of trainers, uncorrected",
    ),
];
