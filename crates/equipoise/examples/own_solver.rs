//! A method of one's own, beside registered ones: one trait with one verb.
#![allow(clippy::print_stdout, reason = "an example prints its answer")]

use equipoise::prelude::*;

/// Multiplicative weights with momentum: logits += eta (q + beta (q - q_before)).
struct Momentum {
    policy: Policy,
    q: Array1<f64>,
    before: Array1<f64>,
}

impl Momentum {
    fn new(task: &Task) -> Self {
        let n = task.shape().len();
        Self { policy: task.start.clone(), q: Array1::zeros(n), before: Array1::from_elem(n, 0.5) }
    }
}

impl Solver for Momentum {
    fn step(&mut self, oracle: &mut dyn Oracle, _: &mut Rng) -> Result<Progress, StepError> {
        let (eta, beta) = (0.5, 0.9);
        oracle.win_rates(&self.policy, &mut self.q); // one query: Pr(y beats an answer of the policy), for every y
        let push = &self.q + &((&self.q - &self.before) * beta);
        self.policy.set_logits(|logits| logits.iter_mut().zip(&push).for_each(|(l, p)| *l += eta * p))?;
        self.before.assign(&self.q);
        Ok(Progress::Continue)
    }
    fn policy(&self) -> &Policy {
        &self.policy
    }
    fn played(&self) -> &Policy {
        &self.policy
    }
    fn step_cost(&self) -> Cost {
        Cost { queries: 1, duels: 0 }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let game = Game::from_array(&array![[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]])?;
    let table = compare(game).with("momentum", Momentum::new).solvers(["mwu", "omwu"]).steps(20_000).run()?;
    println!("{table}");
    // the momentum is what makes the last iterate arrive
    assert!(table.rows[0].duality_gap < 1e-6 && table.rows[1].duality_gap > 0.1);
    Ok(())
}
