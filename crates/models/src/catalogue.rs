//! The preference models that can be fitted, as data.

/// One model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelRow {
    /// Its name.
    pub name: &'static str,
    /// Its definition, in a line.
    pub definition: &'static str,
    /// What it is fitted to.
    pub takes: &'static str,
    /// What a tie is to it.
    pub ties: &'static str,
    /// How it is fitted, and its errors.
    pub fitted: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

const PAIRS: &str = "comparisons; options home, prior, features of items";
const NEWTON: &str = "Newton; Hessian, sandwich, bootstrap, simultaneous";

/// All of them.
pub const MODELS: [ModelRow; 12] = [
    ModelRow {
        name: "bradley-terry",
        definition: "Pr(i) = 1 / (1 + exp(r_j - r_i))",
        takes: PAIRS,
        ties: "half a win to each side",
        fitted: "Newton, or Newman's or Zermelo's iteration; Hessian, sandwich, bootstrap, simultaneous",
        source: "Zermelo 1929; Bradley, Terry 1952; Newman, arXiv:2207.00076",
    },
    ModelRow {
        name: "thurstone",
        definition: "Pr(i) = Phi(r_i - r_j)",
        takes: PAIRS,
        ties: "half a win to each side",
        fitted: NEWTON,
        source: "Thurstone 1927, case V",
    },
    ModelRow {
        name: "davidson",
        definition: "Pr(i) = s_i / D, Pr(tie) = nu sqrt(s_i s_j) / D, D = s_i + s_j + nu sqrt(s_i s_j), s = exp(r)",
        takes: PAIRS,
        ties: "an outcome of its own",
        fitted: NEWTON,
        source: "Davidson 1970",
    },
    ModelRow {
        name: "rao-kupper",
        definition: "Pr(i) = s_i / (s_i + theta s_j), Pr(tie) = the rest, s = exp(r), theta >= 1",
        takes: PAIRS,
        ties: "an outcome of its own",
        fitted: NEWTON,
        source: "Rao, Kupper 1967",
    },
    ModelRow {
        name: "grounded-rao-kupper",
        definition: "Pr(i) = s_i / (s_i + T s_j + 1), Pr(both bad) = 1 / (1 + s_i + s_j), Pr(tie) = the rest, s = exp(r), T >= 1",
        takes: "comparisons; options prior, features of items",
        ties: "two outcomes: tie, both bad",
        fitted: NEWTON,
        source: "arXiv:2502.14855",
    },
    ModelRow {
        name: "scaled-bradley-terry",
        definition: "Bradley-Terry, each judgement weighted by its magnitude",
        takes: "comparisons with a column `magnitude`; option prior",
        ties: "half a win to each side, times the magnitude",
        fitted: "Newton; sandwich",
        source: "arXiv:2410.01257",
    },
    ModelRow {
        name: "margin-bradley-terry",
        definition: "maximises sum log sigma(r_winner - r_loser - magnitude)",
        takes: "comparisons with a column `magnitude`; option prior",
        ties: "half a win to each side, no margin",
        fitted: "Newton; sandwich",
        source: "arXiv:2410.01257",
    },
    ModelRow {
        name: "contextual-bradley-terry",
        definition: "Bradley-Terry with r_i(z) = b_i0 + sum_f z_f b_if in features z of the context",
        takes: "comparisons with a column `context`, and features of the contexts; option prior",
        ties: "half a win to each side",
        fitted: "Newton; Hessian",
        source: "arXiv:2502.14855",
    },
    ModelRow {
        name: "plackett-luce",
        definition: "a ranking is a repeated choice, with Pr(i) = s_i / sum s, of the best of what is left",
        takes: "rankings without ties",
        ties: "refused",
        fitted: "Newton; Hessian, sandwich over rankings",
        source: "Luce 1959; Plackett 1975; Hunter 2004",
    },
    ModelRow {
        name: "plackett-luce-split",
        definition: "Bradley-Terry on all pairs of each ranking",
        takes: "rankings",
        ties: "half a win to each side",
        fitted: "Newton; Hessian (too small), sandwich over rankings",
        source: "arXiv:2301.11270",
    },
    ModelRow {
        name: "elo",
        definition: "R_a += K (S - E), E = 1 / (1 + 10^((R_b - R_a) / 400)), match by match; K = 4",
        takes: "comparisons; depends on their order (time, else file)",
        ties: "half a win to each side",
        fitted: "one pass; spread over shuffles in `rank`",
        source: "Elo 1978",
    },
    ModelRow {
        name: "trueskill",
        definition: "normal beliefs (mu, sigma) updated match by match; ranks by mu - 3 sigma",
        takes: "comparisons; depends on their order (time, else file)",
        ties: "a draw, of probability 0.1 between equals",
        fitted: "one pass; sigma",
        source: "Herbrich, Minka, Graepel 2007",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Model;

    #[test]
    fn every_model_of_comparisons_is_listed() {
        for model in Model::ALL {
            assert!(!model.definition().is_empty(), "{model:?}");
        }
        let mut names = MODELS.map(|row| row.name);
        names.sort_unstable();
        assert!(names.windows(2).all(|w| w[0] != w[1]));
    }
}
