//! The error bounds of the elementary functions, against references in twice the precision that share nothing with
//! them: double-double arithmetic with Taylor's series, and one Newton step for the logarithm.

use equipoise_core::sample::uniform;
use equipoise_core::vector::{self, ULP};
use equipoise_core::{seed, simplex};

/// `hi + lo` with `|lo| <= ulp(hi) / 2`: some 106 bits.
#[derive(Clone, Copy, Debug)]
struct Double {
    hi: f64,
    lo: f64,
}

impl Double {
    fn new(hi: f64, lo: f64) -> Self {
        let sum = hi + lo;
        Self { hi: sum, lo: lo - (sum - hi) }
    }

    fn of(x: f64) -> Self {
        Self { hi: x, lo: 0.0 }
    }

    fn plus(self, other: Self) -> Self {
        let sum = self.hi + other.hi;
        let back = sum - self.hi;
        let rest = (self.hi - (sum - back)) + (other.hi - back);
        Self::new(sum, rest + self.lo + other.lo)
    }

    fn times(self, other: Self) -> Self {
        let product = self.hi * other.hi;
        let rest = self.hi.mul_add(other.hi, -product);
        Self::new(product, rest + (self.hi * other.lo + self.lo * other.hi))
    }

    fn over(self, divisor: f64) -> Self {
        let first = self.hi / divisor;
        let rest = Self::of(first).times(Self::of(-divisor)).plus(self);
        Self::new(first, rest.hi / divisor)
    }
}

/// `(s, k)` with `e^x = s 2^k` and s near 1.
fn exp(x: f64) -> (Double, i32) {
    // ln 2 in three parts
    const LN2: [f64; 3] = [std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17, 5.707_708_438_416_212e-34];
    let k = (x * std::f64::consts::LOG2_E).round();
    let r = LN2.iter().fold(Double::of(x), |r, part| r.plus(Double::of(-k).times(Double::of(*part))));
    let one = Double::of(1.0);
    let s = (1..=28).rev().fold(one, |s, n| one.plus(r.times(s).over(f64::from(n))));
    (s, k as i32)
}

/// `ln x` as the system's value and what is missing: one Newton step, quadratic, from an error below 1e-15.
fn ln(x: f64) -> (f64, f64) {
    let start = x.ln();
    let (s, k) = exp(-start);
    // x e^-start - 1; x is scaled in two steps, for 2^k alone may overflow
    let scaled = x * 2f64.powi(k / 2) * 2f64.powi(k - k / 2);
    let e = Double::of(scaled).times(s).plus(Double::of(-1.0));
    (start, e.hi - e.hi * e.hi / 2.0)
}

fn ulp(x: f64) -> f64 {
    x.abs().next_up() - x.abs()
}

fn exp_error(x: f64) -> f64 {
    let (s, k) = exp(x);
    let ours = vector::exp(x) * 2f64.powi(-k / 2) * 2f64.powi(-k + k / 2);
    ((ours - s.hi) - s.lo).abs() / ulp(s.hi)
}

fn ln_error(x: f64) -> f64 {
    let (start, rest) = ln(x);
    if start == 0.0 {
        return if vector::ln(x) == 0.0 { 0.0 } else { f64::INFINITY };
    }
    ((vector::ln(x) - start) - rest).abs() / ulp(start)
}

#[test]
fn the_references_know_what_is_known() {
    // e = 2.71828182845904523536028747135266249775724709...
    let (s, k) = exp(1.0);
    assert_eq!(
        (s.hi * 2f64.powi(k), s.lo * 2f64.powi(k)),
        (std::f64::consts::E, 1.445_646_891_729_250_2e-16)
    );
    let (start, rest) = ln(2.0);
    assert!(((start - std::f64::consts::LN_2) + rest - 2.319_046_813_846_299_6e-17).abs() < 1e-30);
}

#[test]
fn exp_stays_within_its_bound() {
    let mut rng = seed::stream(1, "elementary", &[]);
    let mut worst = (0.0, 0.0);
    let mut try_at = |x: f64| {
        let error = exp_error(x);
        if error > worst.0 {
            worst = (error, x);
        }
    };
    for _ in 0..300_000 {
        try_at(-40.0 * uniform(&mut rng));
        try_at(1417.0 * uniform(&mut rng) - 708.0);
        try_at(uniform(&mut rng) - 0.5);
    }
    // where the reduction changes, near 0, and the ends
    for k in -1021..1024 {
        let edge = (f64::from(k) + 0.5) * std::f64::consts::LN_2;
        [edge.next_down(), edge, edge.next_up(), f64::from(k) * std::f64::consts::LN_2]
            .into_iter()
            .filter(|x| *x <= 709.0 && *x >= -708.0)
            .for_each(&mut try_at);
    }
    (-1070..0).flat_map(|e| [2f64.powi(e), -2f64.powi(e)]).for_each(&mut try_at);
    [0.0, -0.0, -708.0, 709.0].into_iter().for_each(&mut try_at);
    assert!(worst.0 <= ULP && worst.0 > 0.5, "{worst:?}");
}

