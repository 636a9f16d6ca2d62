// The record of a choice: the cookie, the ledger and its outages, and who else has to hear of it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { FLAGS, test } from "./harness.mjs";
import { cookie, drawAhead, gated, ledger, origin, page } from "./lab.mjs";

const press = (visit, method) => visit.page.click(`.avow-banner [data-avow=${method}]`);
/** Presses accept and waits until that holds: the browser shows first that it was heard. */
const accept = async (visit) => {
  await press(visit, "accept");
  await visit.page.waitForFunction(() => window.avow.consent()?.method === "accept");
};
const chosen = (visit) => visit.page.evaluate(() => window.avow.consent());
const built = (file) => readFileSync(join(process.env.AVOW_LAB, file));
const DAY = 86_400_000;
const until = async (what, act) => {
  for (let left = 300; left; left -= 1) {
    if (await act()) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`never: ${what}`);
};

export async function record() {
  await test("the cookie says what was chosen, and nothing of the visitor", {}, async (visit) => {
    const url = page({ settings: { jurisdiction: "de", ledger: "/consent" } });
    const ids = [];
    for (const method of ["accept", "reject"]) {
      await visit.context.clearCookies();
      await visit.open(url);
      await visit.banner();
      await press(visit, method);
      await visit.page.waitForFunction((method) => window.avow.consent()?.method === method, method);
      const [one] = await visit.context.cookies(origin);
      assert.equal(one.name, "lab_consent");
      assert.match(one.value, /^1\.\d{13}\.[0-9a-f]+\.([+!][a-z]+){3}\.(\+[a-z]+)*\.(accept|reject)\.en\.[\w-]{20}$/);
      assert.ok(one.value.length < 400);
      assert.equal(one.sameSite, "Lax");
      ids.push((await chosen(visit)).id);
      await until("the ledger has it", () => ledger.records.some(({ choice }) => choice === one.value));
    }
    // Another visit's record cannot be laid beside this one's.
    assert.notEqual(ids[0], ids[1]);
    const [{ bundle, texts, choice, cookie, ...more }] = ledger.records;
    assert.match(bundle, /^[0-9a-f]{64}$/);
    assert.match(texts, /^(?!0{64})[0-9a-f]{64}$/);
    assert.deepEqual(more, {});
  });

  await test("an outage of the ledger loses nothing and stops nobody", {}, async (visit) => {
    const url = page({ settings: { jurisdiction: "de", ledger: "/consent" }, head: gated("counter") });
    ledger.status = 503;
    await visit.open(url);
    await visit.banner();
    await accept(visit);
    await visit.page.waitForFunction(() => window.ran?.includes("counter"));
    // Closed while the ledger is still away; it comes back before the visitor does.
    const { id } = await chosen(visit);
    await visit.page.goto("about:blank");
    ledger.status = 201;
    await visit.open(url);
    assert.equal(await visit.page.evaluate(() => window.avow.may("counter")), true);
    await until("the ledger hears of it", () => ledger.records.some(({ choice }) => choice.endsWith(`.${id}`)));
    await until("the queue is empty", () => visit.page.evaluate(() => localStorage.avowQueue === undefined));
  });

  await test("the record names the rules, the words that were shown, and their language", {}, async (visit) => {
    await visit.open(page({ lang: "de", settings: { jurisdiction: "de", ledger: "/consent" } }));
    await visit.banner();
    await press(visit, "reject");
    await until("the ledger has it", () => ledger.records.length === 1);
    // Somebody who looks further has read more.
    await visit.page.click(".avow-open");
    await visit.page.waitForSelector(".avow-dialog[open]");
    await visit.page.click("[data-avow=save]");
    await until("the ledger has the second", () => ledger.records.length === 2);
    const digest = (...files) => createHash("sha256").update(Buffer.concat(files.map(built))).digest("hex");
    assert.deepEqual(ledger.records.map(({ bundle }) => bundle), Array(2).fill(built("site.avow").subarray(16, 48).toString("hex")));
    assert.deepEqual(ledger.records.map(({ texts }) => texts), [digest("de.json"), digest("de.json", "catalogue.json", "de.more.json")]);
    assert.deepEqual(ledger.records.map(({ choice }) => choice.split(".").slice(5, 7)), [["reject", "de"], ["save", "de"]]);
  });

  await test("a ledger that does not answer holds up nothing", {}, async (visit) => {
    ledger.delay = 10_000;
    await visit.open(page({ settings: { jurisdiction: "de", ledger: "/consent" }, head: gated("counter") }));
    await visit.banner();
    const posted = visit.page.waitForRequest("**/consent");
    await press(visit, "accept");
    assert.equal(await visit.page.isVisible(".avow-banner"), false);
    await visit.page.waitForFunction(() => window.ran?.includes("counter"));
    await posted;
    assert.deepEqual(ledger.records, [], "all of it before the ledger has answered");
  });

  await test("an outage that the browser does not notice is waited out", {}, async (visit) => {
    await visit.page.clock.install();
    ledger.status = 503;
    await visit.open(page({ settings: { jurisdiction: "de", ledger: "/consent" } }));
    await visit.banner();
    for (const act of [() => accept(visit), () => visit.page.clock.fastForward(10_000)]) {
      const refused = visit.page.waitForResponse((answer) => answer.url().endsWith("/consent") && answer.status() === 503);
      await act();
      await (await refused).finished();
    }
    const { id } = await chosen(visit);
    ledger.status = 201;
    await until("the ledger hears of it", async () => {
      await visit.page.clock.fastForward(10_000);
      return ledger.records.some(({ choice }) => choice.endsWith(`.${id}`));
    });
    await until("the queue is empty", () => visit.page.evaluate(() => localStorage.avowQueue === undefined));
  });

  await test("a page that is left at once has sent its record, and the answer counts", {}, async (visit) => {
    await visit.open(page({ settings: { jurisdiction: "de", ledger: "/consent" } }));
    await visit.banner();
    // The page is gone before the browser has shown anything more of it.
    await visit.page.evaluate(() => {
      const { setTimeout } = window;
      window.requestAnimationFrame = () => 0;
      window.setTimeout = (act, wait, ...more) => (wait === 250 ? 0 : setTimeout(act, wait, ...more));
    });
    await press(visit, "accept");
    await visit.page.waitForFunction(() => JSON.parse(localStorage.avowQueue ?? "[]").length === 1);
    assert.deepEqual(ledger.records, []);
    // Nor does what is under way end with the page: the answer sets the cookie.
    Object.assign(ledger, { delay: 300, headers: { "set-cookie": "answered=1; Path=/" } });
    await visit.page.goto("about:blank");
    await until("the ledger hears of it", () => ledger.records.length === 1);
    assert.match(ledger.records[0].choice, /\.accept\./);
    await until("the answer arrives", async () => (await visit.cookies(origin)).includes("answered"));
  });

  await test("a record that went out late cannot undo the choice after it", {}, async (visit) => {
    const url = page({ settings: { jurisdiction: "de", ledger: "/consent", reload: "no" } });
    ledger.status = 503;
    await visit.open(url);
    await visit.banner();
    const refused = visit.page.waitForResponse("**/consent");
    await accept(visit);
    await refused;
    // Both are refused before either is taken.
    let answers = 0;
    visit.page.on("response", (answer) => answer.url().endsWith("/consent") && (answers += 1));
    await visit.page.evaluate(() => window.avow.withdraw());
    await until("both are refused", () => answers >= 2);
    ledger.status = 201;
    await visit.page.evaluate(() => dispatchEvent(new Event("online")));
    // Either of them may be there more than once.
    const sent = (method) => ledger.records.find(({ choice }) => choice.includes(`.${method}.`));
    await until("both are there", () => sent("accept") && sent("withdraw"));
    const [late, last] = [sent("accept"), sent("withdraw")];
    // Without credentials a browser takes no cookie from the answer.
    assert.equal(late.cookie, "");
    assert.match(last.cookie, /lab_consent=.*\.withdraw\./);
  });

  await test("another tab hears of a choice at once, and of a withdrawal", {}, async (visit) => {
    const url = page({ settings: { jurisdiction: "de", reload: "no" }, head: gated("counter") });
    await visit.open(url);
    await visit.banner();
    const other = await visit.context.newPage();
    await other.goto(url);
    await other.waitForSelector(".avow-banner", { state: "visible" });
    await other.evaluate(() => window.avow.on("choice", (choice) => (window.heard = choice.method)));
    await accept(visit);
    await other.waitForFunction(() => window.ran?.includes("counter") && window.heard === "accept");
    assert.equal(await other.isVisible(".avow-banner"), false);
    await visit.page.evaluate(() => window.avow.withdraw());
    await other.waitForFunction(() => window.heard === "withdraw" && !window.avow.may("counter"));
  });

  await test("a page that comes back from the browser's back-forward cache knows of a choice made meanwhile", {}, async (visit) => {
    // The tests' own browser has no such cache.
    const browser = await visit.context.browser().browserType().launch({
      executablePath: process.env.CHROMIUM, args: FLAGS, ignoreDefaultArgs: ["--disable-back-forward-cache"],
    });
    try {
      const tab = await browser.newPage();
      await tab.goto(page({ settings: { jurisdiction: "de" } }));
      await tab.waitForSelector(".avow-banner", { state: "visible" });
      await tab.evaluate(() => addEventListener("pageshow", ({ persisted }) => (window.persisted = persisted)));
      // A page that is still fetching something is not kept.
      await tab.evaluate(() => window.avow.ready);
      await tab.waitForLoadState("networkidle");
      await tab.goto(page({ path: "/other", settings: { jurisdiction: "de" } }));
      await accept({ page: tab });
      await tab.evaluate(() => history.back());
      await until("the page is back", () => tab.evaluate(() => window.persisted).catch(() => false));
      await tab.waitForFunction(() => window.avow.consent()?.method === "accept");
      assert.equal(await tab.isVisible(".avow-banner"), false);
    } finally {
      await browser.close();
    }
  });

  // A choice that another host of the domain has taken down is in no storage of this page's, which would tell of it.
  await test("a page that comes back into view knows of a choice made meanwhile, and of one that is gone", {}, async (visit) => {
    await visit.open(page({ settings: { jurisdiction: "de" } }));
    await visit.banner();
    await accept(visit);
    const [made] = await visit.context.cookies(origin);
    for (const name of ["pageshow", "visibilitychange"]) {
      const comes = () => visit.page.evaluate((name) => document.dispatchEvent(new Event(name, { bubbles: true })), name);
      await visit.context.clearCookies();
      await visit.page.evaluate(() => localStorage.clear());
      await visit.open(page({ settings: { jurisdiction: "de" } }));
      await visit.banner();
      await visit.context.addCookies([made]);
      await visit.page.evaluate(() => window.avow.on("choice", (choice) => (window.heard = choice)));
      assert.equal(await chosen(visit), null, name);
      await comes();
      await visit.page.waitForFunction(() => window.heard?.method === "accept");
      assert.equal((await chosen(visit)).method, "accept", name);
      assert.equal(await visit.page.isVisible(".avow-banner"), false, name);
      assert.equal(await visit.page.evaluate(() => window.avow.may("counter")), true, name);
      await visit.context.clearCookies();
      await comes();
      await visit.banner();
      assert.equal(await chosen(visit), null, name);
      assert.equal(await visit.page.evaluate(() => window.avow.may("counter")), false, name);
    }
  });

  await test("a choice that lapses while its page is open counts no longer", {}, async (visit) => {
    await visit.page.clock.install();
    const url = page({ settings: { jurisdiction: "de" } });
    await visit.open(url);
    await visit.banner();
    await accept(visit);
    const { offer } = await chosen(visit);
    const value = cookie(offer, { at: Date.now() - 179 * DAY, purposes: "+statistics+advertising+media", services: "+counter+adverts+player" });
    await visit.context.addCookies([{ name: "lab_consent", value, url: origin }]);
    // Asked of the engine, and then remembered.
    for (const how of ["asked", "remembered"]) {
      await visit.open(url);
      assert.equal(await visit.page.evaluate(() => window.avow.may("counter")), true, how);
    }
    await visit.page.clock.fastForward(2 * DAY);
    assert.equal(await visit.page.evaluate(() => window.avow.may("counter")), false);
    // Whoever looks at the page again is asked anew.
    await visit.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange", { bubbles: true })));
    await visit.banner();
  });

  await test("a choice that hosts of a domain share is known to the next of them", {}, async (visit) => {
    // As `avow build` writes it for a pack with `[consent] domain`.
    const script = built("avow-widget.js").toString();
    assert.ok(script.includes('"days":180'));
    await visit.context.route("**/avow-widget.js", (route) => route.fulfill({
      contentType: "text/javascript",
      body: script.replace('"days":180', '"days":180,"domain":"lab.localhost"'),
    }));
    const url = page({ settings: { jurisdiction: "de" } });
    await visit.open(url);
    await visit.banner();
    await accept(visit);
    await visit.open(url.replace("www.", "shop."));
    assert.equal((await chosen(visit)).method, "accept");
    assert.equal(await visit.page.isVisible(".avow-banner"), false);
  });

  await test("a page that is drawn ahead of a visit neither starts anything nor asks", {}, async (visit) => {
    await drawAhead(visit);
    await visit.page.goto(page({ settings: { jurisdiction: "us-ca" }, head: gated("counter") }));
    await visit.page.waitForTimeout(500);
    assert.deepEqual(await visit.page.evaluate(() => [window.ran, localStorage.length]), [undefined, 0]);
    await visit.page.evaluate(() => window.visit());
    await visit.page.waitForFunction(() => window.ran?.includes("counter"));
  });

  await test("a choice is asked for again when it is old, about something else, or from the future", {}, async (visit) => {
    const url = page({ settings: { jurisdiction: "de" } });
    await visit.open(url);
    await visit.banner();
    await accept(visit);
    const { offer } = await chosen(visit);
    const day = 86_400_000;
    const all = { purposes: "+statistics+advertising+media", services: "+counter+adverts+player" };
    for (const [what, value, asks] of [
      ["fresh", cookie(offer, all), false],
      ["179 days old", cookie(offer, { ...all, at: Date.now() - 179 * day }), false],
      ["181 days old", cookie(offer, { ...all, at: Date.now() - 181 * day }), true],
      ["another offer", cookie("0".repeat(offer.length), all), true],
      ["from the future", cookie(offer, { ...all, at: Date.now() + day }), true],
      ["not ours", "rubbish", true],
    ]) {
      await visit.context.clearCookies();
      await visit.context.addCookies([{ name: "lab_consent", value, url: origin }]);
      await visit.open(url);
      assert.equal(await visit.page.isVisible(".avow-banner"), asks, what);
      assert.equal(await visit.page.evaluate(() => window.avow.may("counter")), !asks, what);
      if (!asks) continue;
      // Nothing is ticked for somebody who is asked anew.
      await visit.page.click("[data-avow=choose]");
      await visit.page.waitForSelector(".avow-dialog[open]");
      assert.equal(await visit.page.locator(".avow-switch:checked").count(), 0, what);
    }
  });

  await test("a withdrawal deletes what its purposes stored, wherever a script can reach it", {}, async (visit) => {
    const url = page({ path: "/shop/list", settings: { jurisdiction: "de" }, head: gated("counter") + gated("adverts") });
    await visit.open(url);
    await visit.banner();
    await accept(visit);
    await visit.page.waitForFunction(() => window.ran?.length === 2);
    await visit.page.evaluate(() => {
      document.cookie = "_count_shop=1; Path=/shop";
      document.cookie = "_count_list=1; Path=/shop/list";
      document.cookie = "_count_domain=1; Path=/; Domain=lab.localhost";
      document.cookie = "stranger=1; Path=/";
      document.cookie = "session=1; Path=/";
      localStorage.stranger = 1;
    });
    assert.equal((await visit.cookies()).length, 8);
    await Promise.all([visit.page.waitForEvent("load"), visit.page.evaluate(() => void window.avow.withdraw())]);
    await visit.page.evaluate(() => window.avow.ready);
    assert.deepEqual(await visit.cookies(), ["lab_consent", "session", "stranger"]);
    assert.deepEqual(await visit.page.evaluate(() => [Object.keys(localStorage).filter((key) => !key.startsWith("avow")), Object.keys(sessionStorage)]),
      [["stranger"], []]);
    assert.equal(await visit.page.evaluate(() => window.ran), undefined);
  });
}
