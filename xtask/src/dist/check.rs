//! What a program gets that installs the packages: tried out by `tests/dist`, with no network.

use std::{fs, os::unix::fs::symlink, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::{
    node,
    run::{built, command, root, run as start, target},
};

/// Ways in which TypeScript finds packages, each with its kind of module.
const RESOLUTIONS: [(&str, &str); 2] = [("nodenext", "nodenext"), ("bundler", "preserve")];

/// Scripts in `tests/dist`, each in a process of its own: an engine is started once. And the condition for it to import under.
const SCRIPTS: [(&str, Option<&str>); 6] = [
    ("files.mjs", None),
    ("node.mjs", None),
    ("edge.mjs", Some("workerd")),
    ("browser.mjs", Some("browser")),
    ("widget.mjs", None),
    ("chromium.mjs", None),
];

/// Writes the packages and tries them in the empty folder `out`. The demo's bundles have been built.
pub(crate) fn check(out: &Path) -> Result<()> {
    let packages = target().join("dist");
    super::write(&packages)?;
    let scope = out.join("node_modules/@avow");
    fs::create_dir_all(&scope)?;
    for name in ["engine", "widget"] {
        symlink(packages.join(name), scope.join(name))?;
    }
    fs::write(out.join("package.json"), "{ \"type\": \"module\" }\n")?;
    types(out)?;
    let chromium = node::chromium()?;
    // Scripts find packages from where they lie.
    for entry in fs::read_dir(root().join("tests/dist"))? {
        let entry = entry?;
        fs::copy(entry.path(), out.join(entry.file_name()))?;
    }
    for (name, condition) in SCRIPTS {
        let script = out.join(name).to_string_lossy().into_owned();
        let condition = condition.map(|condition| format!("--conditions={condition}"));
        let arguments: Vec<_> = condition.as_deref().into_iter().chain([&*script]).collect();
        let status = command("node", &arguments)
            .env("AVOW", built("avow"))
            .env("CHROMIUM", &chromium)
            .env("AVOW_DEMO", target().join("demo"))
            .env("AVOW_VERSION", env!("CARGO_PKG_VERSION"))
            .status()
            .context("cannot start `node`")?;
        if !status.success() {
            bail!("tests/dist/{name} failed");
        }
    }
    Ok(())
}

/// The programs of `tests/types` compile against the packages, too, in each way of finding them.
fn types(out: &Path) -> Result<()> {
    for name in ["avow.ts", "engine.ts"] {
        fs::copy(root().join("tests/types").join(name), out.join(name))?;
    }
    let compiler = root().join("node_modules/typescript/bin/tsc");
    for (resolution, module) in RESOLUTIONS {
        let options = serde_json::json!({
            "compilerOptions": {
                "strict": true,
                "exactOptionalPropertyTypes": true,
                "noEmit": true,
                "skipLibCheck": false,
                "target": "es2022",
                "module": module,
                "moduleResolution": resolution,
                "lib": ["es2022", "dom"],
                "types": [],
                "preserveSymlinks": true
            },
            "files": ["avow.ts", "engine.ts"]
        });
        let project = out.join(format!("{resolution}.json"));
        fs::write(&project, options.to_string())?;
        start(
            "node",
            &[
                &compiler.to_string_lossy(),
                "--project",
                &project.to_string_lossy(),
            ],
        )
        .with_context(|| format!("types, found as {resolution}"))?;
    }
    Ok(())
}
