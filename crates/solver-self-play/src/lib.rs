//! Solvers of the self-play family.
