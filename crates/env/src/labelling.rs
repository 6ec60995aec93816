//! Pairs asked -> channels -> labels: what a data set of comparisons holds, what it cost, and the law that it is drawn from.

use equipoise_core::registry::BuildError;
use equipoise_core::seed::stream;
use equipoise_core::{Duel, Rng, Shape, sample};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::channels::{Before, Channel, ChannelEntry, Stage, channel, check_order};
use crate::game::Game;
use crate::label::{Label, Law, Outcome, Ranked};

/// A channel as it is written in a configuration: `name`, or `name: { options }`. Serialised with every option.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelSpec {
    name: &'static str,
    options: Value,
}

impl ChannelSpec {
    /// The channel called `name` with a block of options (`null` for all defaults).
    ///
    /// # Errors
    /// [`BuildError`] naming the key, the value and the rule, within `name`.
    pub fn new(name: &str, options: &Value) -> Result<Self, BuildError> {
        let entry = channel(name)?;
        let options = entry.resolve(options).map_err(|e| e.within(entry.name))?;
        Ok(Self { name: entry.name, options })
    }

    /// A channel of a list in JSON: a name, or one name with a block of options.
    ///
    /// # Errors
    /// [`BuildError`] naming what was found.
    pub fn of_json(value: &Value) -> Result<Self, BuildError> {
        match value {
            Value::String(name) => Self::new(name, &Value::Null),
            Value::Object(block) if block.len() == 1 => {
                let (name, options) = block.iter().next().expect("one key");
                Self::new(name, options)
            }
            other => {
                let problem =
                    format!("expected the name of a channel, or `name: {{ options }}`, found `{other}`");
                Err(BuildError::Type { key: String::new(), problem })
            }
        }
    }

    /// Checks that channels may stand in the order of a list.
    ///
    /// # Errors
    /// [`BuildError::Range`] naming the place in the list, the channel, the rule and the way out.
    pub fn check_list(list: &[Self]) -> Result<(), BuildError> {
        check_order(&list.iter().map(|spec| (spec.entry(), &spec.options)).collect::<Vec<_>>())
    }

    /// Its registry row.
    ///
    /// # Panics
    /// Never: it was made from a row.
    #[must_use]
    pub fn entry(&self) -> &'static ChannelEntry {
        channel(self.name).expect("a channel of the registry")
    }

    /// Its options, all of them.
    #[must_use]
    pub fn options(&self) -> &Value {
        &self.options
    }
}

impl Serialize for ChannelSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Map::from_iter([(self.name.to_owned(), self.options.clone())]).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ChannelSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of_json(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Rows that came to a channel, and that it let on: a tie that is halved is one row in and two out, and so are the outcomes of a soft
/// label. A question that is lost behind such a channel counts as one row there, because it is never written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChannelCount {
    /// The channel.
    pub name: &'static str,
    /// Rows that came to it.
    pub rows_in: u64,
    /// Rows that it let on.
    pub rows_out: u64,
}

/// Labels with their ledger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    /// Comparisons, in the order in which they were asked.
    pub pairs: Vec<Label>,
    /// Rankings, where those were recorded.
    pub rankings: Vec<Ranked>,
    /// Comparisons that were paid: every vote, both orders, the pairs of a ranking, lost rows included.
    pub duels: u64,
    /// Who gave the answer of each comparison, from 0; empty where that is not known.
    pub annotators: Vec<u32>,
    /// Rows by channel, in the order of the channels.
    pub counts: Vec<ChannelCount>,
}

impl Labels {
    /// Adds those of a later purchase from the same channels.
    pub fn extend(&mut self, later: Self) {
        // annotators of some comparisons alone would be those of others
        match self.annotators.len() == self.pairs.len() && later.annotators.len() == later.pairs.len() {
            true => self.annotators.extend(later.annotators),
            false => self.annotators.clear(),
        }
        self.pairs.extend(later.pairs);
        self.rankings.extend(later.rankings);
        self.duels += later.duels;
        if self.counts.is_empty() {
            self.counts = later.counts;
            return;
        }
        for (sum, count) in self.counts.iter_mut().zip(later.counts) {
            sum.rows_in += count.rows_in;
            sum.rows_out += count.rows_out;
        }
    }

    /// Weight of the labels with that outcome.
    #[must_use]
    pub fn weight_of(&self, outcome: Outcome) -> f64 {
        self.pairs.iter().filter(|l| l.outcome == outcome).map(|l| l.weight).sum()
    }

    /// Lines of the data set.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.pairs.len() + self.rankings.len()
    }
}

/// Most comparisons that one question may cost.
const MOST_PRICE: u64 = 1_000_000_000;

