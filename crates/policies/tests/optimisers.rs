//! Every optimiser on a quadratic problem, and its steps by hand.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_core::StepError;
use equipoise_core::optimiser::{Budget, Descent, Optimiser};
use equipoise_policies::{OPTIMISERS, optimiser};
use serde_json::{Value, json};

/// `f(x) = sum_k a_k (x_k - c_k)^2 / 2`.
struct Quadratic {
    a: Vec<f64>,
    c: Vec<f64>,
}

impl Descent for Quadratic {
    fn gradient(&mut self, x: &[f64], out: &mut [f64]) -> Result<f64, StepError> {
        let mut value = 0.0;
        for k in 0..x.len() {
            out[k] = self.a[k] * (x[k] - self.c[k]);
            value += 0.5 * out[k] * (x[k] - self.c[k]);
        }
        Ok(value)
    }

    fn curvature(&mut self, v: &[f64], out: &mut [f64]) {
        (0..v.len()).for_each(|k| out[k] = self.a[k] * v[k]);
    }

    fn fisher(&mut self, v: &[f64], out: &mut [f64]) {
        (0..v.len()).for_each(|k| out[k] = 2.0 * self.a[k] * v[k]);
    }

    fn curvature_diagonal(&mut self, out: &mut [f64]) {
        out.fill(1.0);
    }

    fn fisher_diagonal(&mut self, out: &mut [f64]) {
        out.fill(1.0);
    }
}

fn problem() -> Quadratic {
    Quadratic { a: vec![1.0, 0.3, 2.0], c: vec![1.0, -2.0, 0.5] }
}

fn built(name: &str, options: &Value) -> Box<dyn Optimiser> {
    optimiser(name).unwrap().build(options, 3).unwrap()
}

#[test]
fn every_optimiser_descends_and_its_copy_goes_on_as_it_does() {
    for entry in OPTIMISERS {
        let mut own = built(entry.name, &Value::Null);
        let mut x = vec![0.0; 3];
        own.minimise(&mut problem(), &mut x, Budget::Steps(3)).unwrap();
        let mut copy = own.copy();
        let mut y = x.clone();
        own.minimise(&mut problem(), &mut x, Budget::Steps(2)).unwrap();
        copy.minimise(&mut problem(), &mut y, Budget::Steps(2)).unwrap();
        assert_eq!(x, y, "{}", entry.name);
        let value = |x: &[f64]| problem().gradient(x, &mut [0.0; 3]).unwrap();
        assert!(value(&x) < value(&[0.0; 3]), "{}", entry.name);
        for _ in 0..20 {
            own.minimise(&mut problem(), &mut x, Budget::Steps(500)).unwrap();
        }
        let close = x.iter().zip(&problem().c).all(|(x, c)| (x - c).abs() < 1e-6);
        // decay moves the rest point of adamw
        assert_eq!(close, entry.name != "adamw", "{}: {x:?}", entry.name);
    }
}

#[test]
fn the_exact_ones_arrive_and_the_others_say_that_they_cannot() {
    for entry in OPTIMISERS {
        let mut x = vec![0.0; 3];
        let ended = built(entry.name, &Value::Null).minimise(&mut problem(), &mut x, Budget::Exact);
        assert_eq!(ended.is_ok(), entry.exact, "{}", entry.name);
        if entry.exact {
            assert!(x.iter().zip(&problem().c).all(|(x, c)| (x - c).abs() < 1e-12), "{}", entry.name);
        }
    }
}

#[test]
fn newton_leaves_alone_what_the_problem_says_nothing_of() {
    let mut flat = Quadratic { a: vec![1.0, 0.0, 2.0], c: vec![1.0, 5.0, 0.5] };
    let mut x = vec![0.0, 7.0, 0.0];
    built("newton", &Value::Null).minimise(&mut flat, &mut x, Budget::Exact).unwrap();
    assert!((x[0] - 1.0).abs() < 1e-14 && x[1] == 7.0 && (x[2] - 0.5).abs() < 1e-14, "{x:?}");
}

#[test]
fn first_steps_by_hand() {
    let run = |name: &str, options: Value, steps: u32| {
        let mut x = vec![0.0; 3];
        built(name, &options).minimise(&mut problem(), &mut x, Budget::Steps(steps)).unwrap();
        x[0]
    };
    // the first coordinate: g = x - 1 from x = 0
    assert_eq!(run("sgd", json!({"learning_rate": 0.25}), 2), 0.25 + 0.25 * 0.75);
    let (lr, beta) = (0.25, 0.5);
    assert_eq!(run("momentum", json!({"learning_rate": lr, "momentum": beta}), 2), lr + lr * (0.75 + beta));
    assert_eq!(run("natural-gradient", json!({"learning_rate": 1.0}), 1), 0.5);
    // adam: the first step is lr times the sign; the second by its formula
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-15, "{a} {b}");
    let options = json!({"learning_rate": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8});
    let first = 0.1 / (1.0 + 1e-8);
    close(run("adam", options.clone(), 1), first);
    let g = 1.0 - first;
    let (m, v) = ((0.9 * 0.1 + 0.1 * g) / (1.0 - 0.81), (0.99 * 0.01 + 0.01 * g * g) / (1.0 - 0.9801));
    close(run("adam", options, 2), first + 0.1 * m / (v.sqrt() + 1e-8));
    let decayed = json!({"learning_rate": 0.1, "beta2": 0.99, "weight_decay": 0.5});
    close(run("adamw", decayed, 2), first - 0.1 * 0.5 * first + 0.1 * m / (v.sqrt() + 1e-8));
}

#[test]
fn a15_options_out_of_range_are_refused_by_name() {
    for (name, options, key) in [
        ("sgd", json!({"learning_rate": 0.0}), "learning_rate"),
        ("momentum", json!({"momentum": 1.0}), "momentum"),
        ("adam", json!({"beta1": 1.0}), "beta1"),
        ("adam", json!({"epsilon": 0.0}), "epsilon"),
        ("adamw", json!({"weight_decay": -1.0}), "weight_decay"),
        ("natural-gradient", json!({"learning_rate": -1.0}), "learning_rate"),
        ("newton", json!({"steps": 3}), "steps"),
    ] {
        assert_eq!(optimiser(name).unwrap().build(&options, 2).err().unwrap().key(), key);
    }
}
