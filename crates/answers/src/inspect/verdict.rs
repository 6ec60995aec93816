//! The finding of an inspection, in the words that are published.

use std::fmt;

use equipoise::models::intransitivity::{Inspection, Measure, TOLERATED, Verdict};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

/// A p-value in a sentence.
struct P(Option<f64>);

impl fmt::Display for P {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(p) => write!(f, "{p:.3}"),
            None => f.write_str("unknown"),
        }
    }
}

/// How the Bradley-Terry favourite does against the others; it displays as half a sentence.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Favourite {
    /// It wins more than half against everybody.
    BeatsAll {
        /// The favourite.
        item: String,
    },
    /// Somebody wins more than half against it.
    Beaten {
        /// The favourite.
        item: String,
        /// Who beats it by most.
        by: String,
        /// What the favourite wins there, below 1/2.
        win_rate: f64,
        /// The share of data sets under one rating an item in which it loses as much.
        p_value: Option<f64>,
    },
    /// Nobody whom it met beats it.
    Unbeaten {
        /// The favourite.
        item: String,
    },
}

impl Favourite {
    fn of(labels: &[String], found: &Inspection) -> Self {
        let item = labels[found.favourite].clone();
        let loss = found.statistic(Measure::FavouriteLoss);
        match (found.condorcet_winner, found.worst_opponent) {
            (Some(w), _) if w == found.favourite => Self::BeatsAll { item },
            (_, Some(w)) if loss.value > 0.0 => Self::Beaten {
                item,
                by: labels[w].clone(),
                win_rate: 0.5 - loss.value,
                p_value: loss.p_value,
            },
            _ => Self::Unbeaten { item },
        }
    }
}

impl fmt::Display for Favourite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeatsAll { item } => write!(f, "{item} beats every other item head to head"),
            Self::Beaten { item, by, win_rate, p_value } => write!(
                f,
                "the favourite {item} wins only {win_rate:.2} against {by} (p = {} for losing as much)",
                P(*p_value)
            ),
            Self::Unbeaten { item } => write!(f, "nobody it met beats {item}"),
        }
    }
}

/// The finding, with the numbers it rests on. It displays as its explanation; [`InspectVerdict::word`] is the verdict
/// itself. Serialises as the two keys `verdict` and `explanation`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InspectVerdict {
    /// Some cycle is stronger than noise explains.
    CyclicBeyondNoise {
        /// The strongest cycle: each beats the next, the last the first.
        cycle: Vec<String>,
        /// By at least so many standard errors.
        standard_errors: f64,
        /// The share of data sets under one rating an item with as strong a cycle.
        p_value: Option<f64>,
        /// How the favourite does.
        favourite: Favourite,
        /// Items that the maximal lottery plays.
        nash_support: usize,
    },
    /// No such cycle, but somebody beats the favourite by more than noise explains.
    FavouriteBeaten {
        /// How the favourite does.
        favourite: Favourite,
        /// Of the strongest cycle.
        cycle_p_value: Option<f64>,
    },
    /// Neither, but the win rates are not those of a Bradley-Terry model.
    Misfit {
        /// How the favourite does.
        favourite: Favourite,
        /// The share of the variance of win rates beyond noise that ratings leave unexplained.
        unexplained: f64,
        /// Of the deviance.
        deviance_p_value: Option<f64>,
    },
    /// One rating an item says it all.
    Adequate {
        /// How the favourite does.
        favourite: Favourite,
        /// Cyclic triads.
        cyclic: u64,
        /// Of the strongest cycle.
        cycle_p_value: Option<f64>,
        /// The share of the variance of win rates beyond noise that ratings leave unexplained.
        unexplained: f64,
        /// Of the deviance; below 0.05 the misfit is real, and tolerated for its size.
        deviance_p_value: Option<f64>,
    },
    /// There are win rates and no counts.
    Unknown {
        /// How the favourite does.
        favourite: Favourite,
        /// Cyclic triads.
        cyclic: u64,
        /// All triads of which every pair met.
        total: u64,
        /// Items that the maximal lottery plays.
        nash_support: usize,
    },
}

