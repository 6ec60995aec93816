//! Counts drawn at random, whose values are ours to keep stable.

use std::sync::LazyLock;

use equipoise_core::{Rng, sample::uniform};
use equipoise_data::{Comparisons, Count, Observations, PairCount};

/// Wins among `n` trials of probability `p`: inversion from the mode outwards, one uniform number a draw.
/// O(sqrt(n p (1 - p))) steps.
#[must_use]
pub fn binomial(n: u64, p: f64, rng: &mut Rng) -> u64 {
    if n == 0 || p <= 0.0 {
        return 0;
    }
    if p >= 1.0 {
        return n;
    }
    binomial_from(n, p, mode(n, p), rng)
}

/// The mode of the binomial law, for p in (0, 1), and its probability.
pub(crate) fn mode(n: u64, p: f64) -> (f64, f64) {
    let size = n as f64;
    let mode = ((size + 1.0) * p).floor().min(size);
    let log_choose = log_factorial(size) - log_factorial(mode) - log_factorial(size - mode);
    (mode, (log_choose + mode * p.ln() + (size - mode) * (-p).ln_1p()).exp())
}

/// [`binomial`] for p in (0, 1), of a law whose [`mode`] is known.
#[inline]
pub(crate) fn binomial_from(n: u64, p: f64, (mode, at_mode): (f64, f64), rng: &mut Rng) -> u64 {
    let mut left = uniform(rng) - at_mode;
    if left < 0.0 {
        return mode as u64;
    }
    let (size, odds) = (n as f64, p / (1.0 - p));
    let (mut up, mut down) = ((mode, at_mode), (mode, at_mode));
    loop {
        let grows = up.0 < size && up.1 > 0.0;
        if grows {
            up = (up.0 + 1.0, up.1 * odds * (size - up.0) / (up.0 + 1.0));
            left -= up.1;
            if left < 0.0 {
                return up.0 as u64;
            }
        }
        let falls = down.0 > 0.0 && down.1 > 0.0;
        if falls {
            down = (down.0 - 1.0, down.1 / odds * down.0 / (size - down.0 + 1.0));
            left -= down.1;
            if left < 0.0 {
                return down.0 as u64;
            }
        }
        // what rounding leaves of the uniform number belongs nowhere
        if !grows && !falls {
            return mode as u64;
        }
    }
}

/// Logarithms of the first factorials.
static LOG_FACTORIALS: LazyLock<Vec<f64>> =
    LazyLock::new(|| (0..1024).map(|k| libm::lgamma(f64::from(k) + 1.0)).collect());

/// `log n!`.
fn log_factorial(n: f64) -> f64 {
    LOG_FACTORIALS.get(n as usize).copied().unwrap_or_else(|| libm::lgamma(n + 1.0))
}

/// Outcomes of `n` comparisons with the given probabilities, which sum to 1.
#[must_use]
pub fn multinomial(n: u64, probs: [f64; 4], rng: &mut Rng) -> [u64; 4] {
    let (mut left, mut rest, mut out) = (n, 1.0, [0; 4]);
    for k in 0..3 {
        out[k] = binomial(left, (probs[k] / rest).min(1.0), rng);
        left -= out[k];
        rest -= probs[k];
        if rest <= 0.0 {
            return out;
        }
    }
    out[3] = left;
    out
}

/// Data of the same design with outcomes drawn afresh: `probs`, of each pair, that its first item wins, its second, that they tie,
/// that both are bad.
pub(crate) fn simulate(data: &Comparisons, probs: &[[f64; 4]], rng: &mut Rng) -> Comparisons {
    let draw = |(pair, probs): (&PairCount, &[f64; 4]), rng: &mut Rng| {
        let drawn = multinomial(pair.met().round() as u64, *probs, rng);
        let [first, second, tie, both_bad] = drawn.map(|k| k as f64);
        PairCount { forward: Count { first, second, tie, both_bad }, backward: Count::default(), ..*pair }
    };
    data.with_pairs(data.pairs.iter().zip(probs).map(|pair| draw(pair, rng)).collect())
}

/// Numbers from 0 drawn with given weights: inversion, begun near its end.
#[derive(Clone, Debug)]
struct Inversion {
    cumulative: Vec<f64>,
    /// Of each of equally long parts of [0, 1): the first number that its beginning may stand for.
    guide: Vec<u32>,
}

