// Questions whose answers are known, from the cases of the pack; and the same put to the program that explains.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const { AVOW, AVOW_DEMO } = process.env;
const NOW = Date.UTC(2026, 2, 1, 9);

const visitor = 'Visitor::"visitor"';
const context = { surface: "site", jurisdiction: "gb", gpc: false };
const refused = { at: "2026-02-01T09:00:00Z", offer: "", granted: [], refused: ["analytics"], objected: [], services: [] };
const instructed = ["service", "support"];
const tenant = (id) => ({ uid: `Tenant::"${id}"`, attrs: { instructed, contract: { addendum: false } } });
const order = (id, of) => ({ uid: `Record::"${id}"`, attrs: { tenant: of, class: "operational-record", holds: [], erasure_requested: false } });
const entities = [
  tenant("acme"),
  tenant("bolt"),
  { uid: 'User::"ada"', attrs: { tenant: "acme", role: "admin" } },
  order("acme-order", "acme"),
  order("bolt-order", "bolt"),
];
const looks = (id) => ({ principal: 'User::"ada"', action: "view", resource: `Record::"${id}"`, entities });

/** Of the slice for browsers, which the whole bundle answers alike: request, outcome, clauses. */
const CONSENT = [
  [{ principal: visitor, action: "process", resource: 'Purpose::"necessary"', context }, "allow", ["opsyn-cookies-1"]],
  [{ principal: visitor, action: "process", resource: 'Purpose::"analytics"', context }, "not_permitted", []],
  [
    { principal: visitor, action: "process", resource: 'Purpose::"analytics"', context: { ...context, surface: "app" } },
    "forbidden",
    ["opsyn-cookies-3"],
  ],
  [
    { principal: visitor, action: "process", resource: 'Purpose::"analytics"', context: { ...context, choice: refused } },
    "forbidden",
    ["opsyn-cookies-2"],
  ],
];

/** Of the slice for an application's pages, which the whole bundle answers alike, for the tenant `acme`. */
const APPLICATION = [
  [looks("acme-order"), "allow", ["opsyn-isolation-1"]],
  [looks("bolt-order"), "forbidden", ["opsyn-isolation-1"]],
];

export const bundle = (name) => readFileSync(join(AVOW_DEMO, name));

/** Asks an engine, loaded by `load`, each question, and compares with what is known. */
export function ask(load, explained = false) {
  const slice = load(bundle("avow/site.avow"));
  const app = load(bundle("app.avow"));
  const whole = load(bundle("opsyn.avow"));
  assert.match(slice.digest, /^[0-9a-f]{64}$/);
  assert.equal(new Set([slice.digest, app.digest, whole.digest]).size, 3);
  const all = [
    ...CONSENT.map((question) => [slice, undefined, ...question]),
    ...CONSENT.map((question) => [whole, undefined, ...question]),
    ...APPLICATION.map((question) => [app, "acme", ...question]),
    ...APPLICATION.map((question) => [whole, "acme", ...question]),
  ];
  for (const [engine, tenant, request, outcome, clauses] of all) {
    const verdict = engine.decide(request, NOW, tenant);
    const what = `${request.action} ${request.resource}`;
    assert.equal(verdict.outcome, outcome, what);
    assert.equal(verdict.decision, outcome === "allow" ? "allow" : "deny", what);
    assert.deepEqual(verdict.clauses, clauses, what);
    assert.equal(verdict.problem, undefined, what);
    // The bytes of the request, decided without words: a verdict's outcome is not read out of them, but an answer it is.
    const answer = engine.decideBytes(engine.encode(request, NOW, tenant));
    assert.equal(Buffer.from(answer.subarray(0, 4)).toString(), "AVA1", what);
    if (!explained) continue;
    const { rules, obligations, ...rest } = explanation({ ...request, now: new Date(NOW).toISOString(), ...(tenant && { tenant }) });
    assert.equal(rest.outcome, outcome, what);
    assert.deepEqual(rest.clauses, clauses, what);
    assert.deepEqual(verdict.rules, rules, what);
    assert.deepEqual(verdict.obligations, obligations, what);
  }
  slice.free();
  app.free();
  whole.free();
  return all.length;
}

function explanation(request) {
  const options = ["explain", "policies/opsyn", "--request", "-", "--json"];
  return JSON.parse(execFileSync(AVOW, options, { input: JSON.stringify(request), encoding: "utf8" }));
}
