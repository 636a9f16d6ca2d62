//! Runs something again whenever a file of some folders changes.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use notify::{Event, EventKind, RecursiveMode, Watcher as _};

use crate::output::{self, Exit, fail};

/// How long it has to be quiet: an editor that saves a file touches it several times.
const QUIET: Duration = Duration::from_millis(100);

/// Runs it once, and again after each change, until the process is interrupted. Watched are the folders and those of the packs
/// that they use.
pub(crate) fn watch(folders: &[PathBuf], mut run: impl FnMut() -> Exit) -> Exit {
    let (sender, changes) = channel();
    let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // The receiver is gone only when the process ends.
        let _ = sender.send(event.is_ok_and(|event| matters(&event)));
    });
    let mut watcher = match watcher {
        Ok(watcher) => watcher,
        Err(error) => return fail(Exit::System, format!("cannot watch for changes: {error}")),
    };
    for folder in folders.iter().flat_map(|folder| with_used(folder)) {
        if let Err(error) = watcher.watch(&folder, RecursiveMode::Recursive) {
            let message = format!("cannot watch `{}`: {error}", folder.display());
            return fail(Exit::System, message);
        }
    }
    loop {
        let exit = run();
        let count = output::count(folders.len(), "pack");
        eprintln!("──── waiting for changes in {count}; interrupt to end");
        if !changed(&changes) {
            return exit;
        }
    }
}

/// Waits for a change, and then until it is quiet. False where none will come any more.
fn changed(changes: &Receiver<bool>) -> bool {
    loop {
        match changes.recv() {
            Ok(true) => break,
            Ok(false) => {}
            Err(_) => return false,
        }
    }
    while changes.recv_timeout(QUIET).is_ok() {}
    true
}

/// Whether an event changes what a pack's files say. Reading them is an event, too.
fn matters(event: &Event) -> bool {
    let ours = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        matches!(
            ending,
            Some("toml" | "cedar" | "cedarschema" | "json" | "yaml" | "css")
        )
    };
    !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(ours)
}

/// A pack's folder and those of the packs that it uses. What cannot be read is the command's to report.
fn with_used(folder: &Path) -> Vec<PathBuf> {
    let manifest = std::fs::read_to_string(folder.join("avow.toml")).unwrap_or_default();
    let table: toml::Table = manifest.parse().unwrap_or_default();
    let uses = table
        .get("pack")
        .and_then(|pack| pack.get("uses")?.as_array());
    let uses = uses.into_iter().flatten().filter_map(toml::Value::as_str);
    let used = uses
        .map(|used| folder.join(used))
        .filter(|used| used.is_dir());
    std::iter::once(folder.to_owned()).chain(used).collect()
}