#[test]
fn ln_stays_within_its_bound() {
    let mut rng = seed::stream(2, "elementary", &[]);
    let mut worst = (0.0, 0.0);
    let mut try_at = |x: f64| {
        let error = ln_error(x);
        if error > worst.0 {
            worst = (error, x);
        }
    };
    for _ in 0..300_000 {
        try_at(0.25 + 4.0 * uniform(&mut rng));
        try_at(1.0 + 64.0 * uniform(&mut rng)); // sums of a softmax
        try_at(uniform(&mut rng).max(1e-300));
        try_at(f64::from_bits(0x0010_0000_0000_0000 + (uniform(&mut rng) * 9.2e18) as u64));
    }
    let root = std::f64::consts::FRAC_1_SQRT_2;
    for e in -1020..1020 {
        let two = 2f64.powi(e);
        [two, two.next_up(), two.next_down(), two * root, (two * root).next_up(), (two * root).next_down()]
            .into_iter()
            .for_each(&mut try_at);
    }
    (1..1000)
        .flat_map(|k| [1.0 + f64::from(k) * f64::EPSILON, 1.0 - f64::from(k) * f64::EPSILON / 2.0])
        .for_each(&mut try_at);
    [f64::MIN_POSITIVE, f64::MAX].into_iter().for_each(&mut try_at);
    assert!(worst.0 <= ULP && worst.0 > 0.5, "{worst:?}");
}

/// With u = eps / 2, first order: `d = v - top` is rounded (|d| u, and |d| <= |log p|), `exp` adds 2 u, the sum of n numbers
/// in eight lanes some n / 8 + 10 roundings and the mean of the |d_j|, at most log n; then
/// `log p`: `ln` and the last difference, 2 u log n and |log p| u; `p`: the quotient and the product, 2 u.
#[test]
fn a_log_softmax_is_right_to_a_few_units() {
    let bounds = |n: usize, log_p: f64| {
        let (log_n, adds) = ((n as f64).ln(), n as f64 / 8.0 + 10.0);
        let sum = 2.0 + adds + log_n;
        [(2.0 * log_p.abs() + sum + 2.0 * log_n) / 2.0, (log_p.abs() + 2.0 + sum + 2.0) / 2.0]
    };
    let mut rng = seed::stream(3, "elementary", &[]);
    let (mut worst_log, mut worst_prob) = (0.0f64, 0.0f64);
    for round in 0..4000 {
        let n = 1 + round % 40;
        let spread = [1.0, 10.0, 100.0][round % 3];
        let logits: Vec<f64> = (0..n).map(|_| spread * (uniform(&mut rng) - 0.5)).collect();
        let (mut log_probs, mut probs) = (logits.clone(), vec![0.0; n]);
        simplex::log_softmax(&mut log_probs, &mut probs).unwrap();
        let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // exp(v - top) of the exact difference, and their sum, in double-double
        let powers: Vec<Double> = logits
            .iter()
            .map(|v| {
                let shift = Double::of(*v).plus(Double::of(-top));
                let (s, k) = exp(shift.hi);
                let two = 2f64.powi(k);
                let s = s.times(Double::of(1.0).plus(Double::of(shift.lo)));
                Double { hi: s.hi * two, lo: s.lo * two }
            })
            .collect();
        let sum = powers.iter().fold(Double::of(0.0), |a, b| a.plus(*b));
        let (start, rest) = ln(sum.hi);
        let log_sum = Double::of(start).plus(Double::of(rest + sum.lo / sum.hi));
        for i in 0..n {
            let log = Double::of(logits[i])
                .plus(Double::of(-top))
                .plus(Double { hi: -log_sum.hi, lo: -log_sum.lo });
            let error = ((log_probs[i] - log.hi) - log.lo).abs() / f64::EPSILON;
            let [log_bound, prob_bound] = bounds(n, log.hi);
            worst_log = worst_log.max(error / log_bound);
            let prob = powers[i].hi / sum.hi;
            let error = (probs[i] - prob).abs() / prob / f64::EPSILON;
            worst_prob = worst_prob.max(error / prob_bound);
        }
    }
    assert!(worst_log <= 1.0 && worst_log > 0.1, "{worst_log}");
    assert!(worst_prob <= 1.0 && worst_prob > 0.1, "{worst_prob}");
}
