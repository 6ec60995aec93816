//! A multilayer perceptron with its derivatives, written out.
//!
//! ```text
//! h_0 = input,  z_k = W_k h_k + b_k,  h_{k+1} = a(z_k); the last layer is linear
//! backward: d_k = dL/dz_k;  dL/dW_k += d_k h_k',  dL/db_k += d_k,  d_{k-1} = a'(z_{k-1}) (W_k' d_k)
//! ```
//!
//! Parameters lie layer by layer, `W_k` (row by row) before `b_k`.

use equipoise_core::{Rng, sample, vector};

/// What follows a hidden layer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Activation {
    Relu,
    Tanh,
}

impl Activation {
    fn of(self, z: f64) -> f64 {
        match self {
            Self::Relu => z.max(0.0),
            Self::Tanh => libm::tanh(z),
        }
    }

    /// The slope, from the value.
    fn slope(self, h: f64) -> f64 {
        match self {
            Self::Relu => f64::from(u8::from(h > 0.0)),
            Self::Tanh => 1.0 - h * h,
        }
    }
}

/// Its layout.
#[derive(Clone, Debug)]
pub(crate) struct Net {
    /// Width of the input, of the hidden layers, of the output.
    pub(crate) widths: Vec<usize>,
    pub(crate) activation: Activation,
}

impl Net {
    pub(crate) fn parameters(&self) -> usize {
        self.widths.windows(2).map(|w| w[1] * (w[0] + 1)).sum()
    }

    /// Normal weights of variance `2 / (fan-in + fan-out)` (Glorot and Bengio 2010), biases 0.
    pub(crate) fn draw(&self, rng: &mut Rng) -> Vec<f64> {
        let mut theta = Vec::with_capacity(self.parameters());
        for w in self.widths.windows(2) {
            let scale = (2.0 / (w[0] + w[1]) as f64).sqrt();
            theta.extend((0..w[0] * w[1]).map(|_| scale * sample::normal(rng)));
            theta.extend(std::iter::repeat_n(0.0, w[1]));
        }
        theta
    }

    /// The net with these parameters, for many inputs.
    pub(crate) fn at<'a>(&'a self, theta: &'a [f64]) -> At<'a> {
        At { net: self, theta, columns: self.by_columns(theta) }
    }

    /// `W_k` column by column, the biases behind them.
    fn by_columns(&self, rows: &[f64]) -> Vec<f64> {
        let mut columns = rows[..self.parameters()].to_vec();
        self.each_layer(|_, at, [from, to], _| {
            for (i, row) in rows[at..at + from * to].chunks_exact(from).enumerate() {
                row.iter().enumerate().for_each(|(j, w)| columns[at + j * to + i] = *w);
            }
        });
        columns
    }

    /// What [`Net::by_columns`] was made of.
    fn by_rows(&self, columns: &[f64], rows: &mut [f64]) {
        rows[..self.parameters()].copy_from_slice(columns);
        self.each_layer(|_, at, [from, to], _| {
            for (i, row) in rows[at..at + from * to].chunks_exact_mut(from).enumerate() {
                row.iter_mut().enumerate().for_each(|(j, w)| *w = columns[at + j * to + i]);
            }
        });
    }

    /// Values of all layers, to be written.
    pub(crate) fn layers(&self) -> Layers {
        let mut starts = vec![0];
        starts.extend(self.widths.iter().scan(0, |at, w| {
            *at += w;
            Some(*at)
        }));
        Layers { values: vec![0.0; starts[self.widths.len()]], starts }
    }

    /// Derivative of the output along a change `v` of the parameters and `input` of the input.
    pub(crate) fn tangent(&self, theta: &[f64], layers: &Layers, v: &[f64], input: &[f64]) -> Vec<f64> {
        let mut moved = input.to_vec();
        self.each_layer(|k, at, [from, to], last| {
            let weights = &theta[at..at + from * to];
            let (changed, bias) = v[at..].split_at(from * to);
            moved = (0..to)
                .map(|i| {
                    let row = i * from..(i + 1) * from;
                    let z = bias[i] + dot(&changed[row.clone()], layers.of(k)) + dot(&weights[row], &moved);
                    if last { z } else { self.activation.slope(layers.of(k + 1)[i]) * z }
                })
                .collect();
        });
        moved
    }

    fn each_layer(&self, mut visit: impl FnMut(usize, usize, [usize; 2], bool)) {
        let (mut at, last) = (0, self.widths.len() - 2);
        for (k, w) in self.widths.windows(2).enumerate() {
            visit(k, at, [w[0], w[1]], k == last);
            at += w[1] * (w[0] + 1);
        }
    }
}

/// Values of the layers for one input, the input first and the output last.
#[derive(Debug)]
pub(crate) struct Layers {
    values: Vec<f64>,
    /// Where each begins, and the last ends.
    starts: Vec<usize>,
}

