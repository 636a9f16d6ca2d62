// Who is measured, and the files of their pages.

import { existsSync, readFileSync } from "node:fs";
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const page = (name) => readFileSync(join(here, "pages", name), "utf8");
const version = (name) => JSON.parse(readFileSync(join(here, "node_modules", name, "package.json"), "utf8")).version;

const OURS = { banner: ".avow-banner", accept: ".avow-banner [data-avow=accept]" };
/** What docs/widget.md says to put before the tag, for the sake of first visits. */
const HINTS = `<link rel="modulepreload" href="/avow/avow-widget.js">
<link rel="preload" as="style" href="/avow/avow.css">
<link rel="preload" as="fetch" crossorigin href="/avow/en.json">
`;
/** What `avow build --first-layer` prints before the tag. */
const STYLED = `<link id="avow-style" rel="stylesheet" href="/avow/avow.css">
`;
const PEERS = [
  { name: "vanilla-cookieconsent", banner: "#cc-main .cm", accept: "#cc-main .cm [data-role=all]" },
  { name: "klaro", banner: "#klaro .cookie-notice", accept: "#klaro .cookie-notice .cm-btn-success" },
  { name: "tarteaucitron", package: "tarteaucitronjs", banner: "#tarteaucitronAlertBig", accept: "#tarteaucitronPersonalize2" },
  { name: "osano-cookieconsent", package: "cookieconsent", banner: ".cc-window", accept: ".cc-window .cc-allow" },
  { name: "c15t", title: "c15t, core", banner: "#banner", accept: "#banner #all" },
  {
    name: "c15t-react",
    title: "c15t, React",
    package: "@c15t/react",
    banner: "[data-testid=consent-banner-root]",
    accept: "[data-testid=consent-banner-accept-button]",
  },
];

/** Given out as two files, and on no registry: measured where somebody has them. */
const SILKTIDE = { banner: "#silktide-banner", accept: "#silktide-banner .accept-all" };

/**
 * All candidates, ours first; `silktide` is a folder with Silktide's two files, or undefined; `site` is the folder that `avow build --target browser` wrote. Each has `name`, `title`, `banner`
 * and `accept` (selectors of first layer and button), `html` (its page). Ours is there as one tag, with preload hints, with the
 * loader in the page, and, if the build wrote a first layer, with that.
 */
export function candidates(site, silktide) {
  const one = (name, title, { banner, accept }, fragment, first = "") =>
    ({ name, title, banner, accept, html: compose(fragment, first) });
  const ours = page("avow.html");
  const tag = ours.match(/<script src="\/avow\/avow\.js"([^]*?)><\/script>/);
  const inline = () => `<script data-base="/avow/"${tag[1]}>${readFileSync(join(site, "avow.js"), "utf8")}</script>`;
  const all = [
    one("avow", "avow", OURS, ours),
    one("avow-hints", "avow, with preload hints", OURS, ours.replace(tag[0], () => HINTS + tag[0])),
    one("avow-inline", "avow, loader in the page, with hints", OURS, ours.replace(tag[0], () => HINTS + inline())),
  ];
  const layer = join(site, "first-layer", "en.html");
  if (existsSync(layer)) {
    const first = readFileSync(layer, "utf8");
    all.push(one("avow-first-layer", "avow, first layer prerendered", OURS, ours.replace(tag[0], () => STYLED + tag[0]), first));
  }
  for (const peer of PEERS) {
    const title = `${peer.title ?? peer.name} ${version(peer.package ?? peer.name)}`;
    all.push(one(peer.name, title, peer, page(`${peer.name}.html`)));
  }
  if (silktide) all.push(one("silktide", "Silktide", SILKTIDE, page("silktide.html")));
  return all;
}

/** The page without any banner; what it weighs is taken off each candidate's weight. */
export const bare = () => compose("", "");

/** Puts the parts of a fragment where the site's page has their marks. */
function compose(fragment, first) {
  const parts = { head: "", first, last: "" };
  for (const [, place, text] of fragment.matchAll(/<!-- (head|last) -->\n([^]*?)(?=<!-- (?:head|last) -->|$)/g)) {
    parts[place] += text;
  }
  return page("site.html").replace(/<!-- (head|first|last) -->\n/g, (_, place) => parts[place]);
}

/** What needs a bundler, bundled in memory: path to bytes. */
async function bundled() {
  const made = await build({
    entryPoints: [join(here, "pages/c15t.js"), join(here, "pages/c15t-react.jsx")],
    absWorkingDir: here,
    outdir: "/built",
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "error",
  });
  return new Map(made.outputFiles.map((file) => [`/built/${file.path.split("/").at(-1)}`, Buffer.from(file.contents)]));
}

/** Gives what the server sends for a path. */
export async function files(site, all, silktide) {
  const memory = await bundled();
  const root = join(here, "../..");
  memory.set("/blank.html", Buffer.from("<!doctype html><title>blank</title>"));
  memory.set("/gated.js", readFileSync(join(here, "pages/gated.js")));
  memory.set("/site.css", readFileSync(join(root, "demo/pages/style.css")));
  for (const { name, html } of all) memory.set(`/page/${name}.html`, Buffer.from(html));
  const folders = { "/avow/": site, "/npm/": join(here, "node_modules"), ...(silktide && { "/silktide/": silktide }) };
  return (path) => {
    if (memory.has(path)) return memory.get(path);
    for (const [prefix, folder] of Object.entries(folders)) {
      const file = normalize(join(folder, path.slice(prefix.length)));
      if (path.startsWith(prefix) && file.startsWith(folder) && existsSync(file)) return readFileSync(file);
    }
    return undefined;
  };
}
