// One visit of one candidate, under one condition, in a fresh browser context.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { brotli } from "./server.mjs";

const INSTRUMENT = readFileSync(new URL("instrument.js", import.meta.url), "utf8");
const PATIENCE_MS = 15_000;
/** Not the banner's: the page's own style sheet, and the script that waits for consent. */
const NOT_OURS = new Set(["/site.css", "/gated.js", "/blank.html"]);

/** What a visit may be slowed down by. */
export const CONDITIONS = {
  plain: { cpu: 1 },
  busy: { cpu: 6 },
  slow: { cpu: 1, network: { offline: false, latency: 150, downloadThroughput: 1.6e6 / 8, uploadThroughput: 1.6e6 / 8 } },
};

class Failure extends Error {}

async function open(browser, server, candidate) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB" });
  context.setDefaultTimeout(PATIENCE_MS);
  const selectors = JSON.stringify([candidate.banner, candidate.accept]);
  await context.addInitScript(`const [BANNER, ACCEPT] = ${selectors};\n${INSTRUMENT}`);
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Network.enable");
  // Playwright waits by a script of its own, large enough to keep a slow processor from painting: so until the banner is there,
  // the page says so by itself.
  await devtools.send("Runtime.enable");
  await devtools.send("Runtime.addBinding", { name: "__told" });
  const appeared = new Promise((resolve) => devtools.once("Runtime.bindingCalled", resolve));

  /** Goes to the candidate's page. The blank one before it starts the process, so that this is no part of the measurement. */
  const go = async ({ cpu, network }) => {
    const still = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    await page.goto(`${server.origin}/blank.html`);
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: cpu });
    await devtools.send("Network.emulateNetworkConditions", network ?? still);
    server.take();
    await page.goto(`${server.origin}/page/${candidate.name}.html`, { waitUntil: "load" });
  };
  const wait = async (what, failure) => {
    try {
      await page.waitForFunction(what, undefined, { polling: 50 });
    } catch {
      throw new Failure(`${candidate.name}: ${failure}`);
    }
  };
  return { context, page, go, wait, appeared };
}

const ran = (page) => page.evaluate(() => performance.getEntriesByName("gated")[0]?.startTime ?? null);
const seen = (page) => page.evaluate(() => {
  const { visible, accept, shift, events, painted } = window.__seen;
  return { visible, accept, shift, events, painted };
});

/** A first visit: `{ visible, accept, firstPaint, shift, bytes, requests, files }`, times in ms from navigation start. */
async function first(visit, server, candidate, bareBytes, condition) {
  const { page, go, appeared } = visit;
  await go(condition);
  await Promise.race([appeared, sleep(PATIENCE_MS, undefined, { ref: false }).then(() => {
    throw new Failure(`${candidate.name}: its banner never appeared`);
  })]);
  // What comes late, a shift of the layout or another file, counts as well.
  await page.waitForTimeout(700);
  if ((await ran(page)) !== null) throw new Failure(`${candidate.name}: the script ran before consent`);
  const { visible, accept, shift } = await seen(page);
  const firstPaint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null);
  const sent = shipped(server, candidate);
  const inPage = brotli(Buffer.from(candidate.html)).length - bareBytes;
  const bytes = sent.reduce((sum, file) => sum + file.bytes, inPage);
  return { visible, accept, firstPaint, shift, bytes, inPage, requests: sent.length, files: sent };
}

/** What was sent for the banner's sake; a file that is missing would make a candidate look light. */
function shipped(server, candidate) {
  const sent = server.take().filter(({ path }) => !NOT_OURS.has(path) && !path.startsWith("/page/"));
  const missing = sent.find((file) => !file.found);
  if (missing) throw new Failure(`${candidate.name}: there is no ${missing.path}`);
  return sent.map(({ path, bytes }) => ({ path, bytes }));
}

/** Presses accept: `{ event, painted }`, ms, by event timing (16 stands for "at most 16") and by the end of the next frame. */
async function accept(visit, candidate) {
  const { page, wait } = visit;
  const at = await still(visit, candidate);
  await page.evaluate(() => window.__seen.tick());
  await page.mouse.move(at.x, at.y);
  await page.waitForTimeout(300);
  await page.mouse.click(at.x, at.y);
  await wait(() => performance.getEntriesByName("gated").length > 0, "the script did not run after accept");
  await wait(() => !window.__seen.shown(), "its banner stayed after accept");
  await page.waitForTimeout(700);
  const { events, painted } = await seen(page);
  if (painted === null) throw new Failure(`${candidate.name}: no frame followed the press`);
  return { event: Math.max(16, ...events), painted };
}

/** The middle of the accept button, once it has not moved for a while. */
async function still({ page }, candidate) {
  let last = "";
  let same = 0;
  for (const began = Date.now(); Date.now() - began < PATIENCE_MS; await page.waitForTimeout(100)) {
    const at = await page.evaluate((selector) => {
      const button = document.querySelector(selector);
      const { left, top, width, height } = button.getBoundingClientRect();
      const [x, y] = [left + width / 2, top + height / 2];
      return { x, y, free: button.contains(document.elementFromPoint(x, y)) };
    }, candidate.accept);
    same = JSON.stringify(at) === last ? same + 1 : 0;
    last = JSON.stringify(at);
    if (same >= 5 && at.free) return at;
  }
  throw new Failure(`${candidate.name}: its accept button cannot be pressed`);
}

/** The next visit of somebody who has accepted, with an empty cache: `{ bytes, requests, files, ran, contentLoaded }`. */
async function returning(visit, server, candidate) {
  const { page, go, wait } = visit;
  await go(CONDITIONS.plain);
  await wait(() => performance.getEntriesByName("gated").length > 0, "the script did not run for a visitor who had accepted");
  await page.waitForTimeout(700);
  const { visible } = await seen(page);
  if (visible !== null) throw new Failure(`${candidate.name}: its banner appeared for a visitor who had accepted`);
  const contentLoaded = await page.evaluate(() => performance.getEntriesByType("navigation")[0].domContentLoadedEventStart);
  const files = shipped(server, candidate);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return { bytes, requests: files.length, files, ran: await ran(page), contentLoaded };
}

/** All that is measured under one condition: a first visit, and on the slow processor what follows it. */
export async function measure(browser, server, candidate, bareBytes, condition) {
  const visit = await open(browser, server, candidate);
  try {
    const result = { first: await first(visit, server, candidate, bareBytes, CONDITIONS[condition]) };
    if (condition === "busy") {
      result.accept = await accept(visit, candidate);
      result.returning = await returning(visit, server, candidate);
    }
    return result;
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${candidate.name}: ${error.message}`);
  } finally {
    await visit.context.close();
  }
}
