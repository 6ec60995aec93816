//! Linear rates: the factor per step that a trace shows.

/// A fitted factor per step, with its window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// `exp(slope)` of the least-squares line through `(step, log value)`.
    pub factor: f64,
    /// First and last step used.
    pub window: (u64, u64),
}

/// How straight the window must be: the share of the variance of `log value` that the line explains.
const STRAIGHT: f64 = 0.95;

/// Fits the tail of a trace of `(step, value)`: the points up to the first that is not above `floor` (what rounding leaves),
/// from the last one on that was above 1e4 times the final value of these. If none was, without the first third of the points.
///
/// `None` if fewer than five points are left, if they fall by less than a factor of 10, or if they do not lie on a
/// line: then there is no linear rate to speak of.
#[must_use]
pub fn fit(points: &[(u64, f64)], floor: f64) -> Option<Fit> {
    let usable: Vec<(u64, f64)> = points.iter().copied().take_while(|&(_, v)| v > floor).collect();
    let &(_, last) = usable.last()?;
    // the window: the last factor of 1e4 in value, or what there is of it, without the first transient third of steps
    let start = usable.iter().rposition(|&(_, v)| v > last * 1e4).map_or(0, |k| k + 1);
    let window = &usable[start..];
    let skip = if start == 0 { window.len() / 3 } else { 0 };
    let window = &window[skip..];
    if window.len() < 5 || window[0].1 < 10.0 * last {
        return None;
    }
    let n = window.len() as f64;
    let mean = |f: &dyn Fn(&(u64, f64)) -> f64| window.iter().map(f).sum::<f64>() / n;
    let (mx, my) = (mean(&|p| p.0 as f64), mean(&|p| p.1.ln()));
    let sxy = mean(&|p| (p.0 as f64 - mx) * (p.1.ln() - my));
    let (sxx, syy) = (mean(&|p| (p.0 as f64 - mx).powi(2)), mean(&|p| (p.1.ln() - my).powi(2)));
    let explained = sxy * sxy / (sxx * syy);
    (explained >= STRAIGHT)
        .then(|| Fit { factor: (sxy / sxx).exp(), window: (window[0].0, window[window.len() - 1].0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_tail_is_found_and_a_flat_one_refused() {
        let steps: Vec<u64> = (0..60).map(|k| k * 10).collect();
        let straight: Vec<_> = steps.iter().map(|&t| (t, 0.3 * 0.95f64.powi(t as i32))).collect();
        let found = fit(&straight, 1e-25).unwrap();
        approx::assert_relative_eq!(found.factor, 0.95, max_relative = 1e-9);
        // rounding noise below the floor is not fitted
        let floored: Vec<_> = straight.iter().map(|&(t, v)| (t, if v < 1e-9 { 1e-17 } else { v })).collect();
        approx::assert_relative_eq!(fit(&floored, 1e-13).unwrap().factor, 0.95, max_relative = 1e-9);
        let flat: Vec<_> = steps.iter().map(|&t| (t, 0.3 + 0.1 * (t as f64 / 30.0).sin())).collect();
        assert_eq!(fit(&flat, 1e-25), None);
        // a power law is not a linear rate over a long window
        let power: Vec<_> =
            (0..80).map(|k| 10f64.powf(k as f64 / 16.0)).map(|t| (t as u64 + 1, 1.0 / t)).collect();
        assert_eq!(fit(&power, 1e-25), None);
    }
}
