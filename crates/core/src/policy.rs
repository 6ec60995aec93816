//! Policies: one distribution over actions per context.

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ndarray::{Array1, ArrayView1, s};

use crate::numerics::blocks;
use crate::numerics::flat::{Flat as _, contiguous};
use crate::numerics::simplex::{Combination, InPlace, LogSoftmax, Logits, NonFinite};
use crate::numerics::vector;
use crate::shape::Shape;

/// One distribution over the actions of each context.
///
/// The state is the log-probabilities; the probabilities are kept beside them. Each row is on the simplex by
/// construction: nothing re-checks it, nothing floors it, nothing renormalises it later. A log-probability may be
/// `-inf` (a pure policy); a probability may underflow to 0 while its log-probability stays finite. Numbers that are no
/// policy are refused; who overwrites a policy with such numbers finds it uniform.
///
/// Clones of a [`shared`](Policy::shared) policy hold the same numbers until they are overwritten, so a reference that a
/// task, a solver and the instrument know is in memory once.
#[derive(Clone, Debug)]
pub struct Policy {
    shape: Shape,
    rows: Rows,
    stamp: Stamp,
}

/// A policy's numbers.
#[derive(Clone, Debug)]
enum Rows {
    /// Of this policy alone: a clone copies them.
    Own(Numbers),
    /// Of several policies: copied before it is written.
    Shared(Arc<Numbers>),
}

/// Both forms, flat over the shape.
#[derive(Clone, Debug)]
struct Numbers {
    log_probs: Array1<f64>,
    probs: Array1<f64>,
}

impl Numbers {
    fn fill_uniform(&mut self, shape: &Shape) {
        let written = (self.log_probs.flat_mut(), self.probs.flat_mut());
        blocks::for_each(shape.offsets(), written, |block, (l, p)| {
            for row in block.rows() {
                let n = row.len() as f64;
                l[row.clone()].fill(-n.ln());
                p[row].fill(1.0 / n);
            }
        });
    }
}

impl Rows {
    #[inline]
    fn get(&self) -> &Numbers {
        match self {
            Self::Own(numbers) => numbers,
            Self::Shared(numbers) => numbers,
        }
    }

    #[inline]
    fn own(&mut self) -> &mut Numbers {
        if let Self::Shared(numbers) = self {
            *self = Self::Own(Numbers::clone(numbers));
        }
        match self {
            Self::Own(numbers) => numbers,
            // of one owner alone by now: nothing is copied
            Self::Shared(numbers) => Arc::make_mut(numbers),
        }
    }
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.log_probs() == other.log_probs() && self.probs() == other.probs()
    }
}

/// Names the numbers of a policy: equal stamps mean equal numbers. Every writing takes a new one, copies keep theirs.
/// Two policies that came to the same numbers on different ways differ in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(u64);

impl Stamp {
    /// One that no policy had before.
    #[inline]
    fn fresh() -> Self {
        /// Numbers that a thread takes at a time.
        const RANGE: u64 = 1 << 32;
        static RANGES: AtomicU64 = AtomicU64::new(0);
        thread_local! {
            static NEXT: Cell<u64> = const { Cell::new(0) };
        }
        NEXT.with(|next| {
            let mut stamp = next.get();
            if stamp.is_multiple_of(RANGE) {
                stamp = RANGES.fetch_add(1, Ordering::Relaxed) * RANGE + 1;
            }
            next.set(stamp + 1);
            Self(stamp)
        })
    }
}

/// Why numbers are not a policy.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The vector has another length than the shape.
    #[error("{got} numbers given where the game has {expected} actions in all")]
    Length {
        /// Length of the shape.
        expected: usize,
        /// Length of the vector.
        got: usize,
    },
    /// A probability is negative or not finite.
    #[error("context {context}, action {action}: probability {value} is not in [0, 1]")]
    Probability {
        /// Context of the entry, from 0.
        context: usize,
        /// Action of the entry, from 0.
        action: usize,
        /// The value found.
        value: f64,
    },
    /// A row does not sum to 1 within 1e-6.
    #[error("context {context}: the probabilities sum to {sum}, not to 1")]
    Sum {
        /// Context of the row, from 0.
        context: usize,
        /// Its sum.
        sum: f64,
    },
    /// A row of logits has no finite normaliser.
    #[error("context {context}: the logits hold a NaN, a +inf, or only -inf")]
    Logits {
        /// Context of the row, from 0.
        context: usize,
    },
}

