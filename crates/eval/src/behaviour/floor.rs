//! The level at which a noisy run stays, with its interval: non-overlapping batch means.
//!
//! The gap of every step is summed in batches of equal length; two neighbours are joined once there are [`BATCHES`]. The
//! floor is the mean over the batches of the last half of the run. Neighbouring steps are correlated, batch means far less:
//! batches are joined while they are many and their lag-one correlation `r` is material; what is left of it widens the variance by
//! `(1 + r) / (1 - r)`, that of an autoregressive series, and the interval is Student's.

/// Most batches kept; at least half as many once the run is long enough.
const BATCHES: usize = 64;
/// Lag-one correlation of batch means up to which they count as independent.
const INDEPENDENT: f64 = 0.25;
/// Batches that an interval needs.
const FEWEST: usize = 6;

/// Mean of a metric over a stretch of the run, with an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    /// The mean.
    pub mean: f64,
    /// The 95% interval of the mean.
    pub interval: (f64, f64),
    /// First and last step of the stretch.
    pub steps: (u64, u64),
}

/// Sums over batches of steps.
#[derive(Clone, Debug)]
pub struct Batches {
    length: u64,
    sums: Vec<f64>,
    open: (u64, f64),
    step: u64,
}

impl Default for Batches {
    fn default() -> Self {
        Self { length: 1, sums: Vec::with_capacity(BATCHES + 1), open: (0, 0.0), step: 0 }
    }
}

impl Batches {
    /// Adds the value after a step.
    #[inline]
    pub fn add(&mut self, value: f64) {
        self.step += 1;
        self.open.0 += 1;
        self.open.1 += value;
        if self.open.0 < self.length {
            return;
        }
        self.sums.push(self.open.1);
        self.open = (0, 0.0);
        if self.sums.len() == BATCHES {
            for k in 0..BATCHES / 2 {
                self.sums[k] = self.sums[2 * k] + self.sums[2 * k + 1];
            }
            self.sums.truncate(BATCHES / 2);
            self.length *= 2;
        }
    }

    /// The mean over `(T / 2^(k+1), T / 2^k]` with its interval; `None` where there are fewer than six batches.
    #[must_use]
    pub fn floor(&self, k: u32) -> Option<Floor> {
        let (first, last) = (self.sums.len() >> (k + 1), self.sums.len() >> k);
        let mut means: Vec<f64> = self.sums[first..last].iter().map(|s| s / self.length as f64).collect();
        while means.len() >= 2 * FEWEST && correlation(&means) > INDEPENDENT {
            means = means.chunks_exact(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect();
        }
        let m = means.len();
        if m < FEWEST {
            return None;
        }
        let mean = means.iter().sum::<f64>() / m as f64;
        let variance = means.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (m - 1) as f64;
        let left = correlation(&means).clamp(0.0, 0.9);
        let half = student((m - 1) as f64) * (variance * (1.0 + left) / (1.0 - left) / m as f64).sqrt();
        let steps = (first as u64 * self.length + 1, last as u64 * self.length);
        Some(Floor { mean, interval: (mean - half, mean + half), steps })
    }
}

/// Lag-one correlation; 0 of a constant series.
fn correlation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let square: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let lagged: f64 = values.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).sum();
    if square > 0.0 { lagged / square } else { 0.0 }
}

/// The 97.5% quantile of Student's distribution, by its expansion around the normal one (Cornish and Fisher); right to 0.3% from
/// 5 degrees of freedom on.
#[must_use]
pub fn student(freedom: f64) -> f64 {
    const Z: f64 = 1.959_963_984_540_054;
    let (z3, z5) = (Z.powi(3), Z.powi(5));
    let first = (z3 + Z) / 4.0;
    let second = (5.0 * z5 + 16.0 * z3 + 3.0 * Z) / 96.0;
    let third = (3.0 * Z.powi(7) + 19.0 * z5 + 17.0 * z3 - 15.0 * Z) / 384.0;
    Z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (freedom, quantile) in [(5.0, 2.5706), (10.0, 2.2281), (15.0, 2.1314), (31.0, 2.0395)] {
            approx::assert_relative_eq!(student(freedom), quantile, max_relative = 3e-3);
        }
    }

    /// An autoregressive series of mean 1: the interval must cover the mean in about 95 of 100 cases.
    #[test]
    fn intervals_cover_the_mean_of_a_correlated_series() {
        let mut state = 12345_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
        };
        let mut covered = 0;
        for _ in 0..400 {
            let (mut batches, mut value) = (Batches::default(), 0.0);
            for _ in 0..5000 {
                value = 0.9 * value + uniform();
                batches.add(1.0 + value);
            }
            let floor = batches.floor(0).expect("long enough");
            assert!(floor.steps.0 > 2000 && floor.steps.1 <= 5000, "{floor:?}");
            covered += usize::from(floor.interval.0 <= 1.0 && 1.0 <= floor.interval.1);
        }
        assert!((360..=398).contains(&covered), "{covered} of 400");
    }

    #[test]
    fn a_short_series_has_no_interval() {
        let mut batches = Batches::default();
        (0..8).for_each(|_| batches.add(0.5));
        assert_eq!(batches.floor(0), None);
        (0..8).for_each(|_| batches.add(0.5));
        assert_eq!(batches.floor(0).map(|f| (f.mean, f.interval)), Some((0.5, (0.5, 0.5))));
    }
}
