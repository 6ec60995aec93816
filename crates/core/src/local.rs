//! Local theory: how fast each logit method turns and shrinks near its fixed point.
//!
//! Let `+- i w` be the eigenvalues of `K C(pi*)` on logits modulo constants (K the skew margins, `C = diag p - p p'`
//! the covariance of the fixed point), `a = 1 - eta tau` and `z = i eta w`. Each function gives the modulus of the
//! larger multiplier per step. KL to the fixed point and the regularised gap shrink by its square. These are exact
//! linearisations, derived from the update rules; at `tau = 0` they hold for an interior equilibrium.

/// Mirror descent (OMD, INPO, online IPO 1; `tau = 0`: MWU): multiplier `a + z`.
#[must_use]
pub fn mirror_descent(eta: f64, tau: f64, omega: f64) -> f64 {
    (1.0 - eta * tau).hypot(eta * omega)
}

/// Nash-MD: multiplier `a (1 + z)`, with the covariance taken at the mixture.
#[must_use]
pub fn nash_md(eta: f64, tau: f64, omega: f64) -> f64 {
    (1.0 - eta * tau).abs() * 1f64.hypot(eta * omega)
}

/// Extragradient (EGPO, Nash-MP; `tau = 0`: mirror-prox): multiplier `a + z (a + z)`.
#[must_use]
pub fn extragradient(eta: f64, tau: f64, omega: f64) -> f64 {
    let (a, w) = (1.0 - eta * tau, eta * omega);
    (a - w * w).hypot(a * w)
}

/// Optimistic (single-call) methods: the larger root of `x^2 - (a + z (1 + a)) x + a z = 0`; `tau = 0`: OMWU, ONPO.
#[must_use]
pub fn optimistic(eta: f64, tau: f64, omega: f64) -> f64 {
    let (a, w) = (1.0 - eta * tau, eta * omega);
    larger_root([a, w * (1.0 + a)], [0.0, a * w])
}

/// Mirror descent against a geometric moving average of its own policies, `log bar <- d log bar + (1 - d) log pi`
/// (Nash-EMA): the larger root of `x^2 - (a + d + (1 - d) z) x + a d = 0`. `d = 0` is [`mirror_descent`].
#[must_use]
pub fn averaged_opponent(eta: f64, tau: f64, decay: f64, omega: f64) -> f64 {
    let a = 1.0 - eta * tau;
    larger_root([a + decay, (1.0 - decay) * eta * omega], [a * decay, 0.0])
}

/// Modulus of the larger root of `x^2 - t x + d = 0` with complex `t` and `d`, given as real and imaginary part.
fn larger_root([tr, ti]: [f64; 2], [dr, di]: [f64; 2]) -> f64 {
    // the discriminant t^2 - 4 d and its square root
    let (re, im) = (tr * tr - ti * ti - 4.0 * dr, 2.0 * tr * ti - 4.0 * di);
    let modulus = re.hypot(im);
    let (sr, si) =
        (((modulus + re) / 2.0).max(0.0).sqrt(), ((modulus - re) / 2.0).max(0.0).sqrt().copysign(im));
    let plus = ((tr + sr) / 2.0).hypot((ti + si) / 2.0);
    let minus = ((tr - sr) / 2.0).hypot((ti - si) / 2.0);
    plus.max(minus)
}

/// KL proximal point with weight `tau` (exact COMAL, per outer step): `1 / sqrt(1 + w^2 / tau^2)`.
#[must_use]
pub fn proximal_point(tau: f64, omega: f64) -> f64 {
    1.0 / 1f64.hypot(omega / tau)
}

/// The largest step size up to which `modulus` stays at most 1, to 1e-12 relative; `None` if every small step already
/// expands (MWU), or if none up to `cap` does.
#[must_use]
pub fn stability_limit(modulus: impl Fn(f64) -> f64, cap: f64) -> Option<f64> {
    let stable = |eta: f64| modulus(eta) <= 1.0;
    let mut low = 1e-3 * cap.min(1.0);
    while !stable(low) {
        low /= 10.0;
        if low < 1e-6 {
            // below, 1 + (eta w)^2 / 2 would round to 1
            return None;
        }
    }
    let mut high = low;
    while stable(high) {
        (low, high) = (high, high * 1.1);
        if high > cap {
            return stable(cap).then_some(cap);
        }
    }
    while high - low > 1e-12 * high {
        let middle = 0.5 * (low + high);
        if stable(middle) { low = middle } else { high = middle }
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_agree_with_the_closed_forms() {
        let (tau, w) = (0.05, 0.2);
        let limit = stability_limit(|eta| mirror_descent(eta, tau, w), 1.0 / tau).unwrap();
        approx::assert_relative_eq!(limit, 2.0 * tau / (tau * tau + w * w), max_relative = 1e-9);
        // OMWU at tau = 0 is marginal exactly at eta w = 1 / sqrt 3; extragradient at eta w = 1
        let limit = stability_limit(|eta| optimistic(eta, 0.0, w), 1e3).unwrap();
        approx::assert_relative_eq!(limit * w, 1.0 / 3f64.sqrt(), max_relative = 1e-9);
        let limit = stability_limit(|eta| extragradient(eta, 0.0, w), 1e3).unwrap();
        approx::assert_relative_eq!(limit * w, 1.0, max_relative = 1e-9);
        assert_eq!(stability_limit(|eta| mirror_descent(eta, 0.0, w), 1e3), None);
    }

    #[test]
    fn an_opponent_without_memory_is_the_policy_itself() {
        for omega in [0.0, 0.2, 1.3] {
            let (memoryless, direct) =
                (averaged_opponent(0.5, 0.2, 0.0, omega), mirror_descent(0.5, 0.2, omega));
            approx::assert_relative_eq!(memoryless, direct, max_relative = 1e-12);
        }
    }

    #[test]
    fn the_slowest_mode_is_the_slowest_or_the_fastest_turn() {
        // so that of many frequencies the two ends are enough
        for (eta, tau) in [(0.1, 0.0), (0.1, 0.1), (0.5, 0.05), (1.5, 0.3), (2.0, 0.0), (0.5, 1.5)] {
            type Modulus<'a> = &'a dyn Fn(f64) -> f64;
            let methods: [Modulus<'_>; 5] = [
                &|w| mirror_descent(eta, tau, w),
                &|w| nash_md(eta, tau, w),
                &|w| extragradient(eta, tau, w),
                &|w| optimistic(eta, tau, w),
                &|w| averaged_opponent(eta, tau, 0.9, w),
            ];
            for (k, modulus) in methods.iter().enumerate() {
                let grid: Vec<f64> = (1..=600).map(|w| modulus(f64::from(w) / 300.0)).collect();
                for high in (1..grid.len()).step_by(7) {
                    let ends = grid[0].max(grid[high]);
                    let inside = grid[..=high].iter().copied().fold(0.0, f64::max);
                    assert!(
                        inside <= ends * (1.0 + 1e-12),
                        "method {k}, eta {eta}, tau {tau}: {inside} {ends}"
                    );
                }
            }
        }
    }

    #[test]
    fn optimistic_roots_solve_their_equation_at_zero_rotation() {
        approx::assert_relative_eq!(optimistic(0.5, 0.2, 0.0), 0.9, max_relative = 1e-12);
        // small steps: |x| ~ 1 - e^2 / 2
        let e: f64 = 1e-3;
        approx::assert_relative_eq!(optimistic(1.0, 0.0, e), 1.0 - e * e / 2.0, max_relative = 1e-9);
    }
}
