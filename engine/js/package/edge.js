// For runtimes that neither read files nor compile: the program imports the module, compiled ahead, and hands it over.
import { initSync, isStarted, load } from "./core.js";

export { initSync, load };

/** The same as `initSync`, for programs that wait for it elsewhere. */
export default async function init(options) {
  if (isStarted()) return;
  if (!options?.module) throw new Error("avow: this runtime gives the engine no module: call init({ module })");
  initSync(options);
}
