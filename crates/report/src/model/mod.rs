//! What a report is made of, before it is put into words or drawn: runs in groups, spreads over repetitions, unit costs,
//! outcome classes, comparisons over games. Lies below `plot` and `render`.

pub(crate) mod cost;
pub(crate) mod cross_game;
pub(crate) mod group;
pub(crate) mod learning;
pub(crate) mod metric;
pub(crate) mod number;
pub(crate) mod outcome;
pub(crate) mod paired;
pub(crate) mod profile;
pub(crate) mod spread;
pub(crate) mod sweep;
pub(crate) mod time_to_target;
