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

  // What the browser refuses is as good as not there.
  const attempt = (act) => {
    try {
      return act();
    } catch {
      return undefined;
    }
  };
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  // In a sandboxed page cookies throw; there, choices last as long as the page.
  const cookies = () => attempt(() => document.cookie.split("; ")) ?? [];
  const bake = (cookie) => attempt(() => (document.cookie = cookie + secure));
  const secure = location.protocol === "https:" ? "; Secure" : "";
  // Whoever set a cookie may have set it for the host or for any domain above it, and only the same domain deletes it.
  const expire = (name) => {
    const labels = location.hostname.split(".");
    for (let at = 0; at <= labels.length; at++) {
      const domain = at < labels.length ? `; Domain=${labels.slice(at).join(".")}` : "";
      bake(`${name}=; Path=/; Max-Age=0${domain}`);
    }
  };
  let words;
  // Zeros say that a digest cannot be told: outside secure contexts browsers do not compute any.
  let texts = "0".repeat(64);
  let posting;
  // What the widget borrows from the page: `src/page.rs` says what each of them is.
  const page = {
    surface: settings.surface,
    jurisdiction: settings.jurisdiction,
    gpc: navigator.globalPrivacyControl === true,
    reopen: settings.reopen !== "no",
    now: () => Date.now(),
    draw: () => hex(crypto.getRandomValues(new Uint8Array(16))),
    cookie: (name) =>
      cookies().find((cookie) => cookie.startsWith(`${name}=`))?.slice(name.length + 1),
    say: (element, attribute, key, operator) => {
      const text = words[key].replace("{operator}", operator);
      if (attribute) element.setAttribute(attribute, text);
      else element.textContent = text;
    },
    span: (element, count, unit) => {
      element.textContent = count.toLocaleString(settings.language, { style: "unit", unit, unitDisplay: "long" });
    },
    await_script: (script) => {
      for (const end of ["load", "error"]) script.addEventListener(end, () => widget.settled(), { once: true });
    },
    changed: () => document.dispatchEvent(new CustomEvent("avow:choice", { detail: consent() })),
    keep: (name, choice, days, digest) => {
      bake(`${name}=${choice}; Path=/; SameSite=Lax; Max-Age=${days * 86400}`);
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
    sweep: () => {
      for (const cookie of cookies()) {
        const name = cookie.split("=")[0];
        if (!widget.keeps("cookie", name)) expire(name);
      }
      for (const kind of ["local", "session"]) {
        attempt(() => {
          const storage = window[`${kind}Storage`];
          for (const key of Object.keys(storage)) if (!widget.keeps(kind, key)) storage.removeItem(key);
        });
      }
    },
    nothing: () => console.info("avow: nothing on this site needs consent, so there is nothing to choose"),
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
  page.sweep();
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
      // A live region tells what it is given after the page has got to know it.
      setTimeout(() => widget.announce(), 200);
      // What was shown, for the ledger.
      crypto.subtle
        ?.digest("SHA-256", new TextEncoder().encode(said))
        .then((digest) => (texts = hex(new Uint8Array(digest))));
    },
  };
}
