//! Reads and runs cases on several threads. What comes out is in the order of the cases, however many there are.

use std::{
    io::Write as _,
    num::NonZeroUsize,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use avow_compiler::{
    Files,
    cases::{self, Case, Checked, Ran, Runner},
};
use avow_engine::Bundle;

use crate::{
    output::{Exit, fail},
    pack::Pack,
};

/// Cases that a thread takes at a time: enough that taking them costs nothing.
const CHUNK: usize = 64;
/// Bytes of case files from which on another thread is worth its start.
const FILE_BYTES: usize = 64 * 1024;

/// Says on a terminal how far a longer run has come.
pub(crate) struct Progress {
    pub(crate) start: Instant,
    pub(crate) shown: bool,
}

impl Progress {
    fn show(&self, done: usize, all: usize) -> bool {
        let shown = self.shown && self.start.elapsed() > Duration::from_secs(1);
        if shown {
            eprint!("\r{done} of {all} cases");
            // Who cannot be shown progress goes without it.
            let _ = std::io::stderr().flush();
        }
        shown
    }
}

/// A runner for a bundle's bytes.
pub(crate) fn runner(bundle: &[u8]) -> Result<Runner, Exit> {
    let bundle = Bundle::load(bundle.to_vec()).map_err(|error| fail(Exit::Wrong, error))?;
    Ok(Runner::new(bundle))
}

/// A pack's cases. Their files say nothing of each other, so each can be read by itself.
pub(crate) fn read(pack: &Pack, bundle: &Bundle, jobs: NonZeroUsize) -> Checked {
    let is_case = |file: &str| file.starts_with("tests/") && file.ends_with(".yaml");
    let files: Vec<_> = pack
        .files
        .iter()
        .filter(|(file, _)| is_case(file))
        .collect();
    let bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
    let threads = jobs
        .get()
        .min(bytes / FILE_BYTES + 1)
        .min(files.len().max(1));
    let parts = in_parallel(files.len(), 1, threads, |number, _: &mut ()| {
        let file = files.get(number);
        let file = file.map(|(file, text)| ((*file).clone(), (*text).clone()));
        let file: Files = file.into_iter().collect();
        cases::check(&file, &pack.compiled, bundle)
    });
    let mut checked = Checked::default();
    for (_, part) in parts {
        checked.cases.extend(part.cases);
        checked.findings.extend(part.findings);
    }
    checked
}

/// Runs the chosen cases, in their order.
pub(crate) fn all(
    bundle: &[u8],
    cases: &[Case],
    chosen: &[usize],
    jobs: NonZeroUsize,
    progress: &Progress,
) -> Result<Vec<(usize, Ran)>, Exit> {
    // A bundle that loads once loads again.
    runner(bundle)?;
    let done = AtomicUsize::new(0);
    let threads = jobs.get().min(chosen.len() / CHUNK + 1);
    let ran = in_parallel(
        chosen.len(),
        CHUNK,
        threads,
        |at, own: &mut Option<Runner>| {
            if own.is_none() {
                *own = runner(bundle).ok();
            }
            let (Some(runner), Some(number)) = (own, chosen.get(at)) else {
                return None;
            };
            let ran = runner.run(cases.get(*number)?);
            let count = done.fetch_add(1, Ordering::Relaxed) + 1;
            if count.is_multiple_of(CHUNK) {
                progress.show(count, chosen.len());
            }
            Some((*number, ran))
        },
    );
    if progress.show(chosen.len(), chosen.len()) {
        eprintln!();
    }
    Ok(ran.into_iter().filter_map(|(_, ran)| ran).collect())
}

/// Does `count` things on so many threads, each with a state of its own; ordered by number.
fn in_parallel<T: Send, S: Default>(
    count: usize,
    chunk: usize,
    threads: usize,
    work: impl Fn(usize, &mut S) -> T + Sync,
) -> Vec<(usize, T)> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(count));
    let thread = || {
        let mut state = S::default();
        loop {
            let from = next.fetch_add(chunk, Ordering::Relaxed);
            if from >= count {
                return;
            }
            let numbers = from..count.min(from + chunk);
            let made: Vec<_> = numbers
                .map(|number| (number, work(number, &mut state)))
                .collect();
            done.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(made);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(thread);
        }
        thread();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(number, _)| *number);
    done
}
