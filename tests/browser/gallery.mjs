// The gallery: each frame shows what is written above it, and nothing that is chosen in one leaves it.

import assert from "node:assert/strict";

import { body, site, test } from "./harness.mjs";

/** What a visitor of a frame sees: the rooms of the widget that are visible, and what they say. */
const seen = () => {
  const visible = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility({ visibilityProperty: true }));
  const [banner] = visible(".avow-banner");
  const [control] = visible(".avow-open");
  const root = document.querySelector(".avow");
  /** The edge that a banner is nearest to, and the side where it leaves no room. */
  const place = ({ top, bottom, left, right }) => {
    const [before, after] = [left, document.documentElement.clientWidth - right];
    const side = Math.abs(before - after) < 2 ? "" : before < after ? " left" : " right";
    return (top < innerHeight - bottom ? "top" : "bottom") + side;
  };
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
    place: banner && place(banner.getBoundingClientRect()),
  };
};

export async function gallery() {
  await test("each frame of the gallery shows what it is called, and keeps to itself", {}, async (visit) => {
    const posted = [];
    visit.page.on("request", (request) => request.method() === "POST" && posted.push(request.url()));
    await visit.open(`${site}/gallery`);
    await visit.banner();
    await visit.choose("reject");
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
      if (new URL(frame.url()).hostname.startsWith("refused.")) await frame.waitForSelector(".avow-place", { state: "visible" });
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
    of("bottom", { ...first, place: "bottom" });
    of("top", { ...first, place: "top" });
    of("corner", { ...first, place: "bottom left" });
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

  /** Whatever of accept's look is not reject's, in the room that is shown: each computed property, and the size of the box. */
  const apart = (visit) => visit.page.evaluate(() => {
    const room = document.querySelector(".avow-dialog[open]") ?? document.querySelector(".avow-banner");
    const [accept, reject] = ["accept", "reject"].map((what) => {
      const button = room.querySelector(`[data-avow=${what}]`);
      const { width, height } = button.getBoundingClientRect();
      const parts = [null, "::before", "::after"].map((part) => [part ?? "button", getComputedStyle(button, part)]);
      return {
        box: `${width} x ${height}`,
        ...Object.fromEntries(parts.flatMap(([part, style]) => Array.from(style, (name) => [`${part} ${name}`, style.getPropertyValue(name)]))),
      };
    });
    return Object.keys(accept).filter((name) => accept[name] !== reject[name]).map((name) => `${name}: ${accept[name]}, not ${reject[name]}`);
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
          const wrong = [...await visit.axe(), ...await apart(visit)];
          found.push(...wrong.map((one) => `${new URL(url).hostname} ${direction}: ${one}`));
        }
      }
      assert.deepEqual(found, []);
    });
  }

  await test("accept and reject weigh the same in every look at 320 px, where words are long", { viewport: { width: 320, height: 640 } }, async (visit) => {
    await visit.open(`${site}/gallery`);
    const frames = await visit.page.$$eval(".gallery iframe", (all) => all.map((one) => one.dataset.src || one.src));
    const looks = frames.filter((url) => /^(plain|soft|square|contrast)(-second)?\./.test(new URL(url).hostname));
    const found = [];
    for (const language of ["de", "fi"]) {
      for (const url of looks) {
        const page = (await body(url)).toString();
        const said = page.replace(/<html[^>]*>/, `<html lang="${language}">`);
        await visit.page.route(url, (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body: said }));
        await visit.page.goto(url);
        await visit.page.waitForSelector(url.includes("-second") ? ".avow-dialog[open]" : ".avow-banner", { state: "visible" });
        assert.equal(await visit.page.$eval(".avow", (root) => root.lang), language);
        found.push(...(await apart(visit)).map((one) => `${new URL(url).hostname} ${language}: ${one}`));
      }
    }
    assert.deepEqual(found, []);
  });
}
