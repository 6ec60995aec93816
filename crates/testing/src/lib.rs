//! Fixtures that the tests of several crates share: random games, random policies, tasks.
