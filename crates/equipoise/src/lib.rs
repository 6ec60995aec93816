//! The public library: the registry, the prelude, compare().
