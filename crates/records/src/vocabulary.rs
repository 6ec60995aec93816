//! The words of records, as enums: one spelling, and an exhaustive `match` wherever a crate tells cases apart.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A word that its vocabulary does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} `{word}`; known: {}", known.join(", "))]
#[non_exhaustive]
pub struct UnknownWord {
    /// Which vocabulary, in words.
    pub kind: &'static str,
    /// The word found.
    pub word: String,
    /// All words of the vocabulary.
    pub known: &'static [&'static str],
}

/// An enum whose variants are written as the given words, by `serde` and by `Display`, and read back from them.
macro_rules! vocabulary {
    (
        $(#[$meta:meta])*
        $name:ident, $kind:literal { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_meta])* $variant,)+ }

        impl $name {
            /// Every variant, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The words of [`Self::ALL`].
            pub const NAMES: &'static [&'static str] = &[$($word),+];

            /// The word used in records.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { kind: $kind, word: word.to_owned(), known: Self::NAMES }),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Word;
                impl de::Visitor<'_> for Word {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(f, "{}: one of {}", $kind, $name::NAMES.join(", "))
                    }

                    fn visit_str<E: de::Error>(self, word: &str) -> Result<$name, E> {
                        word.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Word)
            }
        }
    };
}
pub(crate) use vocabulary;

vocabulary! {
    /// A policy that a run is measured at. The order of declaration is that of the words, in which maps are written.
    Iterate, "iterate" {
        /// The average of the played policies, in probability space.
        Average = "average",
        /// The smallest value of a gap so far, over all last iterates; in a run that keeps its best iterate by some metric
        /// (`limits.keep_best`), the values of every metric at that iterate.
        Best = "best",
        /// The policy after the last step.
        Last = "last",
    }
}

vocabulary! {
    /// For which iterate the convergence of a method is proved.
    Guarantee, "guarantee" {
        /// The last iterate.
        Last = "last",
        /// The average of the played policies.
        Average = "average",
        /// Both.
        Both = "both",
        /// Neither.
        None = "none",
    }
}

vocabulary! {
    /// Which game's equilibrium a method aims at.
    Aim, "aim" {
        /// The original game; `tau` of the task is not used.
        Original = "original",
        /// The game regularised with the task's `tau`; `tau = 0` is the original game.
        Regularised = "regularised",
        /// No equilibrium: a Bradley-Terry or best-response answer.
        Other = "other",
    }
}

vocabulary! {
    /// How a run ended, told from the trajectory of its last iterate.
    Behaviour, "behaviour" {
        /// The gap came down to 1e-10, and stayed there.
        Converged = "converged",
        /// The gap falls steadily, and nothing known of the method stands against its falling to 0.
        Converging = "converging",
        /// The iterate keeps moving and comes no closer: a limit cycle, or a spiral outward.
        Cycling = "cycling",
        /// The iterate is at rest, or comes to rest, away from the equilibrium.
        Stalled = "stalled",
        /// The gap no longer falls under sampled feedback: a noise floor, or a cycle behind the noise.
        Noisy = "noisy",
        /// Too slow to judge after so many steps.
        Undecided = "undecided",
        /// The update broke down.
        Diverged = "diverged",
        /// The method is a closed form or a one-shot fit.
        Finished = "finished",
        /// Stopped at its target: nothing is said about what it would have done next.
        TargetReached = "target-reached",
        /// The gap was at most 1e-10 from the start on.
        StartsAtEquilibrium = "starts-at-equilibrium",
    }
}

vocabulary! {
    /// Why a run ended.
    StopKind, "stop reason" {
        /// The budget of steps, queries or duels is used up.
        Budget = "budget",
        /// The last iterate met every target.
        TargetReached = "target-reached",
        /// The time limit.
        TimeLimit = "time-limit",
        /// The caller asked to stop.
        Interrupted = "interrupted",
        /// A step failed.
        Diverged = "diverged",
        /// The method has nothing more to do.
        Finished = "finished",
        /// The metric by which the best iterate is kept (`limits.keep_best`) was not bettered for `limits.patience` steps.
        NoImprovement = "no-improvement",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of format 1: results on disk hold them.
    #[test]
    fn the_words_of_format_1_stay() {
        assert_eq!(Iterate::NAMES, ["average", "best", "last"]);
        assert_eq!(Guarantee::NAMES, ["last", "average", "both", "none"]);
        assert_eq!(Aim::NAMES, ["original", "regularised", "other"]);
        assert_eq!(
            StopKind::NAMES,
            [
                "budget",
                "target-reached",
                "time-limit",
                "interrupted",
                "diverged",
                "finished",
                "no-improvement"
            ]
        );
        assert_eq!(
            Behaviour::NAMES,
            [
                "converged",
                "converging",
                "cycling",
                "stalled",
                "noisy",
                "undecided",
                "diverged",
                "finished",
                "target-reached",
                "starts-at-equilibrium"
            ]
        );
    }

    #[test]
    fn a_word_is_written_and_read_alike_everywhere() {
        for &behaviour in Behaviour::ALL {
            let text = serde_json::to_string(&behaviour).unwrap();
            assert_eq!(text, format!("\"{behaviour}\""));
            assert_eq!(serde_json::from_str::<Behaviour>(&text).unwrap(), behaviour);
            assert_eq!(behaviour.name().parse(), Ok(behaviour));
        }
        let unknown = "sideways".parse::<Behaviour>().unwrap_err();
        assert_eq!(unknown.known.len(), 10);
        assert!(
            unknown.to_string().starts_with("unknown behaviour `sideways`; known: converged, "),
            "{unknown}"
        );
        let error = serde_json::from_str::<Behaviour>("3").unwrap_err().to_string();
        assert!(error.contains("behaviour: one of converged, "), "{error}");
    }

    #[test]
    fn maps_by_iterate_are_written_in_the_order_of_the_words() {
        let words: Vec<&str> = Iterate::ALL.iter().map(|i| i.name()).collect();
        assert!(words.is_sorted() && Iterate::ALL.is_sorted());
    }
}
