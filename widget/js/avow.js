// The loader: what has to happen before anything else on the page can, and nothing more.
//
//   <script src="/avow/avow.js" data-site="/avow/site.avow" data-surface="site"></script>
//
// It fetches engine, bundle, style sheet and one language side by side and offers `window.avow` at once. Where engine or bundle
// cannot be had, nothing that needs consent runs: blocked scripts stay the inert `text/plain` that they are in the page.
//
//   data-site          the bundle (needed)
//   data-surface       "site" or "app"
//   data-ledger        where choices are posted, e.g. "/consent"; without it they are kept in the cookie only
//   data-jurisdiction  e.g. "gb"; without it the rules see "" and take the strictest
//   data-language      overrides the language of page and browser
//   data-reload="no"   a withdrawal does not reload the page, although what already runs goes on running
//   data-reopen="no"   no floating control: the page has elements of its own with `data-avow-open`
(() => {
  "use strict";
  // The longer of two tags that begin alike stands first.
  const LANGUAGES = /^(zh-hant|zh|vi|uk|tr|th|sv|sr-latn|sr|sq|sl|sk|ru|ro|pt-br|pt|pl|nl|nb|mt|mk|lv|lt|ko|ja|it|is|id|hu|hr|hi|he|gl|ga|fr|fi|fa|eu|et|es|en|el|de|da|cy|cs|ca|bs|bg|ar)\b/;

  const script = document.currentScript;
  const settings = { surface: "site", jurisdiction: "", ledger: "", ...script.dataset };
  const beside = (file) => new URL(file, script.src).href;

  // The first that there is (RFC 4647, lookup): a tag as it stands, or without its last parts. Norwegian is bokmål here, and the
  // regions that write Chinese in full need not say so. `avow build` puts the pack's language in the last place.
  const language = [settings.language, document.documentElement.lang, ...navigator.languages, "en"]
    .map((tag) => tag?.toLowerCase().replace(/^n[no]\b/, "nb").replace(/^zh-(?=hk|mo|tw)/, "zh-hant-").match(LANGUAGES)?.[0])
    .find(Boolean);

  const get = async (url, how) => {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
    return answer[how]();
  };

  // A style sheet that does not come must not keep the question from being asked.
  const styled = new Promise((done) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = beside("avow.css");
    link.onload = link.onerror = done;
    document.head.append(link);
  });

  let widget;
  const started = Promise.all([
    import(beside("avow-widget.js")),
    get(beside("avow-widget.wasm"), "arrayBuffer"),
    get(settings.site, "arrayBuffer"),
  ]).then(async ([module, engine, bundle]) => {
    widget = await module.start(engine, bundle, { ...settings, language });
  });
  const drawn = Promise.all([get(beside(`${language}.json`), "text"), started, styled])
    .then(([words]) => widget.show(words));
  drawn.catch((error) => console.error(`avow: cannot ask for consent: ${error.message ?? error}`));

  window.avow = {
    /** Resolves to whether the engine runs; it never rejects. */
    ready: started.then(() => true, () => false),
    /** The recorded choice, or null. */
    consent: () => widget?.consent() ?? null,
    /** Whether a service of the catalogue may be loaded now. */
    may: (service) => widget?.may(service) ?? false,
    /** Opens the second layer. */
    open: () => drawn.then(() => widget.open(), () => {}),
    /** Takes back every consent that was given. */
    withdraw: () => started.then(() => widget.withdraw(), () => {}),
    /** Calls `listener` with what `avow:<name>` tells; returns what ends that. */
    on(name, listener) {
      const heard = (event) => listener(event.detail);
      document.addEventListener(`avow:${name}`, heard);
      return () => document.removeEventListener(`avow:${name}`, heard);
    },
  };
})();
