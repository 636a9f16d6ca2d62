// The guard, for sites that want it: what scripts of the page store and load without markup asks the rules too.
//
//   <script src="/avow/avow-guard.js"></script>      right after the loader
//
// A write to `document.cookie`, the Cookie Store, local or session storage, and an element that a script gives an address of the
// catalogue, waits for the rules' answer and is then done or dropped; what is dropped is told (`avow:blocked`). Names that the
// catalogue does not have are denied, as everywhere; what deletes is let through. Elements in the page's own HTML are the
// gate's: the parser asks nobody.
(() => {
  "use strict";
  // `avow build` puts the name of the consent cookie and the addresses of the catalogue's services in this place.
  const { cookie: own, loads } = AVOW_GUARD;
  const { avow } = window;
  if (!avow) return console.error("avow: the guard stands before the loader, and guards nothing");

  const attempt = (act) => {
    try {
      return act();
    } catch {}
  };
  const report = (kind, name) => document.dispatchEvent(new CustomEvent("avow:blocked", { detail: { kind, name } }));
  // What has been answered on this page, until the rules would answer otherwise or the visitor chooses.
  const known = new Map();
  avow.on("choice", () => known.clear());
  /**
   * Does something if the rules let that be stored; at once where they have been asked before. A lifetime that is none ends with
   * the browser's session; one of a date that has just been computed is rounded up to a minute, so that it is known again.
   */
  const store = (kind, name, { secure, same_site, lifetime }, act, drop) => {
    const life = lifetime > -8e15 ? Math.min(Math.ceil(lifetime / 60_000) * 60_000, 8e15) : "-";
    const id = [kind, +!!secure, same_site || "-", life, +(location.protocol === "https:"), name].join(" ");
    const finish = (decision) => {
      if (decision?.allowed) return act();
      report(kind, name);
      drop?.();
    };
    const before = known.get(id);
    if (Date.now() < before?.until) return finish(before);
    avow.decide({ action: "store", resource: id }).then((decision) => {
      known.set(id, decision);
      finish(decision);
    });
  };

  const patch = (target, name, change) => {
    const descriptor = target && Object.getOwnPropertyDescriptor(target, name);
    if (descriptor?.configurable) Object.defineProperty(target, name, { ...descriptor, ...change(descriptor) });
  };

  patch(Document.prototype, "cookie", ({ set }) => ({
    set(cookie) {
      const [pair, ...parts] = String(cookie).split(";").map((part) => part.trim());
      const name = pair.split("=")[0];
      const says = Object.fromEntries(parts.map((part) => part.toLowerCase().split("=")));
      const lifetime = "max-age" in says ? says["max-age"] * 1000 : "expires" in says ? new Date(says.expires) - Date.now() : undefined;
      const act = () => set.call(this, cookie);
      if (name === own || lifetime <= 0) return act();
      store("cookie", name, { lifetime, secure: "secure" in says, same_site: says.samesite }, act);
    },
  }));
  patch(window.CookieStore?.prototype, "set", ({ value }) => ({
    value(...given) {
      const { name, expires, sameSite } = typeof given[0] === "object" ? given[0] : { name: given[0] };
      const lifetime = expires ? expires - Date.now() : undefined;
      return new Promise((done, fail) =>
        store("cookie", String(name), { lifetime, secure: true, same_site: sameSite ?? "strict" }, () => value.apply(this, given).then(done, fail), done));
    },
  }));
  // Methods of the prototype are told which storage is behind the one that a page sees.
  const behind = new WeakMap();
  for (const name of ["getItem", "setItem", "removeItem", "clear", "key"]) {
    patch(Storage.prototype, name, ({ value }) => ({
      value(...given) {
        const seen = behind.get(this);
        return name === "setItem" && seen ? void seen.put(...given) : value.apply(seen?.storage ?? this, given);
      },
    }));
  }
  for (const kind of ["local", "session"]) {
    let seen;
    patch(window, `${kind}Storage`, ({ get }) => ({
      get() {
        // Where the browser refuses storage, this throws as it would have.
        const storage = get.call(window);
        if (seen) return seen;
        const put = (key, text) => {
          const act = () => (storage[key] = text);
          if (/^avow(Queue)?$/.test(key)) act();
          else store(kind, String(key), {}, act);
          return true;
        };
        seen = new Proxy(storage, {
          get: (_, name) => (typeof storage[name] === "function" ? storage[name].bind(seen) : storage[name]),
          set: (_, key, text) => put(key, text),
        });
        behind.set(seen, { storage, put });
        return seen;
      },
    }));
  }

  const owner = (address) => {
    const url = attempt(() => new URL(address, document.baseURI).href) ?? "";
    return Object.keys(loads).find((id) => loads[id].some((prefix) => url.startsWith(prefix)));
  };
  /** Gives an element its address, unless a service of the catalogue is behind it that may not be loaded. */
  const point = (element, url, act) => {
    const service = owner(url);
    // What the visitor has asked to see once is shown once.
    if (!service || avow.may(service) || element.hasAttribute("data-avow-once")) return act();
    avow.ready.then(() => (avow.may(service) ? act() : report("load", String(url))));
  };
  for (const [type, name] of [[HTMLScriptElement, "src"], [HTMLIFrameElement, "src"], [HTMLImageElement, "src"], [HTMLLinkElement, "href"]]) {
    patch(type.prototype, name, ({ set }) => ({
      set(url) {
        point(this, url, () => set.call(this, url));
      },
    }));
  }
  patch(Element.prototype, "setAttribute", ({ value }) => ({
    value(name, text) {
      const act = () => value.call(this, name, text);
      if (/^(src|href)$/i.test(name) && this.matches("script,iframe,img,link")) point(this, text, act);
      else act();
    },
  }));
})();
