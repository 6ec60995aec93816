//! Games from arrays.

use ndarray::{ArrayRef, Axis, Dimension, Ix2};

use crate::game::{Game, GameError};
use crate::matrix::PreferenceMatrix;

impl Game {
    /// The game of an array of win rates `Pr(row beats column)`: `[n x n]`, one context, or `[contexts x n x n]`, equally
    /// weighted. Actions are labelled by their number from 0.
    ///
    /// ```
    /// use equipoise_env::Game;
    /// use ndarray::array;
    ///
    /// let game = Game::from_array(&array![[0.5, 0.75], [0.25, 0.5]])?;
    /// assert_eq!((game.contexts(), game.prob(0, 1, 0)), (1, 0.25));
    /// let slip = Game::from_array(&array![[0.5, 0.7], [0.7, 0.5]]).unwrap_err();
    /// assert!(slip.to_string().starts_with("context 0: "));
    /// # Ok::<(), equipoise_env::GameError>(())
    /// ```
    ///
    /// # Errors
    /// [`GameError::Array`] for another number of dimensions, [`GameError::Matrix`] naming the context and every cell that
    /// is no win rate or does not complement its mirror, [`GameError::Empty`] without a context.
    pub fn from_array<D: Dimension>(array: &ArrayRef<f64, D>) -> Result<Self, GameError> {
        let view = array.view().into_dyn();
        let contexts = match view.ndim() {
            2 => vec![view.view()],
            3 => view.axis_iter(Axis(0)).collect(),
            _ => return Err(GameError::Array { shape: view.shape().to_vec() }),
        };
        let matrices = contexts.into_iter().enumerate().map(|(context, p)| {
            let p = p.into_dimensionality::<Ix2>().expect("two dimensions are left");
            PreferenceMatrix::new(p).map_err(|error| GameError::Matrix { context, error })
        });
        Self::new(matrices.collect::<Result<Vec<_>, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Array3, array};

    #[test]
    fn contexts_lie_along_the_first_axis() {
        let mut p = Array3::from_elem((4, 3, 3), 0.5);
        (p[[2, 0, 1]], p[[2, 1, 0]]) = (0.9, 0.1);
        let game = Game::from_array(&p).unwrap();
        assert_eq!((game.contexts(), game.shape().len()), (4, 12));
        assert_eq!((game.prob(2, 0, 1), game.prob(1, 0, 1)), (0.9, 0.5));
        p[[3, 0, 2]] = 1.5;
        let GameError::Matrix { context: 3, .. } = Game::from_array(&p).unwrap_err() else {
            panic!("the context is named")
        };
    }

    #[test]
    fn other_dimensions_are_refused() {
        let error = Game::from_array(&Array1::<f64>::zeros(4)).unwrap_err();
        assert!(error.to_string().contains("[4]"), "{error}");
        assert_eq!(Game::from_array(&Array3::<f64>::zeros((0, 2, 2))).unwrap_err(), GameError::Empty);
        assert!(Game::from_array(&array![[0.5, 0.5]]).is_err());
    }
}
