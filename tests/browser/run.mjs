// The demo, and the tests' own site, in real Chromium. `cargo xtask test browser` starts the demo and this; `node
// tests/browser/run.mjs pages` runs one suite against a demo that is running already.

import { api } from "./api.mjs";
import { application } from "./application.mjs";
import { audit } from "./audit.mjs";
import { banner } from "./banner.mjs";
import { checkers } from "./checkers.mjs";
import { consent } from "./consent.mjs";
import { examples } from "./examples.mjs";
import { everywhere } from "./everywhere.mjs";
import { gallery } from "./gallery.mjs";
import { gate } from "./gate.mjs";
import { finish } from "./harness.mjs";
import { lighthouse } from "./lighthouse.mjs";
import { neighbours } from "./neighbours.mjs";
import { pages } from "./pages.mjs";
import { parity } from "./parity.mjs";
import { races } from "./races.mjs";
import { record } from "./record.mjs";
import { returning } from "./returning.mjs";
import { signals } from "./signals.mjs";

const suites = {
  consent, banner, gate, signals, record, races, returning, everywhere, api,
  examples, application, pages, gallery, neighbours, parity, audit, checkers, lighthouse,
};
const wanted = process.argv.slice(2);
for (const [name, suite] of Object.entries(suites)) {
  if (!wanted.length || wanted.includes(name)) await suite();
}
await finish();
