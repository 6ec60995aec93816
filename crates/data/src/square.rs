//! Square tables of win rates -> matrices, whatever file they stood in.

use equipoise_env::{Game, PreferenceMatrix};
use ndarray::ArrayView2;

/// A game from a matrix, and how its numbers were read where that is not plain.
#[derive(Clone, Debug)]
pub struct MatrixRead {
    /// The game.
    pub game: Game,
    /// What a reader of the result should know, a sentence each.
    pub remarks: Vec<String>,
    /// The text that it was read from, unpacked, if the file is one.
    pub text: Option<String>,
}

/// A matrix of win rates; with `symmetrise` its margins are `(P - P')/2`, and how far the largest entry is from what it was
/// is given.
pub(crate) fn matrix_of(
    p: ArrayView2<'_, f64>,
    symmetrise: bool,
) -> Result<(PreferenceMatrix, Option<f64>), String> {
    if !symmetrise || !p.is_square() {
        return PreferenceMatrix::new(p).map(|m| (m, None)).map_err(|e| e.to_string());
    }
    if let Some(((i, j), value)) = p.indexed_iter().find(|(_, x)| !(0.0..=1.0).contains(*x)) {
        return Err(format!("row {}, column {}: {value} is not a probability in [0, 1]", i + 1, j + 1));
    }
    let margin = |i: usize, j: usize| 0.5 * (p[[i, j]] - p[[j, i]]);
    let matrix = PreferenceMatrix::from_margins(p.nrows(), margin).map_err(|e| e.to_string())?;
    let change = p.indexed_iter().map(|((i, j), x)| (x - matrix.prob(i, j)).abs()).fold(0.0, f64::max);
    Ok((matrix, Some(change)))
}

/// What to say of the largest change.
pub(crate) fn symmetrised(change: f64) -> String {
    format!("symmetrised: the margins are (P - P')/2, and no entry moved by more than {change:.3e}")
}
