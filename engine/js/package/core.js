// What the entries of all runtimes share: the engine is started once, and asked only after that.
import { initSync as bind, load as read } from "./bindings.js";

let started = false;

/** Starts the engine from a compiled module, or from its bytes; once it has started this does nothing. */
export function initSync({ module }) {
  if (started) return;
  bind({ module });
  started = true;
}

export const isStarted = () => started;

/** Loads a bundle; throws where it does not hold together. */
export function load(bundle) {
  if (!started) throw new Error("avow: the engine has not been started: wait for init(), or call initSync({ module })");
  return read(bundle instanceof Uint8Array ? bundle : new Uint8Array(bundle));
}
