// Every page of both surfaces, for those who look, listen or have a narrow screen; and what the ledger and the forms hold to.

import assert from "node:assert/strict";

import { app, site, test } from "./harness.mjs";

const all = () => [
  ...["/", "/pricing", "/privacy", "/newsletter", "/decisions", "/nowhere"].map((path) => site + path),
  ...["/sign-in", "/", "/people", "/records/nf-log-2093", "/open?id=hb-intake-208", "/decisions"].map((path) => app + path),
  // Last: what its frames have not loaded yet is cut off by no other page.
  `${site}/gallery`,
];

const VIEWS = [
  ["light, wide", {}],
  ["dark, 320 px", { colorScheme: "dark", viewport: { width: 320, height: 640 } }],
];

export async function pages() {
  for (const [name, options] of VIEWS) {
    await test(`no page breaks a rule of accessibility or scrolls sideways: ${name}`, options, async (visit) => {
      await visit.open(`${app}/sign-in`);
      await visit.page.click("button[value='northfield/ada']");
      await visit.page.waitForURL(`${app}/`);
      const found = [];
      for (const url of all()) {
        await visit.open(url);
        const wide = await visit.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (wide > 0) found.push(`${url} is ${wide} px too wide`);
        found.push(...(await visit.axe()).map((one) => `${url} ${one}`));
      }
      assert.deepEqual(found, []);
      // Pages that say no, or that there is none, are an error to the console too; nothing else is.
      // One frame of the gallery is there to show what happens without a bundle.
      assert.deepEqual(visit.errors.filter((error) => !/status of 40[34]|^avow: .*\/missing\.avow: 404$/.test(error)), []);
    });
  }

  await test("the ledger holds each choice, under the id that the cookie has", {}, async (visit) => {
    const post = (body) => visit.page.evaluate(async (body) => {
      const headers = { "content-type": "application/json" };
      const answer = await fetch("/consent", { method: "POST", headers, body: JSON.stringify(body) });
      return { status: answer.status, receipt: await answer.json() };
    }, body);
    const recorded = [];
    for (const what of ["reject", "accept"]) {
      await visit.context.clearCookies();
      await visit.open(`${site}/pricing`);
      await visit.banner();
      const answer = await visit.choose(what);
      assert.equal(answer.status(), 201);
      // Told the same again, it finds the record and appends nothing.
      const sent = answer.request().postDataJSON();
      const { status, receipt } = await post(sent);
      assert.equal(status, 200);
      assert.equal(receipt.id, await visit.page.evaluate(() => window.avow.consent().id));
      recorded.push({ sent, receipt });
    }
    const [refusal, acceptance] = recorded;
    assert.equal(acceptance.receipt.seq, refusal.receipt.seq + 1);
    // Something else under an id that is taken is refused, and the first record stands.
    assert.equal((await post({ ...refusal.sent, bundle: "0".repeat(64) })).status, 409);
    // It is not the visitor's last word any more, and the answer says so.
    assert.deepEqual((await post(refusal.sent)).receipt, { ...refusal.receipt, current: false });
  });

  await test("a form that the public site sends to the application is refused", {}, async (visit) => {
    await visit.open(`${app}/sign-in`);
    await visit.page.click("button[value='northfield/ada']");
    await visit.page.waitForURL(`${app}/`);
    await visit.open(`${site}/pricing`);
    // One *site* to the browser, so the session's cookie goes along; the origin gives it away. The page's own policy would
    // stop the form already, so it comes without that.
    await visit.page.route(`${site}/forged`, (route) => route.fulfill({
      contentType: "text/html",
      body: `<form method="post" action="${app}/records/nf-batch-4471/request_erasure"><button>Go</button></form>`,
    }));
    await visit.page.goto(`${site}/forged`);
    const [response] = await Promise.all([visit.page.waitForResponse(`${app}/**`), visit.page.click("button")]);
    assert.equal(response.status(), 403);
    await visit.open(`${app}/records/nf-batch-4471`);
    assert.doesNotMatch(await visit.page.textContent("main"), /asked for by/);
  });
}
