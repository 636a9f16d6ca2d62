//! The looks that a theme may begin with, as the style sheets of frames that show them.

// Their values stand once, beside the check that a theme is legible.
#[path = "../../engine/compiler/src/theme/presets.rs"]
mod presets;

use presets::{POSITIONS, PRESETS};

/// The names of the looks.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// What a look and a position say otherwise than the widget's own sheet.
pub(crate) fn sheet(look: &str, position: &str) -> String {
    let moved = POSITIONS.iter().find(|(name, _)| *name == position);
    let moved = match moved {
        Some((_, moved)) if !moved.is_empty() => format!("@layer avow{{{moved}}}"),
        _ => String::new(),
    };
    let said = PRESETS.iter().find(|(name, _)| *name == look);
    let Some((_, properties)) = said else {
        return moved;
    };
    let block = |of: fn(&presets::Property) -> &'static str| {
        let all: String = properties
            .iter()
            .map(|one| format!("--avow-{}: {}; ", one.0, of(one)))
            .collect();
        format!(".avow, .avow-place {{ {all}}}\n")
    };
    format!(
        "{moved}\n{}@media (prefers-color-scheme: dark) {{\n{}}}\n",
        block(|one| one.1),
        block(|one| one.2)
    )
}
