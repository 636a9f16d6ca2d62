/** What a visitor chose, as the consent cookie has it. Slugs are those of the pack's catalogue. */
export interface Consent {
  /** When, milliseconds since 1970 in UTC. */
  at: number;
  /** Digest of the purposes, services and storage that were offered. */
  offer: string;
  /** Purposes agreed to. */
  granted: string[];
  /** Purposes refused. */
  refused: string[];
  /** Purposes objected to, where the rules allow them without consent. */
  objected: string[];
  /** Services agreed to. */
  services: string[];
  /** How it was chosen. */
  method: "accept" | "reject" | "save" | "withdraw" | "gpc" | "api" | "placeholder";
  /** Language of the texts that were shown, a BCP 47 tag. */
  language: string;
  /** Names the record, not the visitor. */
  id: string;
}

/** A question to the rules, about the visitor on this page, now. */
export interface Request {
  /**
   * `process` a purpose, `load` a service, `ask` whether the banner is to be shown, `offer_opt_out` whether the page must carry
   * the opt-out link, `store` whether a cookie or storage key may be set.
   */
  action: "process" | "load" | "ask" | "offer_opt_out" | "store";
  /**
   * A slug of the catalogue; `pack` for `ask` and `offer_opt_out`. For `store`, parted by blanks: `cookie`, `local` or `session`;
   * `1` where it is secure, else `0`; `lax`, `strict`, `none` or `-`; its lifetime in milliseconds or `-`; `1` on the public site,
   * `0` on a developer's machine; and its name.
   */
  resource: string;
}

export interface Decision {
  /** Whether the rules allow it. What they do not know they do not allow. */
  allowed: boolean;
  /** Up to when the same question gets the same answer, milliseconds since 1970 in UTC. */
  until: number;
}

/** What the guard kept a script of the page from doing. */
export interface Blocked {
  /** `cookie`, `local` or `session` for storage; `load` for an element. */
  kind: "cookie" | "local" | "session" | "load";
  /** The cookie's or key's name, or the address. */
  name: string;
}

export interface Events {
  /** A choice was made, here or in another tab; null where there is none any more. */
  choice: Consent | null;
  /** The guard dropped something. */
  blocked: Blocked;
}

export interface Avow {
  /** Resolves to whether the rules could be asked; it never rejects. Until then nothing is allowed. */
  readonly ready: Promise<boolean>;
  /** The recorded choice, or null. */
  consent(): Consent | null;
  /** Whether a service of the catalogue may be loaded now. */
  may(service: string): boolean;
  /** Asks the rules; undefined where they cannot be asked. */
  decide(request: Request): Promise<Decision | undefined>;
  /** Records consent to purposes, beside those that are granted already. The page has asked for it in its own way. */
  grant(...purposes: string[]): Promise<void>;
  /** Takes back every consent that was given. */
  withdraw(): Promise<void>;
  /** Opens the second layer. */
  open(): Promise<void>;
  /** Calls `listener` with each event; returns what ends that. On the document the same event is called `avow:<name>`. */
  on<Name extends keyof Events>(name: Name, listener: (detail: Events[Name]) => void): () => void;
}

declare const avow: Avow;
export default avow;
export declare const ready: Avow["ready"];
export declare const consent: Avow["consent"];
export declare const may: Avow["may"];
export declare const decide: Avow["decide"];
export declare const grant: Avow["grant"];
export declare const withdraw: Avow["withdraw"];
export declare const open: Avow["open"];
export declare const on: Avow["on"];

declare global {
  interface Window {
    avow: Avow;
  }
  interface DocumentEventMap {
    "avow:choice": CustomEvent<Events["choice"]>;
    "avow:blocked": CustomEvent<Events["blocked"]>;
  }
}
