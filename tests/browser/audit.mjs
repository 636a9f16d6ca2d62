// A black-box audit of the five sites. In each phase (before a choice, refused, each optional purpose alone, accepted, withdrawn)
// every page is visited, and what the browser then holds and what it has requested is compared with what the pack's catalogue
// and rules allow. What they allow is Cedar's word, not the engine's: AVOW_AUDIT is the program that asks it.
//
// Both ways: nothing is there that is not allowed, and what is allowed and the pages try is there.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { app, neighbours, provider, site, test } from "./harness.mjs";

const TRIES = { pages: ["/", "/privacy", "/tries"], withdrawAt: "/tries", tries: () => true };
const DECISIONS = ["/decisions.js", "/engine/avow_engine.js", "/engine/avow_engine_bg.wasm"];

/**
 * Each site's parts: origins with a surface of their own. `tries` says which storage its pages try to keep, `also` what a page
 * requests of its own origin besides what all do.
 */
const SITES = {
  opsyn: [
    {
      base: site,
      surface: "site",
      pages: ["/", "/pricing", "/privacy", "/newsletter", "/decisions", "/nowhere"],
      withdrawAt: "/",
      tries: (id) => id !== "en-session",
      also: { "/decisions": DECISIONS },
    },
    {
      base: app,
      surface: "app",
      pages: ["/", "/people", "/records/nf-batch-4471", "/records/hb-intake-208", "/decisions"],
      tries: (id) => id === "en-session",
      also: { "/decisions": DECISIONS },
      enter: async ({ page }) => {
        await page.goto(`${app}/sign-in`);
        await page.click("button[value='northfield/ada']");
        await page.waitForURL(`${app}/`);
      },
    },
  ],
  ...Object.fromEntries(["aiopsos", "opsos", "opsient"].map((name) => [name, [{ ...TRIES, base: neighbours[name], surface: "site" }]])),
  opsmatiq: [{ ...TRIES, base: neighbours.opsmatiq, surface: "app" }],
};

/** What every page requests of its own origin. */
const COMMON = /^\/(style\.css|mark\.svg|avow\/(avow[\w.-]*\.(js|mjs|css|wasm)|site\.avow|[a-z-]+\.json))$/;

/** The provider stands in for services from elsewhere, by an id; the tag manager's is its container's. */
const STANDS_FOR = { "GTM-OPSYN": "google-tag-manager" };