impl Policy {
    fn new(shape: &Shape, numbers: Numbers) -> Self {
        Self { shape: shape.clone(), rows: Rows::Own(numbers), stamp: Stamp::fresh() }
    }

    /// The uniform distribution in every context.
    #[must_use]
    pub fn uniform(shape: &Shape) -> Self {
        let mut numbers =
            Numbers { log_probs: Array1::zeros(shape.len()), probs: Array1::zeros(shape.len()) };
        numbers.fill_uniform(shape);
        Self::new(shape, numbers)
    }

    /// `softmax(logits)` row by row; `logits` is flat over the shape, any shift per row.
    ///
    /// # Errors
    /// [`PolicyError::Length`] or [`PolicyError::Logits`].
    pub fn from_logits(shape: &Shape, logits: Array1<f64>) -> Result<Self, PolicyError> {
        check_length(shape, logits.len())?;
        let probs = Array1::zeros(logits.len());
        let mut policy = Self::new(shape, Numbers { log_probs: contiguous(logits), probs });
        policy.set_logits(|_| ()).map_err(|e| PolicyError::Logits { context: e.row })?;
        Ok(policy)
    }

    /// Probabilities, flat over the shape. Each row must sum to 1 within 1e-6 and is divided by its sum.
    ///
    /// # Errors
    /// [`PolicyError::Length`], [`PolicyError::Probability`] or [`PolicyError::Sum`].
    pub fn from_probs(shape: &Shape, probs: Array1<f64>) -> Result<Self, PolicyError> {
        check_length(shape, probs.len())?;
        let mut probs = contiguous(probs);
        let mut log_probs = Array1::zeros(probs.len());
        let broken = blocks::par_blocks(
            shape.offsets(),
            (log_probs.flat_mut(), probs.flat_mut()),
            |block, (l, p)| {
                for (k, row) in block.rows().enumerate() {
                    if let Err(error) = divide_by_sum(block.first + k, &mut p[row]) {
                        return Some(error);
                    }
                }
                logarithms(p, l);
                None
            },
            Option::or,
        );
        match broken {
            None => Ok(Self::new(shape, Numbers { log_probs, probs })),
            Some(error) => Err(error),
        }
    }

    /// A policy from both of its forms, flat over the shape, as they were recorded: equal to the bit to the policy they
    /// were taken from, which neither form alone is after a rounding.
    ///
    /// # Errors
    /// [`PolicyError::Length`]; [`PolicyError::Probability`] where the forms disagree by more than 1e-9;
    /// [`PolicyError::Sum`].
    pub fn from_forms(
        shape: &Shape,
        log_probs: Array1<f64>,
        probs: Array1<f64>,
    ) -> Result<Self, PolicyError> {
        check_length(shape, log_probs.len())?;
        check_length(shape, probs.len())?;
        for context in 0..shape.contexts() {
            let row = shape.range(context);
            for (action, k) in row.clone().enumerate() {
                let value = probs[k];
                let agrees = (log_probs[k].exp() - value).abs() <= 1e-9;
                if !(agrees && value >= 0.0) {
                    return Err(PolicyError::Probability { context, action, value });
                }
            }
            let sum: f64 = row.map(|k| probs[k]).sum();
            if (sum - 1.0).abs() > 1e-6 {
                return Err(PolicyError::Sum { context, sum });
            }
        }
        Ok(Self::new(shape, Numbers { log_probs, probs }))
    }

    /// How many actions each context has.
    #[inline]
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Probabilities, flat over the shape.
    #[inline]
    #[must_use]
    pub fn probs(&self) -> &Array1<f64> {
        &self.rows.get().probs
    }

    /// Log-probabilities in nats, flat over the shape.
    #[inline]
    #[must_use]
    pub fn log_probs(&self) -> &Array1<f64> {
        &self.rows.get().log_probs
    }

