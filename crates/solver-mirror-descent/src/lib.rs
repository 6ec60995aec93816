//! Solvers of the mirror-descent family.