impl Inversion {
    fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = weights
            .into_iter()
            .map(|w| {
                sum += w;
                sum
            })
            .collect();
        cumulative.iter_mut().for_each(|c| *c /= sum);
        let parts = cumulative.len();
        let mut at = 0;
        let first = |g: usize| {
            while at + 1 < parts && cumulative[at] <= g as f64 / parts as f64 {
                at += 1;
            }
            at as u32
        };
        let guide = (0..parts).map(first).collect();
        Self { cumulative, guide }
    }

    /// Numbers of a Poisson law of that mean, with where they begin.
    fn poisson(mean: f64) -> (u64, Self) {
        const NOTHING: f64 = 1e-20;
        let mode = mean.floor();
        let (mut down, mut up) = (vec![1.0], Vec::new());
        let (mut k, mut p) = (mode, 1.0);
        while k > 0.0 && p > NOTHING {
            (p, k) = (p * k / mean, k - 1.0);
            down.push(p);
        }
        let first = k as u64;
        (k, p) = (mode, 1.0);
        while p > NOTHING {
            k += 1.0;
            p *= mean / k;
            up.push(p);
        }
        (first, Self::new(down.into_iter().rev().chain(up)))
    }

    #[inline]
    fn draw(&self, rng: &mut Rng) -> usize {
        let u = uniform(rng);
        let last = self.cumulative.len() - 1;
        let mut k = self.guide[((u * self.guide.len() as f64) as usize).min(last)] as usize;
        while k < last && self.cumulative[k] <= u {
            k += 1;
        }
        k
    }
}

/// Bootstrap samples: as many observations as there are, drawn from them with replacement.
///
/// How often each of N observations is drawn is multinomial, and so are Poisson counts of means `(1 - e) w` given their sum, if
/// it is at most N, with single draws for what is missing to N. `e = 4 / sqrt(N)`: of 100,000 samples three are above N and
/// are drawn again. The laws of the counts are tabulated once for all samples.
///
/// Cost: O(cells + sqrt(N)) a sample; a cell of w observations is `1 + w / 1024` draws.
#[derive(Clone, Debug)]
pub struct Bootstrap<'a> {
    data: &'a Observations,
    /// Observations of each cell: of every outcome of every pair, or of every cluster.
    counts: Vec<u64>,
    /// Number of all.
    all: u64,
    /// Poisson laws for so many observations, where some cell needs it.
    laws: Vec<Option<(u64, Inversion)>>,
    single: Inversion,
}

/// Observations whose Poisson law is tabulated at most: counts of more are sums.
const TABULATED: u64 = 1024;

impl<'a> Bootstrap<'a> {
    /// Of observations in whole numbers.
    #[must_use]
    pub fn new(data: &'a Observations) -> Self {
        let counts: Vec<u64> = match data.clusters() {
            Some(clusters) => clusters.map(|o| o.times.round() as u64).collect(),
            None => {
                let of = |c: &Count| [c.first, c.second, c.tie, c.both_bad].map(|w| w.round() as u64);
                let pairs = data.comparisons.pairs.iter();
                pairs.flat_map(|p| [of(&p.forward), of(&p.backward)]).flatten().collect()
            }
        };
        let all: u64 = counts.iter().sum();
        let share = 1.0 - (4.0 / (all as f64).sqrt()).min(1.0);
        let mut laws = vec![None; TABULATED as usize + 1];
        for &count in &counts {
            for part in [count.min(TABULATED), count % TABULATED] {
                let law = &mut laws[part as usize];
                if part > 0 && share > 0.0 && law.is_none() {
                    *law = Some(Inversion::poisson(share * part as f64));
                }
            }
        }
        let single = Inversion::new(counts.iter().map(|&w| w as f64));
        Self { data, counts, all, laws, single }
    }

    /// A sample. Pairs may drop out.
    #[must_use]
    pub fn draw(&self, rng: &mut Rng) -> Comparisons {
        let times = self.times(rng);
        if self.data.clusters().is_some() {
            return self.data.weighted(&times);
        }
        let mut pairs = self.data.comparisons.pairs.clone();
        for (pair, times) in pairs.iter_mut().zip(times.chunks_exact(8)) {
            for (count, times) in
                [&mut pair.forward, &mut pair.backward].into_iter().zip(times.chunks_exact(4))
            {
                (count.first, count.second) = (times[0], times[1]);
                (count.tie, count.both_bad) = (times[2], times[3]);
            }
        }
        pairs.retain(|p| p.met() > 0.0);
        self.data.comparisons.with_pairs(pairs)
    }

    /// How often an observation of each cell is drawn.
    fn times(&self, rng: &mut Rng) -> Vec<f64> {
        let law = |part: u64, rng: &mut Rng| match &self.laws[part as usize] {
            Some((first, law)) => first + law.draw(rng) as u64,
            None => 0,
        };
        loop {
            let mut drawn = 0;
            let mut times: Vec<f64> = Vec::with_capacity(self.counts.len());
            for &count in &self.counts {
                let whole = (0..count / TABULATED).map(|_| law(TABULATED, rng)).sum::<u64>();
                let times_of = whole + law(count % TABULATED, rng);
                drawn += times_of;
                times.push(times_of as f64);
            }
            if drawn <= self.all {
                (drawn..self.all).for_each(|_| times[self.single.draw(rng)] += 1.0);
                return times;
            }
        }
    }
}

/// Whether these are whole counts, so that data like them can be drawn: a matrix of win rates has none, even of 0 and 1.
pub(crate) fn is_whole(data: &Comparisons) -> bool {
    let whole = |c: &Count| [c.first, c.second, c.tie, c.both_bad].iter().all(|w| w.fract() == 0.0);
    data.counted && data.pairs.iter().all(|p| whole(&p.forward) && whole(&p.backward))
}