/** Asks Cedar, one question after the other. */
function oracle() {
  const child = spawn(process.env.AVOW_AUDIT, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let turn = Promise.resolve();
  return {
    ask: (asked) => {
      const answered = turn.then(async () => {
        child.stdin.write(`${JSON.stringify({ jurisdiction: "gb", gpc: false, now: Date.now(), ...asked })}\n`);
        const { value, done } = await lines.next();
        assert.ok(!done, "the oracle ended");
        return JSON.parse(value);
      });
      turn = answered.catch(() => {});
      return answered;
    },
    end: () => child.stdin.end(),
  };
}

/** Everything that a browser does on one visit, from outside. */
class Watch {
  constructor(visit, cdp) {
    this.visit = visit;
    this.cdp = cdp;
    this.reset();
    this.open = new Set();
    visit.context.on("request", (request) => {
      this.open.add(request);
      this.last = Date.now();
      this.requests.push({ url: new URL(request.url()), from: this.path });
    });
    for (const end of ["requestfinished", "requestfailed"]) {
      visit.context.on(end, (request) => {
        this.open.delete(request);
        this.last = Date.now();
      });
    }
  }

  reset() {
    this.requests = [];
    this.last = Date.now();
  }

  /** Opens a page and waits until it has been quiet for a while: a script that was let run has loaded and reported. */
  async page(base, path) {
    this.path = path;
    await this.visit.open(base + path);
    await this.quiet();
  }

  async quiet() {
    for (const end = Date.now() + 8000; Date.now() < end && (this.open.size || Date.now() - this.last < 300);) {
      await this.visit.page.waitForTimeout(50);
    }
  }

  /** Cookies that are sent to a host, those hidden from scripts too. */
  async cookies(base) {
    const { cookies } = await this.cdp.send("Network.getAllCookies");
    const { hostname } = new URL(base);
    return cookies.filter(({ domain }) => domain.startsWith(".") ? `.${hostname}`.endsWith(domain) : domain === hostname);
  }

  /** What the browser holds for the origin of the page that is open. */
  async held(base) {
    const now = Date.now();
    const cookies = (await this.cookies(base)).map((one) => ({
      kind: "cookie",
      name: one.name,
      http_only: one.httpOnly,
      secure: one.secure,
      same_site: (one.sameSite ?? "").toLowerCase(),
      lifetime: one.session ? null : Math.round(one.expires * 1000 - now),
    }));
    const keys = await this.visit.page.evaluate(() => [["local", localStorage], ["session", sessionStorage]]
      .flatMap(([kind, area]) => Object.keys(area).map((name) => ({ kind, name, value: area.getItem(name) }))));
    const plain = { http_only: false, secure: false, same_site: "", lifetime: null };
    return [...cookies, ...keys.filter((one) => !isCache(one)).map(({ kind, name }) => ({ kind, name, ...plain }))];
  }
}

/** The widget's answers of the last visit, which follow from the choice and the bundle: no catalogue has a line for them. */
const isCache = ({ kind, name, value }) => kind === "local" && name === "avow"
  && Object.keys(JSON.parse(value)).every((key) => ["key", "place", "from", "until", "allowed", "control", "consent"].includes(key));

const named = (pattern, name) =>
  new RegExp(`^${pattern.split("*").map((part) => part.replace(/\W/g, "\\$&")).join(".*")}$`).test(name);

/** The service or purpose that a request belongs to, `undefined` where it is the page's own, and `null` where nobody knows it. */
function owner({ url, from }, part, allowed) {
  if (url.origin === provider) return ["services", STANDS_FOR[url.searchParams.get("id")] ?? url.searchParams.get("id")];
  const own = url.origin === part.base;
  const address = own ? url.pathname : url.href;
  const service = Object.entries(allowed.services).find(([, { loads }]) => loads.some((prefix) => address.startsWith(prefix)));
  if (service) return ["services", service[0]];
  if (!own) return null;
  const purpose = address.match(/^\/purpose\/(.+)\.js$/);
  if (purpose) return ["purposes", purpose[1]];
  const pages = [from, ...(part.also?.[from] ?? [])];
  return COMMON.test(address) || pages.includes(address) ? undefined : null;
}

/** Where the browser and the rules differ. */
async function differences({ ask }, pack, part, watch, chosen) {
  const held = await watch.held(part.base);
  const recorded = (name) => held.some((one) => one.name === name);
  const cookies = await watch.cookies(part.base);
  const first = await ask({ pack, surface: part.surface, choice: null, seen: [] });
  const choice = cookies.find(({ name }) => name === first.cookie)?.value ?? null;
  const allowed = await ask({ pack, surface: part.surface, choice, seen: held });
  const found = [];
  held.forEach((one, at) => allowed.seen[at] || found.push(`holds ${one.kind} ${one.name}`));
  const reached = new Set();
  for (const request of watch.requests) {
    const by = owner(request, part, allowed);
    if (by === undefined) continue;
    if (by === null || !allowed[by[0]][by[1]]?.allowed) found.push(`requests ${request.url} on ${request.from}`);
    else reached.add(by.join(" "));
  }
  for (const [id, { allowed: may, kind, name }] of Object.entries(allowed.storage)) {
    // A choice is kept where one was made, and nowhere else.
    const expected = name === allowed.cookie ? chosen : may && part.tries(id);
    if (name === allowed.cookie && !chosen && recorded(name)) found.push(`holds ${name} without a choice`);
    if (expected && !held.some((one) => one.kind === kind && named(name, one.name))) found.push(`lacks ${kind} ${name}`);
  }
  for (const [id, { allowed: may }] of Object.entries(allowed.services)) {
    if (may && !reached.has(`services ${id}`)) found.push(`does not load ${id}`);
  }
  for (const [id, { allowed: may, essential }] of Object.entries(allowed.purposes)) {
    const tried = part.pages.includes("/tries") && !essential;
    if (tried && may && !reached.has(`purposes ${id}`)) found.push(`does not pursue ${id}`);
  }
  return { found, allowed };
}

/** The second layer's switch of one purpose is on, the others are off; one that takes an objection says the contrary. */
async function only(visit, purpose) {
  await visit.page.click("[data-avow=choose]");
  await visit.page.waitForSelector(".avow-dialog[open]");
  const { object } = await visit.page.evaluate(async () => (await fetch("/avow/en.more.json")).json());
  const switches = await visit.page.$$(".avow-switch:not(:disabled)");
  const values = [];
  for (const one of switches) {
    const { id, label } = await one.evaluate((input) => ({ id: input.value, label: input.closest("label")?.textContent ?? "" }));
    values.push(id);
    const objects = object !== undefined && label.includes(object);
    if ((id === purpose) !== objects) await one.check();
  }
  assert.ok(values.includes(purpose), `no switch for ${purpose}: ${values}`);
  await visit.choose("save", ".avow-dialog");
}

/** Takes everything back, on the page where it has run. It is gone at once, not only with the next page. */
async function withdraw(cedar, pack, visit, watch, part, cookie) {
  await watch.page(part.base, part.withdrawAt);
  const value = async () => (await watch.cookies(part.base)).find(({ name }) => name === cookie)?.value;
  const before = await value();
  await visit.page.click("[data-avow-open]");
  await visit.page.waitForSelector(".avow-dialog[open]");
  await visit.page.click(".avow-dialog [data-avow=reject]");
  for (const end = Date.now() + 8000; Date.now() < end && (await value()) === before;) await visit.page.waitForTimeout(50);
  assert.notEqual(await value(), before);
  await watch.quiet();
  const held = await watch.held(part.base);
  const { seen } = await cedar.ask({ pack, surface: part.surface, choice: await value(), seen: held });
  assert.deepEqual(held.filter((_, at) => !seen[at]), []);
}

/** What somebody does in a phase, on the first page; whether that leaves a choice. */
async function act(phase, cedar, pack, visit, watch, part, cookie) {
  if (phase === "before") return false;
  await watch.page(part.base, "/");
  if (!cookie) {
    // Nobody is asked here, so there is nothing to press, wherever one looks for it.
    await visit.page.evaluate(() => window.avow.open());
    assert.equal(await visit.page.locator("[data-avow],[data-avow-open]").count(), 0);
    return false;
  }
  await visit.banner();
  if (phase === "reject") await visit.choose("reject");
  else if (phase === "accept") await visit.choose("accept");
  else if (phase !== "withdraw") await only(visit, phase);
  else {
    await visit.choose("accept");
    for (const path of part.pages) await watch.page(part.base, path);
    await withdraw(cedar, pack, visit, watch, part, cookie);
  }
  await watch.quiet();
  return true;
}

/** That the choice which was recorded is the one that was made, and leads where it should. */
async function isMeant(phase, visit, optional, allowed) {
  const { granted, refused, objected } = await visit.page.evaluate(() => window.avow.consent());
  const refusal = phase === "reject" || phase === "withdraw";
  const wanted = phase === "accept" ? optional : optional.filter((id) => id === phase);
  if (refusal) assert.deepEqual(granted, []);
  for (const id of optional) {
    const yes = wanted.includes(id);
    assert.equal(yes ? [...refused, ...objected].includes(id) : granted.includes(id), false, id);
    assert.equal(allowed.purposes[id].allowed, yes, id);
  }
}

async function phase(cedar, pack, name, visit) {
  const cdp = await visit.context.newCDPSession(visit.page);
  const watch = new Watch(visit, cdp);
  const [home] = SITES[pack];
  const { cookie, purposes } = await cedar.ask({ pack, surface: home.surface, choice: null, seen: [] });
  const chosen = await act(name, cedar, pack, visit, watch, home, cookie);
  const all = [];
  for (const part of SITES[pack]) {
    watch.path = "/";
    watch.reset();
    await part.enter?.(visit);
    await watch.quiet();
    watch.reset();
    for (const path of part.pages) await watch.page(part.base, path);
    const { found, allowed } = await differences(cedar, pack, part, watch, chosen && part === home);
    all.push(...found.map((one) => `${part.surface}: ${one}`));
    if (part !== home) continue;
    const optional = Object.keys(purposes).filter((id) => !purposes[id].essential);
    if (chosen) await isMeant(name, visit, optional, allowed);
  }
  assert.deepEqual(all, []);
  assert.deepEqual(visit.errors.filter((error) => !/status of 40[34]/.test(error)), []);
}

/** How many phases are looked at side by side: each has a browser context of its own. */
const SIDE_BY_SIDE = 4;

export async function audit() {
  const cedar = oracle();
  const waiting = [];
  for (const pack of Object.keys(SITES)) {
    const { purposes } = await cedar.ask({ pack, surface: "site", choice: null, seen: [] });
    const optional = Object.keys(purposes).filter((id) => !purposes[id].essential);
    for (const name of ["before", "reject", ...optional, "accept", "withdraw"]) waiting.push([pack, name]);
  }
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [pack, name] = next;
      await test(`audit of ${pack}, ${name}: no difference`, {}, (visit) => phase(cedar, pack, name, visit));
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  cedar.end();
}
