//! Duels drawn in bulk: the words of the oracle's stream are generated block-wise, and the contexts of a large game draw
//! in parallel, each from its place in the one stream; so do the actions of a context with many duels.
//!
//! A query shares its `m` duels out over the `n` actions of a context (`m mod n` words for the remainder), then asks action
//! by action; a duel takes one word for its opponent and one for its outcome, where it needs them. So the place of every
//! context in the stream is known beforehand, and the answers are those of one thread that takes word after word.

use std::ops::Range;

use equipoise_core::blocks::{self, Block};
use equipoise_core::lanes::LANES;
use equipoise_core::sample::{Words, ahead, index_of, uniform_of};
use equipoise_core::vector::dispatch;
use equipoise_core::{Duel, Rng, Sampler};
use rayon::prelude::*;

use crate::feedback::{LabelKind, OpponentKind, Sampled};
use crate::game::Game;

/// Duels that one thread answers at a time: of a list, or of some actions of one context.
const LIST: usize = 1 << 13;
/// From so many duels of one action on, its win rates against all of a short row are written out first.
const WRITE_OUT: usize = 8;
/// The same of a longer row of which each would be read so many times.
const READ_EACH: usize = 2;
/// Bytes of margins that lie in a core's own cache.
const CACHED: u64 = 1 << 18;
/// Words beyond which a query is shared out among the threads.
const SHARED: u64 = 1 << 14;

/// Words of the stream before each context's own in one query; one more entry than contexts.
pub(crate) fn word_starts(offsets: &[usize], spec: &Sampled) -> Vec<u64> {
    let duels = u64::from(spec.duels_per_query);
    let mut words = 0;
    let ends = offsets.windows(2).map(|w| {
        words += duels % (w[1] - w[0]) as u64 + duels * words_a_duel(spec) as u64;
        words
    });
    std::iter::once(0).chain(ends).collect()
}

fn words_a_duel(spec: &Sampled) -> usize {
    usize::from(spec.opponent == OpponentKind::Sampled) + usize::from(spec.labels == LabelKind::Bernoulli)
}

/// What the answers of one query come from.
pub(crate) struct Query<'a> {
    pub(crate) game: &'a Game,
    pub(crate) spec: &'a Sampled,
    pub(crate) opponent: Opponent<'a>,
    /// As [`word_starts`] gives them.
    pub(crate) starts: &'a [u64],
}

