//! Solvers of the extragradient family.
