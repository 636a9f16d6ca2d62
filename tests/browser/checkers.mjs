// Checkers that others wrote, for people who want no banner at all: what they look for has to be there.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { neighbours, reached, site, test } from "./harness.mjs";

const autoconsent = readFileSync(new URL("../../node_modules/@duckduckgo/autoconsent/dist/autoconsent.playwright.js", import.meta.url), "utf8");

/** No rule knows our banner, and none is given: what is left is to look for what reads like a question, and a button like a no. */
const HEURISTIC = {
  enabled: true,
  autoAction: "optOut",
  disabledCmps: [],
  enablePrehide: false,
  detectRetries: 20,
  enableCosmeticRules: false,
  enableGeneratedRules: false,
  enableHeuristicDetection: true,
  heuristicMode: "reject",
};

/** Lets the extension's script do its work on the page that is open, and says what it told. */
async function letItLook({ page }) {
  const told = [];
  const done = new Promise((resolve, reject) => {
    const sent = async (message) => {
      told.push(message);
      const answer = (what) => page.evaluate((what) => window.autoconsentReceiveMessage(what), what);
      if (message.type === "init") await answer({ type: "initResp", config: HEURISTIC, rules: { autoconsent: [] } });
      if (message.type === "eval") await answer({ type: "evalResp", id: message.id, result: await page.evaluate(message.code) });
      if (message.type === "optOutResult") resolve();
      if (message.type === "autoconsentError") reject(new Error(JSON.stringify(message.details)));
    };
    page.exposeFunction("autoconsentSendMessage", (message) => void sent(message).catch(reject)).then(() => page.evaluate(autoconsent)).catch(reject);
  });
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`no end after ${JSON.stringify(told.map(({ type, cmp, state }) => cmp ?? state?.lifecycle ?? type))}`)), 30_000).unref();
  });
  await Promise.race([done, late]);
  return told;
}

export async function checkers() {
  for (const [name, address] of [["opsyn", site], ["aiopsos", neighbours.aiopsos], ["opsos", neighbours.opsos]]) {
    await test(`DuckDuckGo's autoconsent finds and presses reject on ${name}, by its heuristic alone`, {}, async (visit) => {
      await visit.open(`${address}/`);
      await visit.banner();
      const told = await letItLook(visit);
      assert.deepEqual(told.filter(({ type }) => type === "popupFound").map(({ cmp }) => cmp), ["HEURISTIC-REJECT"]);
      assert.equal(told.find(({ type }) => type === "optOutResult").result, true);
      await visit.page.waitForSelector(".avow-banner", { state: "hidden" });
      const { granted, refused, objected, method } = await visit.page.evaluate(() => window.avow.consent());
      assert.equal(method, "reject");
      assert.deepEqual(granted, []);
      assert.ok(refused.length + objected.length > 0);
      assert.deepEqual(await visit.cookies(address), [`${name}_consent`]);
      assert.deepEqual(await reached(), []);
    });
  }
}
