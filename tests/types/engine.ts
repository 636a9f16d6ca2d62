// What a program may write that decides by itself, and what its compiler has to refuse: `engine/js/package/index.d.ts` is written by
// hand, so this uses each member of it. As in `avow.ts`, `@ts-expect-error` stands above misuse.

import init, { initSync, load } from "@avow/engine";
import type { Bytes, Engine, Entity, FailedRule, Options, Precompiled, Problem, Request, Uid, Value, Verdict } from "@avow/engine";
import edge, { initSync as edgeSync, load as edgeLoad } from "@avow/engine/edge";
import module from "@avow/engine/engine.wasm";

/** Whether two types are the same one, and not merely of use for each other. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

// Each way to start it.
same<ReturnType<typeof init>, Promise<void>>(true);
const bytes: Bytes = new Uint8Array(8);
const ways: Options[] = [{}, { module }, { module: bytes }, { module: "/engine.wasm" }, { module: new URL("https://a.example/") }];
const started: Promise<void>[] = [init(), ...ways.map((way) => init(way)), edge({ module })];
const compiled: Precompiled = { module: new WebAssembly.Module(new ArrayBuffer(8)) };
initSync(compiled);
edgeSync({ module });
same<typeof edgeLoad, typeof load>(true);
// @ts-expect-error at once it is started from a module only
initSync();
// @ts-expect-error an address has to be waited for
initSync({ module: "/engine.wasm" });
// @ts-expect-error the module stands in an object
void init("/engine.wasm");
// @ts-expect-error nothing can be fetched there
void edge();
// @ts-expect-error a number is no module
void init({ module: 5 });

const engine = load(bytes);
same<typeof engine, Engine>(true);
same<typeof engine.digest, string>(true);
same<keyof Engine, "digest" | "decide" | "encode" | "decideBytes" | "free">(true);
load(new ArrayBuffer(8));
// @ts-expect-error a bundle is no text
load("site.avow");
// @ts-expect-error an engine comes from a bundle
new Engine();
// @ts-expect-error it is the bundle's
engine.digest = "";

// Requests.
const uids: Uid[] = ['User::"ada"', { type: "User", id: "ada" }, { __entity: { type: "User", id: "ada" } }];
const values: Value[] = ["a", 1, 1n, true, ["a", [1]], { a: { b: [] } }];
const ada: Entity = { uid: 'User::"ada"', attrs: { tenant: "acme", role: "member" }, parents: uids, tags: { a: values } };
const request: Request = { principal: ada.uid, action: "view", resource: 'Record::"r"', context: { gpc: false }, entities: [ada] };
const least: Request = { principal: "a", action: { type: "Action", id: "view" }, resource: "b" };
// @ts-expect-error on what?
const half: Request = { principal: "a", action: "view" };
// @ts-expect-error what is not known is left out
const nothing: Request = { ...least, context: { choice: null } };
// @ts-expect-error an instant is a text
const instant: Request = { ...least, context: { at: new Date() } };
// @ts-expect-error there is no such key
const more: Request = { ...least, subject: "a" };

// Answers.
const verdict = engine.decide(request, Date.now(), "acme");
same<typeof verdict, Verdict>(true);
same<typeof verdict.outcome, "allow" | "forbidden" | "not_permitted" | "refused" | "failed">(true);
same<typeof verdict.decision, "allow" | "deny">(true);
const words: string[] = [...verdict.rules, ...verdict.clauses, ...verdict.obligations];
same<typeof verdict.until, number | "now" | undefined>(true);
same<typeof verdict.failed, FailedRule[] | undefined>(true);
same<typeof verdict.problem, Problem | undefined>(true);
const causes = verdict.failed?.map(({ rule, error, clauses }) => `${rule} ${error} ${clauses.join()}`);
const where = verdict.problem && `${verdict.problem.path} ${verdict.problem.message}`;
engine.decide(least);
// @ts-expect-error there is no such outcome
if (verdict.outcome === "deny") console.log(words, causes, where);
// @ts-expect-error now is a number
engine.decide(least, new Date());
// @ts-expect-error the answer is there at once
engine.decide(least).then(() => [half, nothing, instant, more, started]);

const asked = engine.encode(least, 0);
same<typeof engine.decideBytes, (request: Uint8Array) => Uint8Array>(true);
engine.decideBytes(asked);
engine.free();
