//! Looks to begin with: what each of them changes of the widget's own.

/// Name of a property without `--avow-`, its value in light, and in dark.
pub(super) type Property = (&'static str, &'static str, &'static str);

/// Names and properties.
pub(super) const PRESETS: [(&str, &[Property]); 4] = [
    ("plain", &[]),
    (
        "soft",
        &[
            ("surface", "#fbfaf7", "#20232a"),
            ("text", "#22252b", "#eef0f4"),
            ("muted", "#565b64", "#b4bac5"),
            ("line", "#e6e2da", "#3a3f49"),
            ("control", "#807c74", "#9097a4"),
            ("accent", "#35507a", "#c9d8f0"),
            ("on-accent", "#ffffff", "#1a2740"),
            ("radius", "1.25em", "1.25em"),
            (
                "shadow",
                "0 0.5em 2.5em rgb(12 18 30 / 12%)",
                "0 0.5em 2.5em rgb(0 0 0 / 45%)",
            ),
        ],
    ),
    (
        "square",
        &[("radius", "0px", "0px"), ("shadow", "none", "none")],
    ),
    (
        "contrast",
        &[
            ("surface", "#ffffff", "#000000"),
            ("text", "#000000", "#ffffff"),
            ("muted", "#000000", "#ffffff"),
            ("line", "#000000", "#ffffff"),
            ("control", "#000000", "#ffffff"),
            ("accent", "#000000", "#ffffff"),
            ("on-accent", "#ffffff", "#000000"),
            ("focus", "#0000d0", "#ffe100"),
            ("shadow", "none", "none"),
        ],
    ),
];

/// Where the first layer may stand, and what the sheet says to that end.
pub(super) const POSITIONS: [(&str, &str); 3] = [
    ("bottom", ""),
    (
        "top",
        ".avow-banner{inset-block:max(1em,env(safe-area-inset-top)) auto}:root:has(.avow-banner:not([hidden])){scroll-padding-block:16em 0}",
    ),
    (
        "corner",
        ".avow-banner{max-inline-size:25em;margin-inline:0 auto!important;grid-template-columns:minmax(0,1fr)}",
    ),
];
