/** A compiled `WebAssembly.Module`, where the program's libraries declare that type. */
export type Module = object &
  (typeof globalThis extends { WebAssembly: { Module: { prototype: infer Declared } } } ? Declared : unknown);

/** Bytes of a file. */
export type Bytes = ArrayBuffer | Uint8Array;

export interface Precompiled {
  /** The engine's module, or its bytes. */
  module: Module | Bytes;
}

export interface Options {
  /** Where the engine is: an address, its module, or its bytes. In browsers `engine.wasm` beside this file if it is not said. */
  module?: string | { readonly href: string } | Module | Bytes;
}

/** Starts the engine; called again it does nothing. In Node it has started with the import. */
export default function init(options?: Options): Promise<void>;

/** The same at once, from a module that was compiled ahead. In browsers only small modules may be compiled at once from bytes. */
export function initSync(options: Precompiled): void;

/** Loads a bundle, as `avow build` has written it; throws where it does not hold together, or the engine has not started. */
export function load(bundle: Bytes): Engine;

/** An entity as text, `User::"ada"`, or in parts. The type's namespace may be left out where only one type ends so. */
export type Uid = string | { type: string; id: string } | { __entity: { type: string; id: string } };

/**
 * What the schema declares, as JSON writes it: an entity by its id or as a `Uid` in parts; an instant, duration, decimal or
 * address as text; a set as a list; a record as an object. Integers alone are numbers of Cedar. What is not known is left out,
 * never null or undefined.
 */
export type Value = string | number | bigint | boolean | readonly Value[] | { readonly [name: string]: Value };

export interface Entity {
  uid: Uid;
  attrs?: { readonly [name: string]: Value };
  parents?: readonly Uid[];
  tags?: { readonly [name: string]: Value };
}

/** May this principal do this to that? */
export interface Request {
  principal: Uid;
  /** Its name, such as `view`, or a `Uid`. */
  action: Uid;
  resource: Uid;
  /** The circumstances. `now` and `tenant` are set by what `decide` is given, unless they are here. */
  context?: { readonly [name: string]: Value };
  /** Entities that the bundle does not describe itself. */
  entities?: readonly Entity[];
}

export interface Verdict {
  /** Enforce this. Only `allow` is one: `failed` is of rules that could not be evaluated, `refused` of a request that does not fit. */
  outcome: "allow" | "forbidden" | "not_permitted" | "refused" | "failed";
  /** Cedar's decision, which may be `allow` where the outcome is not. */
  decision: "allow" | "deny";
  /** The determining rules. */
  rules: string[];
  /** The clauses of the policy that these keep. */
  clauses: string[];
  /** What the program must carry out, or else treat the answer as a deny. */
  obligations: string[];
  /**
   * Up to when the same question gets the same answer: milliseconds since 1970 in UTC; `"now"` where that is not promised;
   * absent where it does for ever.
   */
  until?: number | "now";
  /** Rules that could not be evaluated. */
  failed?: FailedRule[];
  /** Why the request was refused. */
  problem?: Problem;
}

export interface FailedRule {
  rule: string;
  error: string;
  /** The clauses that it would keep. */
  clauses: string[];
}

export interface Problem {
  /** Where in the request, such as `context.choice.at`; empty for the whole. */
  path: string;
  message: string;
}

/** A loaded bundle. */
export interface Engine {
  /** SHA-256 of the bundle, 64 hexadecimal digits. */
  readonly digest: string;
  /**
   * Decides. `now` is milliseconds since 1970, as `Date.now()` gives them: the engine has no clock, and a request whose action
   * wants the time is refused without it. Throws where `now` is no number or the request no JSON.
   */
  decide(request: Request, now?: number, tenant?: string): Verdict;
  /** The canonical bytes of a request; throws where it does not fit the schema. */
  encode(request: Request, now?: number, tenant?: string): Uint8Array;
  /** Answer bytes for request bytes. */
  decideBytes(request: Uint8Array): Uint8Array;
  /** Gives the memory back; the engine cannot be asked after that. */
  free(): void;
}
