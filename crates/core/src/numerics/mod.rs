//! Kernels: arithmetic on slices that knows no policy, no oracle and no solver.
//!
//! Read upwards: [`lanes`] (one number or eight), [`vector`] (elementary functions over slices), [`simplex`] (softmax and
//! KL of rows), beside them [`cpu`] (large pages, prefetches), [`blocks`] (work shared out over the contexts of a shape), [`sample`]
//! (what random words stand for) and [`flat`] (arrays as slices); [`logistic`], [`newton`], [`lbfgs`], [`nonnegative`] and [`graph`] serve
//! the fits and the solution concepts, [`shaping`] what is made of rewards.
//! Everything that is vectorised or shared out among threads has the same bits on every machine, at every vector width and
//! on any number of threads.

pub mod blocks;
pub mod cpu;
pub mod flat;
pub mod graph;
pub mod lanes;
pub mod lbfgs;
pub mod logistic;
pub mod newton;
pub mod nonnegative;
pub mod sample;
pub mod shaping;
pub mod simplex;
pub mod vector;
