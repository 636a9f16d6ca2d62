// The demo in real Chromium. `cargo xtask test browser` starts the demo and this; `node tests/browser/run.mjs pages` runs one
// suite against a demo that is running already.

import { application } from "./application.mjs";
import { banner } from "./banner.mjs";
import { consent } from "./consent.mjs";
import { finish } from "./harness.mjs";
import { neighbours } from "./neighbours.mjs";
import { pages } from "./pages.mjs";
import { parity } from "./parity.mjs";

const suites = { consent, banner, application, pages, neighbours, parity };
const wanted = process.argv.slice(2);
for (const [name, suite] of Object.entries(suites)) {
  if (!wanted.length || wanted.includes(name)) await suite();
}
await finish();
