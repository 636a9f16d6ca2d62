// The application shows and hides by the rules that its server enforces, and keeps customers apart.

import assert from "node:assert/strict";

import { app, test } from "./harness.mjs";

const signIn = async (visit, name) => {
  await visit.open(`${app}/sign-in`);
  await visit.page.getByRole("button", { name: new RegExp(name, "i") }).click();
  await visit.page.waitForURL(`${app}/`);
};

/** Names of the forms' actions on the page: what the person is shown as possible. */
const shown = (visit) => visit.page.$$eval("main form[action], form[action]", (forms) =>
  forms.map((form) => new URL(form.action).pathname.split("/").pop()).filter((name) => !name.startsWith("sign-")).sort());

const posts = (visit, path) => visit.page.evaluate(async (path) => (await fetch(path, { method: "POST", body: new URLSearchParams({ text: "x", role: "admin" }) })).status, path);

/** On the page of decisions: each question was answered in the browser, as it was on the server. */
export async function bothSidesAgree({ page }) {
  const sides = "table[data-surface] tbody tr";
  await page.waitForFunction((rows) => [...document.querySelectorAll(rows)].every((row) => row.cells[1].querySelector("[data-outcome]")), sides);
  const answers = await page.$$eval(sides, (rows) => rows.map((row) =>
    [row.cells[1], row.cells[2]].map((cell) => cell.querySelector("[data-outcome]").dataset.outcome)));
  assert.ok(answers.length >= 5, String(answers.length));
  for (const [browser, server] of answers) assert.equal(browser, server);
}

export async function application() {
  await test("an administrator is shown more than a member, and the server holds to it", {}, async (visit) => {
    await signIn(visit, "ada");
    const cookie = (await visit.context.cookies(app)).find((one) => one.name === "en_session");
    assert.equal(cookie.httpOnly, true);
    assert.equal(cookie.sameSite, "Lax");
    await visit.open(`${app}/records/nf-batch-4471`);
    const administrator = await shown(visit);
    assert.ok(administrator.includes("export"), String(administrator));
    assert.ok(administrator.includes("request_erasure"), String(administrator));

    await visit.context.clearCookies();
    await signIn(visit, "ben");
    await visit.open(`${app}/records/nf-batch-4471`);
    const member = await shown(visit);
    assert.equal(member.includes("export"), false, String(member));
    assert.equal(await posts(visit, "/records/nf-batch-4471/export"), 403);
    assert.equal(await posts(visit, "/records/nf-batch-4471/request_erasure"), 403);
    assert.deepEqual(visit.errors.filter((error) => !error.includes("403")), []);
  });

  await test("an entry of the audit log is changed by nobody", {}, async (visit) => {
    await signIn(visit, "ada");
    await visit.open(`${app}/records/nf-log-2093`);
    const actions = await shown(visit);
    assert.equal(actions.includes("edit"), false, String(actions));
    assert.equal(actions.includes("delete"), false, String(actions));
    assert.ok(actions.includes("append_correction"), String(actions));
    assert.equal(await posts(visit, "/records/nf-log-2093/edit"), 403);
    assert.equal(await posts(visit, "/records/nf-log-2093/delete"), 403);
  });

  await test("another customer's record is refused by its id, with the clause", {}, async (visit) => {
    await signIn(visit, "ada");
    const response = await visit.open(`${app}/records/hb-intake-208`);
    assert.equal(response.status(), 403);
    const text = await visit.page.textContent("main");
    assert.match(text, /opsyn-isolation-1/);
    assert.match(text, /isolation/);
    const own = await visit.open(`${app}/records/nf-batch-4471`);
    assert.equal(own.status(), 200);
    assert.equal(await posts(visit, "/records/hb-intake-208/export"), 403);
  });

  await test("nobody is anybody without signing in", {}, async (visit) => {
    await visit.page.goto(`${app}/records/nf-batch-4471`);
    assert.doesNotMatch(await visit.page.textContent("body"), /4471/);
  });

  await test("what was decided is shown for both sides, to its own customer only", {}, async (visit) => {
    await signIn(visit, "ada");
    await visit.open(`${app}/records/hb-intake-208`);
    await visit.open(`${app}/decisions`);
    await bothSidesAgree(visit);
    const text = await visit.page.textContent("main");
    assert.match(text, /opsyn-isolation-1/);
    await visit.context.clearCookies();
    await signIn(visit, "cleo");
    await visit.open(`${app}/decisions`);
    assert.doesNotMatch(await visit.page.textContent("main"), /hb-intake-208.*ada|nf-batch/);
  });

  for (const path of ["/", "/records/nf-batch-4471", "/records/hb-intake-208", "/people", "/decisions"]) {
    await test(`axe finds nothing on the application's ${path}`, {}, async (visit) => {
      await signIn(visit, "ada");
      await visit.open(`${app}${path}`);
      assert.deepEqual(await visit.axe(), []);
    });
  }
}
