//! The measuring instrument: metrics, averaging, schedules, limits, the driving loop, claims.
