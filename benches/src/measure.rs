//! Time, taken so that noise is shared: what is compared takes turns, batch by batch.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use serde::Serialize;

/// How long a run may take.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Batches of each figure.
    pub batches: usize,
    /// Of those that take longer than [`SLOW`].
    pub slow_batches: usize,
    /// Time that a batch should take at least.
    pub batch: Duration,
}

/// A batch that takes so long is not repeated as often.
const SLOW: Duration = Duration::from_millis(400);

impl Effort {
    pub const FULL: Self = Self {
        batches: 15,
        slow_batches: 5,
        batch: Duration::from_millis(20),
    };
    pub const QUICK: Self = Self {
        batches: 5,
        slow_batches: 2,
        batch: Duration::from_millis(4),
    };
}

/// Nanoseconds a unit of work (a decision, a load), over batches.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    pub median_ns: f64,
    pub min_ns: f64,
    pub max_ns: f64,
    pub batches: usize,
    /// Units of work in a batch.
    pub units: usize,
}

impl Figure {
    fn of(mut batches: Vec<f64>, units: usize) -> Self {
        batches.sort_by(f64::total_cmp);
        let middle = batches.len() / 2;
        let median_ns = if batches.len() % 2 == 1 {
            batches[middle]
        } else {
            f64::midpoint(batches[middle - 1], batches[middle])
        };
        Self {
            median_ns,
            min_ns: batches[0],
            max_ns: batches[batches.len() - 1],
            batches: batches.len(),
            units,
        }
    }
}

/// Something that can be timed: it does its unit of work, or all units of a cycle, so many times over.
pub trait Timed {
    /// Units of work in a cycle.
    fn units(&self) -> usize;

    /// Does whole cycles and says how long they took.
    fn run(&mut self, cycles: usize) -> Duration;
}

/// A unit of work that is a function. What it returns is dropped outside the measured time.
pub struct Work<F>(pub F);

impl<T, F: FnMut() -> T> Timed for Work<F> {
    fn units(&self) -> usize {
        1
    }

    fn run(&mut self, cycles: usize) -> Duration {
        let mut took = Duration::ZERO;
        for _ in 0..cycles {
            let start = Instant::now();
            let made = black_box((self.0)());
            took += start.elapsed();
            drop(made);
        }
        took
    }
}

/// Measures all of them, in turns.
pub fn interleaved(all: &mut [&mut dyn Timed], effort: Effort) -> Vec<Figure> {
    // The first cycle warms up, the second says how many make a batch.
    let plan: Vec<(usize, usize)> = all
        .iter_mut()
        .map(|one| {
            let cold = one.run(1);
            let cycle = if cold > SLOW { cold } else { one.run(1) };
            let cycles = effort.batch.as_nanos().div_ceil(cycle.as_nanos().max(1));
            let batches = if cycle > SLOW {
                effort.slow_batches
            } else {
                effort.batches
            };
            (usize::try_from(cycles).unwrap_or(1), batches)
        })
        .collect();
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); all.len()];
    for round in 0..effort.batches {
        for (at, one) in all.iter_mut().enumerate() {
            let (cycles, batches) = plan[at];
            if round < batches {
                let units = cycles * one.units();
                times[at].push(one.run(cycles).as_nanos() as f64 / units as f64);
            }
        }
    }
    let units = plan
        .iter()
        .zip(all)
        .map(|((cycles, _), one)| cycles * one.units());
    times
        .into_iter()
        .zip(units)
        .map(|(times, units)| Figure::of(times, units))
        .collect()
}
