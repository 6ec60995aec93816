//! The preference models, one file each: equations, options, registry row.

mod average_win_rate;
mod bradley_terry;
mod contextual_bradley_terry;
mod counting;
mod counts;
mod crowd_bradley_terry;
mod davidson;
mod davidson_luce;
mod eigen;
mod elo;
mod ep;
mod gpm;
mod grounded_rao_kupper;
mod ideal_points;
mod luce_spectral_ranking;
mod magnitude_regression;
mod margin_bradley_terry;
mod p2l;
mod pagerank;
mod plackett_luce;
mod plackett_luce_split;
mod rank_centrality;
mod rao_kupper;
mod ridge_bradley_terry;
mod robust;
mod scaled_bradley_terry;
mod soft_condorcet;
mod thurstone;
mod trueskill;
mod whr;

pub use bradley_terry::{Algorithm, BRADLEY_TERRY, BradleyTerryOptions};
pub use davidson::DAVIDSON;
pub use elo::Elo;
pub use ep::NormalPosterior;
pub use grounded_rao_kupper::GROUNDED_RAO_KUPPER;
pub use ideal_points::IdealPoints;
pub use rao_kupper::RAO_KUPPER;
pub use robust::RobustFit;
pub use soft_condorcet::SoftCondorcet;
pub use thurstone::THURSTONE;
pub use trueskill::{Skill, TrueSkill};

use crate::registry::{ModelEntry, UnknownModel, find};

/// All preference models.
pub const MODELS: &[ModelEntry] = &[
    bradley_terry::ENTRY,
    counts::ENTRY,
    thurstone::ENTRY,
    davidson::ENTRY,
    rao_kupper::ENTRY,
    grounded_rao_kupper::ENTRY,
    scaled_bradley_terry::ENTRY,
    margin_bradley_terry::ENTRY,
    magnitude_regression::ENTRY,
    crowd_bradley_terry::ENTRY,
    contextual_bradley_terry::ENTRY,
    gpm::ENTRY,
    ideal_points::ENTRY,
    p2l::ENTRY,
    robust::ENTRY,
    plackett_luce::ENTRY,
    plackett_luce_split::ENTRY,
    davidson_luce::ENTRY,
    ridge_bradley_terry::ENTRY,
    ep::ENTRY,
    luce_spectral_ranking::ENTRY,
    rank_centrality::ENTRY,
    counting::ENTRY,
    average_win_rate::ENTRY,
    eigen::ENTRY,
    pagerank::ENTRY,
    soft_condorcet::ENTRY,
    elo::ENTRY,
    trueskill::ENTRY,
    whr::ENTRY,
];

/// The row of that name.
///
/// # Errors
/// [`UnknownModel`] with the nearest name.
pub fn model(name: &str) -> Result<&'static ModelEntry, UnknownModel> {
    find(MODELS, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row that is written and not listed fails here.
    #[test]
    fn every_file_has_its_row() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/entries");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|f| f.unwrap().path().file_stem().unwrap().to_string_lossy().replace('_', "-"))
            .collect();
        let mut names: Vec<String> = MODELS.iter().map(|m| m.name.to_owned()).collect();
        files.sort_unstable();
        names.sort_unstable();
        assert_eq!(files, names);
    }

    #[test]
    fn a_slip_is_answered_with_the_nearest_name() {
        let error = model("bradly-terry").err().unwrap();
        assert_eq!(error.nearest, Some("bradley-terry"));
        assert!(
            error
                .to_string()
                .starts_with("`bradly-terry` is not known, did you mean `bradley-terry`?; known: brad")
        );
    }
}
