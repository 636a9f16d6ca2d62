// A smoke run in the two other engines: Gecko and WebKit. `cargo xtask test smoke` starts the demo and this.
//
// Addresses come by environment: AVOW_SITE, AVOW_PROVIDER; FIREFOX, WEBKIT_DRIVER and XVFB are programs.

import assert from "node:assert/strict";

import { firefox, until, webkit } from "./webdriver.mjs";

const { AVOW_SITE: site, AVOW_PROVIDER: provider, FIREFOX, WEBKIT_DRIVER, XVFB } = process.env;
const CHOICE = "opsyn_consent";
const KEYS = { tab: "\uE004", enter: "\uE007", escape: "\uE00C" };

const reached = async () => (await (await fetch(`${provider}/log`)).json()).paths;
/** Long enough for a script that was let run to load, to set its cookies and to report. */
const settle = () => new Promise((done) => setTimeout(done, 800));

/** Opens the site as somebody who was never there. */
async function first(browser) {
  await browser.open(`${site}/`);
  await browser.send("DeleteAllCookies", {});
  await browser.run(() => [localStorage, sessionStorage].forEach((area) => area.clear()));
  await fetch(`${provider}/reset`, { method: "POST" });
  await browser.open(`${site}/`);
  await until("the banner", () => browser.shows(".avow-banner"));
}

/** Presses a button of the banner or the second layer, and waits for the choice to be kept. */
async function choose(browser, what, where = ".avow-banner") {
  const value = () => browser.run((name) => document.cookie.split("; ").find((one) => one.startsWith(`${name}=`)) ?? "", CHOICE);
  const before = await value();
  await browser.click(`${where} [data-avow=${what}]`);
  await until("the choice", async () => (await value()) !== before);
}

async function open(browser) {
  await browser.click("[data-avow-open]");
  await until("the second layer", () => browser.shows(".avow-dialog[open]"));
}

/** Opens the site again; whoever has chosen is not asked. */
async function again(browser) {
  await browser.reload();
  await browser.run(() => window.avow.ready.then(() => true));
  await settle();
  assert.equal(await browser.shows(".avow-banner"), false);
}

const focused = (browser) => browser.run(() => document.activeElement?.dataset?.avow ?? "");

const TESTS = {
  "the banner shows, and nothing is there before a choice": async (browser) => {
    await first(browser);
    await settle();
    assert.deepEqual(await browser.cookies(), []);
    assert.deepEqual(await reached(), []);
  },
  "the second layer opens by keyboard, and Escape returns the focus": async (browser) => {
    await first(browser);
    for (let i = 0; i < 12 && (await focused(browser)) !== "choose"; i += 1) await browser.key(KEYS.tab);
    assert.equal(await focused(browser), "choose");
    await browser.key(KEYS.enter);
    await until("the second layer", () => browser.shows(".avow-dialog[open]"));
    assert.equal(await browser.run(() => document.activeElement.closest(".avow-dialog") !== null), true);
    await browser.key(KEYS.escape);
    await until("its end", async () => !(await browser.shows(".avow-dialog[open]")));
    assert.equal(await focused(browser), "choose");
    assert.equal(await browser.shows(".avow-banner"), true);
    assert.deepEqual(await browser.cookies(), []);
  },
  "a refusal leaves nothing but itself, and is not asked for again": async (browser) => {
    await first(browser);
    await choose(browser, "reject");
    await settle();
    assert.equal(await browser.shows(".avow-banner"), false);
    await again(browser);
    assert.deepEqual(await browser.cookies(), [CHOICE]);
    assert.deepEqual(await reached(), []);
  },
  "an acceptance starts the script and is kept, and a withdrawal takes all of it back": async (browser) => {
    await first(browser);
    await choose(browser, "accept");
    await until("the script", async () => (await browser.cookies()).includes("_ga"));
    await until("its report", async () => (await reached()).some((path) => path.startsWith("/collect")));
    await again(browser);
    assert.ok((await browser.cookies()).includes(CHOICE));
    assert.ok((await reached()).filter((path) => path.startsWith("/gtm.js")).length > 1);

    await open(browser);
    await choose(browser, "reject", ".avow-dialog");
    await until("an empty jar", async () => (await browser.cookies()).join() === CHOICE);
    await settle();
    await fetch(`${provider}/reset`, { method: "POST" });
    await again(browser);
    assert.deepEqual(await browser.cookies(), [CHOICE]);
    assert.deepEqual(await reached(), []);
    assert.deepEqual(await browser.run(() => window.avow.consent().granted), []);
  },
};

let passed = 0;
let failed = 0;
const wrong = (name, error) => {
  failed += 1;
  console.log(`FAILED  ${name}\n        ${String(error.stack ?? error).replaceAll("\n", "\n        ")}`);
};

// One after the other: what reaches the provider is counted for all.
for (const [engine, start] of [["Firefox", () => firefox(FIREFOX)], ["WebKitGTK", () => webkit(WEBKIT_DRIVER, XVFB)]]) {
  let browser;
  try {
    browser = await start();
  } catch (error) {
    wrong(`${engine} starts`, error);
    continue;
  }
  for (const [name, body] of Object.entries(TESTS)) {
    try {
      await body(browser);
      passed += 1;
      console.log(`ok      ${engine}: ${name}`);
    } catch (error) {
      wrong(`${engine}: ${name}`, error);
    }
  }
  await browser.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
