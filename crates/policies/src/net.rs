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
        let mut columns = vec![0.0; self.parameters()];
        self.each_layer(|_, at, [from, to], _| {
            for (i, row) in theta[at..at + from * to].chunks_exact(from).enumerate() {
                row.iter().enumerate().for_each(|(j, w)| columns[at + j * to + i] = *w);
            }
        });
        At { net: self, theta, columns }
    }

    /// Derivative of the output along a change `v` of the parameters and `input` of the input.
    pub(crate) fn tangent(&self, theta: &[f64], layers: &[Vec<f64>], v: &[f64], input: &[f64]) -> Vec<f64> {
        let mut moved = input.to_vec();
        self.each_layer(|k, at, [from, to], last| {
            let weights = &theta[at..at + from * to];
            let (changed, bias) = v[at..].split_at(from * to);
            moved = (0..to)
                .map(|i| {
                    let row = i * from..(i + 1) * from;
                    let z = bias[i] + dot(&changed[row.clone()], &layers[k]) + dot(&weights[row], &moved);
                    if last { z } else { self.activation.slope(layers[k + 1][i]) * z }
                })
                .collect();
        });
        moved
    }

    /// Adds the gradient by the parameters, `cotangent` being that by the output; the gradient by the input.
    pub(crate) fn backward(
        &self,
        theta: &[f64],
        layers: &[Vec<f64>],
        cotangent: &[f64],
        out: &mut [f64],
    ) -> Vec<f64> {
        let mut d = cotangent.to_vec();
        let mut at = self.parameters();
        for (k, w) in self.widths.windows(2).enumerate().rev() {
            let [from, to] = [w[0], w[1]];
            at -= to * (from + 1);
            let weights = &theta[at..at + from * to];
            let mut below = vec![0.0; from];
            for i in (0..to).filter(|i| d[*i] != 0.0) {
                let row = i * from..(i + 1) * from;
                add(&mut out[at + row.start..at + row.end], d[i], &layers[k]);
                add(&mut below, d[i], &weights[row]);
                out[at + from * to + i] += d[i];
            }
            if k > 0 {
                below.iter_mut().zip(&layers[k]).for_each(|(b, h)| *b *= self.activation.slope(*h));
            }
            d = below;
        }
        d
    }

    fn each_layer(&self, mut visit: impl FnMut(usize, usize, [usize; 2], bool)) {
        let (mut at, last) = (0, self.widths.len() - 2);
        for (k, w) in self.widths.windows(2).enumerate() {
            visit(k, at, [w[0], w[1]], k == last);
            at += w[1] * (w[0] + 1);
        }
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
    /// Values of all layers for an input, the output last.
    pub(crate) fn forward(&self, input: &[f64]) -> Vec<Vec<f64>> {
        let mut layers = vec![input.to_vec()];
        self.net.each_layer(|k, at, [from, to], last| {
            let (columns, bias) = (&self.columns[at..at + from * to], &self.theta[at + from * to..]);
            // what an empty sum is
            let mut values = vec![-0.0; to];
            vector::dispatch(
                #[inline(always)]
                || {
                    for (column, h) in columns.chunks_exact(to).zip(&layers[k]) {
                        values.iter_mut().zip(column).for_each(|(z, w)| *z += w * h);
                    }
                    values.iter_mut().zip(bias).for_each(|(z, b)| *z += b);
                },
            );
            if !last {
                values.iter_mut().for_each(|z| *z = self.net.activation.of(*z));
            }
            layers.push(values);
        });
        layers
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, x: &[f64]) {
    to.iter_mut().zip(x).for_each(|(to, x)| *to += factor * x);
}
