//! Label channels: how a comparison is recorded, as a registry like that of the games.
//!
//! Of a pair of actions listed first and second, the game knows the probability `P` that the first is preferred: the law of one
//! answer ([`Law`]). Channels stand in a list, and each does one of three things to what comes from the one before it:
//!
//! ```text
//! law      the answers have another law: flip, votes, judge, ties, at-random, corruption, adversarial, two-orders
//! kept     only some rows are written:   missing, threshold, drop (which leaves the law of what is decided)
//! written  a row is written otherwise:   soft, half, magnitude, margin, two-orders (twice), rankings (K items for two)
//! ```
//!
//! A law is mapped to a law, so that order matters as it does in the field: `[flip, votes]` is the majority of votes that are
//! flipped one by one, `[votes, flip]` a flipped majority. All randomness is memoryless but for `corruption`, which strikes
//! the same pairs every time. What is written is behind all answers: a channel of laws after `soft`, `half`, `magnitude`,
//! `margin` or `rankings` is refused, and so are `soft` behind another that writes, whose answer it would write over, and a
//! channel of several answers behind `drop`, which keeps a row by one.
//!
//! The price of a row is the number of comparisons that were made for it; rows that are not kept are paid all the same.

mod adversarial;
mod at_random;
mod corruption;
mod drop;
mod flip;
mod half;
mod judge;
mod magnitude;
mod margin;
mod missing;
mod rankings;
mod soft;
mod threshold;
mod ties;
mod two_orders;
mod votes;

pub use adversarial::Adversarial;
pub use at_random::AtRandom;
pub use corruption::Corruption;
pub use drop::Drop as DropChannel;
pub use flip::Flip;
pub use half::Half;
pub use judge::Judge as JudgeChannel;
pub use magnitude::Magnitude;
pub use margin::Margin;
pub use missing::Missing;
pub use rankings::Rankings as RankingChannel;
pub use soft::Soft;
pub use threshold::Threshold;
pub use ties::{TieRule, Ties};
pub use two_orders::{TwoOrders, TwoOrdersRecord};
pub use votes::Votes;

use equipoise_core::registry::{BuildError, ensure, nearest, parse};
use equipoise_core::{Duel, Rng, Shape};
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::game::Game;
use crate::label::{Label, Law, Ranked};

/// What a channel does to the answers, and where it may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It changes the law of an answer: it stands before every channel that writes.
    Answers,
    /// It keeps some rows: it stands anywhere.
    Rows,
    /// It changes how an answer is written down.
    Written,
    /// It writes rankings in place of comparisons: only channels of rows may stand behind it, and none that writes before.
    Ranked,
}

/// A channel with its options.
pub trait Channel: std::fmt::Debug + Send + Sync {
    /// The law of an answer that is kept, from those before it.
    fn law(&self, pair: Duel, before: &Before<'_>) -> Law {
        before.law(pair)
    }

    /// The probability that a row of that pair is kept.
    fn kept(&self, _pair: Duel, _before: &Before<'_>) -> f64 {
        1.0
    }

    /// Whether every pair is asked in the other order too, as a row of its own.
    fn doubles(&self) -> bool {
        false
    }

    /// Writes a label down, whose answer has the law `law`.
    fn write(&self, label: Label, _law: &Law, _rng: &mut Rng, out: &mut Vec<Label>) {
        out.push(label);
    }

    /// The ranking that is written in place of an answer, if rankings are.
    fn ranked(&self, _pair: Duel, _before: &Before<'_>, _rng: &mut Rng) -> Option<Ranked> {
        None
    }

    /// Comparisons that are made for every one before it, of a context with so many actions.
    fn price(&self, _actions: usize) -> u64 {
        1
    }

    /// Whether it makes sense of contexts with so many actions.
    ///
    /// # Errors
    /// [`BuildError::Range`] naming key, value and rule.
    fn fits(&self, _shape: &Shape) -> Result<(), BuildError> {
        Ok(())
    }
}

/// The game and the channels before one of them.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    game: &'a Game,
    channels: &'a [Box<dyn Channel>],
}

impl<'a> Before<'a> {
    /// The game, and channels in front of it.
    #[must_use]
    pub fn new(game: &'a Game, channels: &'a [Box<dyn Channel>]) -> Self {
        Self { game, channels }
    }

    /// The law of an answer that passed them.
    #[must_use]
    pub fn law(&self, pair: Duel) -> Law {
        match self.channels.split_last() {
            Some((last, channels)) => last.law(pair, &Self { game: self.game, channels }),
            None => {
                let Duel { context, left, right } = pair;
                Law::decided(self.game.prob(context, left, right), self.game.prob(context, right, left))
            }
        }
    }

    /// Number of actions of a context.
    #[must_use]
    pub fn actions(&self, context: usize) -> usize {
        self.game.shape().actions(context)
    }
}

/// What a channel's YAML block becomes.
///
/// Every field has a default and a doc comment (it is the help text). Implementors derive
/// `Serialize, Deserialize, JsonSchema` with `#[serde(default, deny_unknown_fields)]`.
pub trait ChannelOptions: Serialize + DeserializeOwned + Default + JsonSchema {
    /// Checks every range and makes the channel; `seed` is that of the run.
    ///
    /// # Errors
    /// [`BuildError::Range`] naming key, value and rule.
    fn build(self, seed: u64) -> Result<Box<dyn Channel>, BuildError>;
}

