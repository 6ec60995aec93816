//! Moments of an estimator by listing every group and every outcome of its duels.

use crate::design::{Design, Labels, Opponent, Sampling, Target};
use crate::estimator::{Coefficients, EstimatorEntry, Group, Rule};
use crate::setting::{Setting, State};

/// Most operations of an enumeration.
pub const MOST_OPERATIONS: f64 = 1e9;

/// Below this relative bias an estimator is unbiased: what is left is rounding.
const ROUNDING: f64 = 1e-10;
/// A vector shorter than this is 0, in units of scores, which are of order 1, or of the estimator's root mean square where that is
/// larger: the rest is rounding of sums that cancel.
const ZERO: f64 = 1e-13;

/// Why an audit was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// A part of the design is out of its range.
    #[error("`{key}` = {value}: {rule}")]
    Design {
        /// The key.
        key: &'static str,
        /// The value found.
        value: String,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// The groups are too many to be listed.
    #[error(
        "listing all groups takes {operations:.1e} operations (groups * 2^duels * parameters); at most {MOST_OPERATIONS:.0e} are done: \
         take a smaller tree or group, or labels `win-rates` if the estimator is linear in the labels"
    )]
    TooLarge {
        /// Operations of the enumeration.
        operations: f64,
    },
    /// The estimator wrote a number that is none.
    #[error("the estimator wrote a coefficient that is not finite at a group of positive probability")]
    NotFinite,
}

/// What is found of an estimator.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Audit {
    /// Its expectation, one a parameter.
    pub expectation: Vec<f64>,
    /// The target's gradient.
    pub target: Vec<f64>,
    /// `|E g - target| / |target|`; none if the target is 0 up to rounding, as at a policy at rest: no bias is relative to nothing, not
    /// even that of an estimator whose expectation is 0 too, of which `unbiased` tells.
    pub relative_bias: Option<f64>,
    /// Between expectation and target; none if either is 0 up to rounding.
    pub cosine: Option<f64>,
    /// `<E g, target> / |target|^2`: how much too long it is along the target; none if that is 0 up to rounding.
    pub scale: Option<f64>,
    /// The relative bias after the best scaling of the expectation; none as the cosine.
    pub scaled_bias: Option<f64>,
    /// Trace of the covariance of a group's gradient.
    pub covariance_trace: f64,
    /// The same times the responses of a group: what a response costs in noise.
    pub covariance_trace_per_response: f64,
    /// Whether the bias is rounding: of the target's length, and where that is 0 of the estimator's root mean square.
    pub unbiased: bool,
}

/// Why there is no relative bias and no scale.
pub const NO_TARGET: &str = "the gradient to be estimated is 0 here: nothing to be relative to";

/// Whether a vector of this length is 0 but for the rounding of sums of vectors whose root mean square length is `size`.
pub(crate) fn is_zero(length: f64, size: f64) -> bool {
    length <= ZERO * size.max(1.0)
}

/// First two moments.
pub(crate) struct Moments {
    /// Expected coefficients on edges.
    pub(crate) mean: Vec<f64>,
    /// `E |g|^2`; 0 where it was not asked for.
    pub(crate) square: f64,
}

fn check(state: &State<'_>, design: &Design) -> Result<(), AuditError> {
    let refuse = |key, value: String, rule| Err(AuditError::Design { key, value, rule });
    if design.group == 0 {
        return refuse("group", "0".into(), "is 1 or more");
    }
    if let Sampling::Tempered { temperature, top } = design.sampling {
        if !(temperature > 0.0 && temperature.is_finite()) {
            return refuse("temperature", temperature.to_string(), "is above 0 and finite");
        }
        if top == Some(0) {
            return refuse("top", "0".into(), "is 1 or more");
        }
    }
    if let Opponent::SequenceMixture { share } | Opponent::TokenMixture { share } = design.opponent
        && !(0.0..=1.0).contains(&share)
    {
        return refuse("share", share.to_string(), "is in [0, 1]");
    }
    let tree = state.setting.tree();
    let leaves = tree.leaves() as f64;
    let groups = match design.exchangeable {
        // of k among n with repetition
        true => (0..design.group).map(|k| (leaves + k as f64) / (k as f64 + 1.0)).product(),
        false => leaves.powi(i32::try_from(design.group).unwrap_or(i32::MAX)),
    };
    let outcomes = 2f64.powi(i32::try_from(design.duels()).unwrap_or(i32::MAX));
    let operations = groups * outcomes * tree.edges() as f64;
    if operations > MOST_OPERATIONS {
        return Err(AuditError::TooLarge { operations });
    }
    Ok(())
}

