//! Who gave an answer: annotators drawn for labels that are already there.
//!
//! ```text
//! Pr(u | answer) = w_u Pr_u(answer) / sum_v w_v Pr_v(answer)          Pr_u: the law of a recorded answer in the game of annotator u alone
//! ```
//!
//! So labels and annotators together have the law of an annotator drawn first, who then answers, and the labels are to the bit those
//! that a run buys. It holds where the law of a recorded answer is the mean of the annotators' laws, which is checked label by label: behind a
//! majority of votes, for one, an answer is not one annotator's.

use equipoise_core::{Duel, Rng, sample};

use crate::channels::Stage;
use crate::game::Game;
use crate::label::{Label, Law, Outcome};
use crate::labelling::Labelling;

/// How far a mean of laws may be off by rounding.
const ROUNDING: f64 = 1e-9;

/// Why labels have no annotators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoAnnotators {
    /// The game is not made from annotators, or from more than are kept.
    #[error("the game is not the mean of known annotators")]
    Unknown,
    /// A channel writes something else than one answer a row.
    #[error("a channel writes an answer as something else, which is no annotator's")]
    Written,
    /// The law of a recorded answer is not the mean of the annotators' laws.
    #[error("behind these channels a recorded answer is not one annotator's")]
    Mixed,
}

fn of(law: &Law, outcome: Outcome) -> f64 {
    match outcome {
        Outcome::First => law.first,
        Outcome::Second => law.second,
        Outcome::Tie => law.tie,
        Outcome::BothBad => law.both_bad,
    }
}

impl Labelling {
    /// An annotator for every label of `game` that these channels recorded, from 0. Cost: O(annotators x labels), and the game of one annotator
    /// at a time.
    ///
    /// # Errors
    /// [`NoAnnotators`].
    pub fn annotators(&self, game: &Game, labels: &[Label], rng: &mut Rng) -> Result<Vec<u32>, NoAnnotators> {
        let voters = game.voters().ok_or(NoAnnotators::Unknown)?;
        let one_a_row = |stage: Stage| matches!(stage, Stage::Answers | Stage::Rows);
        if !self.stages().all(one_a_row) {
            return Err(NoAnnotators::Written);
        }
        // one at a time: annotator u takes the place of an earlier one with its share of what there is so far
        let (mut found, mut mass) = (vec![0u32; labels.len()], vec![0.0; labels.len()]);
        for (voter, weight) in voters.weights().iter().enumerate().filter(|(_, w)| **w > 0.0) {
            let alone = game.of_voter(voter).expect("it has annotators");
            for (label, (found, mass)) in labels.iter().zip(found.iter_mut().zip(&mut mass)) {
                let own = weight * of(&self.law(&alone, asked(label)), label.outcome);
                *mass += own;
                if own > 0.0 && sample::uniform(rng) * *mass < own {
                    *found = voter as u32;
                }
            }
        }
        let meets = |(label, mass): (&Label, &f64)| {
            (of(&self.law(game, asked(label)), label.outcome) - mass).abs() <= ROUNDING
        };
        if labels.iter().zip(&mass).all(meets) { Ok(found) } else { Err(NoAnnotators::Mixed) }
    }
}

