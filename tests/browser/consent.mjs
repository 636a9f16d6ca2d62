// Nothing before a choice, nothing after a refusal, what was chosen after an acceptance, nothing after a withdrawal.

import assert from "node:assert/strict";

import { bothSidesAgree } from "./application.mjs";
import { app, body, provider, reached, site, test } from "./harness.mjs";

/** What may be there without any consent. */
const NECESSARY = ["en_session", "opsyn_consent"];

const onlyNecessary = (names) => assert.deepEqual(names.filter((name) => !NECESSARY.includes(name)), []);

/** Long enough for a script that was let run to load, to set its cookies and to report. */
const settle = (visit) => visit.page.waitForTimeout(600);

const setByProvider = async (visit) => {
  await visit.page.waitForFunction(() => document.cookie.includes("_ga=") && document.cookie.includes("_gid="));
};

export async function consent() {
  await test("before a choice nothing reaches the provider and no cookie is set", {}, async (visit) => {
    const requests = [];
    visit.page.on("request", (request) => requests.push(request.url()));
    await visit.open(`${site}/`);
    await visit.banner();
    await settle(visit);
    onlyNecessary(await visit.cookies());
    assert.deepEqual(await reached(), []);
    assert.deepEqual(requests.filter((url) => url.startsWith(provider)), []);
    assert.equal(await visit.page.evaluate(() => window.avow.may("google-tag-manager")), false);
    assert.deepEqual(visit.errors, []);
  });

  await test("after a refusal neither, and the banner does not come back", {}, async (visit) => {
    await visit.open(`${site}/`);
    await visit.banner();
    await visit.choose("reject");
    await settle(visit);
    assert.deepEqual(await visit.cookies(), ["opsyn_consent"]);
    await visit.open(`${site}/`);
    await settle(visit);
    assert.equal(await visit.page.isVisible(".avow-banner"), false);
    onlyNecessary(await visit.cookies());
    assert.deepEqual(await reached(), []);
  });

  await test("after an acceptance the site's analytics runs, and the application's never", {}, async (visit) => {
    await visit.open(`${site}/`);
    await visit.banner();
    await visit.choose("accept");
    await setByProvider(visit);
    assert.ok((await reached()).some((path) => path.startsWith("/gtm.js")));
    assert.ok((await visit.cookies(site)).includes("_ga"));
    // What the server answered is the cookie: a year, for this host alone.
    const cookie = (await visit.context.cookies(site)).find((one) => one.name === "opsyn_consent");
    assert.equal(cookie.sameSite, "Lax");
    assert.ok(Math.abs(cookie.expires - Date.now() / 1000 - 365 * 86400) < 120, String(cookie.expires));
    assert.ok(cookie.value.length < 400);
    const before = (await reached()).length;
    await visit.open(`${app}/`);
    await settle(visit);
    onlyNecessary(await visit.cookies(app));
    assert.equal((await reached()).length, before);
    assert.deepEqual(visit.errors, []);
  });

  await test("a cookie whose life the browser cuts short is set again by the server's answer", {}, async (visit) => {
    // As Safari does with cookies of scripts, only more so.
    await visit.page.addInitScript(() => {
      const { get, set } = Object.getOwnPropertyDescriptor(Document.prototype, "cookie");
      Object.defineProperty(Document.prototype, "cookie", { get, set(text) { set.call(this, text.replace(/; *max-age=\d+/i, "")); } });
    });
    const kept = async () => (await visit.context.cookies(site)).find((one) => one.name === "opsyn_consent");
    await visit.open(`${site}/`);
    await visit.banner();
    let before;
    await visit.page.route("**/consent", async (route) => {
      before ??= (await kept()).expires;
      await route.continue();
    });
    await visit.choose("reject");
    assert.equal(before, -1, "until then it ends with the session");
    const { expires } = await kept();
    assert.ok(Math.abs(expires - Date.now() / 1000 - 365 * 86400) < 120, String(expires));
  });

  await test("consent that is carried into the application does not count there", {}, async (visit) => {
    await visit.open(`${site}/`);
    await visit.banner();
    await visit.choose("accept");
    await setByProvider(visit);
    const given = (await visit.context.cookies(site)).find((one) => one.name === "opsyn_consent");
    // What the provider's script has still to report belongs to the site.
    await settle(visit);
    await visit.context.addCookies([{ name: given.name, value: given.value, url: app }]);
    const before = (await reached()).length;
    await visit.open(`${app}/`);
    await settle(visit);
    assert.equal(await visit.page.evaluate(() => window.avow.consent().granted.includes("analytics")), true);
    assert.equal(await visit.page.evaluate(() => window.avow.may("google-tag-manager")), false);
    onlyNecessary(await visit.cookies(app));
    assert.equal((await reached()).length, before);
  });

  await test("a withdrawal takes the cookies away, and reloading does not bring them back", {}, async (visit) => {
    await visit.open(`${site}/`);
    await visit.banner();
    await visit.choose("accept");
    await setByProvider(visit);
    await visit.withdraw();
    await settle(visit);
    assert.deepEqual(await visit.cookies(), ["opsyn_consent"]);
    await fetch(`${provider}/reset`, { method: "POST" });
    await visit.open(`${site}/`);
    await settle(visit);
    assert.deepEqual(await visit.cookies(), ["opsyn_consent"]);
    assert.deepEqual(await reached(), []);
  });

  await test("the server's own attempt is stripped exactly while it is not allowed", {}, async (visit) => {
    const tries = async () => {
      await visit.open(`${site}/newsletter`);
      return (await visit.context.cookies(site)).some((one) => one.name === "_ga" && one.value.includes("server"));
    };
    assert.equal(await tries(), false, "before a choice");
    await visit.banner();
    await visit.choose("reject");
    assert.equal(await tries(), false, "after a refusal");
    await visit.page.click("[data-avow-open]");
    await visit.page.waitForSelector(".avow-dialog[open]");
    await visit.choose("accept", ".avow-dialog");
    await visit.page.waitForTimeout(300);
    await visit.context.clearCookies({ name: "_ga" });
    assert.equal(await tries(), true, "after an acceptance");
    await visit.withdraw();
    assert.equal(await tries(), false, "after a withdrawal");
  });

  await test("browser and server agree, whatever was chosen", {}, async (visit) => {
    await visit.open(`${site}/decisions`);
    await bothSidesAgree(visit);
    for (const what of ["accept", "reject"]) {
      await visit.context.clearCookies();
      await visit.open(`${site}/`);
      await visit.banner();
      await visit.choose(what);
      await visit.open(`${site}/decisions`);
      await bothSidesAgree(visit);
    }
  });

  await test("clearing the cookie shows the banner again", {}, async (visit) => {
    await visit.open(`${site}/`);
    await visit.banner();
    await visit.choose("reject");
    await visit.context.clearCookies({ name: "opsyn_consent" });
    await visit.open(`${site}/`);
    await visit.banner();
  });

  await test("nothing is asked where the rules deny it", {}, async (visit) => {
    await visit.open(`${app}/`);
    await settle(visit);
    assert.equal(await visit.page.isVisible(".avow-banner"), false);
    assert.deepEqual(await reached(), []);
  });

  await test("without engine or bundle nothing runs, and the page is unharmed", {}, async (visit) => {
    for (const file of ["site.avow", "avow-widget.wasm", "avow-widget.js"]) {
      await visit.page.route(`**/${file}`, (route) => route.fulfill({ status: 404, body: "" }));
      await visit.page.goto(`${site}/`);
      assert.equal(await visit.page.evaluate(() => window.avow.ready), false, file);
      await settle(visit);
      onlyNecessary(await visit.cookies());
      assert.deepEqual(await reached(), [], file);
      assert.ok(await visit.page.isVisible("h1"));
      await visit.page.unroute(`**/${file}`);
    }
  });

  await test("a damaged bundle is refused in the browser too", {}, async (visit) => {
    const bundle = await body(`${site}/avow/site.avow`);
    bundle[bundle.length >> 1] ^= 4;
    await visit.page.route("**/site.avow", (route) => route.fulfill({ body: bundle }));
    await visit.page.goto(`${site}/`);
    assert.equal(await visit.page.evaluate(() => window.avow.ready), false);
    await settle(visit);
    assert.deepEqual(await reached(), []);
  });
}