impl InspectVerdict {
    /// The finding among items of these labels.
    #[must_use]
    pub fn of(labels: &[String], found: &Inspection) -> Self {
        let favourite = Favourite::of(labels, found);
        let p = |measure: Measure| found.statistic(measure).p_value;
        let (cycles, nash_support) = (&found.cycles, found.nash.support.len());
        let unexplained = found.corrected_energy.unwrap_or_default();
        match found.verdict {
            Verdict::CyclicBeyondNoise => Self::CyclicBeyondNoise {
                cycle: cycles.cycle.iter().map(|&i| labels[i].clone()).collect(),
                standard_errors: cycles.strongest_cycle,
                p_value: p(Measure::StrongestCycle),
                favourite,
                nash_support,
            },
            Verdict::FavouriteBeaten => {
                Self::FavouriteBeaten { favourite, cycle_p_value: p(Measure::StrongestCycle) }
            }
            Verdict::Misfit => {
                Self::Misfit { favourite, unexplained, deviance_p_value: p(Measure::Deviance) }
            }
            Verdict::Adequate => Self::Adequate {
                favourite,
                cyclic: cycles.cyclic,
                cycle_p_value: p(Measure::StrongestCycle),
                unexplained,
                deviance_p_value: p(Measure::Deviance),
            },
            Verdict::Unknown => {
                Self::Unknown { favourite, cyclic: cycles.cyclic, total: cycles.total, nash_support }
            }
        }
    }

    /// The verdict as reports spell it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::CyclicBeyondNoise { .. } => "cyclic beyond noise",
            Self::FavouriteBeaten { .. } => {
                "not cyclic beyond noise, but the Bradley-Terry favourite is beaten beyond noise"
            }
            Self::Misfit { .. } => "not cyclic beyond noise, but Bradley-Terry misfits beyond noise",
            Self::Adequate { .. } => "Bradley-Terry is enough here",
            Self::Unknown { .. } => "no counts, so noise is unknown",
        }
    }
}

impl fmt::Display for InspectVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CyclicBeyondNoise { cycle, standard_errors, p_value, favourite, nash_support } => write!(
                f,
                "each beats the next by at least {standard_errors:.1} standard errors: {} > {} (p = {}); {favourite}; \
                 the maximal lottery plays {nash_support} items",
                cycle.join(" > "),
                cycle.first().map_or("", String::as_str),
                P(*p_value)
            ),
            Self::FavouriteBeaten { favourite, cycle_p_value } => {
                write!(f, "{favourite}; cycles: p = {}", P(*cycle_p_value))
            }
            Self::Misfit { favourite, unexplained, deviance_p_value } => write!(
                f,
                "{favourite}; ratings leave {:.0} percent of the variance of win rates beyond noise unexplained \
                 (deviance: p = {}): the order may stand, the win rates do not",
                100.0 * unexplained,
                P(*deviance_p_value)
            ),
            Self::Adequate { favourite, cyclic, cycle_p_value, unexplained, deviance_p_value } => {
                write!(f, "{favourite}; ")?;
                match cyclic {
                    0 => f.write_str("no cycle")?,
                    k => write!(
                        f,
                        "{k} cyclic triads are what noise gives (strongest cycle: p = {})",
                        P(*cycle_p_value)
                    )?,
                }
                match deviance_p_value {
                    Some(p) if *p < 0.05 => write!(
                        f,
                        "; the misfit (deviance: p = {p:.3}) leaves {:.1} percent of the variance of win rates \
                         unexplained beyond noise, less than the {:.0} percent that would matter",
                        100.0 * unexplained,
                        100.0 * TOLERATED
                    ),
                    p => write!(f, "; fit: p = {}", P(*p)),
                }
            }
            Self::Unknown { favourite, cyclic, total, nash_support } => write!(
                f,
                "{favourite}; {cyclic} of {total} triads are cyclic; the maximal lottery plays {nash_support} items"
            ),
        }
    }
}

impl Serialize for InspectVerdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("verdict", self.word())?;
        map.serialize_entry("explanation", &self.to_string())?;
        map.end()
    }
}