/// The moments of an estimator at a state; the second only if `squares`.
pub(crate) fn moments(
    state: &State<'_>,
    design: &Design,
    rule: &Rule,
    squares: bool,
) -> Result<Moments, AuditError> {
    check(state, design)?;
    let law = state.sampled(design.sampling);
    let win_rates = state.win_rates(&state.opponent(design.opponent));
    let kl = state.live.probs.iter().zip(state.live.leaves.iter().zip(&state.reference.leaves));
    let kl = kl.map(|(p, (l, r))| p * (l - r)).sum();
    let edges = state.setting.tree().edges();
    let (mut found, mut finite) = (Moments { mean: vec![0.0; edges], square: 0.0 }, true);
    let (mut buffer, mut gradient) = (vec![0.0; edges], vec![0.0; edges]);
    let mut responses = vec![0; design.group];
    let mut outcomes = vec![0.0; design.duels()];
    let mut odds = vec![0.0; design.duels()];
    loop {
        let orders = if design.exchangeable { orders(&responses) } else { 1.0 };
        let weight: f64 = responses.iter().map(|&y| law[y]).product::<f64>() * orders;
        if weight > 0.0 {
            match design.labels {
                Labels::None | Labels::WinRates => {}
                Labels::Duels => {
                    odds.iter_mut().zip(&responses).for_each(|(o, &y)| *o = win_rates[y]);
                }
                Labels::Mutual => {
                    let pairs = (0..design.group).flat_map(|i| (i + 1..design.group).map(move |j| (i, j)));
                    for (o, (i, j)) in odds.iter_mut().zip(pairs) {
                        *o = state.setting.game().prob(responses[i], responses[j]);
                    }
                }
            }
            for bits in 0..1usize << outcomes.len() {
                let mut weight = weight;
                for (k, (z, p)) in outcomes.iter_mut().zip(&odds).enumerate() {
                    *z = f64::from(u8::from(bits >> k & 1 == 1));
                    weight *= if *z == 1.0 { *p } else { 1.0 - p };
                }
                if weight == 0.0 {
                    continue;
                }
                buffer.fill(0.0);
                let group = Group {
                    state,
                    responses: &responses,
                    win_rates: &win_rates,
                    outcomes: &outcomes,
                    labels: design.labels,
                    kl,
                };
                rule(&group, &mut Coefficients { edges: &mut buffer });
                for (m, c) in found.mean.iter_mut().zip(&buffer) {
                    *m += weight * c;
                    finite &= c.is_finite();
                }
                if squares {
                    state.setting.tree().pull(&state.live.edges, &buffer, &mut gradient);
                    found.square += weight * gradient.iter().map(|g| g * g).sum::<f64>();
                }
            }
        }
        let more = match design.exchangeable {
            true => next_ascending(&mut responses, law.len()),
            false => next(&mut responses, law.len()),
        };
        if !more {
            break;
        }
    }
    if finite { Ok(found) } else { Err(AuditError::NotFinite) }
}

/// The next list of digits below `base`, the last fastest.
pub(crate) fn next(digits: &mut [usize], base: usize) -> bool {
    for digit in digits.iter_mut().rev() {
        *digit += 1;
        if *digit < base {
            return true;
        }
        *digit = 0;
    }
    false
}

/// The next list of ascending digits below `base`.
fn next_ascending(digits: &mut [usize], base: usize) -> bool {
    let Some(at) = digits.iter().rposition(|&d| d + 1 < base) else { return false };
    let digit = digits[at] + 1;
    digits[at..].fill(digit);
    true
}

/// Orders of an ascending list that differ.
fn orders(ascending: &[usize]) -> f64 {
    let (mut found, mut run) = (1.0, 0.0);
    for (k, digit) in ascending.iter().enumerate() {
        run = if k > 0 && ascending[k - 1] == *digit { run + 1.0 } else { 1.0 };
        found *= (k + 1) as f64 / run;
    }
    found
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Audits an estimator on a setting.
///
/// # Errors
/// [`AuditError`] for a design out of range, for groups too many to be listed, and for an estimator that writes no numbers.
pub fn audit(setting: &Setting, target: Target, design: &Design, rule: &Rule) -> Result<Audit, AuditError> {
    let state = setting.here();
    let moments = moments(&state, design, rule, true)?;
    let expectation = state.pull(&moments.mean);
    let wanted = state.target(target);
    let (length, along) = (dot(&wanted, &wanted).sqrt(), dot(&expectation, &wanted));
    let own = dot(&expectation, &expectation).sqrt();
    let apart = |scale: f64| {
        let square: f64 = expectation.iter().zip(&wanted).map(|(e, t)| (scale * e - t).powi(2)).sum();
        square.sqrt() / length
    };
    let size = moments.square.sqrt();
    let some = |value: f64, is_some: bool| is_some.then_some(value);
    let (target, direction) = (!is_zero(length, size), own > ROUNDING * length && !is_zero(own, size));
    let covariance_trace = (moments.square - own * own).max(0.0);
    Ok(Audit {
        relative_bias: some(apart(1.0), target),
        cosine: some(along / (own * length), target && direction),
        scale: some(along / (length * length), target),
        scaled_bias: some(apart(along / (own * own)), target && direction),
        covariance_trace,
        covariance_trace_per_response: covariance_trace * design.group as f64,
        unbiased: if target { apart(1.0) < ROUNDING } else { own <= ROUNDING * size },
        expectation,
        target: wanted,
    })
}

/// Audits a registered estimator.
///
/// # Errors
/// [`AuditError::TooLarge`] if the tree is too large for its groups.
pub fn audit_entry(setting: &Setting, entry: &EstimatorEntry) -> Result<Audit, AuditError> {
    audit(setting, entry.target, &entry.design, &entry.rule)
}
