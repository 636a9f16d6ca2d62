// What a site may write, and what its compiler has to refuse: `widget/js/avow.d.ts` is written by hand, so this uses each member
// of it. A line that `@ts-expect-error` stands above is misuse; were it accepted, the comment itself would be the error.

import avow, { consent, decide, grant, may, on, open, ready, withdraw } from "@avow/widget";
import type { Avow, Blocked, Consent, Decision, Events, Request } from "@avow/widget";

/** Whether two types are the same one, and not merely of use for each other. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

// The object, as it is imported and as it stands on the window; and each of its members by itself.
same<typeof avow, Avow>(true);
same<typeof window.avow, Avow>(true);
same<typeof globalThis.window.avow.may, typeof may>(true);
same<typeof ready, Promise<boolean>>(true);
same<keyof Avow, "ready" | "consent" | "may" | "decide" | "grant" | "withdraw" | "open" | "on">(true);
same<keyof Events, "choice" | "blocked">(true);

// A choice.
const chosen = consent();
same<typeof chosen, Consent | null>(true);
if (chosen) {
  same<typeof chosen.at, number>(true);
  same<typeof chosen.id, string>(true);
  const purposes: string[] = [...chosen.granted, ...chosen.refused, ...chosen.objected];
  const words: string[] = [...chosen.services, chosen.offer, chosen.language];
  same<typeof chosen.method, "accept" | "reject" | "save" | "withdraw" | "gpc" | "api" | "placeholder">(true);
  // @ts-expect-error there is no such way to choose
  if (chosen.method === "scroll") console.log(purposes, words);
}
// @ts-expect-error there may be none
consent().granted;
// @ts-expect-error nobody is asked for it by an argument
consent("analytics");

// What may be loaded is known at once, what the rules say is waited for.
const loaded = may("google-tag-manager");
same<typeof loaded, boolean>(true);
// @ts-expect-error a service is named
may();
// @ts-expect-error its answer is no promise
may("google-tag-manager").then(() => loaded);
// @ts-expect-error nobody but the widget says that it is ready
avow.ready = Promise.resolve(true);

const asked: Request = { action: "process", resource: "analytics" };
const answered = decide(asked);
same<typeof answered, Promise<Decision | undefined>>(true);
void answered.then((decision) => {
  // @ts-expect-error the rules may be out of reach
  decision.allowed;
  const both: [boolean, number] | undefined = decision && [decision.allowed, decision.until];
  return both;
});
void decide({ action: "load", resource: "video" });
void decide({ action: "ask", resource: "pack" });
void decide({ action: "offer_opt_out", resource: "pack" });
// @ts-expect-error the rules know no such action
void decide({ action: "track", resource: "analytics" });
// @ts-expect-error about what?
void decide({ action: "process" });

// A page may agree, take back and open; it learns when that is done and nothing else.
const done: Promise<void>[] = [grant(), grant("analytics"), grant("analytics", "advertising"), withdraw(), open()];
// @ts-expect-error purposes stand side by side, in no list
void grant(["analytics"]);
// @ts-expect-error all is withdrawn; the second layer is there for a part
void withdraw("analytics");

// What happened.
const end = on("choice", (choice) => same<typeof choice, Consent | null>(true));
same<typeof end, () => void>(true);
end();
void on("blocked", (blocked) => {
  same<typeof blocked, Blocked>(true);
  const what: `${"cookie" | "local" | "session" | "load"} ${string}` = `${blocked.kind} ${blocked.name}`;
  return what;
});
// @ts-expect-error there is no such event
on("accept", () => done);
// @ts-expect-error a choice may be null
on("choice", (choice: Consent) => choice.at);
document.addEventListener("avow:choice", ({ detail }) => same<typeof detail, Consent | null>(true));
document.addEventListener("avow:blocked", ({ detail }) => same<typeof detail, Blocked>(true));
