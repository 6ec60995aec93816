//! `omd_step N STEPS`: seconds for STEPS exact OMD steps at N actions through the driving loop, each with both exact duality
//! gaps, on one thread. Prints `seconds final_gap`. The peer scripts compare against it.

use equipoise_benches::{driven, problem};

#[expect(clippy::print_stdout, reason = "a program whose result is its output")]
fn main() {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<u64>().expect("usage: omd_step N STEPS"));
    let (n, steps) = (args.next().expect("N") as usize, args.next().expect("STEPS"));
    let (seconds, gap) = driven(&problem(n, 0.1), "omd", steps);
    println!("{seconds} {gap:e}");
}
