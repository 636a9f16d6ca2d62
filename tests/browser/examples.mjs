// The examples of docs/: each page, with the catalogue that stands in it, reaches nobody before an allow and everybody after it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { test } from "./harness.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const EXAMPLES = here("../../docs/examples");
const read = (name) => readFileSync(join(EXAMPLES, name), "utf8");

/** What the examples leave to the site: its purposes, and the cookie of the choice. */
const CATALOGUE = ["analytics", "advertising"]
  .map((id) => `[purpose.${id}]\ntitle = "${id}"\ntext = "${id}"\nessential = false\n`)
  .concat(`[purpose.necessary]\ntitle = "Strictly necessary"\ntext = "What the site needs to work."\nessential = true\n`)
  .concat(`[storage.consent]\nname = "lab_consent"\nkind = "cookie"\npurpose = "necessary"\nprovider = "Lab"\nlifetime = "180d"\ntext = "Remembers what was chosen."\n`)
  .join("\n");

/** Builds a site whose catalogue has what an example says, by the rules of the tests' own pack. */
const build = (folder, html) => {
  const pack = join(folder, "pack");
  cpSync(here("pack"), pack, { recursive: true });
  const manifest = readFileSync(join(pack, "avow.toml"), "utf8");
  writeFileSync(join(pack, "avow.toml"), manifest.replace("../../../policies/base", "avow:base"));
  const own = html.match(/<!-- catalogue\.toml\n([^]*?)-->/)?.[1] ?? "";
  writeFileSync(join(pack, "catalogue.toml"), `${CATALOGUE}\n${own}`);
  const site = join(folder, "avow");
  execFileSync(process.env.AVOW, ["-q", "build", pack, "--target", "browser", "--out", site], { stdio: ["ignore", "ignore", "inherit"] });
  return site;
};

const TYPES = { js: "text/javascript", css: "text/css", json: "application/json", wasm: "application/wasm", avow: "application/octet-stream" };
const serve = async (html, site) => {
  const server = createServer((request, answer) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (pathname === "/") return answer.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html);
    if (!pathname.startsWith("/avow/")) return answer.writeHead(204).end();
    try {
      const body = readFileSync(join(site, pathname.slice(6)));
      return answer.writeHead(200, { "content-type": TYPES[pathname.split(".").pop()] ?? "text/plain" }).end(body);
    } catch {
      return answer.writeHead(404).end();
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { server, origin: `http://127.0.0.1:${server.address().port}/` };
};

export async function examples() {
  const names = readdirSync(EXAMPLES).sort();
  for (const name of names.filter((name) => name.endsWith(".html"))) {
    await test(`the example ${name} reaches nobody before an allow, and everybody after it`, {}, async (visit) => {
      const html = read(name);
      const wanted = [...html.matchAll(/<[^>]* (?:data-)?src="(https:[^"]*)"/g)].map((found) => found[1].replaceAll("&amp;", "&"));
      assert.ok(wanted.length, "an example is of something that is loaded");
      const folder = mkdtempSync(join(tmpdir(), "avow-example-"));
      const { server, origin } = await serve(html, build(folder, html));
      try {
        const asked = [];
        await visit.page.route(/^https:/, (route) => {
          asked.push(route.request().url());
          const frame = route.request().resourceType() === "document";
          return route.fulfill({ contentType: frame ? "text/html" : "text/javascript", body: "" });
        });
        await visit.open(origin);
        await visit.banner();
        assert.deepEqual(asked, []);
        await visit.page.click(".avow-banner [data-avow=accept]");
        for (const end = Date.now() + 10_000; Date.now() < end && new Set(asked).size < new Set(wanted).size;) await visit.page.waitForTimeout(50);
        assert.deepEqual([...new Set(asked)].sort(), [...new Set(wanted)].sort());
        assert.deepEqual(visit.errors.filter((error) => !error.includes("MIME")), []);
      } finally {
        server.close();
        rmSync(folder, { recursive: true });
      }
    });
  }
  await test("the examples for frameworks use what there is", {}, async () => {
    const types = readFileSync(here("../../widget/js/avow.d.ts"), "utf8");
    const others = names.filter((name) => !name.endsWith(".html"));
    assert.ok(others.length >= 3, String(others));
    for (const name of others) {
      const used = [...read(name).matchAll(/\bavow\.(\w+)/g)].map((found) => found[1]);
      assert.ok(used.length, name);
      for (const member of used) assert.match(types, new RegExp(`^  (readonly )?${member}[(:<]`, "m"), `${name}: ${member}`);
    }
  });
}
