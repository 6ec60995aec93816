//! Solvers of the inpo family.