impl Layers {
    fn of(&self, k: usize) -> &[f64] {
        &self.values[self.starts[k]..self.starts[k + 1]]
    }

    pub(crate) fn output(&self) -> &[f64] {
        self.of(self.starts.len() - 2)
    }
}

/// A net with its parameters; all units of a layer are worked side by side, each summed in the order of its inputs.
pub(crate) struct At<'a> {
    net: &'a Net,
    theta: &'a [f64],
    /// `W_k` column by column, where the parameters have it row by row.
    columns: Vec<f64>,
}

impl At<'_> {
    /// Writes the values of all layers for an input.
    pub(crate) fn forward(&self, input: &[f64], layers: &mut Layers) {
        layers.values[..input.len()].copy_from_slice(input);
        self.net.each_layer(|k, at, [from, to], last| {
            let (columns, bias) = (&self.columns[at..at + from * to], &self.theta[at + from * to..]);
            let (inputs, values) = layers.values[layers.starts[k]..layers.starts[k + 2]].split_at_mut(from);
            vector::dispatch(
                #[inline(always)]
                || {
                    // what an empty sum is
                    combine(-0.0, columns, inputs, values);
                    for (z, b) in values.iter_mut().zip(bias) {
                        *z += b;
                    }
                },
            );
            if !last {
                values.iter_mut().for_each(|z| *z = self.net.activation.of(*z));
            }
        });
    }

    /// Gradients of many inputs, to be added to `out`.
    pub(crate) fn gradient(&self, out: &[f64]) -> Gradient<'_> {
        let columns = self.net.by_columns(out);
        let widest = self.net.widths.iter().copied().max().unwrap_or(0);
        Gradient { at: self, columns, above: vec![0.0; widest], below: vec![0.0; widest] }
    }
}

/// The gradient by the parameters of a sum over inputs: the units of a layer side by side, each summed in the order of the inputs.
pub(crate) struct Gradient<'a> {
    at: &'a At<'a>,
    /// As [`At::columns`], the biases behind them.
    columns: Vec<f64>,
    above: Vec<f64>,
    below: Vec<f64>,
}

impl Gradient<'_> {
    /// Adds that of one input, `cotangent` being the gradient by the output; returns the gradient by the input.
    pub(crate) fn add(&mut self, layers: &Layers, cotangent: &[f64]) -> &[f64] {
        let net = self.at.net;
        self.above[..cotangent.len()].copy_from_slice(cotangent);
        let mut at = net.parameters();
        for (k, w) in net.widths.windows(2).enumerate().rev() {
            let [from, to] = [w[0], w[1]];
            at -= to * (from + 1);
            let (weights, h) = (&self.at.theta[at..at + from * to], layers.of(k));
            let (columns, biases) = self.columns[at..at + to * (from + 1)].split_at_mut(from * to);
            let (d, below) = (&self.above[..to], &mut self.below[..from]);
            vector::dispatch(
                #[inline(always)]
                || {
                    for (column, h) in columns.chunks_exact_mut(to).zip(h) {
                        for (g, d) in column.iter_mut().zip(d) {
                            *g += d * h;
                        }
                    }
                    for (g, d) in biases.iter_mut().zip(d) {
                        *g += d;
                    }
                    combine(0.0, weights, d, below);
                },
            );
            if k > 0 {
                below.iter_mut().zip(h).for_each(|(b, h)| *b *= net.activation.slope(*h));
            }
            std::mem::swap(&mut self.above, &mut self.below);
        }
        &self.above[..net.widths[0]]
    }

    /// Writes the sums where [`At::gradient`] found what they begin with.
    pub(crate) fn write(self, out: &mut [f64]) {
        self.at.net.by_rows(&self.columns, out);
    }
}

/// `out_j = start + sum_i x_i rows_ij` in the order of i; rows of the length of `out`. Eight sums at a time stay in registers; the last
/// eight may be some of those before once more.
#[inline(always)]
fn combine(start: f64, rows: &[f64], x: &[f64], out: &mut [f64]) {
    const WIDE: usize = 8;
    let n = out.len();
    if n < WIDE {
        out.fill(start);
        for (row, x) in rows.chunks_exact(n).zip(x) {
            for (o, r) in out.iter_mut().zip(row) {
                *o += x * r;
            }
        }
        return;
    }
    for at in (0..n).step_by(WIDE) {
        let at = at.min(n - WIDE);
        let mut sums = [start; WIDE];
        for (row, x) in rows.chunks_exact(n).zip(x) {
            let row: &[f64; WIDE] = row[at..].first_chunk().expect("eight columns are left");
            for l in 0..WIDE {
                sums[l] += x * row[l];
            }
        }
        out[at..at + WIDE].copy_from_slice(&sums);
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
