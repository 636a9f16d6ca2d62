// Follows the generated bindings in `avow-widget.js`: starts the module, and leads what happens on the page to the widget.

/**
 * @param {ArrayBuffer} engine the WebAssembly module
 * @param {ArrayBuffer} bundle the site's bundle
 * @param {Record<string, string>} settings the loader's attributes, and `language`
 */
export async function start(engine, bundle, settings) {
  const { instance } = await WebAssembly.instantiate(engine, __wbg_get_imports());
  wasm = instance.exports;
  wasm.__wbindgen_start();

  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  let words;
  // Zeros say that a digest cannot be told: outside secure contexts browsers do not compute any.
  let texts = "0".repeat(64);
  let posting;
  // What the widget borrows from the page: `src/page.rs` says what each of them is.
  const page = {
    surface: settings.surface,
    jurisdiction: settings.jurisdiction,
    gpc: navigator.globalPrivacyControl === true,
    secure: location.protocol === "https:",
    host: location.hostname,
    reopen: settings.reopen !== "no",
    now: () => Date.now(),
    draw: () => hex(crypto.getRandomValues(new Uint8Array(16))),
    word: (key, operator) => words[key]?.replace("{operator}", operator),
    span: (count, unit) => count.toLocaleString(settings.language, { style: "unit", unit, unitDisplay: "long" }),
    storage: (name) => {
      try {
        return window[name];
      } catch {
        // Refused by the browser; then there is nothing in it to delete.
      }
    },
    say: (region, text) => setTimeout(() => (region.textContent = text), 200),
    await_script: (script) => {
      for (const end of ["load", "error"]) script.addEventListener(end, () => widget.settled(), { once: true });
    },
    changed: () => document.dispatchEvent(new CustomEvent("avow:choice", { detail: consent() })),
    post: (choice, digest) => {
      if (!settings.ledger) return;
      // The answer sets the cookie. That of an earlier choice must not arrive after this one and undo it.
      posting?.abort();
      posting = new AbortController();
      fetch(settings.ledger, {
        method: "POST",
        keepalive: true,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ choice, bundle: hex(digest), texts }),
        signal: posting.signal,
      }).catch(() => {});
    },
    reload: () => {
      if (settings.reload !== "no") location.reload();
    },
  };
  const widget = Widget.start(new Uint8Array(bundle), page, document, settings.language);

  const consent = () => {
    const cookie = widget.consent();
    if (!cookie) return null;
    const [, at, offer, purposes, services, method, language, id] = cookie.split(".");
    const marked = (slugs, sign) =>
      slugs.split(/(?=[+!~])/).filter((slug) => slug[0] === sign).map((slug) => slug.slice(1));
    return {
      at: new Date(+at),
      offer,
      granted: marked(purposes, "+"),
      refused: marked(purposes, "!"),
      objected: marked(purposes, "~"),
      services: marked(services, "+"),
      method,
      language,
      id,
    };
  };

  document.addEventListener("click", (event) => {
    const control = event.target.closest?.("[data-avow],[data-avow-open]");
    if (!control) return;
    event.preventDefault();
    widget.press(control);
  });
  const scan = () => widget.scan();
  new MutationObserver(scan).observe(document, { childList: true, subtree: true });
  document.addEventListener("DOMContentLoaded", scan);
  scan();

  return {
    consent,
    may: (service) => widget.may(service),
    open: () => widget.open(),
    withdraw: () => widget.withdraw(),
    show: (said) => {
      words = JSON.parse(said);
      widget.show();
      // What was shown, for the ledger.
      crypto.subtle
        ?.digest("SHA-256", new TextEncoder().encode(said))
        .then((digest) => (texts = hex(new Uint8Array(digest))));
    },
  };
}
