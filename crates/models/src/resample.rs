//! Counts drawn at random, whose values are ours to keep stable.

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
    let (size, odds) = (n as f64, p / (1.0 - p));
    let mode = ((size + 1.0) * p).floor().min(size);
    let log_choose = libm::lgamma(size + 1.0) - libm::lgamma(mode + 1.0) - libm::lgamma(size - mode + 1.0);
    let at_mode = (log_choose + mode * p.ln() + (size - mode) * (-p).ln_1p()).exp();
    let mut left = uniform(rng) - at_mode;
    if left < 0.0 {
        return mode as u64;
    }
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

/// Data of the same design with outcomes drawn afresh: `probs(i, j)` of i wins, j wins, tie, both bad.
pub(crate) fn simulate(
    data: &Comparisons,
    probs: impl Fn(usize, usize) -> [f64; 4],
    rng: &mut Rng,
) -> Comparisons {
    let draw = |pair: &PairCount, rng: &mut Rng| {
        let drawn = multinomial(pair.met().round() as u64, probs(pair.i, pair.j), rng);
        let [first, second, tie, both_bad] = drawn.map(|k| k as f64);
        PairCount { forward: Count { first, second, tie, both_bad }, backward: Count::default(), ..*pair }
    };
    data.with_pairs(data.pairs.iter().map(|pair| draw(pair, rng)).collect())
}

/// A bootstrap sample: as many observations as there are, drawn from them with replacement. Pairs may drop out.
#[must_use]
pub fn resample(data: &Observations, rng: &mut Rng) -> Comparisons {
    let all = data.count();
    let (mut left, mut rest) = (all.round() as u64, all);
    let mut draw = |weight: f64| -> f64 {
        if weight <= 0.0 {
            return 0.0;
        }
        let drawn = if weight >= rest { left } else { binomial(left, weight / rest, rng) };
        left -= drawn;
        rest -= weight;
        drawn as f64
    };
    if let Some(clusters) = data.clusters() {
        let times: Vec<f64> = clusters.map(|o| draw(o.times)).collect();
        return data.weighted(&times);
    }
    let mut pairs = data.comparisons.pairs.clone();
    for pair in &mut pairs {
        for count in [&mut pair.forward, &mut pair.backward] {
            count.first = draw(count.first);
            count.second = draw(count.second);
            count.tie = draw(count.tie);
            count.both_bad = draw(count.both_bad);
        }
    }
    pairs.retain(|p| p.met() > 0.0);
    data.comparisons.with_pairs(pairs)
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
