// What pages and applications do with the widget: `window.avow`, the module, events, and pages that change without loading.

import assert from "node:assert/strict";

import { test } from "./harness.mjs";
import { asked, gated, origin, page, service } from "./lab.mjs";

const settings = { jurisdiction: "de", reload: "no" };

export async function api() {
  await test("the object and the module are the same, and do what they say", {}, async (visit) => {
    await visit.open(page({ settings, head: gated("counter") }));
    const answers = await visit.page.evaluate(async () => {
      const module = await import("/avow/avow.mjs");
      const { avow } = window;
      const heard = [];
      const end = avow.on("choice", (choice) => heard.push(choice.method));
      document.addEventListener("avow:choice", (event) => heard.push(`event ${event.detail.method}`));
      const before = [avow.consent(), avow.may("counter"), await avow.decide({ action: "load", resource: "counter" })];
      await avow.grant("statistics", "nothing");
      const granted = [avow.consent().granted, avow.may("counter"), (await avow.decide({ action: "process", resource: "statistics" })).allowed];
      end();
      await avow.withdraw();
      const after = [avow.consent().granted, avow.may("counter")];
      return { same: module.default === avow && module.may === avow.may, ready: await module.ready, before, granted, after, heard };
    });
    assert.equal(answers.same && answers.ready, true);
    assert.deepEqual(answers.before.slice(0, 2), [null, false]);
    assert.equal(answers.before[2].allowed, false);
    assert.deepEqual(answers.granted, [["statistics"], true, true]);
    assert.deepEqual(answers.after, [[], false]);
    assert.deepEqual(answers.heard, ["api", "event api", "event withdraw"]);
    await visit.page.evaluate(() => window.avow.open());
    await visit.page.waitForSelector(".avow-dialog[open]");
  });

  await test("in a page that replaces itself the banner stays, and its controls work", {}, async (visit) => {
    await visit.open(page({ settings, body: `<div id="app"><h1>Lab</h1></div>` }));
    await visit.banner();
    await visit.page.evaluate(() => {
      history.pushState({}, "", "/elsewhere");
      document.body.replaceChildren(Object.assign(document.createElement("main"), { innerHTML: `<h1>Elsewhere</h1><button data-avow-open>Choices</button>` }));
    });
    await visit.banner();
    await visit.page.click("main [data-avow-open]");
    await visit.page.waitForSelector(".avow-dialog[open]");
    await visit.page.click(".avow-dialog [data-avow=reject]");
    await visit.page.waitForSelector(".avow-open", { state: "visible" });
    await visit.page.evaluate(() => document.body.replaceChildren(Object.assign(document.createElement("h1"), { textContent: "Again" })));
    await visit.page.waitForSelector(".avow-open", { state: "visible" });
    assert.equal(await visit.page.locator(".avow-open").count(), 1);
  });

  await test("the guard holds what has no markup, lets through what the rules allow, and says what it dropped", {}, async (visit) => {
    const tries = `<script>
      document.addEventListener("avow:blocked", ({ detail }) => (window.dropped ??= []).push(detail.kind + " " + detail.name));
      document.cookie = "session=1; Path=/";
      document.cookie = "_count7=1; Path=/; Max-Age=86400";
      document.cookie = "unknown=1; Path=/";
      localStorage.setItem("count.b", "1");
      localStorage["count.c"] = "1";
      sessionStorage.setItem("advert.seen", "1");
      window.cookieStore?.set("_advert", "1").catch(() => {});
      const script = document.createElement("script");
      script.src = "${origin.replace("www.lab", "counter")}/script.js";
      document.head.append(script);
      new Image().src = "${origin.replace("www.lab", "adverts")}/pixel";
    </script>`;
    const url = page({ settings, head: `<script src="/avow/avow-guard.js"></script>${tries}` });
    await visit.open(url);
    await visit.banner();
    await visit.page.waitForFunction(() => window.dropped?.length >= 8);
    assert.deepEqual((await visit.page.evaluate(() => window.dropped)).sort(), [
      "cookie _advert", "cookie _count7", "cookie unknown",
      `load ${origin.replace("www.lab", "adverts")}/pixel`, `load ${origin.replace("www.lab", "counter")}/script.js`,
      "local count.b", "local count.c", "session advert.seen",
    ]);
    assert.deepEqual(await visit.cookies(), ["session"]);
    assert.equal(await visit.page.evaluate(() => window.ran), undefined);
    await visit.page.evaluate(() => window.avow.grant("statistics"));
    await visit.open(url);
    await visit.page.waitForFunction(() => window.ran?.length === 1 && localStorage["count.c"]);
    await visit.page.waitForFunction(() => window.dropped?.length >= 4);
    assert.deepEqual((await visit.page.evaluate(() => window.dropped)).sort(), [
      "cookie _advert", "cookie unknown", `load ${origin.replace("www.lab", "adverts")}/pixel`, "session advert.seen",
    ]);
    assert.deepEqual(await visit.cookies(), ["_count1", "_count7", "lab_consent", "session"]);
    // Longer than the rules let it live.
    await visit.page.evaluate(() => (document.cookie = "_count9=1; Path=/; Max-Age=8640000"));
    await visit.page.waitForFunction(() => window.dropped.includes("cookie _count9"));
    // What deletes is never stopped.
    await visit.page.evaluate(() => (document.cookie = "_count7=; Path=/; Max-Age=0"));
    assert.equal((await visit.cookies()).includes("_count7"), false);
  });

  const guard = `<script src="/avow/avow-guard.js"></script>`;
  const listen = `<script>document.addEventListener("avow:blocked", ({ detail }) => (window.dropped ??= []).push(detail.kind + " " + detail.name));</script>`;

  await test("the guard holds every way to give an element its address", {}, async (visit) => {
    await visit.open(page({ settings, head: guard + listen }));
    await visit.banner();
    /** Points an element of each kind at a path of its own, by property and by attribute. */
    const point = (path) => visit.page.evaluate(([url, path]) => {
      window.dropped = [];
      const give = (tag, name, how, more = {}) => {
        const element = Object.assign(document.createElement(tag), more);
        document.body.append(element);
        const address = `${url}${path}/${tag}/${how}`;
        if (how === "property") element[name] = address;
        else element.setAttribute(name, address);
      };
      for (const how of ["property", "attribute"]) {
        give("iframe", "src", how, { title: "Counter" });
        give("img", "src", how, { alt: "" });
        give("script", "src", how);
        give("link", "href", how, { rel: "stylesheet" });
      }
    }, [service("counter", ""), path]);
    const all = (path) => ["iframe", "img", "link", "script"].flatMap((tag) => ["attribute", "property"].map((how) => `${path}/${tag}/${how}`));
    await point("before");
    await visit.page.waitForFunction(() => window.dropped.length === 8);
    assert.deepEqual((await visit.page.evaluate(() => window.dropped)).sort(), all("before").map((path) => `load ${service("counter", path)}`));
    assert.deepEqual(asked, []);
    await visit.page.evaluate(() => window.avow.grant("statistics"));
    await point("after");
    for (let left = 500; left && asked.length < 8; left -= 1) await visit.page.waitForTimeout(20);
    assert.deepEqual(asked.sort(), all("after").map((path) => `counter/${path}`));
    assert.deepEqual(await visit.page.evaluate(() => window.dropped), []);
  });

  await test("the guard lets the Cookie Store set what the rules allow, for no longer than they let it live", {}, async (visit) => {
    await visit.open(page({ settings, head: guard + listen }));
    await visit.banner();
    await visit.page.evaluate(() => window.avow.grant("statistics"));
    await visit.page.evaluate(async () => {
      const day = 86_400_000;
      await window.cookieStore.set("_count1", "1");
      await window.cookieStore.set({ name: "_count2", value: "1", expires: Date.now() + day });
      await window.cookieStore.set({ name: "_count3", value: "1", expires: Date.now() + 100 * day });
    });
    assert.deepEqual(await visit.cookies(), ["_count1", "_count2", "lab_consent"]);
    assert.deepEqual(await visit.page.evaluate(() => window.dropped), ["cookie _count3"]);
  });

  await test("the guard lets a frame through that the visitor asked to see once, and nothing else of its service", {}, async (visit) => {
    const video = service("player", "video.html");
    await visit.open(page({
      settings,
      head: guard + listen,
      body: `<h1>Lab</h1><iframe title="A video" data-service="player" data-src="${video}"></iframe>`,
    }));
    await visit.banner();
    await visit.page.click(".avow-place [data-avow=once]");
    await visit.page.frameLocator("iframe").locator("p").waitFor();
    assert.equal(await visit.page.evaluate(() => window.dropped), undefined);
    await visit.page.evaluate((url) => (document.createElement("iframe").src = url), video);
    await visit.page.waitForFunction(() => window.dropped?.length === 1);
    assert.deepEqual(asked, ["player/video.html"]);
  });

  await test("what the guard has been told holds no longer than the choice that it followed from", {}, async (visit) => {
    await visit.open(page({ settings, head: guard + listen }));
    await visit.banner();
    /** Writes, and waits until it is kept or dropped. */
    const write = () => visit.page.evaluate(async () => {
      window.dropped = [];
      localStorage["count.x"] = "1";
      while (!window.dropped.length && !localStorage["count.x"]) await new Promise((done) => setTimeout(done, 10));
      return window.dropped.length ? "dropped" : "kept";
    });
    assert.equal(await write(), "dropped");
    await visit.page.evaluate(() => window.avow.grant("statistics"));
    assert.equal(await write(), "kept");
    // It is swept, and stays away.
    await visit.page.evaluate(() => window.avow.withdraw());
    assert.equal(await write(), "dropped");
    assert.equal(await visit.page.evaluate(() => localStorage["count.x"]), undefined);
  });
}
