//! All vertices of the set of equilibria of a small game with short margins, by solving every system of tight inequalities.

use equipoise_core::Rng;
use equipoise_core::sample::index;
use equipoise_env::PreferenceMatrix;
use equipoise_reference::RationalMargins;
use num_integer::Integer as _;

/// Margins are multiples of 1/UNIT.
const UNIT: i128 = 40;

/// Whole weights and their sum.
pub type Vertex = (Vec<i128>, i128);

pub struct Vertices {
    pub vertices: Vec<Vertex>,
    pub dimension: usize,
}

impl Vertices {
    /// The least and the largest probability of an action, as reduced fractions.
    pub fn range(&self, i: usize) -> (String, String) {
        let text = |(w, total): &Vertex| {
            let common = w[i].gcd(total);
            format!("{}/{}", w[i] / common, total / common)
        };
        let by = |a: &&Vertex, b: &&Vertex| (a.0[i] * b.1).cmp(&(b.0[i] * a.1));
        let ends = (self.vertices.iter().min_by(by), self.vertices.iter().max_by(by));
        (text(ends.0.unwrap()), text(ends.1.unwrap()))
    }
}

pub fn to_f64(vertex: &Vertex) -> Vec<f64> {
    vertex.0.iter().map(|w| *w as f64 / vertex.1 as f64).collect()
}

/// A random game of 2 to 6 actions with many ties, clones or equal margins.
pub fn tied_game(round: usize, rng: &mut Rng) -> RationalMargins {
    let n = 2 + index(rng, 5);
    let draws: Vec<i128> = (0..n * n).map(|_| index(rng, 2 * 20 + 1) as i128 - 20).collect();
    let class: Vec<usize> = (0..n).map(|_| index(rng, n.div_ceil(2))).collect();
    let rank: Vec<i128> = (0..n).map(|_| index(rng, 9) as i128 - 4).collect();
    let whole = |i: usize, j: usize| -> i128 {
        let v = draws[i * n + j];
        match round % 8 {
            0 => v.signum() * (v.abs() / 7), // few values
            1 => 20 * (v / 14),              // wins, losses, ties
            2 if class[i] == class[j] => 0,  // clones
            2 => {
                (class[j] as i128 - class[i] as i128).signum()
                    * draws[class[i].min(class[j]) * n + class[i].max(class[j])]
            }
            3 => rank[j] - rank[i], // additive
            4 if v.abs() < 14 => 0, // sparse
            4 => v,
            5 => rank[i] * draws[j].signum() - rank[j] * draws[i].signum(), // rank two
            6 if i > 2 || j > 2 => {
                if i <= 2 {
                    5
                } else {
                    v / 9
                }
            } // a cycle above the rest
            6 => {
                if j == i + 1 {
                    4
                } else {
                    -4
                }
            }
            _ => v,
        }
    };
    let matrix = PreferenceMatrix::from_margins(n, |i, j| whole(i, j) as f64 / UNIT as f64).unwrap();
    RationalMargins::from_decimals(&matrix)
}

/// Every choice of `n - 1` of the `2 n` inequalities `p_j >= 0`, `-(K p)_i >= 0` made tight, with `1'p = 1`.
///
/// The dimension is the rank of the vertices less one.
pub fn all(game: &RationalMargins) -> Vertices {
    let n = game.n();
    let unit = (0..n)
        .flat_map(|i| (0..n).map(move |j| (i, j)))
        .fold(1, |l: i128, (i, j)| l.lcm(&game.margin(i, j).1));
    let k: Vec<Vec<i128>> = (0..n)
        .map(|i| (0..n).map(|j| game.margin(i, j).0 * (unit / game.margin(i, j).1)).collect())
        .collect();
    let mut vertices: Vec<Vertex> = Vec::new();
    for choice in 0u32..1 << (2 * n) {
        if choice.count_ones() as usize != n - 1 {
            continue;
        }
        let mut rows: Vec<Vec<i128>> = (0..2 * n)
            .filter(|c| choice >> c & 1 == 1)
            .map(|c| if c < n { (0..n).map(|j| i128::from(j == c)).collect() } else { k[c - n].clone() })
            .collect();
        if reduce(&mut rows) != n - 1 {
            continue;
        }
        // one kernel vector: by the free column
        let pivot_of = |row: &Vec<i128>| row.iter().position(|v| *v != 0).unwrap();
        let pivots: Vec<usize> = rows.iter().map(pivot_of).collect();
        let free = (0..n).find(|c| !pivots.contains(c)).unwrap();
        let common = rows.iter().zip(&pivots).fold(1, |l: i128, (row, &p)| l.lcm(&row[p]));
        let mut w = vec![0; n];
        w[free] = common;
        rows.iter().zip(&pivots).for_each(|(row, &p)| w[p] = -row[free] * (common / row[p]));
        let divisor = w.iter().fold(0, |g: i128, v| g.gcd(v));
        let sign = if w.iter().sum::<i128>() < 0 { -divisor } else { divisor };
        w.iter_mut().for_each(|v| *v /= sign);
        let total: i128 = w.iter().sum();
        let level = |row: &Vec<i128>| row.iter().zip(&w).map(|(k, w)| k * w).sum::<i128>() <= 0;
        if total > 0 && w.iter().all(|v| *v >= 0) && k.iter().all(level) && !vertices.iter().any(|v| v.0 == w)
        {
            vertices.push((w, total));
        }
    }
    let mut span: Vec<Vec<i128>> = vertices.iter().map(|v| v.0.clone()).collect();
    let dimension = reduce(&mut span) - 1;
    Vertices { vertices, dimension }
}

/// Gauss and Jordan's elimination in whole numbers, each row divided by its common divisor; the rank. Rows of 0 are dropped.
fn reduce(rows: &mut Vec<Vec<i128>>) -> usize {
    let columns = rows.first().map_or(0, Vec::len);
    let mut rank = 0;
    for column in 0..columns {
        let Some(pivot) = (rank..rows.len()).find(|&r| rows[r][column] != 0) else { continue };
        rows.swap(rank, pivot);
        let head = rows[rank].clone();
        for (r, row) in rows.iter_mut().enumerate() {
            if r != rank && row[column] != 0 {
                let factor = row[column];
                row.iter_mut().zip(&head).for_each(|(v, h)| *v = *v * head[column] - factor * h);
                let common = row.iter().fold(0, |g: i128, v| g.gcd(v));
                if common > 1 {
                    row.iter_mut().for_each(|v| *v /= common);
                }
            }
        }
        rank += 1;
    }
    rows.truncate(rank);
    rank
}