/// Refuses a list of channels by which one question costs more than [`MOST_PRICE`] in a context with so many actions.
fn check_price(
    channels: &[Box<dyn Channel>],
    names: &[&'static str],
    actions: usize,
) -> Result<(), BuildError> {
    let price = channels.iter().try_fold(1u64, |all, channel| all.checked_mul(channel.price(actions)));
    if price.is_some_and(|price| price <= MOST_PRICE) {
        return Ok(());
    }
    let rule = format!(
        "must cost at most {MOST_PRICE} comparisons a question; the channels multiply their answers: ask for fewer"
    );
    Err(BuildError::range("labels", names.join(", "), rule))
}

/// The seed of a channel behind so many others of its name: they strike different pairs. The first has that of the list.
fn seed_of(seed: u64, earlier: usize) -> u64 {
    match earlier {
        0 => seed,
        k => sample::index(&mut stream(seed, "channel of a name", &[&k.to_string()]), usize::MAX) as u64,
    }
}

/// A list of channels, ready to record answers.
#[derive(Debug)]
pub struct Labelling {
    channels: Vec<Box<dyn Channel>>,
    names: Vec<&'static str>,
}

impl Labelling {
    /// Channels for a game of that shape; `seed`: of what strikes the same pairs every time.
    ///
    /// # Errors
    /// [`BuildError`]: an order that cannot be, an option that does not fit the game.
    pub fn new(specs: &[ChannelSpec], seed: u64, shape: &Shape) -> Result<Self, BuildError> {
        ChannelSpec::check_list(specs)?;
        let names: Vec<&'static str> = specs.iter().map(|spec| spec.name).collect();
        let built = specs.iter().enumerate().map(|(k, spec)| {
            let within = |e: BuildError| e.within(&format!("labels[{k}].{}", spec.name));
            let earlier = names[..k].iter().filter(|name| **name == spec.name).count();
            let channel = spec.entry().build(&spec.options, seed_of(seed, earlier)).map_err(within)?;
            channel.fits(shape).map_err(within)?;
            Ok(channel)
        });
        let channels = built.collect::<Result<Vec<_>, BuildError>>()?;
        let actions = (0..shape.contexts()).map(|x| shape.actions(x)).max().unwrap_or(0);
        check_price(&channels, &names, actions)?;
        Ok(Self { channels, names })
    }

    /// The law of a recorded answer to a question, given that it is recorded, before it is written down.
    #[must_use]
    pub fn law(&self, game: &Game, pair: Duel) -> Law {
        Before::new(game, &self.channels).law(pair)
    }

    /// The probability that a question leaves a row behind.
    #[must_use]
    pub fn kept(&self, game: &Game, pair: Duel) -> f64 {
        let kept = |k: usize| self.channels[k].kept(pair, &Before::new(game, &self.channels[..k]));
        (0..self.channels.len()).map(kept).product()
    }

    /// Comparisons that one question costs in a context with so many actions.
    #[must_use]
    pub fn price(&self, actions: usize) -> u64 {
        self.channels.iter().map(|c| c.price(actions)).product()
    }

    /// Asks the questions in their order and records the answers; all randomness comes from `rng`.
    #[must_use]
    pub fn record(&self, game: &Game, questions: &[Duel], rng: &mut Rng) -> Labels {
        let mut labels = Labels { counts: self.no_counts(), ..Labels::default() };
        let (mut row, mut next) = (Vec::new(), Vec::new());
        for &question in questions {
            let price = self.price(game.shape().actions(question.context));
            labels.duels = labels.duels.checked_add(price).expect("1e10 questions of at most 1e9 each");
            self.one(game, question, 0, rng, &mut labels, &mut row, &mut next);
        }
        labels
    }

    /// What its channels do.
    pub(crate) fn stages(&self) -> impl Iterator<Item = Stage> {
        self.names.iter().map(|name| channel(name).expect("a channel of the registry").stage)
    }

    fn no_counts(&self) -> Vec<ChannelCount> {
        self.names.iter().map(|&name| ChannelCount { name, rows_in: 0, rows_out: 0 }).collect()
    }

    /// Follows a row from channel `begin` on, and writes it down.
    #[expect(clippy::too_many_arguments, reason = "two buffers that are used again for every row")]
    fn one(
        &self,
        game: &Game,
        pair: Duel,
        begin: usize,
        rng: &mut Rng,
        labels: &mut Labels,
        row: &mut Vec<Label>,
        next: &mut Vec<Label>,
    ) {
        for (k, channel) in self.channels.iter().enumerate().skip(begin) {
            let before = Before::new(game, &self.channels[..k]);
            labels.counts[k].rows_in += 1;
            let kept = channel.kept(pair, &before);
            if kept <= 0.0 || (kept < 1.0 && sample::uniform(rng) >= kept) {
                return;
            }
            labels.counts[k].rows_out += 1;
            if channel.doubles() {
                labels.counts[k].rows_out += 1;
                let turned = Duel { left: pair.right, right: pair.left, ..pair };
                self.one(game, turned, k + 1, rng, labels, row, next);
            }
        }
        let ranking = self
            .channels
            .iter()
            .enumerate()
            .find_map(|(k, channel)| channel.ranked(pair, &Before::new(game, &self.channels[..k]), rng));
        if let Some(ranking) = ranking {
            labels.rankings.push(ranking);
            return;
        }
        let law = self.law(game, pair);
        let Duel { context, left, right } = pair;
        let (context, first, second) = (context as u32, left as u32, right as u32);
        let outcome = law.outcome(sample::uniform(rng));
        row.clear();
        row.push(Label { context, first, second, outcome, weight: 1.0, magnitude: None });
        // one row was counted at each channel from `begin` on; a channel that writes several hands them to those behind it
        for (k, channel) in self.channels.iter().enumerate() {
            next.clear();
            let came = row.len() as u64;
            row.drain(..).for_each(|label| channel.write(label, &law, rng, next));
            if k >= begin {
                let count = &mut labels.counts[k];
                count.rows_in += came.saturating_sub(1);
                count.rows_out += (next.len() as u64).saturating_sub(1);
            }
            std::mem::swap(row, next);
        }
        labels.pairs.append(row);
    }
}