/// Against whom an action duels.
#[derive(Clone, Copy)]
pub(crate) enum Opponent<'a> {
    /// Actions drawn from these tables.
    Sampled(&'a Sampler),
    /// The policy itself, by its true margins, flat over the shape.
    Exact(&'a [f64]),
}

impl Query<'_> {
    /// Writes the estimated win rates, flat over the shape, and moves `rng` behind the words of the query.
    pub(crate) fn answer(&self, rng: &mut Rng, out: &mut [f64]) {
        let offsets = self.game.shape().offsets();
        let words =
            |block: &Block<'_>| (self.starts[block.first], self.starts[block.first + block.contexts()]);
        let too_large = |block: &Block<'_>| {
            let (begin, end) = words(block);
            end - begin > SHARED || block.entries().len() > blocks::BLOCK
        };
        let all = Block { first: 0, offsets };
        if !too_large(&all) {
            self.block(all, Words::new(rng, words(&all).1), out);
            return;
        }
        let here = &*rng;
        let part = |block: Block<'_>, out: &mut [f64]| {
            let (begin, end) = words(&block);
            let mut rng = ahead(here, begin);
            if too_large(&block) {
                self.shared_context(block.first, &rng, out);
            } else {
                self.block(block, Words::new(&mut rng, end - begin), out);
            }
        };
        blocks::par_blocks_while(offsets, out, too_large, part, |(), ()| ());
        *rng = ahead(here, words(&all).1);
    }

    fn block(&self, block: Block<'_>, mut words: Words<'_>, out: &mut [f64]) {
        let m = self.spec.duels_per_query as usize;
        let (mut order, mut scratch) = (Vec::new(), Scratch::default());
        for (k, row) in block.rows().enumerate() {
            let (x, n) = (block.first + k, row.len());
            share_out(n, m % n, &mut order, &mut words);
            let weight = n as f64 / m as f64;
            for (k, &a) in order.iter().enumerate() {
                let sum = self.action(x, a, duels_per_action(m, n, k), &mut words, &mut scratch);
                out[row.start + a] = 0.5 + weight * sum;
            }
        }
    }

    /// One context, its actions in parallel, each from its place in the stream; the context's is that of `here`.
    fn shared_context(&self, x: usize, here: &Rng, out: &mut [f64]) {
        let (m, n) = (self.spec.duels_per_query as usize, out.len());
        let (mut order, first) = (Vec::new(), (m % n) as u64);
        share_out(n, m % n, &mut order, &mut Words::new(&mut ahead(here, 0), first));
        let mut sums = vec![0.0; n];
        let chunk = (LIST * n).div_ceil(m).clamp(1, n);
        let parts = order.par_chunks(chunk).zip(sums.par_chunks_mut(chunk));
        parts.enumerate().for_each(|(part, (order, sums))| {
            let begin = part * chunk;
            let duels = |k: usize| duels_per_action(m, n, begin + k);
            let before = (begin * (m / n) + begin.min(m % n)) as u64;
            let each = words_a_duel(self.spec) as u64;
            let count = (0..order.len()).map(|k| duels(k) as u64).sum::<u64>() * each;
            let mut rng = ahead(here, first + before * each);
            let (mut words, mut scratch) = (Words::new(&mut rng, count), Scratch::default());
            for (k, (&a, sum)) in order.iter().zip(sums).enumerate() {
                *sum = self.action(x, a, duels(k), &mut words, &mut scratch);
            }
        });
        let weight = n as f64 / m as f64;
        order.iter().zip(sums).for_each(|(&a, sum)| out[a] = 0.5 + weight * sum);
    }

    /// The sum of `z - 1/2` over the duels of action `a` in context `x`.
    fn action(&self, x: usize, a: usize, duels: usize, words: &mut Words<'_>, scratch: &mut Scratch) -> f64 {
        if duels == 0 {
            return 0.0;
        }
        let range = self.game.shape().range(x);
        match (self.opponent, self.spec.labels) {
            (Opponent::Exact(margins), LabelKind::Probability) => duels as f64 * margins[range.start + a],
            (Opponent::Exact(margins), LabelKind::Bernoulli) => {
                let rate = 0.5 + margins[range.start + a];
                in_parts(duels, 1, words, |words| {
                    sum_of_outcomes(words.len(), words.iter().filter(|w| uniform(w) < rate).count())
                })
            }
            (Opponent::Sampled(sampler), LabelKind::Probability) => in_parts(duels, 1, words, |words| {
                let (opponents, rates) = scratch.duels(words.len());
                sample_opponents(sampler, range.clone(), words.iter(), opponents);
                self.gather_rates(x, a, opponents, rates);
                rates.iter().map(|p| p - 0.5).sum()
            }),
            (Opponent::Sampled(sampler), LabelKind::Bernoulli) => {
                if range.len() <= Sampler::SHORT && duels >= WRITE_OUT {
                    self.short_row(sampler, x, a, duels, words)
                } else {
                    self.any_row(sampler, x, a, duels, words, scratch)
                }
            }
        }
    }

    /// Outcomes against sampled opponents in a row short enough to compare all its running sums, its win rates written out.
    fn short_row(&self, sampler: &Sampler, x: usize, a: usize, duels: usize, words: &mut Words<'_>) -> f64 {
        let range = self.game.shape().range(x);
        let mut rates = [0.0; Sampler::SHORT];
        rates[..range.len()].iter_mut().enumerate().for_each(|(j, p)| *p = self.game.prob(x, a, j));
        let sums = sampler.running_sums(range);
        in_parts(duels, 2, words, |words| {
            let wins = dispatch(
                #[inline(always)]
                || wins(sums, &rates, words),
            );
            sum_of_outcomes(words.len() / 2, wins)
        })
    }

    /// The same in any row.
    fn any_row(
        &self,
        sampler: &Sampler,
        x: usize,
        a: usize,
        duels: usize,
        words: &mut Words<'_>,
        scratch: &mut Scratch,
    ) -> f64 {
        let range = self.game.shape().range(x);
        let mut all_rates = std::mem::take(&mut scratch.all_rates);
        let written_out = duels >= READ_EACH * range.len();
        if written_out {
            all_rates.clear();
            all_rates.extend((0..range.len()).map(|j| self.game.prob(x, a, j)));
        }
        let sum = in_parts(duels, 2, words, |words| {
            let pairs = words.as_chunks::<2>().0;
            let (opponents, rates) = scratch.duels(pairs.len());
            sample_opponents(sampler, range.clone(), pairs.iter().map(|[w, _]| w), opponents);
            if written_out {
                opponents.iter().zip(&mut *rates).for_each(|(&j, p)| *p = all_rates[j]);
            } else {
                self.gather_rates(x, a, opponents, rates);
            }
            let won = |([_, outcome], p): (&[[u8; 8]; 2], &f64)| usize::from(uniform(outcome) < *p);
            sum_of_outcomes(pairs.len(), pairs.iter().zip(&*rates).map(won).sum())
        });
        scratch.all_rates = all_rates;
        sum
    }

    /// Win rates of action `a` against `opponents`.
    fn gather_rates(&self, x: usize, a: usize, opponents: &[usize], rates: &mut [f64]) {
        if likely_cache_miss(self.game) {
            opponents.iter().for_each(|&j| self.game.prefetch(x, a, j));
        }
        opponents.iter().zip(rates).for_each(|(&j, p)| *p = self.game.prob(x, a, j));
    }
}

