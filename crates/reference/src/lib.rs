//! Exact answers: maximal lottery, regularised equilibrium, local spectra, social-choice facts.
//!
//! Everything here is deterministic, works on the true game (never through an oracle), and comes with a certificate: a
//! duality gap recomputed from the margins. Notation: `P_ij = Pr(i beats j)`, skew margins `K = P - 1/2`, reference
//! policy `mu`, temperature `tau`.
//!
//! Decompositions are faer's, which the workspace builds without its thread pool: bits do not depend on threads. With the
//! feature `openblas` (off by default; needs the system's OpenBLAS, to be run with `OPENBLAS_NUM_THREADS=1`) they are
//! LAPACK's, through ndarray-linalg.

pub mod axioms;
pub mod choice;
pub mod concepts;
pub mod constrained;
mod crossover;
mod dense;
pub mod distortion;
mod doubled;
mod error;
mod exact;
mod face;
mod game;
mod interior;
mod krylov;
pub mod labelers;
mod lottery;
mod margins;
mod polytope;
mod programme;
mod regularised;
mod select;
mod simplex;
mod spectrum;
pub mod statistics;
mod structured;

pub use error::ReferenceError;
pub use exact::{
    ExactEnd, ExactEquilibria, ExactRange, LARGEST_PROOF, RationalMargins, RationalPolicy,
    equilibrium_vertices, exact_equilibria, select_exact,
};
pub use game::{game_equilibrium, regularised_equilibria, select_lotteries};
pub use lottery::{Equilibrium, LARGEST_GAP, Method, Selected, Selection};
pub use regularised::{RegularisedEquilibrium, regularised_equilibrium, regularised_path};
pub use select::{
    context_lottery, context_ranges, equilibrium_ranges, maximal_lottery, select_lottery,
    select_lottery_watched,
};
pub use spectrum::{
    FREQUENCIES_KEPT, game_frequencies, operator_norm, rotation_frequencies, spectral_radius,
};
