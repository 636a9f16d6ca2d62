// What is in the packages: what they list, promise and name, and nothing else.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, realpathSync } from "node:fs";
import { SourceMap } from "node:module";
import { join } from "node:path";

const { AVOW_DEMO, AVOW_VERSION } = process.env;
const COMMON = ["LICENSE", "README.md", "integrity.json", "package.json"];
const scripts = (names) => names.flatMap((name) => [name, `${name}.map`, `src/${name}`]);
const WANTED = {
  engine: [
    ...COMMON,
    ...scripts(["bindings.js", "browser.js", "core.js", "edge.js", "node.js"]),
    ...["THIRD-PARTY.md", "edge.d.ts", "engine.wasm", "engine.wasm.d.ts", "index.d.ts"],
  ],
  widget: [...COMMON, ...scripts(["avow.mjs"]), "avow-more.css", "avow.css", "avow.d.ts"],
};

function walk(folder, prefix = "") {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? walk(folder, `${prefix}${entry.name}/`) : [prefix + entry.name],
  );
}

/** Every path that `exports` leads to. */
function leaves(value) {
  return typeof value === "string" ? [value] : Object.values(value).flatMap(leaves);
}

for (const [name, wanted] of Object.entries(WANTED)) {
  const folder = realpathSync(new URL(`node_modules/@avow/${name}`, import.meta.url));
  const text = (file) => readFileSync(join(folder, file), "utf8");
  wanted.sort();
  assert.deepEqual(walk(folder).sort(), wanted, `the files of ${name}`);
  const packed = execFileSync("npm", ["pack", "--dry-run", "--json", "--offline", "--ignore-scripts"], { cwd: folder, encoding: "utf8" });
  const [{ files }] = [JSON.parse(packed)].flatMap((said) => (Array.isArray(said) ? said : Object.values(said)));
  assert.deepEqual(files.map(({ path }) => path).sort(), wanted, `what npm packs of ${name}`);

  const manifest = JSON.parse(text("package.json"));
  assert.equal(manifest.name, `@avow/${name}`);
  assert.equal(manifest.version, AVOW_VERSION);
  assert.equal(manifest.license, "Apache-2.0");
  assert.match(text("LICENSE"), /Apache License\s+Version 2\.0/);
  for (const leaf of leaves(manifest.exports)) assert.ok(wanted.includes(leaf.slice(2)), `${name} exports ${leaf}`);

  const integrity = JSON.parse(text("integrity.json"));
  assert.deepEqual(Object.keys(integrity).sort(), wanted.filter((file) => file !== "integrity.json"));
  for (const [file, said] of Object.entries(integrity)) {
    const digest = createHash("sha384").update(readFileSync(join(folder, file))).digest("base64");
    assert.equal(said, `sha384-${digest}`, `${name}/${file}`);
  }

  for (const file of wanted.filter((file) => file.endsWith(".map"))) {
    const script = text(file.slice(0, -4));
    assert.ok(script.trimEnd().endsWith(`//# sourceMappingURL=${file}`), file);
    const map = JSON.parse(text(file));
    assert.deepEqual(map.sources, [`src/${file.slice(0, -4)}`]);
    assert.deepEqual(map.sourcesContent, [text(map.sources[0])]);
  }
}

// A place in what is shrunk leads back to where it was written.
const engine = (file) => readFileSync(new URL(`node_modules/@avow/engine/${file}`, import.meta.url), "utf8");
const column = engine("core.js").indexOf("new Error(");
const found = new SourceMap(JSON.parse(engine("core.js.map"))).findEntry(0, column);
const line = engine("src/core.js").split("\n").findIndex((text) => text.includes("new Error("));
assert.ok(column > 0 && line > 0);
assert.deepEqual([found.originalSource, found.originalLine], ["src/core.js", line]);

// Who wrote what is linked, and nothing of the machine that linked it.
const parties = engine("THIRD-PARTY.md");
for (const name of ["serde-wasm-bindgen", "wasm-bindgen", "jiff", "Rust's standard library"]) assert.ok(parties.includes(`| ${name} |`), name);
assert.ok(!parties.includes("| avow-"), "ours is no third party's");
assert.match(parties, /## .*serde-wasm-bindgen[\s\S]*Permission is hereby granted/);
const wasm = readFileSync(new URL("node_modules/@avow/engine/engine.wasm", import.meta.url), "latin1");
for (const path of [process.env.HOME, process.env.CARGO_HOME].filter(Boolean)) assert.ok(!wasm.includes(`${path}/`), `the module names ${path}`);

// The widget's module is the one that a site gets.
const module = readFileSync(new URL("node_modules/@avow/widget/avow.mjs", import.meta.url), "utf8");
const site = readFileSync(join(AVOW_DEMO, "avow/avow.mjs"), "utf8");
assert.equal(module.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "").trim(), site.trim());
console.error("files: both packages have what they say");
