// The sites of the other four packs: two ask for what is optional, two ask nobody and let nothing follow a visitor.

import assert from "node:assert/strict";

import { neighbours as sites, reached, test } from "./harness.mjs";

/** Question and outcomes of each row of the page's table: now, and for somebody who accepted everything. */
const table = (visit) => visit.page.$$eval("tr[data-question]", (rows) =>
  Object.fromEntries(rows.map((row) => [row.dataset.question.trim(), [...row.querySelectorAll("[data-outcome]")].map((badge) => badge.dataset.outcome)])));

export async function neighbours() {
  for (const name of ["opsmatiq", "opsient"]) {
    await test(`${name} asks nobody, and nothing follows a visitor, agreed or not`, {}, async (visit) => {
      const said = visit.page.waitForEvent("console", (message) => message.text().includes("nothing on this site needs consent"));
      await visit.open(`${sites[name]}/`);
      await visit.page.evaluate(() => window.avow.open());
      await said;
      assert.equal(await visit.page.locator(".avow, .avow-dialog").count(), 0);
      // The server's own `_ga` is gone too.
      assert.deepEqual(await visit.cookies(sites[name]), []);
      assert.deepEqual(await reached(), []);
      const rows = await table(visit);
      assert.deepEqual(rows.ask, ["forbidden", "forbidden"]);
      assert.ok(Object.keys(rows).length > 3, Object.keys(rows).join());
      assert.equal(await visit.page.evaluate(() => window.avow.may("visitor-counter")), false);
      assert.deepEqual(visit.errors, []);
    });
  }

  for (const name of ["aiopsos", "opsos"]) {
    await test(`${name} asks, and what is optional waits for a yes`, {}, async (visit) => {
      await visit.open(`${sites[name]}/`);
      await visit.banner();
      assert.deepEqual(await visit.cookies(sites[name]), []);
      assert.deepEqual(await reached(), []);
      const rows = await table(visit);
      assert.deepEqual(rows.ask, ["allow", "not_permitted"]);
      const waiting = Object.entries(rows).filter(([, [now, then]]) => now !== "allow" && then === "allow");
      assert.ok(waiting.length > 0, JSON.stringify(rows));
      await visit.choose("accept");
      // OpsOS has a purpose that waits, and no script for it.
      const loads = waiting.some(([question]) => question.startsWith("load "));
      assert.equal(loads, name === "aiopsos");
      if (loads) {
        await visit.page.waitForFunction((url) => performance.getEntriesByType("resource").some((one) => one.name.startsWith(url)), `${sites[name]}/statistics/`);
      }
      await visit.page.reload();
      const after = await table(visit);
      for (const [question] of waiting) assert.equal(after[question][0], "allow", question);
      // One that no catalogue has is not part of any agreement.
      assert.deepEqual((await reached()).filter((path) => path.includes("visitor-counter")), []);
    });

    await test(`${name} takes a no`, {}, async (visit) => {
      await visit.open(`${sites[name]}/`);
      await visit.banner();
      await visit.choose("reject");
      await visit.open(`${sites[name]}/`);
      assert.equal(await visit.page.locator(".avow-banner").isVisible(), false);
      assert.deepEqual(await reached(), []);
      assert.deepEqual(await visit.cookies(sites[name]), [`${name}_consent`]);
    });
  }

  for (const [view, options] of [["light, wide", {}], ["dark, 320 px", { colorScheme: "dark", viewport: { width: 320, height: 640 } }]]) {
    await test(`no page of theirs breaks a rule of accessibility or scrolls sideways: ${view}`, options, async (visit) => {
      const found = [];
      for (const url of Object.values(sites).flatMap((site) => [`${site}/`, `${site}/tries`, `${site}/privacy`])) {
        await visit.open(url);
        const wide = await visit.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (wide > 0) found.push(`${url} is ${wide} px too wide`);
        found.push(...(await visit.axe()).map((one) => `${url} ${one}`));
      }
      assert.deepEqual(found, []);
    });
  }
}
