// The widget's module gives what the loader has put on the window, and says what is missing where there is none.
import assert from "node:assert/strict";

globalThis.window = {};
await assert.rejects(import("@avow/widget"), /the loader is not on this page/);
const members = ["ready", "consent", "may", "decide", "grant", "withdraw", "open", "on"];
window.avow = Object.fromEntries(members.map((name) => [name, Symbol(name)]));
// Imported under another name: a module that threw stays thrown.
const widget = await import(`${import.meta.resolve("@avow/widget")}?second`);
assert.equal(widget.default, window.avow);
for (const name of members) assert.equal(widget[name], window.avow[name]);
assert.deepEqual(Object.keys(widget).sort(), [...members, "default"].sort());
console.error("widget: the module is the window's object");
