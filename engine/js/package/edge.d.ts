import type { Precompiled } from "./index.js";

export * from "./index.js";

/** Starts the engine from the module that the program has imported; rejects where it gives none. */
export default function init(options: Precompiled): Promise<void>;
