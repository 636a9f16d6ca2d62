// For browsers: the module is fetched from beside this file, unless the program says from where.
import { initSync, isStarted, load } from "./core.js";

export { initSync, load };

let starting;

/** Starts the engine. Called again it waits for the same start; after one that failed it tries anew. */
export default function init({ module = new URL("engine.wasm", import.meta.url) } = {}) {
  starting ??= start(module).catch((error) => {
    starting = undefined;
    throw error;
  });
  return starting;
}

async function start(module) {
  if (!isStarted()) initSync({ module: await compiled(module) });
}

async function compiled(module) {
  if (module instanceof WebAssembly.Module) return module;
  if (module instanceof ArrayBuffer || ArrayBuffer.isView(module)) return WebAssembly.compile(module);
  const answer = await fetch(module);
  if (!answer.ok) throw new Error(`avow: the engine cannot be fetched: ${answer.status} for ${answer.url}`);
  // A server that does not know the type costs time, not the engine.
  return answer.headers.get("Content-Type") === "application/wasm"
    ? WebAssembly.compileStreaming(answer)
    : WebAssembly.compile(await answer.arrayBuffer());
}
