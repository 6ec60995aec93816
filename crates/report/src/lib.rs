//! Owns `results/` from both sides: versioned schema, writer, reader, renderers. Knows no solver and no game.

pub mod schema;