#[cfg(test)]
mod tests {
    use super::*;
    use equipoise_core::seed::stream;

    #[test]
    fn binomial_draws_have_the_binomial_law() {
        for (n, p) in [(1u64, 0.3), (7, 0.5), (45, 0.9), (45, 0.02), (1000, 0.37), (2_000_000, 1e-6)] {
            let mut rng = stream(5, "binomial", &[&n.to_string(), &p.to_string()]);
            const DRAWS: usize = 40_000;
            let draws: Vec<f64> = (0..DRAWS).map(|_| binomial(n, p, &mut rng) as f64).collect();
            let (mean, size) = (n as f64 * p, n as f64);
            let variance = mean * (1.0 - p);
            let seen = draws.iter().sum::<f64>() / DRAWS as f64;
            let spread = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / DRAWS as f64;
            // five standard errors of a mean and of a variance
            assert!((seen - mean).abs() < 5.0 * (variance / DRAWS as f64).sqrt(), "{n} {p}: {seen}");
            let kurtosis = (1.0 - 6.0 * p * (1.0 - p)) / variance + 2.0;
            assert!(
                (spread - variance).abs() < 5.0 * variance * (kurtosis / DRAWS as f64).sqrt(),
                "{n} {p}: {spread}"
            );
            assert!(draws.iter().all(|x| *x <= size));
        }
    }

    /// Means, variances and covariances of the counts of samples are those of the multinomial law, of few and of many.
    #[test]
    fn bootstrap_counts_are_multinomial() {
        const DRAWS: usize = 20_000;
        for counts in [[1.0, 2.0, 3.0, 0.0], [4.0, 0.0, 30.0, 66.0], [5.0, 700.0, 3000.0, 0.0]] {
            let [first, second, tie, both_bad] = counts;
            let pair = PairCount {
                i: 0,
                j: 1,
                forward: Count { first, second, tie, both_bad },
                backward: Count { first: 2.0, ..Count::default() },
            };
            let two = Comparisons::from_tables(
                &ndarray::array![[0.0, 1.0], [0.0, 0.0]],
                &ndarray::Array2::zeros((2, 2)),
            );
            let data: Observations = two.with_pairs(vec![pair]).into();
            let bootstrap = Bootstrap::new(&data);
            let cells = [first, second, tie, both_bad, 2.0];
            let all: f64 = cells.iter().sum();
            let mut rng = stream(7, "bootstrap", &[&all.to_string()]);
            let draws: Vec<[f64; 5]> = (0..DRAWS)
                .map(|_| {
                    let sample = bootstrap.draw(&mut rng);
                    let (f, b) = (sample.pairs[0].forward, sample.pairs[0].backward);
                    [f.first, f.second, f.tie, f.both_bad, b.first]
                })
                .collect();
            assert!(draws.iter().all(|d| d.iter().sum::<f64>() == all), "{counts:?}");
            let size = DRAWS as f64;
            for (a, p) in cells.iter().map(|w| w / all).enumerate() {
                let mean = draws.iter().map(|d| d[a]).sum::<f64>() / size;
                let variance = all * p * (1.0 - p);
                // five standard errors
                assert!((mean - all * p).abs() <= 5.0 * (variance / size).sqrt(), "{counts:?} {a}: {mean}");
                for (b, q) in cells.iter().map(|w| w / all).enumerate() {
                    let expected = if a == b { variance } else { -all * p * q };
                    let products = draws.iter().map(|d| (d[a] - all * p) * (d[b] - all * q));
                    let (sum, squares) = products.fold((0.0, 0.0), |s, x| (s.0 + x, s.1 + x * x));
                    let seen = sum / size;
                    let error = ((squares / size - seen * seen).max(0.0) / size).sqrt();
                    assert!(
                        (seen - expected).abs() <= 5.0 * error + 1e-12,
                        "{counts:?} {a} {b}: {seen} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_poisson_table_has_the_poisson_law() {
        for mean in [0.3, 7.5, 960.0] {
            let (first, law) = Inversion::poisson(mean);
            let mut before = 0.0;
            for (k, c) in law.cumulative.iter().enumerate() {
                let k = (first + k as u64) as f64;
                let p = (k * mean.ln() - mean - libm::lgamma(k + 1.0)).exp();
                assert!((c - before - p).abs() < 1e-13, "{mean} {k}: {} {p}", c - before);
                before = *c;
            }
        }
    }

    #[test]
    fn outcomes_add_up() {
        let mut rng = stream(6, "multinomial", &[]);
        for probs in [[0.2, 0.3, 0.5, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0], [0.1, 0.2, 0.3, 0.4]]
        {
            for n in [0u64, 1, 17] {
                let drawn = multinomial(n, probs, &mut rng);
                assert_eq!(drawn.iter().sum::<u64>(), n);
                assert!(drawn.iter().zip(probs).all(|(d, p)| p > 0.0 || *d == 0), "{drawn:?} {probs:?}");
            }
        }
    }
}