fn asked(label: &Label) -> Duel {
    Duel { context: label.context as usize, left: label.first as usize, right: label.second as usize }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::ChannelSpec;
    use crate::generators::generator;
    use equipoise_core::seed::stream;
    use serde_json::{Value, json};

    fn game(name: &str, options: Value) -> Game {
        generator(name).unwrap().build(&options, &mut stream(3, "game", &[])).unwrap()
    }

    fn recorded(
        game: &Game,
        channels: &[Value],
        questions: &[Duel],
    ) -> (Vec<Label>, Result<Vec<u32>, NoAnnotators>) {
        let specs: Vec<ChannelSpec> = channels.iter().map(|c| ChannelSpec::of_json(c).unwrap()).collect();
        let labelling = Labelling::new(&specs, 5, game.shape()).unwrap();
        let mut rng = stream(4, "labels", &[]);
        let labels = labelling.record(game, questions, &mut rng);
        let found = labelling.annotators(game, &labels.pairs, &mut rng);
        (labels.pairs, found)
    }

    const PAIR: Duel = Duel { context: 0, left: 0, right: 1 };

    #[test]
    fn the_game_is_the_mean_of_its_annotators() {
        for (name, options) in [
            ("mixture", json!({})),
            (
                "mixture",
                json!({"scores": {"random-normal": {"actions": 4, "judges": 3, "contexts": 2}}, "weights": [1, 2, 5]}),
            ),
            ("ideal-points", json!({"actions": 5, "contexts": 3})),
            ("attribute-voters", json!({"actions": 4, "contexts": 2})),
            ("rankings", json!({})),
            ("rankings", json!({"ballots": {"explicit": ["a > b = c", "c > a", "b"]}, "weights": [3, 1, 2]})),
            (
                "rankings",
                json!({"ballots": {"impartial-culture": {"actions": 4, "voters": 6, "contexts": 2}}, "weights": null}),
            ),
        ] {
            let game = game(name, options);
            let weights = game.voters().unwrap().weights();
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-15);
            let alone: Vec<Game> = (0..weights.len()).map(|u| game.of_voter(u).unwrap()).collect();
            for x in 0..game.contexts() {
                for i in 0..game.shape().actions(x) {
                    for j in 0..game.shape().actions(x) {
                        let mean: f64 = weights.iter().zip(&alone).map(|(w, g)| w * g.margin(x, i, j)).sum();
                        assert!((mean - game.margin(x, i, j)).abs() < 1e-13, "{name} {x} {i} {j}");
                    }
                }
            }
        }
        assert!(game("bradley-terry", json!({})).voters().is_none());
        assert!(game("drifting", json!({})).is_dated() && !game("mixture", json!({})).is_dated());
    }

    #[test]
    fn an_annotator_and_its_answer_have_the_law_of_one_who_was_drawn_first() {
        let game = game("mixture", json!({}));
        let (labels, found) = recorded(&game, &[json!({"flip": {"rate": 0.1}})], &[PAIR; 40_000]);
        let (found, weights) = (found.unwrap(), game.voters().unwrap().weights());
        for (u, weight) in weights.iter().enumerate() {
            let own: Vec<&Label> =
                labels.iter().zip(&found).filter(|(_, v)| **v == u as u32).map(|(l, _)| l).collect();
            let share = own.len() as f64 / labels.len() as f64;
            assert!((share - weight).abs() < 4.0 * (0.25 / 40_000f64).sqrt(), "{u}: {share} {weight}");
            let won = own.iter().filter(|l| l.outcome == Outcome::First).count() as f64 / own.len() as f64;
            let p = game.of_voter(u).unwrap().prob(0, 0, 1);
            let flipped = 0.9 * p + 0.1 * (1.0 - p);
            assert!((won - flipped).abs() < 4.0 * (0.25 / own.len() as f64).sqrt(), "{u}: {won} {flipped}");
        }
    }

    #[test]
    fn answers_that_are_nobody_s_have_no_annotator_and_the_reason() {
        let mixture = game("mixture", json!({}));
        let reason = |game: &Game, channel: Value| recorded(game, &[channel], &[PAIR; 20]).1.unwrap_err();
        assert_eq!(reason(&mixture, json!({"votes": {"votes": 3}})), NoAnnotators::Mixed);
        assert_eq!(reason(&mixture, json!("soft")), NoAnnotators::Written);
        let known = game("bradley-terry", json!({}));
        assert_eq!(reason(&known, json!({"flip": {"rate": 0.1}})), NoAnnotators::Unknown);
        // one vote is the voter's own, and a row that is lost changes nobody's answer
        for channel in
            [json!({"votes": {"votes": 1}}), json!({"missing": {"rate": 0.5}}), json!("two-orders")]
        {
            let (labels, found) = recorded(&mixture, std::slice::from_ref(&channel), &[PAIR; 20]);
            assert_eq!(found.map(|f| f.len()), Ok(labels.len()), "{channel}");
        }
    }
}