    /// Probabilities of context `x`, `[actions]`.
    #[must_use]
    pub fn probs_at(&self, x: usize) -> ArrayView1<'_, f64> {
        self.rows.get().probs.slice(s![self.shape.range(x)])
    }

    /// Log-probabilities of context `x`, `[actions]`.
    #[must_use]
    pub fn log_probs_at(&self, x: usize) -> ArrayView1<'_, f64> {
        self.rows.get().log_probs.slice(s![self.shape.range(x)])
    }

    /// Probabilities as a slice, flat over the shape: what kernels read.
    #[inline]
    #[must_use]
    pub fn probs_slice(&self) -> &[f64] {
        self.rows.get().probs.flat()
    }

    /// Log-probabilities as a slice, flat over the shape: what kernels read.
    #[inline]
    #[must_use]
    pub fn log_probs_slice(&self) -> &[f64] {
        self.rows.get().log_probs.flat()
    }

    /// Names the present numbers: equal stamps, equal numbers.
    #[inline]
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The same policy with numbers that its clones share, as long as nobody writes.
    #[must_use]
    pub fn shared(self) -> Self {
        let rows = match self.rows {
            Rows::Own(numbers) => Rows::Shared(Arc::new(numbers)),
            shared @ Rows::Shared(_) => shared,
        };
        Self { rows, ..self }
    }

    /// The numbers, to be overwritten; no longer shared with any clone.
    #[inline]
    fn writable(&mut self) -> (&Shape, &mut Numbers) {
        self.stamp = Stamp::fresh();
        (&self.shape, self.rows.own())
    }

    /// Overwrites the policy: `write` fills logits (flat over the shape, any shift per row; they hold the present
    /// log-probabilities on entry), which are then normalised. No allocation, unless the numbers are shared.
    ///
    /// # Errors
    /// [`NonFinite`] if a row has no finite normaliser; the policy is then uniform.
    #[inline]
    pub fn set_logits(&mut self, write: impl FnOnce(&mut [f64])) -> Result<(), NonFinite> {
        let (_, rows) = self.writable();
        write(rows.log_probs.flat_mut());
        self.normalise_in_place()
    }

    /// Neither generic nor inlined: every solver calls the one copy of 50 kB.
    fn normalise_in_place(&mut self) -> Result<(), NonFinite> {
        self.normalise(&InPlace)
    }

    /// Overwrites the policy with `softmax(sum_k weight_k values_k)`, the values flat over the shape. No allocation, unless
    /// the numbers are shared.
    ///
    /// # Errors
    /// [`NonFinite`] if a row has no finite normaliser; the policy is then uniform.
    #[inline]
    pub(crate) fn set_combination<const K: usize>(
        &mut self,
        terms: [(f64, &[f64]); K],
    ) -> Result<(), NonFinite> {
        self.normalise(&Combination(terms))
    }

    #[inline]
    fn normalise<L: Logits + Sync>(&mut self, logits: &L) -> Result<(), NonFinite> {
        let (shape, Numbers { log_probs, probs }) = self.writable();
        let bad = blocks::par_blocks(
            shape.offsets(),
            (log_probs.flat_mut(), probs.flat_mut()),
            |block, (log_probs, probs)| {
                let rows = LogSoftmax { offsets: block.offsets, logits, log_probs, probs };
                vector::run(rows).map(|row| block.first + row)
            },
            Option::or,
        );
        self.uniform_if(bad)
    }

    /// Overwrites the policy: `write` fills probabilities (flat over the shape; they hold the present ones on entry)
    /// that are on the simplex up to rounding, as a projection leaves them.
    ///
    /// # Errors
    /// [`NonFinite`] if an entry is not finite; the policy is then uniform.
    pub fn set_probs(&mut self, write: impl FnOnce(&mut [f64])) -> Result<(), NonFinite> {
        let (shape, Numbers { log_probs, probs }) = self.writable();
        write(probs.flat_mut());
        let probs = probs.flat();
        let bad = blocks::par_blocks(
            shape.offsets(),
            log_probs.flat_mut(),
            |block, l| {
                let p = &probs[block.entries()];
                logarithms(p, l);
                block.rows().position(|row| !p[row].iter().sum::<f64>().is_finite()).map(|k| block.first + k)
            },
            Option::or,
        );
        self.uniform_if(bad)
    }

    /// Makes the policy uniform if a row is `bad`, so that it is on the simplex whatever was written.
    #[inline]
    fn uniform_if(&mut self, bad: Option<usize>) -> Result<(), NonFinite> {
        let Some(row) = bad else { return Ok(()) };
        let (shape, numbers) = self.writable();
        numbers.fill_uniform(shape);
        Err(NonFinite { row })
    }

    /// Overwrites this policy with the mean of `count` policies whose probabilities add up to `sum`, flat over the shape:
    /// on the simplex up to rounding, which each row's sum takes out. No allocation, unless the numbers are shared.
    pub fn set_mean(&mut self, sum: &[f64], count: f64) {
        let (shape, Numbers { log_probs, probs }) = self.writable();
        blocks::for_each(shape.offsets(), (log_probs.flat_mut(), probs.flat_mut()), |block, (l, p)| {
            p.iter_mut().zip(&sum[block.entries()]).for_each(|(p, s)| *p = s / count);
            for row in block.rows() {
                let p = &mut p[row];
                let total = vector::sum(p);
                p.iter_mut().for_each(|p| *p /= total);
            }
            logarithms(p, l);
        });
    }

    /// Overwrites this policy with another of the same shape. No allocation, unless the numbers are shared.
    #[inline]
    pub fn copy_from(&mut self, other: &Self) {
        let (shape, Numbers { log_probs, probs }) = self.writable();
        let (from_log_probs, from_probs) = (other.log_probs_slice(), other.probs_slice());
        blocks::for_each(shape.offsets(), (log_probs.flat_mut(), probs.flat_mut()), |block, (l, p)| {
            l.copy_from_slice(&from_log_probs[block.entries()]);
            p.copy_from_slice(&from_probs[block.entries()]);
        });
        self.stamp = other.stamp;
    }

    /// The policy in some of the contexts, with its bits.
    ///
    /// # Panics
    /// If there is none, or a context is out of range.
    #[must_use]
    pub fn part(&self, contexts: Range<usize>) -> Self {
        let entries = self.shape.offsets()[contexts.start]..self.shape.offsets()[contexts.end];
        let shape = self.shape.part(contexts).expect("a part has a context");
        let [log_probs, probs] = [self.log_probs_slice(), self.probs_slice()]
            .map(|numbers| Array1::from_vec(numbers[entries.clone()].to_vec()));
        Self::new(&shape, Numbers { log_probs, probs })
    }

    /// Overwrites the contexts from `first` on with those of `part`.
    ///
    /// # Panics
    /// If their actions differ in number.
    pub fn copy_part(&mut self, first: usize, part: &Self) {
        let (shape, Numbers { log_probs, probs }) = self.writable();
        let contexts = first..first + part.shape.contexts();
        assert_eq!(shape.part(contexts.clone()).as_ref(), Some(&part.shape), "a part of this shape");
        let entries = shape.offsets()[contexts.start]..shape.offsets()[contexts.end];
        log_probs.flat_mut()[entries.clone()].copy_from_slice(part.log_probs_slice());
        probs.flat_mut()[entries].copy_from_slice(part.probs_slice());
    }
}

