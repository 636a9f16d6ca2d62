// For Node: the module is read from beside this file while this is imported, so the engine can be used at once.
import { readFileSync } from "node:fs";
import { initSync, load } from "./core.js";

initSync({ module: readFileSync(new URL("engine.wasm", import.meta.url)) });

export { initSync, load };

/** Has been done already; it is here so that the same program runs in browsers. */
export default async function init() {}
