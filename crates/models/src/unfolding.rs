//! Ideal points as a minimisation: the votes and the objective, and Newton's method for it.

pub(crate) mod newton;
pub(crate) mod votes;
