//! Exact answers: maximal lottery, regularised equilibrium, local spectra, social-choice facts.
