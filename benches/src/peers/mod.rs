//! Whoever decides. Each one is asked the same requests, and has to decide them as Cedar does before it is measured.

pub mod casbin;
pub mod cedar;
pub mod node;
pub mod rego;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::measure::Timed;

/// Decides a set's requests, one at a time.
pub trait Peer {
    /// How many requests there are.
    fn asks(&self) -> usize;

    /// Whether request `number` is allowed.
    fn decide(&mut self, number: usize) -> bool;
}

/// Times a peer by asking it all requests in turn.
struct Cycle<P>(P);

impl<P: Peer> Timed for Cycle<P> {
    fn units(&self) -> usize {
        self.0.asks()
    }

    fn run(&mut self, cycles: usize) -> Duration {
        let start = Instant::now();
        for _ in 0..cycles {
            for number in 0..self.0.asks() {
                black_box(self.0.decide(number));
            }
        }
        start.elapsed()
    }
}

/// One row of the table before it is measured.
pub struct Turns {
    pub name: &'static str,
    /// What it decides; none where it decides nothing.
    pub decisions: Option<Vec<bool>>,
    pub timed: Box<dyn Timed>,
}

impl Turns {
    pub fn peer(name: &'static str, mut peer: impl Peer + 'static) -> Self {
        let decisions = (0..peer.asks()).map(|number| peer.decide(number)).collect();
        Self {
            name,
            decisions: Some(decisions),
            timed: Box::new(Cycle(peer)),
        }
    }

    pub fn timed(name: &'static str, timed: impl Timed + 'static) -> Self {
        Self {
            name,
            decisions: None,
            timed: Box::new(timed),
        }
    }

    /// A peer that decides otherwise does not do the same work, and a figure for it would mean nothing.
    pub fn agrees(&self, cedar: &[bool]) -> Result<()> {
        let Some(decisions) = &self.decisions else {
            return Ok(());
        };
        let differ = cedar.iter().zip(decisions).filter(|(a, b)| a != b).count();
        if differ != 0 || cedar.len() != decisions.len() {
            bail!(
                "decides {differ} of {} requests otherwise than Cedar",
                cedar.len()
            );
        }
        Ok(())
    }
}
