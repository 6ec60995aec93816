//! The measuring instrument: metrics, averaging, record schedules, limits, and the loop that drives one run.
//!
//! Metrics are pure functions of the true game. The loop never charges its own products to the solver and never pays
//! one that the oracle has just computed.

pub mod audit;
pub mod behaviour;
pub mod decay;
pub mod drive;
mod gap_batch;
pub mod limits;
pub mod metrics;
pub mod nearest;
pub mod rate;
pub mod schedule;
mod stopwatch;
pub mod test_prompts;

pub use drive::{
    AfterStep, Groups, KeepRunning, Kept, Outcome, Point, Reached, Run, StopReason, TARGETS, TraceSink, drive,
};
pub use equipoise_records::{Behaviour, DUALITY_GAP, DUALITY_GAP_TAU, Iterate, MetricInfo, StopKind};
pub use limits::{Limits, Target};
pub use metrics::{
    LEARNED_GAP, METRICS, MODEL_QUERIES, Metric, PLUG_IN_RATIO, PURE_FLOOR, REGRET, TEST_GAP, Truth, WELFARE,
};
pub use schedule::Schedule;
pub use test_prompts::TestPrompts;