/// `out_i = ln p_i`.
fn logarithms(p: &[f64], out: &mut [f64]) {
    vector::dispatch(
        #[inline(always)]
        || out.iter_mut().zip(p).for_each(|(l, p)| *l = vector::ln_probability(*p)),
    );
}

/// A row of probabilities, checked and divided by its sum.
fn divide_by_sum(context: usize, row: &mut [f64]) -> Result<(), PolicyError> {
    if let Some(action) = row.iter().position(|p| !(*p >= 0.0 && p.is_finite())) {
        return Err(PolicyError::Probability { context, action, value: row[action] });
    }
    let sum = vector::sum(row);
    if (sum - 1.0).abs() > 1e-6 {
        return Err(PolicyError::Sum { context, sum });
    }
    row.iter_mut().for_each(|p| *p /= sum);
    Ok(())
}

fn check_length(shape: &Shape, got: usize) -> Result<(), PolicyError> {
    if got == shape.len() { Ok(()) } else { Err(PolicyError::Length { expected: shape.len(), got }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr1;

    #[test]
    fn rows_are_normalised_one_by_one() {
        let shape = Shape::ragged([2, 3]).unwrap();
        let policy = Policy::from_logits(&shape, arr1(&[0.0, 0.0, 7.0, 7.0, 7.0])).unwrap();
        for (a, b) in policy.log_probs().iter().zip(Policy::uniform(&shape).log_probs()) {
            approx::assert_relative_eq!(a, b, max_relative = 1e-15);
        }
        assert_eq!(policy.probs_at(1).len(), 3);
    }

    #[test]
    fn bad_numbers_are_named() {
        let shape = Shape::ragged([1, 2]).unwrap();
        let bad = |p: [f64; 3]| Policy::from_probs(&shape, arr1(&p)).unwrap_err();
        assert_eq!(bad([1.0, 1.5, -0.5]), PolicyError::Probability { context: 1, action: 1, value: -0.5 });
        assert_eq!(bad([1.0, 0.5, 0.25]), PolicyError::Sum { context: 1, sum: 0.75 });
        assert_eq!(
            Policy::from_logits(&shape, arr1(&[0.0, f64::NAN, 0.0])).unwrap_err(),
            PolicyError::Logits { context: 1 }
        );
    }

    #[test]
    fn numbers_that_are_no_policy_leave_it_uniform() {
        let shape = Shape::ragged([2, 3]).unwrap();
        let uniform = Policy::uniform(&shape);
        for bad in [f64::NAN, f64::INFINITY] {
            let mut policy = Policy::from_logits(&shape, arr1(&[0.0, 1.0, 0.0, 1.0, 2.0])).unwrap().shared();
            let stamp = policy.stamp();
            assert_eq!(policy.set_logits(|l| l[3] = bad), Err(NonFinite { row: 1 }));
            assert!(policy == uniform && policy.stamp() != stamp);
            assert_eq!(policy.set_probs(|p| p[0] = bad), Err(NonFinite { row: 0 }));
            assert_eq!(policy, uniform);
            assert_eq!(policy.set_combination([(bad, &[1.0; 5])]), Err(NonFinite { row: 0 }));
            assert_eq!(policy, uniform);
        }
    }

    #[test]
    fn arrays_with_strides_are_read_in_their_order() {
        let shape = Shape::single(3).unwrap();
        let mut reversed = arr1(&[3.0, 2.0, 1.0]);
        reversed.invert_axis(ndarray::Axis(0));
        let straight = arr1(&[1.0, 2.0, 3.0]);
        assert_eq!(
            Policy::from_logits(&shape, reversed.clone()).unwrap(),
            Policy::from_logits(&shape, straight.clone()).unwrap()
        );
        let half = Policy::from_probs(&shape, reversed / 6.0).unwrap();
        assert_eq!(half, Policy::from_probs(&shape, straight / 6.0).unwrap());
    }

    #[test]
    fn clones_share_until_one_is_written_and_stamps_tell() {
        let shape = Shape::single(2).unwrap();
        let one = Policy::uniform(&shape).shared();
        let mut two = one.clone();
        assert_eq!((one.stamp(), one.probs_slice().as_ptr()), (two.stamp(), two.probs_slice().as_ptr()));
        two.set_logits(|l| l[0] += 1.0).unwrap();
        assert!(one.stamp() != two.stamp() && one != two && one == Policy::uniform(&shape));
        let mut three = Policy::uniform(&shape);
        assert_ne!(one.stamp(), three.stamp());
        three.copy_from(&two);
        assert_eq!((three.stamp(), &three), (two.stamp(), &two));
        let before = two.stamp();
        two.set_probs(|p| p.copy_from_slice(&[0.0, 1.0])).unwrap();
        assert_ne!(two.stamp(), before);
    }

    #[test]
    fn large_shapes_have_the_bits_of_their_rows_alone() {
        let shape = Shape::ragged((0..20_000).map(|x| 1 + x % 5)).unwrap();
        let logits: Array1<f64> = (0..shape.len()).map(|i| (i as f64 * 0.37).sin() * 9.0).collect();
        let policy = Policy::from_logits(&shape, logits.clone()).unwrap();
        let again = Policy::from_probs(&shape, policy.probs().clone()).unwrap();
        for x in (0..shape.contexts()).step_by(97) {
            let alone = Shape::single(shape.actions(x)).unwrap();
            let row = Policy::from_logits(&alone, logits.slice(s![shape.range(x)]).to_owned()).unwrap();
            assert_eq!(row.log_probs(), policy.log_probs_at(x));
            assert_eq!(row.probs(), policy.probs_at(x));
            let row = Policy::from_probs(&alone, row.probs().clone()).unwrap();
            assert_eq!(row.log_probs(), again.log_probs_at(x));
        }
        let mut mean = policy.clone();
        mean.set_mean(&(policy.probs() * 3.0).to_vec(), 3.0);
        let thirds = policy.probs() * 3.0 / 3.0;
        assert_eq!(mean, Policy::from_probs(&shape, thirds).unwrap());
        let mut bad = logits;
        (bad[40_000], bad[30_000]) = (f64::NAN, f64::INFINITY);
        let context = (0..).find(|&x| shape.range(x).contains(&30_000)).unwrap();
        assert_eq!(Policy::from_logits(&shape, bad).unwrap_err(), PolicyError::Logits { context });
    }

    #[test]
    fn a_pure_policy_has_infinite_logs() {
        let shape = Shape::single(2).unwrap();
        let policy = Policy::from_probs(&shape, arr1(&[1.0, 0.0])).unwrap();
        assert_eq!(policy.log_probs().to_vec(), [0.0, f64::NEG_INFINITY]);
    }
}
