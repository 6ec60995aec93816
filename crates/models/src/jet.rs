//! Values with first and second derivatives in four local variables, by forward differentiation.
//!
//! The likelihood of one comparison depends on two strengths, a bonus for the item listed first and a tie parameter: four
//! numbers, whatever the model. A model is written once, as log-probabilities; slopes and curvatures follow.

use equipoise_core::logistic::{log_sigmoid, logistic};
use std::array::from_fn;
use std::ops::{Add, Mul, Neg, Sub};

/// Number of local variables.
pub const N: usize = 4;

/// A value, its gradient and its Hessian.
#[derive(Clone, Copy, Debug)]
pub struct Jet {
    /// The value.
    pub value: f64,
    /// Its slopes.
    pub gradient: [f64; N],
    /// Its curvatures.
    pub hessian: [[f64; N]; N],
}

impl Jet {
    /// A number that does not depend on the variables.
    #[must_use]
    pub fn constant(value: f64) -> Self {
        Self { value, gradient: [0.0; N], hessian: [[0.0; N]; N] }
    }

    /// The k-th local variable.
    #[must_use]
    pub fn variable(k: usize, value: f64) -> Self {
        Self { gradient: from_fn(|a| f64::from(u8::from(a == k))), ..Self::constant(value) }
    }

    /// `f(self)`, given `f`, `f'` and `f''` there.
    #[must_use]
    pub fn compose(self, value: f64, first: f64, second: f64) -> Self {
        let g = &self.gradient;
        Self {
            value,
            gradient: g.map(|x| first * x),
            hessian: from_fn(|a| from_fn(|b| first * self.hessian[a][b] + second * g[a] * g[b])),
        }
    }

    /// `exp(self)`.
    #[must_use]
    pub fn exp(self) -> Self {
        let e = self.value.exp();
        self.compose(e, e, e)
    }

    /// `log(self)`.
    #[must_use]
    pub fn ln(self) -> Self {
        let inverse = self.value.recip();
        self.compose(self.value.ln(), inverse, -inverse * inverse)
    }

    /// `log sigma(self)`.
    #[must_use]
    pub fn log_sigmoid(self) -> Self {
        let x = self.value;
        let (p, q) = (logistic(x), logistic(-x));
        self.compose(log_sigmoid(x), q, -p * q)
    }

    /// `log(exp(a) + exp(b) + ...)`.
    ///
    /// # Panics
    /// If there are no terms.
    #[must_use]
    pub fn log_sum_exp<const K: usize>(terms: [Self; K]) -> Self {
        let top = Self::constant(terms.iter().map(|t| t.value).fold(f64::NEG_INFINITY, f64::max));
        terms.into_iter().map(|t| (t - top).exp()).reduce(Add::add).expect("at least one term").ln() + top
    }
}

impl Add for Jet {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            gradient: from_fn(|a| self.gradient[a] + other.gradient[a]),
            hessian: from_fn(|a| from_fn(|b| self.hessian[a][b] + other.hessian[a][b])),
        }
    }
}

impl Neg for Jet {
    type Output = Self;

    fn neg(self) -> Self {
        self * -1.0
    }
}

impl Sub for Jet {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul<f64> for Jet {
    type Output = Self;

    fn mul(self, factor: f64) -> Self {
        self.compose(self.value * factor, factor, 0.0)
    }
}
