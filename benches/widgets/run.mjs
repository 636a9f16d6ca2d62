// Measures banners beside each other in one run: `cargo xtask bench widget` prepares everything and starts this.
//
//   CHROMIUM=/usr/bin/chromium node run.mjs --site FOLDER [--silktide FOLDER] [--quick] [--only NAME]… [--json FILE] [--markdown]

import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { bare, candidates, files } from "./candidates.mjs";
import { figures, tables, told } from "./report.mjs";
import { brotli, serve } from "./server.mjs";
import { CONDITIONS, measure } from "./visits.mjs";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"];

const { values: options } = parseArgs({
  options: {
    site: { type: "string" },
    silktide: { type: "string" },
    quick: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    json: { type: "string" },
    markdown: { type: "boolean", default: false },
  },
});
const rounds = options.quick ? 3 : 9;
const say = (line) => process.stderr.write(`${line}\n`);

const all = candidates(options.site, options.silktide);
const unknown = options.only.find((name) => !all.some((one) => one.name === name));
if (unknown) {
  say(`error: there is no candidate \`${unknown}\`; there are ${all.map((one) => one.name).join(", ")}`);
  process.exit(1);
}
const chosen = all.filter((one) => options.only.length === 0 || options.only.includes(one.name));
if (!all.some((one) => one.name === "avow-first-layer")) {
  say("note: the build wrote no first-layer/en.html, so ours is measured without a prerendered first layer");
}

const server = await serve(await files(options.site, all, options.silktide));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args: FLAGS });
const bareBytes = brotli(Buffer.from(bare())).length;
const results = chosen.map(({ name, title }) => ({ name, title, runs: { plain: [], busy: [], slow: [] } }));
const before = loadavg();

// A first round that does not count: files are compressed, and whoever does not work is found out before time is spent on others.
const failures = [];
for (const one of chosen) {
  say(`trying ${one.name}`);
  try {
    await measure(browser, server, one, bareBytes, "plain");
    await measure(browser, server, one, bareBytes, "busy");
  } catch (error) {
    failures.push(error.message);
  }
}
if (failures.length > 0) await fail(failures);

try {
  for (let round = 1; round <= rounds; round += 1) {
    for (const condition of Object.keys(CONDITIONS)) {
      say(`round ${round} of ${rounds}: ${condition}`);
      for (const at of shuffled(chosen.length)) {
        results[at].runs[condition].push(await measure(browser, server, chosen[at], bareBytes, condition));
      }
    }
  }
} catch (error) {
  await fail([error.message]);
}

const about = {
  at: new Date().toISOString(),
  rounds,
  chromium: browser.version(),
  processors: cpus().length,
  load: [before[0], loadavg()[0]],
};
await browser.close();
await server.close();
if (options.json) {
  const kept = { about, conditions: CONDITIONS, figures: figures(results), results };
  writeFileSync(options.json, `${JSON.stringify(kept, null, 1)}\n`);
}
console.log(`${tables(results, options.markdown)}\n${told(about)}`);

/** The numbers below `length` in another order each time, so that what disturbs the machine falls on everybody. */
function shuffled(length) {
  const order = Array.from({ length }, (_, at) => at);
  for (let at = length - 1; at > 0; at -= 1) {
    const other = Math.floor(Math.random() * (at + 1));
    [order[at], order[other]] = [order[other], order[at]];
  }
  return order;
}

async function fail(messages) {
  for (const message of messages) say(`error: ${message}`);
  await browser.close();
  process.exit(1);
}
