// The gallery: each frame shows what is written above it, and nothing that is chosen in one leaves it.

import assert from "node:assert/strict";

import { body, site, test } from "./harness.mjs";

/** What a visitor of a frame sees: the rooms of the widget that are visible, and what they say. */
const seen = () => {
  const visible = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility({ visibilityProperty: true }));
  const [banner] = visible(".avow-banner");
  const [control] = visible(".avow-open");
  const root = document.querySelector(".avow");
  return {
    banner: !!banner,
    dialog: visible(".avow-dialog[open]").length === 1,
    places: visible(".avow-place").length,
    control: control?.textContent ?? "",
    said: banner?.textContent ?? "",
    answers: visible(".avow-banner button").map((one) => one.dataset.avow).join(" "),
    language: root?.lang,
    direction: root && getComputedStyle(root).direction,
    corner: banner && getComputedStyle(banner).borderStartStartRadius,
    ink: banner && getComputedStyle(banner.querySelector("button")).backgroundColor,
    edges: banner && [banner.getBoundingClientRect().top < innerHeight / 2, banner.getBoundingClientRect().width < innerWidth * 0.8],
  };
};

export async function gallery() {
  await test("each frame of the gallery shows what it is called, and keeps to itself", {}, async (visit) => {
    const posted = [];
    visit.page.on("request", (request) => request.method() === "POST" && posted.push(request.url()));
    await visit.open(`${site}/gallery`);
    await visit.page.click(".avow-banner [data-avow=reject]");
    const before = await visit.page.evaluate(() => document.cookie);
    posted.length = 0;
    const frames = {};
    for (const element of await visit.page.$$(".gallery iframe")) {
      await element.scrollIntoViewIfNeeded();
      // A frame says when it is as it was meant to be.
      await visit.page.waitForFunction((frame) => frame.dataset.shown !== undefined, element);
      const frame = await element.contentFrame();
      // A page that withdraws is told before what is drawn for it.
      await frame.waitForSelector(":is(.avow-place, .avow-banner, .avow-open, .avow-dialog):visible");
      frames[new URL(frame.url()).hostname.split(".")[0]] = await frame.evaluate(seen);
    }
    assert.equal(Object.keys(frames).length, await visit.page.locator(".gallery").count());
    const of = (name, wanted) => {
      for (const [key, value] of Object.entries(wanted)) {
        assert.ok(value instanceof RegExp ? value.test(frames[name][key]) : frames[name][key] === value, `${name}: ${key} is ${frames[name][key]}`);
      }
    };
    const first = { banner: true, dialog: false, control: "", answers: "reject accept choose" };
    for (const look of ["plain", "soft", "square", "contrast"]) {
      of(look, first);
      of(`${look}-second`, { dialog: true });
    }
    assert.equal(new Set(["plain", "soft", "square", "contrast"].map((look) => frames[look].corner + frames[look].ink)).size, 4);
    of("square", { corner: "0px" });
    for (const language of ["de", "fi", "ja", "hi"]) of(language, { ...first, language, direction: "ltr" });
    of("ar", { ...first, language: "ar", direction: "rtl" });
    of("he", { dialog: true, language: "he", direction: "rtl" });
    of("refused", { banner: false, dialog: false, places: 1, control: "Privacy choices" });
    of("objection", { dialog: true });
    of("opt-out", { banner: false, control: /do not sell/ });
    of("gpc-opt-out", { banner: false, control: /do not sell[^]*Global Privacy Control/ });
    of("fallback", { banner: true, answers: "reject", said: /could not be loaded/ });
    assert.deepEqual(posted, []);
    assert.equal(await visit.page.evaluate(() => document.cookie), before);
    assert.equal(await visit.page.evaluate(() => document.activeElement.localName), "body");
    assert.deepEqual(await visit.axe(), []);
  });

  for (const colorScheme of ["light", "dark"]) {
    await test(`axe finds nothing in any look, on either layer, from left or from right: ${colorScheme}`, { colorScheme }, async (visit) => {
      await visit.open(`${site}/gallery`);
      const frames = await visit.page.$$eval(".gallery iframe", (all) => all.map((one) => one.dataset.src || one.src));
      const looks = frames.filter((url) => /^(plain|soft|square|contrast)(-second)?\./.test(new URL(url).hostname));
      assert.equal(looks.length, 8, frames.join(" "));
      const found = [];
      for (const direction of ["ltr", "rtl"]) {
        for (const url of looks) {
          const page = (await body(url)).toString();
          const turned = direction === "rtl" ? page.replace(/<html[^>]*>/, '<html lang="he" dir="rtl">') : page;
          await visit.page.route(url, (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body: turned }));
          await visit.page.goto(url);
          await visit.page.waitForSelector(url.includes("-second") ? ".avow-dialog[open]" : ".avow-banner", { state: "visible" });
          assert.equal(await visit.page.$eval(".avow", (root) => getComputedStyle(root).direction), direction);
          found.push(...(await visit.axe()).map((one) => `${new URL(url).hostname} ${direction}: ${one}`));
        }
      }
      assert.deepEqual(found, []);
    });
  }
}