/// A registry row.
pub struct ChannelEntry {
    /// YAML key.
    pub name: &'static str,
    /// One line: what is recorded.
    pub summary: &'static str,
    /// Reference, or where it is used.
    pub source: &'static str,
    /// What it does, and where it may stand.
    pub stage: Stage,
    /// Its options with their defaults: a JSON object.
    pub defaults: fn() -> Value,
    /// JSON schema of its options, with their documentation.
    pub schema: fn() -> Schema,
    resolve: fn(&Value) -> Result<Value, BuildError>,
    build: Build,
}

/// Builds the channel of a resolved block.
type Build = fn(&Value, u64) -> Result<Box<dyn Channel>, BuildError>;

impl ChannelEntry {
    /// A row for the channel whose block is `C`.
    #[must_use]
    pub const fn of<C: ChannelOptions>(
        name: &'static str,
        stage: Stage,
        summary: &'static str,
        source: &'static str,
    ) -> Self {
        Self {
            name,
            summary,
            source,
            stage,
            defaults: || to_json(&C::default()),
            schema: || schema_for!(C),
            resolve: |block| {
                let options = to_json(&parse::<C>(block)?);
                parse::<C>(block)?.build(0)?;
                Ok(options)
            },
            build: |block, seed| parse::<C>(block)?.build(seed),
        }
    }

    /// The channel of a block of options (`null` for all defaults); `seed`: of what strikes the same pairs every time.
    ///
    /// # Errors
    /// [`BuildError`] naming the key, the value and the rule.
    pub fn build(&self, options: &Value, seed: u64) -> Result<Box<dyn Channel>, BuildError> {
        (self.build)(options, seed)
    }

    /// The options with every default written out.
    ///
    /// # Errors
    /// As [`ChannelEntry::build`].
    pub fn resolve(&self, options: &Value) -> Result<Value, BuildError> {
        (self.resolve)(options)
    }
}

fn to_json(options: &impl Serialize) -> Value {
    serde_json::to_value(options).expect("a block of options serialises to JSON")
}

/// Every channel.
pub const CHANNELS: &[ChannelEntry] = &[
    flip::ENTRY,
    votes::ENTRY,
    judge::ENTRY,
    ties::ENTRY,
    at_random::ENTRY,
    drop::ENTRY,
    half::ENTRY,
    soft::ENTRY,
    magnitude::ENTRY,
    margin::ENTRY,
    missing::ENTRY,
    threshold::ENTRY,
    corruption::ENTRY,
    adversarial::ENTRY,
    two_orders::ENTRY,
    rankings::ENTRY,
];

/// The channel called `name`.
///
/// # Errors
/// [`BuildError::UnknownKey`], with the nearest name.
pub fn channel(name: &str) -> Result<&'static ChannelEntry, BuildError> {
    let names = || CHANNELS.iter().map(|entry| entry.name);
    CHANNELS.iter().find(|entry| entry.name == name).ok_or_else(|| BuildError::UnknownKey {
        key: name.to_owned(),
        nearest: nearest(name, names()).map(str::to_owned),
        known: names().map(str::to_owned).collect(),
    })
}

/// Most channels of one list that ask every pair in both orders: each doubles the answers.
const MOST_ORDERS: usize = 8;

/// Checks that a list of channels, with their options, may stand in its order.
///
/// # Errors
/// [`BuildError::Range`] naming the channel in the way, the rule and the way out.
pub fn check_order(channels: &[(&ChannelEntry, &Value)]) -> Result<(), BuildError> {
    let mut writes: Option<&ChannelEntry> = None;
    let (mut drops, mut orders) = (false, 0);
    for (k, &(entry, options)) in channels.iter().enumerate() {
        let refused = |rule: String| Err(BuildError::range(&format!("labels[{k}]"), entry.name, rule));
        // whether a row is kept is decided once, while each of several answers may be a tie
        if drops && entry.build(options, 0)?.price(usize::MAX) > 1 {
            let rule = "asks for several answers, and `drop` before it keeps or leaves out the row by a single one: put `drop` \
                        behind it, or `at-random` in place of `drop`";
            return refused(rule.to_owned());
        }
        drops |= entry.name == drop::ENTRY.name;
        orders += usize::from(entry.name == two_orders::ENTRY.name);
        if orders > MOST_ORDERS {
            return refused(format!(
                "asks every pair twice over: a list may have at most {MOST_ORDERS} of them, which is 2^{MOST_ORDERS} answers"
            ));
        }
        if let Some(earlier) = writes {
            let rule = match (earlier.stage, entry.stage) {
                (_, Stage::Rows) => None,
                // its rows have other outcomes than the one by which an earlier channel wrote
                (Stage::Written, Stage::Written) if entry.name == soft::ENTRY.name => Some(format!(
                    "records probabilities in place of the answer that `{}` writes down: put `soft` first",
                    earlier.name
                )),
                (Stage::Written, Stage::Written) => None,
                (Stage::Ranked, _) => Some(format!(
                    "stands behind `{}`, which writes rankings: put it before, or leave one out",
                    earlier.name
                )),
                (_, Stage::Ranked) => Some(format!(
                    "writes rankings and cannot take what `{}` writes: leave one out",
                    earlier.name
                )),
                _ => Some(format!(
                    "changes the answers and stands behind `{}`, which writes them down: put it before",
                    earlier.name
                )),
            };
            if let Some(rule) = rule {
                return refused(rule);
            }
        }
        if matches!(entry.stage, Stage::Written | Stage::Ranked) {
            writes = Some(entry);
        }
    }
    Ok(())
}

/// A share of the rows.
fn check_rate(rate: f64) -> Result<(), BuildError> {
    ensure((0.0..=1.0).contains(&rate), "rate", rate, "must be in [0, 1]")
}
