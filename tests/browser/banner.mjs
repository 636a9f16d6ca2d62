// Both layers as people meet them: by eye, by keyboard, by screen reader.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { body, reached, site, test } from "./harness.mjs";
import { page as lab } from "./lab.mjs";

const settings = { jurisdiction: "de" };
const TEXT = `<h1>Lab</h1><p><a href="#end">A link</a></p>${"<p>Some text of the page that something could move.</p>".repeat(40)}<p id="end">End</p>`;

const VIEWS = [
  ["400 % of a desktop", { viewport: { width: 320, height: 256 } }],
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["320 px wide", { viewport: { width: 320, height: 640 } }],
  ["reduced motion, forced colours", { reducedMotion: "reduce", forcedColors: "active" }],
];

export async function banner() {
  for (const [name, options] of VIEWS) {
    await test(`axe finds nothing on either layer: ${name}`, options, async (visit) => {
      await visit.open(`${site}/`);
      await visit.banner();
      assert.deepEqual(await visit.axe(), []);
      const wide = await visit.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      assert.equal(wide, false, "scrolls sideways");
      await visit.page.click("[data-avow=choose]");
      await visit.page.waitForSelector(".avow-dialog[open]");
      assert.deepEqual(await visit.axe(), []);
    });
  }

  await test("accept and reject have equal weight", {}, async (visit) => {
    await visit.open(`${site}/`);
    await visit.banner();
    const look = (what) => visit.page.$eval(`.avow-banner [data-avow=${what}]`, (button) => {
      const { width, height } = button.getBoundingClientRect();
      const { color, backgroundColor, borderColor, fontSize, fontWeight } = getComputedStyle(button);
      return { width, height, color, backgroundColor, borderColor, fontSize, fontWeight };
    });
    assert.deepEqual(await look("accept"), await look("reject"));
  });

  await test("everything goes by keyboard, and closing is not consent", {}, async (visit) => {
    const { page } = visit;
    const focused = () => page.evaluate(() => document.activeElement.dataset.avow ?? "");
    await visit.open(`${site}/`);
    await visit.banner();
    assert.equal(await page.evaluate(() => document.activeElement === document.body), true, "takes no focus by itself");
    for (let i = 0; i < 12 && (await focused()) !== "choose"; i += 1) await page.keyboard.press("Tab");
    assert.equal(await focused(), "choose");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".avow-dialog[open]");
    assert.equal(await page.$$eval(".avow-switch", (all) => all.filter((one) => one.checked && !one.disabled).length), 0);
    await page.keyboard.press("Escape");
    await page.waitForSelector(".avow-dialog[open]", { state: "detached" });
    assert.equal(await focused(), "choose");
    assert.equal(await page.isVisible(".avow-banner"), true);
    assert.deepEqual(await visit.cookies(), []);
  });

  await test("the button that closes records nothing, and forgets what was switched", {}, async (visit) => {
    const { page } = visit;
    const second = async () => {
      await page.click("[data-avow=choose]");
      await page.waitForSelector(".avow-dialog[open]");
      return page.locator(".avow-switch:not(:disabled)").first();
    };
    await visit.open(`${site}/`);
    await visit.banner();
    await (await second()).check();
    await page.click(".avow-dialog [data-avow=close]");
    await page.waitForSelector(".avow-dialog[open]", { state: "detached" });
    assert.deepEqual(await visit.cookies(), []);
    assert.equal(await page.evaluate(() => window.avow.consent()), null);
    assert.equal(await page.isVisible(".avow-banner"), true);
    assert.equal(await (await second()).isChecked(), false);
    assert.deepEqual(await reached(), []);
  });

  await test("the banner is a region that is told of and traps nobody, and a choice is told of too", {}, async (visit) => {
    const { page } = visit;
    // All that the status has held, in order; a screen reader tells only what it is given after it has come into the page.
    await page.addInitScript(() => {
      window.said = [];
      new MutationObserver(() => {
        const text = document.querySelector(".avow-status")?.textContent;
        if (text !== undefined && text !== window.said.at(-1)) window.said.push(text);
      }).observe(document, { childList: true, subtree: true, characterData: true });
    });
    await visit.open(lab({ settings, body: TEXT }));
    await visit.banner();
    assert.equal(await page.getByRole("region", { name: "Your privacy, your choice" }).count(), 1);
    assert.equal(await page.getByRole("status").count(), 1);
    await page.waitForFunction(() => window.said.length === 2);
    const focused = () => page.evaluate(() => document.activeElement.dataset.avow ?? document.activeElement.textContent);
    await page.focus(".avow-banner [data-avow=choose]");
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "A link");
    await page.keyboard.press("Shift+Tab");
    assert.equal(await focused(), "choose");
    await page.click(".avow-banner [data-avow=reject]");
    assert.deepEqual(await page.evaluate(() => window.said), ["", "Your privacy, your choice", "Your choice is saved."]);
    assert.equal(await page.getByRole("status").count(), 1);
  });

  await test("nothing moves for whom motion is too much", { reducedMotion: "reduce" }, async (visit) => {
    await visit.open(lab({ settings }));
    await visit.banner();
    await visit.page.click("[data-avow=choose]");
    await visit.page.waitForSelector(".avow-dialog[open]");
    const moving = await visit.page.evaluate(() => [...document.querySelectorAll(".avow, .avow *")].flatMap((one) =>
      [null, "::before", "::after", "::backdrop"].map((part) => [one.className + (part ?? ""), getComputedStyle(one, part)])
        .filter(([, style]) => /[1-9]/.test(style.transitionDuration) || style.animationName !== "none").map(([name]) => name)));
    assert.deepEqual(moving, []);
  });

  await test("with forced colours every control has its border, and a switch shows its state by more than a colour", { forcedColors: "active" }, async (visit) => {
    await visit.open(lab({ settings }));
    await visit.banner();
    await visit.page.click("[data-avow=choose]");
    await visit.page.waitForSelector(".avow-dialog[open]");
    await visit.page.locator(".avow-switch").first().check();
    const bare = await visit.page.evaluate(() => [...document.querySelectorAll(".avow-banner, .avow-dialog, .avow button, .avow-switch")]
      .filter((one) => one.checkVisibility()).map((one) => [one.className, getComputedStyle(one)])
      .filter(([, style]) => !parseFloat(style.borderTopWidth) || /^transparent|^rgba.* 0\)/.test(style.borderTopColor)).map(([name]) => name));
    assert.deepEqual(bare, []);
    const [on, off] = await visit.page.$$eval(".avow-switch", (all) => all.slice(0, 2).map((one) => {
      const { content, justifySelf } = getComputedStyle(one, "::before");
      return { checked: one.checked, content, justifySelf };
    }));
    assert.deepEqual([on.checked, off.checked], [true, false]);
    assert.notEqual(on.content, off.content);
    assert.notEqual(on.justifySelf, off.justifySelf);
  });

  await test("on paper there is nothing of it", {}, async (visit) => {
    const { page } = visit;
    const printed = async () => {
      assert.equal(await page.evaluate(() => [...document.querySelectorAll(".avow *")].some((one) => one.checkVisibility())), true);
      await page.emulateMedia({ media: "print" });
      assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll(".avow, .avow *")].filter((one) => one.checkVisibility()).map((one) => one.className)), []);
      await page.emulateMedia({ media: "screen" });
    };
    await visit.open(lab({ settings }));
    await visit.banner();
    await printed();
    await page.click("[data-avow=choose]");
    await page.waitForSelector(".avow-dialog[open]");
    await printed();
    await page.click(".avow-dialog [data-avow=reject]");
    await page.waitForSelector(".avow-open", { state: "visible" });
    await printed();
  });

  for (const lang of ["en", "de", "fi"]) {
    await test(`at 320 px and 400 % nothing is cut off and every button can be reached: ${lang}`, { viewport: { width: 320, height: 256 } }, async (visit) => {
      const { page } = visit;
      /** What reaches out of its room or out of the window, and what something else lies on after it was scrolled to. */
      const wrong = (room) => page.evaluate((room) => {
        const all = [...document.querySelectorAll(`${room}, ${room} *`)].filter((one) => one.checkVisibility() && !one.closest("thead"));
        const { left, right } = all[0].getBoundingClientRect();
        const name = (one) => `${one.localName}.${one.className} ${one.textContent.slice(0, 40)}`;
        const out = all.filter((one) => {
          const box = one.getBoundingClientRect();
          return box.left < left - 1 || box.right > right + 1 || one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline";
        });
        const covered = all.filter((one) => one.matches("a, button, summary, input")).filter((one) => {
          one.scrollIntoView({ block: "center" });
          const box = one.getBoundingClientRect();
          return !one.contains(document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2));
        });
        const above = all.filter((one) => {
          one.scrollIntoView({ block: "start" });
          return one.getBoundingClientRect().top < -1;
        });
        const wide = document.documentElement.scrollWidth - innerWidth;
        return [...[...out, ...above].map((one) => `out: ${name(one)}`), ...covered.map((one) => `covered: ${name(one)}`), ...(wide > 0 ? [`${wide} px too wide`] : [])];
      }, room);
      await visit.open(lab({ settings, lang, body: TEXT }));
      await visit.banner();
      assert.deepEqual(await wrong(".avow-banner"), []);
      await page.click("[data-avow=choose]");
      await page.waitForSelector(".avow-dialog[open]");
      const unfolded = await page.$$eval(".avow-dialog details", (all) => all.map((one) => (one.open = true)));
      assert.equal(unfolded.length, 4);
      assert.deepEqual(await wrong(".avow-dialog"), []);
      // Less zoomed in, head and foot stand and what is between them scrolls.
      await page.setViewportSize({ width: 320, height: 640 });
      assert.deepEqual(await wrong(".avow-dialog"), []);
    });
  }

  for (const [name, more] of [
    ["is drawn", () => ({})],
    ["comes with the page", () => ({
      before: '<link id="avow-style" rel="stylesheet" href="/avow/avow.css">',
      first: readFileSync(join(process.env.AVOW_LAB, "first-layer/en.html"), "utf8"),
    })],
  ]) {
    await test(`a banner that ${name} moves nothing of the page, neither when it comes nor when it goes`, {}, async (visit) => {
      const { page } = visit;
      await page.addInitScript(() => {
        window.shifted = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((one) => (window.shifted += one.value))).observe({ type: "layout-shift", buffered: true });
      });
      await visit.open(lab({ settings, body: TEXT, ...more() }));
      await visit.banner();
      await page.waitForTimeout(300);
      assert.equal(await page.evaluate(() => window.shifted), 0);
      await page.click(".avow-banner [data-avow=accept]");
      await page.waitForSelector(".avow-open", { state: "visible" });
      await page.waitForTimeout(300);
      assert.equal(await page.evaluate(() => window.shifted), 0);
      // What does move it would have been seen.
      await page.evaluate(() => document.querySelector("main").prepend(Object.assign(document.createElement("p"), { textContent: "Moved" })));
      await page.waitForFunction(() => window.shifted > 0);
    });
  }

  await test("a switch does nothing before Save", {}, async (visit) => {
    await visit.open(`${site}/`);
    await visit.banner();
    await visit.page.click("[data-avow=choose]");
    await visit.page.waitForSelector(".avow-dialog[open]");
    await visit.page.click(".avow-switch:not(:disabled)");
    await visit.page.waitForTimeout(400);
    assert.deepEqual(await reached(), []);
    assert.deepEqual(await visit.cookies(), []);
    await visit.choose("save", ".avow-dialog");
    await visit.page.waitForFunction(() => document.cookie.includes("_ga="));
  });

  await test("the second layer shows every cookie of the catalogue", {}, async (visit) => {
    await visit.open(`${site}/`);
    await visit.banner();
    await visit.page.click("[data-avow=choose]");
    await visit.page.waitForSelector(".avow-dialog[open]");
    const text = await visit.page.textContent(".avow-dialog");
    for (const name of ["en_session", "opsyn_consent", "_ga", "_ga_*", "_gid"]) assert.ok(text.includes(name), name);
  });

  await test("the page's language is the banner's, from right to left too", { viewport: { width: 320, height: 640 } }, async (visit) => {
    const page = (await body(`${site}/`)).toString();
    const turned = page.replace(/<html[^>]*>/, '<html lang="ar" dir="rtl">');
    await visit.page.route(`${site}/`, (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body: turned }));
    await visit.open(`${site}/`);
    await visit.banner();
    assert.equal(await visit.page.$eval(".avow-banner", (one) => getComputedStyle(one).direction), "rtl");
    assert.match(await visit.page.textContent(".avow-banner"), /[\u0600-\u06ff]/);
    assert.deepEqual(await visit.axe(), []);
    const wide = await visit.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(wide, false, "scrolls sideways");
    await visit.page.click("[data-avow=choose]");
    await visit.page.waitForSelector(".avow-dialog[open]");
    assert.deepEqual(await visit.axe(), []);
  });

  // What page and browser say, and which language the banner then has. Only one is fetched.
  const SPOKEN = [
    ["de-AT", ["fr"], "de"],
    ["", ["pt-BR", "en"], "pt-br"],
    ["", ["pt-AO"], "pt"],
    ["ZH-tw", [], "zh-hant"],
    ["zh-Hant-HK", [], "zh-hant"],
    ["zh-Hans-HK", [], "zh"],
    ["no", [], "nb"],
    ["nn-NO", ["sv"], "nb"],
    ["sr-Latn-RS", [], "sr-latn"],
    ["sr-RS", [], "sr"],
    ["eo", ["ia", "cy-GB", "en"], "cy"],
    ["eo", ["ia"], "en"],
  ];
  await test("the banner speaks the page's language, else the browser's, else the pack's", {}, async (visit) => {
    const page = (await body(`${site}/`)).toString();
    for (const [lang, languages, wanted] of SPOKEN) {
      const context = await visit.page.context().browser().newContext({ timezoneId: "UTC" });
      try {
        const tab = await context.newPage();
        const fetched = [];
        tab.on("request", (request) => request.url().endsWith(".json") && fetched.push(request.url()));
        const said = page.replace(/<html[^>]*>/, `<html lang="${lang}">`);
        await tab.route(`${site}/`, (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body: said }));
        await tab.addInitScript((all) => Object.defineProperty(Navigator.prototype, "languages", { get: () => all }), languages);
        await tab.goto(`${site}/`);
        await tab.waitForSelector(".avow-banner");
        assert.equal(await tab.$eval(".avow", (root) => root.lang), wanted, `${lang} ${languages}`);
        assert.deepEqual(fetched, [`${site}/avow/${wanted}.json`]);
      } finally {
        await context.close();
      }
    }
  });

  await test("the loader's tag names the language before page and browser do", { locale: "fi-FI" }, async (visit) => {
    const fetched = [];
    visit.page.on("request", (request) => request.url().endsWith(".json") && fetched.push(new URL(request.url()).pathname));
    for (const [language, lang, wanted] of [["de", "fr", "de"], ["pt-BR", "", "pt-br"], ["eo", "fr", "fr"], ["eo", "", "fi"]]) {
      fetched.length = 0;
      await visit.open(lab({ settings: { ...settings, language }, lang }));
      await visit.banner();
      assert.equal(await visit.page.$eval(".avow", (root) => root.lang), wanted, language);
      assert.deepEqual(fetched, [`/avow/${wanted}.json`]);
    }
  });

  // Where the packs honour the signal, they ask nobody. This stands in for the engine of one that does both, by the letters of
  // `host/cli/build/bindings.js`: it asks, and allows everything but what the signal is against.
  const HONOURS = `export default () => {
    const memory = { buffer: new ArrayBuffer(1 << 20) };
    let end = 0;
    const text = (at, length) => new TextDecoder().decode(memory.buffer.slice(at, at + length));
    return {
      b: memory, m: (length) => (end += length) - length, e() {}, s: () => 1, n: () => 0, w() {},
      d: (_, at, length, now, signal) => (signal && text(at, length).endsWith("process\\nadvertising") ? -1 : 1) * (now + 60_000),
    };
  };`;
  for (const gpc of [true, false]) {
    await test(`the first layer says ${gpc ? "that Global Privacy Control is honoured, where it is" : "nothing of a signal that nobody sends"}`, {}, async (visit) => {
      await visit.page.addInitScript((gpc) => Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => gpc }), gpc);
      await visit.page.route("**/avow-widget.wasm", (route) => route.fulfill({ body: "none" }));
      await visit.page.route("**/avow-fallback.js", (route) => route.fulfill({ contentType: "text/javascript", body: HONOURS }));
      await visit.open(lab({ settings }));
      await visit.banner();
      assert.equal(await visit.page.evaluate(() => window.avow.ready), true, visit.errors.join("\n"));
      assert.equal(await visit.page.getByRole("region", { name: "Your privacy, your choice" }).getByText("Global Privacy Control").isVisible(), gpc);
    });
  }

  await test("no language breaks a word on a button at 320 px", { viewport: { width: 320, height: 640 } }, async (visit) => {
    await visit.open(`${site}/`);
    await visit.banner();
    await visit.page.click("[data-avow=choose]");
    await visit.page.waitForSelector(".avow-dialog[open]");
    const loader = (await body(`${site}/avow/avow.js`)).toString();
    const tags = loader.match(/\^\(([a-z|-]+)\)/)[1].split("|");
    assert.ok(tags.length >= 40);
    const words = [];
    for (const tag of tags) words.push([tag, { ...JSON.parse(await body(`${site}/avow/${tag}.json`)), ...JSON.parse(await body(`${site}/avow/${tag}.more.json`)) }]);
    const broken = await visit.page.evaluate((all) => {
      const found = [];
      for (const [tag, said] of all) {
        for (const button of document.querySelectorAll("[data-avow=accept],[data-avow=reject],[data-avow=choose],[data-avow=save]")) {
          button.lang = tag;
          button.textContent = said[button.dataset.avow];
          // Written without spaces, it breaks where its readers expect it.
          if (["ja", "th", "zh", "zh-hant"].includes(tag)) continue;
          for (const word of button.textContent.matchAll(/[^\s-]+/gu)) {
            const range = document.createRange();
            range.setStart(button.firstChild, word.index);
            range.setEnd(button.firstChild, word.index + word[0].length);
            const lines = new Set([...range.getClientRects()].filter((one) => one.width).map((one) => Math.round(one.top)));
            if (lines.size > 1) found.push(`${tag}: ${word[0]}`);
          }
        }
      }
      return found;
    }, words);
    assert.deepEqual(broken, []);
  });
}
