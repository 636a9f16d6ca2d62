// Nothing before an allow: scripts, frames, images and links, in the page's HTML and added later.

import assert from "node:assert/strict";

import { test } from "./harness.mjs";
import { asked, gated, origin, page, service } from "./lab.mjs";

const settle = (visit) => visit.page.waitForTimeout(300);
const accept = (visit) => visit.page.click(".avow-banner [data-avow=accept]");
/** A kept-back script with an address, that says by name when it runs. */
const step = (name, more = "", delay = 0) =>
  `<script type="text/plain" data-service="counter" src="${service("counter", "script.js")}?name=${name}&delay=${delay}"${more}></script>`;
/** The address of such a script is answered when others have run; if they never do, the test ends without it. */
const hold = (visit, name, others) => visit.page.route(`**/script.js?name=${name}&*`, (route) =>
  visit.page.waitForFunction((others) => others.every((one) => window.steps?.includes(one)), others)
    .then(() => route.continue(), () => {}));

/** Waits until the services were asked for as much. */
const arrived = async ({ page }, count) => {
  for (const end = Date.now() + 10_000; Date.now() < end && asked.length < count;) await page.waitForTimeout(20);
};

export async function gate() {
  await test("each way of marking a script is understood, and a script needs all that it names", {}, async (visit) => {
    const inline = (mark, name) => `<script type="text/plain" ${mark}>(window.ran ??= []).push("${name}")</script>`;
    await visit.open(page({
      settings: { jurisdiction: "de" },
      head: [
        inline(`data-service="counter"`, "service"),
        inline(`data-purpose="statistics"`, "purpose"),
        inline(`data-category="statistics"`, "category"),
        inline(`data-name="counter"`, "name"),
        inline(`data-service="counter" data-purpose="advertising"`, "both"),
        inline(`data-service="nobody"`, "unknown"),
        inline(`data-service=""`, "empty"),
      ].join(""),
    }));
    await visit.banner();
    await settle(visit);
    assert.equal(await visit.page.evaluate(() => window.ran), undefined);
    await visit.page.evaluate(() => window.avow.grant("statistics"));
    assert.deepEqual(await visit.page.evaluate(() => window.ran), ["service", "purpose", "category", "name"]);
    await visit.page.evaluate(() => window.avow.grant("advertising"));
    assert.deepEqual(await visit.page.evaluate(() => window.ran), ["service", "purpose", "category", "name", "both"]);
    assert.deepEqual(visit.errors, []);
  });

  await test("scripts keep their order, their nonce and what they are, and one that fails takes none with it", {}, async (visit) => {
    const step = (name) => `(window.steps ??= []).push("${name}")`;
    const data = (code) => `data:text/javascript,${encodeURIComponent(code)}`;
    const blocked = (attributes, code = "") => `<script type="text/plain" data-service="counter" ${attributes}>${code}</script>`;
    await visit.open(page({
      settings: { jurisdiction: "de" },
      head: [
        blocked(`src="${service("counter", "script.js")}"`),
        blocked("", step("inline after an address")),
        blocked("", "throw new Error('on purpose')"),
        blocked(`src="${service("counter", "script.js")}?late" defer`),
        blocked(`data-src="${data(step("data-src"))}"`),
        blocked(`nonce="abc"`, `${step("nonce")}; window.nonce = document.currentScript.nonce`),
        blocked(`data-type="module"`, `${step("module")}; window.isModule = import.meta.url !== undefined`),
        blocked(`src="${service("counter", "script.js")}?async" async`),
        blocked(`data-type="application/json" id="data"`, "{}"),
      ].join(""),
    }));
    await visit.banner();
    await accept(visit);
    await visit.page.waitForFunction(() => window.steps?.length === 4 && window.ran?.length === 3);
    const steps = await visit.page.evaluate(() => window.steps.filter((step) => step !== "module"));
    assert.deepEqual(steps.filter((step) => step !== "data-src"), ["inline after an address", "nonce"]);
    assert.equal(await visit.page.evaluate(() => window.nonce), "abc");
    assert.equal(await visit.page.evaluate(() => window.isModule), true);
    assert.equal(await visit.page.evaluate(() => document.getElementById("data").type), "application/json");
    assert.equal(await visit.page.isVisible(".avow-banner"), false, "the banner is gone in spite of the failure");
    assert.deepEqual(visit.errors, ["on purpose"]);
  });

  await test("scripts run in the order of the document, however late each of them arrives", {}, async (visit) => {
    const inline = (name) => `<script type="text/plain" data-service="counter">(window.steps ??= []).push("${name}")</script>`;
    await visit.open(page({
      settings: { jurisdiction: "de" },
      head: [
        step("async", " async"),
        step("slow", "", 300),
        step("fast"),
        `<script type="text/plain" data-service="counter" src="${origin}/missing.js"></script>`,
        inline("inline"),
        step("last"),
      ].join(""),
    }));
    await visit.banner();
    // Nobody waits for what is asynchronous, nor for what never comes.
    await hold(visit, "async", ["slow", "fast", "inline", "last"]);
    await accept(visit);
    await visit.page.waitForFunction(() => window.steps?.includes("async"));
    assert.deepEqual(await visit.page.evaluate(() => window.steps), ["slow", "fast", "inline", "last", "async"]);
    assert.equal(visit.errors.length, 1);
    assert.match(visit.errors[0], /404/);
  });

  await test("for somebody who comes back, a deferred script waits for the end of the page, and no other does", {}, async (visit) => {
    const said = (name) => `<script>(window.steps ??= []).push("${name}")</script>`;
    const url = page({
      settings: { jurisdiction: "de" },
      head: step("deferred", " defer") + step("at once"),
      body: `<h1>Lab</h1><script src="${service("player", "script.js")}?name=middle&amp;"></script>${said("end")}`,
    });
    await visit.open(url);
    await visit.banner();
    await accept(visit);
    await visit.page.waitForFunction(() => window.steps?.includes("deferred"));
    // The parser stands still in the middle of the page until then.
    await hold(visit, "middle", ["at once"]);
    await visit.page.goto(url);
    await visit.page.waitForFunction(() => window.steps?.includes("deferred"));
    assert.deepEqual(await visit.page.evaluate(() => window.steps), ["at once", "middle", "end", "deferred"]);
    assert.deepEqual(visit.errors, []);
  });

  await test("an element that cannot be started takes nothing with it", {}, async (visit) => {
    await visit.open(page({
      settings: { jurisdiction: "de" },
      body: `<h1>Lab</h1><img id="first" alt="" data-service="counter" data-src="${service("counter", "pixel")}">${step("behind")}`,
    }));
    await visit.banner();
    await visit.page.evaluate(() => {
      window.avow.on("choice", ({ method }) => (window.heard = method));
      Object.defineProperty(document.getElementById("first"), "src", { set: () => { throw new Error("mine"); } });
    });
    await accept(visit);
    await visit.page.waitForFunction(() => window.heard === "accept");
    await visit.page.waitForFunction(() => window.steps?.includes("behind"));
    assert.equal(await visit.page.isVisible(".avow-banner"), false);
    assert.equal(await visit.page.isVisible(".avow-open"), true);
    assert.deepEqual(visit.errors, ["mine"]);
  });

  await test("where the policy asks for a nonce, a script that has it runs, and no other", {}, async (visit) => {
    const inline = (name, more) => `<script type="text/plain" data-service="counter"${more}>(window.ran ??= []).push("${name}")</script>`;
    await visit.open(page({
      settings: { jurisdiction: "de" },
      headers: { "content-security-policy": "script-src 'self' 'nonce-abc' 'wasm-unsafe-eval'" },
      head: inline("none", "") + inline("another", ` nonce="abd"`) + inline("nonce", ` nonce="abc"`),
    }));
    await visit.banner();
    assert.deepEqual(visit.errors, []);
    await accept(visit);
    await visit.page.waitForSelector(".avow-open");
    assert.deepEqual(await visit.page.evaluate(() => window.ran), ["nonce"]);
    assert.equal(visit.errors.length, 2);
    for (const error of visit.errors) assert.match(error, /Content Security Policy/);
  });

  await test("images, links and frames that stand in the page are loaded once they are agreed to", {}, async (visit) => {
    await visit.open(page({
      settings: { jurisdiction: "de" },
      head: `<link rel="stylesheet" data-service="counter" data-src="${service("counter", "style.css")}">`,
      body: `<h1>Lab</h1><img alt="" data-service="adverts" data-src="${service("adverts", "pixel")}">
        <iframe title="A video" data-service="player" data-src="${service("player", "video.html")}"></iframe>`,
    }));
    await visit.banner();
    await settle(visit);
    assert.deepEqual(asked, []);
    await accept(visit);
    await visit.page.waitForFunction(() => getComputedStyle(document.documentElement).getPropertyValue("--gated") === "shown");
    await visit.page.frameLocator("iframe").locator("p").waitFor();
    await arrived(visit, 3);
    assert.deepEqual(asked.sort(), ["adverts/pixel", "counter/style.css", "player/video.html"]);
    assert.deepEqual(visit.errors, []);
  });

  await test("frames, images and links wait too, wherever and whenever they are added", {}, async (visit) => {
    const marked = (tag, more) => `<${tag} data-service="counter" ${more}>`;
    await visit.open(page({
      settings: { jurisdiction: "de" },
      body: `<h1>Lab</h1>${marked("img", `alt="" data-src="${service("counter", "pixel")}"`)}${marked("link", `rel="stylesheet" data-src="${service("counter", "style")}"`)}`,
    }));
    await visit.banner();
    // Client-side navigation: the page's content is replaced.
    await visit.page.evaluate((url) => {
      document.body.innerHTML = `<main><h1>Elsewhere</h1><img alt="" data-service="counter" data-src="${url}"></main>`;
      const script = document.createElement("script");
      script.type = "text/plain";
      script.dataset.service = "counter";
      script.textContent = "window.later = true";
      document.body.append(script);
    }, service("counter", "later"));
    await settle(visit);
    assert.deepEqual(asked, []);
    await visit.banner();
    await accept(visit);
    await visit.page.waitForFunction(() => window.later);
    await visit.page.evaluate((url) => {
      const image = new Image();
      image.dataset.service = "counter";
      image.dataset.src = url;
      document.body.append(image);
    }, service("counter", "last"));
    await arrived(visit, 2);
    await settle(visit);
    assert.deepEqual(asked.sort(), ["counter/last", "counter/later"]);
  });

  await test("a frame has a placeholder that shows it once, or always", {}, async (visit) => {
    const video = `<iframe title="A video" width="400" height="300" data-service="player" data-src="${service("player", "video.html")}"></iframe>`;
    const url = page({ settings: { jurisdiction: "de", ledger: "/consent" }, body: `<h1>Lab</h1>${video}` });
    await visit.open(url);
    await visit.banner();
    await visit.page.waitForSelector(".avow-place");
    assert.deepEqual(await visit.axe(), []);
    assert.match(await visit.page.textContent(".avow-place"), /Player/);
    assert.equal(await visit.page.isVisible("iframe"), false);
    await visit.page.click(".avow-place [data-avow=once]");
    await visit.page.frameLocator("iframe").locator("p").waitFor();
    assert.deepEqual(await visit.cookies(), [], "once is not recorded");
    assert.equal(await visit.page.isVisible(".avow-banner"), true);

    await visit.open(url);
    await visit.page.waitForSelector(".avow-place");
    await visit.page.click(".avow-place [data-avow=always]");
    await visit.page.frameLocator("iframe").locator("p").waitFor();
    const chosen = await visit.page.evaluate(() => window.avow.consent());
    assert.deepEqual([chosen.method, chosen.granted, chosen.refused], ["placeholder", ["media"], []]);
    await visit.open(url);
    await visit.page.frameLocator("iframe").locator("p").waitFor();
    assert.equal(await visit.page.locator(".avow-place").count(), 0);
    assert.deepEqual(visit.errors, []);
  });

  await test("a frame that a script adds has a placeholder too, which goes with it", {}, async (visit) => {
    const add = (mark) => visit.page.evaluate(([mark, url]) => {
      const frame = document.createElement("iframe");
      Object.assign(frame.dataset, { [mark]: "player", src: url });
      document.querySelector("main").append(frame);
    }, [mark, service("player", "video.html")]);
    await visit.open(page({ settings: { jurisdiction: "de" } }));
    await visit.banner();
    for (const mark of ["service", "name"]) {
      await add(mark);
      await visit.page.waitForSelector(".avow-place + iframe", { state: "attached" });
      assert.match(await visit.page.textContent(".avow-place"), /Player/, mark);
      assert.equal(await visit.page.isVisible("iframe"), false, mark);
      await visit.page.evaluate(() => document.querySelector("iframe").remove());
      await visit.page.waitForSelector(".avow-place", { state: "detached" });
    }
    assert.deepEqual(asked, []);
    // Each shows its own frame.
    await add("name");
    await visit.page.waitForSelector(".avow-place");
    await add("service");
    await visit.page.locator(".avow-place").nth(1).waitFor();
    await visit.page.locator(".avow-place").nth(0).locator("[data-avow=once]").click();
    await visit.page.frameLocator("iframe >> nth=0").locator("p").waitFor();
    assert.deepEqual(asked, ["player/video.html"]);
    assert.equal(await visit.page.locator(".avow-place").count(), 1);
    assert.deepEqual(visit.errors, []);
  });

  await test("a script that is still arriving is not started in halves", {}, async (visit) => {
    // Two chunks: the parser stops inside the script's text, and is fed the rest after the decisions are there.
    const url = page({ settings: { jurisdiction: "de" } });
    await visit.open(url);
    await visit.banner();
    await accept(visit);
    await visit.page.waitForFunction(() => window.avow.may("counter"));
    await visit.page.goto(url);
    await visit.page.evaluate(() => new Promise((done) => {
      const frame = document.createElement("iframe");
      document.body.append(frame);
      const inside = frame.contentDocument;
      inside.open();
      inside.write(`<script src="/avow/avow.js" data-site="/avow/site.avow" data-jurisdiction="de"><\/script><script type="text/plain" data-service="counter">window.half = 1;`);
      setTimeout(() => {
        window.early = inside.defaultView.half;
        inside.write(`window.whole = 1;<\/script><p>end</p>`);
        inside.close();
        const look = (left) => {
          window.late = inside.defaultView.whole;
          if (window.late || !left) done();
          else setTimeout(look, 50, left - 1);
        };
        look(200);
      }, 500);
    }));
    assert.deepEqual(await visit.page.evaluate(() => [window.early, window.late]), [undefined, 1]);
  });

  await test("data of a service waits like its code, and holds up none of it", {}, async (visit) => {
    const data = `<script type="text/plain" data-type="application/json" data-service="counter" data-src="${service("counter", "data.json")}"></script>`;
    const inline = `<script type="text/plain" data-service="counter">(window.ran ??= []).push("inline")</script>`;
    await visit.open(page({ settings: { jurisdiction: "de" }, head: data + inline }));
    await visit.banner();
    await visit.page.click(".avow-banner [data-avow=accept]");
    await visit.page.waitForFunction(() => window.ran?.includes("inline"));
    assert.equal(await visit.page.getAttribute("script[data-type]", "type"), "application/json");
  });
}
