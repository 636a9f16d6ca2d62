// Between the page and the module. Written by hand, because the generator's is ten times as long; `glue.rs` holds it to the
// module that the generator makes.
//
// Imports and exports have one letter each, since their names stand in both files:
//
//   wasm.m(bytes, align)   memory for what is handed over; the module frees it
//   wasm.e(1024)           an import has thrown; 1024 stands for `undefined`, because nobody looks at what it threw
//   wasm.s, d, n, w        start, decide, denies, sweep

let wasm;
const wasmMemory = (type, at, length) => new type(wasm.b.buffer, at, length);
const wasmPut = (bytes) => {
  const at = wasm.m(bytes.length, 1);
  wasmMemory(Uint8Array, at).set(bytes);
  return [at, bytes.length];
};
const wasmGive = (...texts) => texts.flatMap((text) => wasmPut(new TextEncoder().encode(text)));
const wasmTake = (at, length) => new TextDecoder().decode(wasmMemory(Uint8Array, at, length));
const wasmTry = (act) => (...given) => {
  try {
    act(...given);
  } catch {
    wasm.e(1024);
  }
};

// The only object that is handed over is the page's document, so its number says nothing.
const __wbg_get_imports = () => ({
  a: {
    t(at, length) {
      throw new Error(wasmTake(at, length));
    },
    // A text comes back as its address and its length.
    c: wasmTry((out) => {
      // Before memory is looked at, which this may move.
      const given = wasmGive(document.cookie);
      wasmMemory(Int32Array, out).set(given);
    }),
    s: wasmTry((_, at, length) => {
      document.cookie = wasmTake(at, length);
    }),
    // Nothing is handed over for good, so there is nothing to let go.
    d() {},
  },
});

/** Starts the engine for a bundle; throws a word. */
const wasmStart = (bundle) => {
  const at = wasm.s(...wasmPut(bundle));
  return {
    decide: (situation, now, gpc) => wasm.d(at, ...wasmGive(situation), now, gpc),
    denies: (situation, kind, name, now, gpc) => wasm.n(at, ...wasmGive(situation, kind, name), now, gpc),
    sweep: (situation, place, now, gpc) => wasm.w(at, 0, ...wasmGive(situation, place), now, gpc),
  };
};
