// A host for the guest, written from docs/abi.md alone. Usage: node node.mjs GUEST.wasm CASES.json
import { readFileSync } from "node:fs";

const OWN = 2 ** 31;
const NONE = 2 ** 32 - 1;

const [wasm, file] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(readFileSync(wasm));
const guest = instance.exports;
const cases = JSON.parse(readFileSync(file, "utf8"));

function call(name, input) {
  const at = guest.avow_alloc(input.length) >>> 0;
  // Memory may have grown: a view of it is made anew each time.
  new Uint8Array(guest.memory.buffer).set(input, at);
  const place = BigInt.asUintN(64, guest[name](at, input.length));
  const start = Number(place >> 32n);
  return Buffer.from(guest.memory.buffer, start, Number(place & 0xffffffffn));
}

function expect(what, found, wanted) {
  if (found === wanted) return;
  console.error(`node: ${what}: ${found} instead of ${wanted}`);
  process.exit(1);
}

const words = (...numbers) => Buffer.from(new Uint32Array(numbers).buffer);
const hex = (text) => Buffer.from(text, "hex");

// Names are texts; uids [number of the type's name, id]; entities words; cells [name, kind, number].
function block(names, uids, entities, roots, cells) {
  const texts = [...names, ...uids.map(([, id]) => id)].map((text) => Buffer.from(text));
  const owners = [...names.map(() => 0), ...uids.map(([of]) => OWN + of)];
  let end = 0;
  const symbols = texts.map((text, i) => words(owners[i], (end += text.length)));
  return Buffer.concat([
    words(names.length, uids.length, entities.length / 4, roots, cells.length, end),
    ...symbols,
    ...cells.map(([name, kind, number]) => words(name, kind, number, 0)),
    words(...entities),
    ...texts,
  ]);
}

expect("version", guest.avow_version(), 1);
expect("imports", WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(wasm))).length, 0);
const bundle = hex(cases.bundle);
const damaged = Buffer.from(bundle);
damaged[damaged.length - 1] ^= 1;
expect("a decision without a bundle", call("avow_decide", Buffer.from("?")).length, 0);
expect("no bundle", call("avow_load", Buffer.from("none")).toString("hex"), words(0, 0, 0).toString("hex"));
expect("a damaged bundle", call("avow_load", damaged).toString("hex"), words(3, 0, 0).toString("hex"));
expect("the bundle", call("avow_load", bundle).length, 0);

function askAll(when) {
  for (const { name, request, answer } of cases.cases) {
    expect(`${name}, ${when}`, call("avow_decide", hex(request)).toString("hex"), answer);
  }
}

askAll("without residents");
// Two entities of a type that no case has, one in the other: a name, two uids, a parent.
const uids = [[0, "a"], [0, "b"]];
const house = block(["House"], uids, [OWN + 1, 0, 0, 1, OWN + 2, 0, 0, 0], 0, [[NONE, 3, OWN + 2]]);
const patch = Buffer.concat([Buffer.from("AVE1"), words(0, 0), house]);
const head = (output) => `${output.readUInt32LE(0)} ${output.readUInt32LE(4)}`;
const added = call("avow_patch", patch);
expect("refusal and version of a patch", head(added), "0 1");
expect("numbers of a patch's symbols", added.length, 12 + 3 * 4);
expect("a patch for a version that was", head(call("avow_patch", patch)), "5 1");
// A resident outranks the request.
const same = Buffer.concat([Buffer.from("AVQ1"), words(0, 0, OWN + 1, OWN + 1, OWN + 1), house]);
const refused = call("avow_decide", same).subarray(0, 8).toString("hex");
expect("a request that describes a resident", refused, Buffer.from("AVA1\x03\x01\x02\x00").toString("hex"));
askAll("with residents");
const removal = block(["House"], [[0, "a"]], [], 1, [[NONE, 3, OWN + 1]]);
const removed = call("avow_patch", Buffer.concat([Buffer.from("AVE1"), words(0, 1), removal]));
expect("a removal", head(removed), "0 2");
console.log(`node: ${cases.cases.length} cases twice, and the residents at version 2`);