/// The opponents that `words` stand for. All are sampled before any win rate is read, so that a mispredicted branch of this
/// search does not stall the loads.
fn sample_opponents<'w>(
    sampler: &Sampler,
    row: Range<usize>,
    words: impl Iterator<Item = &'w [u8; 8]>,
    opponents: &mut [usize],
) {
    opponents.iter_mut().zip(words).for_each(|(j, w)| *j = sampler.pick(row.clone(), uniform(w)));
}

/// Buffers of an action's duels, overwritten by each.
#[derive(Default)]
struct Scratch {
    /// Win rates against all actions.
    all_rates: Vec<f64>,
    opponents: Vec<usize>,
    /// Win rates against these.
    rates: Vec<f64>,
}

impl Scratch {
    /// Opponents and win rates of so many duels at once.
    fn duels(&mut self, count: usize) -> (&mut [usize], &mut [f64]) {
        if self.rates.len() < count {
            self.opponents.resize(count, 0);
            self.rates.resize(count, 0.0);
        }
        (&mut self.opponents[..count], &mut self.rates[..count])
    }
}

/// Whether looking up a margin is likely to wait for memory.
fn likely_cache_miss(game: &Game) -> bool {
    game.product_cost().bytes > CACHED
}

/// How many of `m` duels the k-th of `n` actions has, in the order of [`share_out`].
fn duels_per_action(m: usize, n: usize, k: usize) -> usize {
    m / n + usize::from(k < m % n)
}

/// The sum of `part` over `duels` duels of `each` words, as many at once as [`Words`] gives.
fn in_parts(
    duels: usize,
    each: usize,
    words: &mut Words<'_>,
    mut part: impl FnMut(&[[u8; 8]]) -> f64,
) -> f64 {
    let most = Words::MOST / each;
    (0..duels).step_by(most).map(|done| part(words.take((duels - done).min(most) * each))).sum()
}

/// `sum (z - 1/2)` of so many duels, so many of them won: exact.
fn sum_of_outcomes(duels: usize, wins: usize) -> f64 {
    wins as f64 - 0.5 * duels as f64
}

fn uniform(word: &[u8; 8]) -> f64 {
    uniform_of(u64::from_le_bytes(*word))
}

/// Wins among duels of two words each: the opponent by the running sums of a short row, the outcome by `rates`, the win
/// rates against each.
#[inline(always)]
fn wins(sums: &[f64], rates: &[f64; Sampler::SHORT], words: &[[u8; 8]]) -> usize {
    let last = sums.len() - 1;
    let won = |chunk: &[[u8; 8]]| {
        let (mut level, mut outcome) = ([0.0; LANES], [1.0; LANES]);
        for (l, pair) in chunk.as_chunks::<2>().0.iter().enumerate() {
            level[l] = uniform(&pair[0]) * sums[last];
            outcome[l] = uniform(&pair[1]);
        }
        let mut opponent = [0u64; LANES];
        for &c in sums {
            for l in 0..LANES {
                opponent[l] += u64::from(c <= level[l]);
            }
        }
        let mut wins = 0;
        for l in 0..LANES {
            // an outcome of 1 is no duel
            wins += usize::from(outcome[l] < rates[(opponent[l] as usize).min(last) % Sampler::SHORT]);
        }
        wins
    };
    let mut chunks = words.chunks_exact(2 * LANES);
    let whole: usize = (&mut chunks).map(won).sum();
    whole + won(chunks.remainder())
}

