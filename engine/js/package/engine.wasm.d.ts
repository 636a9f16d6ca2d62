import type { Module } from "./index.js";

/** What bundlers of edge runtimes make of the file: the module, compiled ahead. */
declare const module: Module;
export default module;
