//! The lists of solvers, games, oracles and metrics, and the checks that every row passes.
