// What the tests share: one Chromium, a fresh context for each test, and how a test is run and counted.
//
// Addresses come by environment: AVOW_SITE, AVOW_APP, AVOW_PROVIDER, AVOW_NEIGHBOURS; CHROMIUM is the browser, AVOW_PARITY the
// file of the parity cases, AVOW_AUDIT the program that asks Cedar, AVOW the command line.

import { readFileSync } from "node:fs";
import { get } from "node:http";
import { chromium } from "playwright-core";

export const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"];

export const site = process.env.AVOW_SITE;
export const app = process.env.AVOW_APP;
export const provider = process.env.AVOW_PROVIDER;
/** Sites of the other packs, by name. */
export const neighbours = Object.fromEntries(process.env.AVOW_NEIGHBOURS.split(" ").map((one) => one.split("=")));

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args: FLAGS });
const axeSource = readFileSync(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

/** What a test is given: a browser context of its own, and the few things that all of them do. */
class Visit {
  constructor(context, page) {
    this.context = context;
    this.page = page;
    this.errors = [];
    page.on("pageerror", (error) => this.errors.push(error.message));
    page.on("console", (message) => message.type() === "error" && this.errors.push(message.text()));
  }

  /** Names of the cookies that the browser would send to `url`, sorted. */
  async cookies(url) {
    return (await this.context.cookies(url)).map((cookie) => cookie.name).sort();
  }

  /** Opens a page and waits until the widget has decided what to show. */
  async open(url) {
    const response = await this.page.goto(url);
    await this.page.evaluate(() => window.avow?.ready);
    return response;
  }

  async banner() {
    await this.page.waitForSelector(".avow-banner", { state: "visible" });
  }

  /** Presses a button of the banner and waits until the ledger has taken the choice down. */
  async choose(what, where = ".avow-banner") {
    const recorded = this.page.waitForResponse((answer) => answer.url().endsWith("/consent") && answer.request().method() === "POST");
    await this.page.click(`${where} [data-avow=${what}]`);
    const answer = await recorded;
    if (![200, 201].includes(answer.status())) throw new Error(`the ledger answered ${answer.status()}`);
    return answer;
  }

  /** Withdraws from the second layer. What already runs cannot be stopped, so the page reloads. */
  async withdraw() {
    await this.page.click("[data-avow-open]");
    await this.page.waitForSelector(".avow-dialog[open]");
    await Promise.all([this.page.waitForEvent("load"), this.page.click(".avow-dialog [data-avow=reject]")]);
    await this.page.evaluate(() => window.avow.ready);
  }

  /** Everything that axe finds: rule and element. */
  async axe() {
    // As an init script it would be refused by Trusted Types; the debugger's evaluation is not.
    await this.page.evaluate(axeSource);
    const found = await this.page.evaluate(() =>
      window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
    return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join(" ")}`);
  }
}

/** The body of one of the demo's addresses. Outside a browser nobody resolves its names, so the socket is named by number. */
export const body = (url) => new Promise((resolve, reject) => {
  const { host, port, pathname } = new URL(url);
  get({ host: "127.0.0.1", port, path: pathname, headers: { host } }, async (answer) => {
    resolve(Buffer.concat(await answer.toArray()));
  }).on("error", reject);
});

/** Paths that reached the analytics provider since the last reset. */
export const reached = async () => (await (await fetch(`${provider}/log`)).json()).paths;

/** A test that waits for what never comes fails, rather than the whole run. */
const inTime = (running) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("not done after two minutes")), 120_000);
  });
  return Promise.race([running, late]).finally(() => clearTimeout(timer));
};

/** What has to be done before each test. */
export const before = [];

let passed = 0;
let failed = 0;

/** Runs one test in a fresh context. The widget looks at the clock's zone, so it is not left to the machine. */
export async function test(name, options, body) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, timezoneId: "UTC", ...options });
  context.setDefaultTimeout(15_000);
  await fetch(`${provider}/reset`, { method: "POST" });
  for (const act of before) act();
  try {
    await inTime(body(new Visit(context, await context.newPage())));
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n        ${String(error.stack ?? error).replaceAll("\n", "\n        ")}`);
  } finally {
    await context.close();
  }
}

/** Says how it went, and ends. */
export async function finish() {
  await browser.close();
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}
