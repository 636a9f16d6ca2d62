//! `--fix`: makes the edits of findings, where the pack still compiles afterwards.

use std::path::Path;

use avow_compiler::{
    Files, Severity,
    checks::{self, Checked},
    difference, fixed,
};

use crate::{
    build,
    output::{self, Exit, fail},
};

/// How often findings are looked for again: an edit may make another one possible.
const ROUNDS: usize = 8;

/// The pack after its fixes, and what is found in it then. Nothing is written on a dry run, or where the result would not
/// compile.
pub(super) fn mend(
    folder: &Path,
    before: Files,
    found: Checked,
    dry_run: bool,
) -> Result<(Files, Checked), Exit> {
    let (mut files, mut checked) = (before.clone(), found);
    let mut titles = Vec::new();
    for _ in 0..ROUNDS {
        let (after, made) = fixed(&files, &checked.findings);
        if made.is_empty() {
            break;
        }
        let again = checks::check(&after);
        if again.compiled.is_none() || again.count(Severity::Error) > checked.count(Severity::Error)
        {
            eprintln!("note: the pack would not compile with its fixes, so none of them is made");
            break;
        }
        titles.extend(
            made.iter()
                .map(|fix| format!("{}: {}", fix.file, fix.title)),
        );
        (files, checked) = (after, again);
    }
    let changed: Vec<_> = files
        .iter()
        .filter_map(|(file, after)| Some((file, before.get(file)?, after)))
        .filter(|(_, before, after)| before != after)
        .collect();
    if dry_run {
        for (file, before, after) in changed {
            print!("{}", difference(file, before, after));
        }
        let left = checks::check(&before);
        return Ok((before, left));
    }
    for (file, before, after) in changed {
        let path = folder.join(file);
        // Whoever edits the file in the meantime must not lose what they wrote.
        if std::fs::read_to_string(&path).ok().as_ref() != Some(before) {
            let message = format!(
                "`{}` was changed in the meantime; nothing is written to it",
                path.display()
            );
            return Err(fail(Exit::System, message));
        }
        build::write(&path, after.as_bytes())?;
    }
    for title in &titles {
        println!("{} {title}", output::coloured("mended", true));
    }
    Ok((files, checked))
}