/// Lists `0..n` in `order` with a uniformly random `k`-subset in front (partial Fisher-Yates).
fn share_out(n: usize, k: usize, order: &mut Vec<usize>, words: &mut Words<'_>) {
    order.clear();
    order.extend(0..n);
    for i in 0..k {
        order.swap(i, i + index_of(words.take_one(), n - i));
    }
}

/// Writes 1 where `left` beats `right` in one draw, else 0; one word a duel.
pub(crate) fn draw_outcomes(game: &Game, rng: &mut Rng, pairs: &[Duel], out: &mut [f64]) {
    let here = &*rng;
    let prefetch = likely_cache_miss(game);
    let list = |rng: &mut Rng, pairs: &[Duel], out: &mut [f64]| {
        let mut words = Words::new(rng, pairs.len() as u64);
        for (pairs, out) in pairs.chunks(Words::MOST).zip(out.chunks_mut(Words::MOST)) {
            let words = words.take(pairs.len());
            if prefetch {
                pairs.iter().for_each(|duel| game.prefetch(duel.context, duel.left, duel.right));
            }
            for ((duel, z), word) in pairs.iter().zip(out).zip(words) {
                let p = game.prob(duel.context, duel.left, duel.right);
                *z = f64::from(u8::from(uniform(word) < p));
            }
        }
    };
    if pairs.len() <= LIST {
        list(rng, pairs, out);
        return;
    }
    pairs.par_chunks(LIST).zip(out.par_chunks_mut(LIST)).enumerate().for_each(|(k, (pairs, out))| {
        list(&mut ahead(here, (k * LIST) as u64), pairs, out);
    });
    *rng = ahead(rng, pairs.len() as u64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PreferenceMatrix;
    use crate::storage::LowRank;
    use equipoise_core::sample::{self, index};
    use equipoise_core::{Policy, seed::stream};
    use ndarray::{Array1, Array2};
    use rand::Rng as _;

    fn game(sizes: impl Iterator<Item = usize>) -> Game {
        let margin = |x: usize| move |i: usize, j: usize| ((x + 3 * i + 7 * j) as f64).sin() / 2.0;
        let matrices = sizes.enumerate().map(|(x, n)| PreferenceMatrix::from_margins(n, margin(x)).unwrap());
        Game::new(matrices).unwrap()
    }

    fn policy(game: &Game) -> Policy {
        let logits = (0..game.shape().len()).map(|i| (i as f64 * 0.7).cos() * 2.0).collect();
        Policy::from_logits(game.shape(), logits).unwrap()
    }

    /// The query as it is defined: word after word from one stream.
    fn word_by_word(game: &Game, spec: &Sampled, policy: &Policy, rng: &mut Rng) -> Vec<f64> {
        let mut margins = Array1::zeros(game.shape().len());
        game.margins(policy, &mut margins);
        let (mut out, m) = (vec![0.0; margins.len()], spec.duels_per_query as usize);
        for (x, range) in game.shape().ranges().enumerate() {
            let n = range.len();
            let mut order: Vec<usize> = (0..n).collect();
            for i in 0..m % n {
                order.swap(i, i + index(rng, n - i));
            }
            let mut sum = 0.0;
            let sums: Vec<f64> = policy
                .probs_at(x)
                .iter()
                .map(|p| {
                    sum += p;
                    sum
                })
                .collect();
            for (k, &a) in order.iter().enumerate() {
                let duels = m / n + usize::from(k < m % n);
                let mut total = 0.0;
                for _ in 0..duels {
                    let p = match spec.opponent {
                        OpponentKind::Sampled => {
                            let level = sample::uniform(rng) * sums[n - 1];
                            game.prob(x, a, sums.partition_point(|&c| c <= level).min(n - 1))
                        }
                        OpponentKind::Exact => 0.5 + margins[range.start + a],
                    };
                    total += match spec.labels {
                        LabelKind::Probability => p,
                        LabelKind::Bernoulli => f64::from(u8::from(sample::uniform(rng) < p)),
                    } - 0.5;
                }
                out[range.start + a] = 0.5 + n as f64 / m as f64 * total;
            }
        }
        out
    }

    #[test]
    fn answers_in_bulk_and_in_parallel_are_those_of_one_word_after_the_other() {
        let small = game([1, 2, 8, 31, 33, 70].into_iter());
        let large = game((0..6000).map(|x| 1 + x % 9));
        for (game, duels) in [(&small, &[1, 5, 64, 3000, SHARED as u32 + 19][..]), (&large, &[1, 7, 100])] {
            for &duels_per_query in duels {
                for opponent in [OpponentKind::Sampled, OpponentKind::Exact] {
                    for labels in [LabelKind::Bernoulli, LabelKind::Probability] {
                        let spec = Sampled { duels_per_query, labels, opponent };
                        let policy = policy(game);
                        let mut margins = Array1::zeros(game.shape().len());
                        game.margins(&policy, &mut margins);
                        let sampler = Sampler::new(&policy);
                        let query = Query {
                            game,
                            spec: &spec,
                            opponent: match opponent {
                                OpponentKind::Sampled => Opponent::Sampled(&sampler),
                                OpponentKind::Exact => Opponent::Exact(margins.as_slice().unwrap()),
                            },
                            starts: &word_starts(game.shape().offsets(), &spec),
                        };
                        let (mut bulk, mut one) = (stream(5, "test", &[]), stream(5, "test", &[]));
                        bulk.next_u64();
                        one.next_u64();
                        let mut out = vec![f64::NAN; margins.len()];
                        query.answer(&mut bulk, &mut out);
                        let expect = word_by_word(game, &spec, &policy, &mut one);
                        for (a, b) in out.iter().zip(&expect) {
                            // sums of labels are exact; sums of probabilities are rounded block by block
                            let tolerance = if labels == LabelKind::Bernoulli { 0.0 } else { 1e-12 };
                            assert!((a - b).abs() <= tolerance, "{a} {b} {spec:?}");
                        }
                        assert_eq!(bulk.next_u64(), one.next_u64(), "{spec:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_actions_of_one_large_context_draw_the_same_on_any_number_of_threads() {
        let n = 20_000;
        let u = Array2::from_shape_fn((n, 2), |(i, k)| ((i * (k + 2)) as f64).sin() / 2.0);
        let game = Game::single(LowRank::new(u.view()).unwrap());
        let policy = policy(&game);
        for duels_per_query in [7, 50_000] {
            let spec = Sampled { duels_per_query, ..Sampled::default() };
            let sampler = Sampler::new(&policy);
            let starts = word_starts(game.shape().offsets(), &spec);
            let query =
                Query { game: &game, spec: &spec, opponent: Opponent::Sampled(&sampler), starts: &starts };
            let mut one = stream(9, "test", &[]);
            let expect = word_by_word(&game, &spec, &policy, &mut one);
            let next = one.next_u64();
            for threads in [1, 2, 5] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let (mut rng, mut out) = (stream(9, "test", &[]), vec![f64::NAN; n]);
                pool.install(|| query.answer(&mut rng, &mut out));
                assert!(
                    out == expect && rng.next_u64() == next,
                    "{duels_per_query} duels, {threads} threads"
                );
            }
        }
    }

    #[test]
    fn listed_duels_are_drawn_in_the_order_of_the_list() {
        let game = game([3, 5].into_iter());
        let pairs: Vec<Duel> =
            (0..3 * LIST + 17).map(|k| Duel { context: 1, left: k % 5, right: (k / 5) % 5 }).collect();
        for count in [1, 5, LIST, pairs.len()] {
            let (mut bulk, mut one) = (stream(6, "test", &[]), stream(6, "test", &[]));
            let mut out = vec![f64::NAN; count];
            draw_outcomes(&game, &mut bulk, &pairs[..count], &mut out);
            for (duel, z) in pairs.iter().zip(&out) {
                let p = game.prob(duel.context, duel.left, duel.right);
                assert_eq!(*z, f64::from(u8::from(sample::uniform(&mut one) < p)));
            }
            assert_eq!(bulk.next_u64(), one.next_u64());
        }
        let share = {
            let mut out = vec![0.0; pairs.len()];
            draw_outcomes(
                &game,
                &mut stream(8, "test", &[]),
                &vec![Duel { context: 1, left: 0, right: 3 }; pairs.len()],
                &mut out,
            );
            out.iter().sum::<f64>() / pairs.len() as f64
        };
        // five standard errors
        assert!((share - game.prob(1, 0, 3)).abs() < 2.5 / (pairs.len() as f64).sqrt(), "{share}");
    }
}
