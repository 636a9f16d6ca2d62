// The loader: what has to happen before anything else on the page can, and all that a visitor who has chosen pays for.
//
//   <script src="/avow/avow.js" data-site="/avow/site.avow"></script>
//
// It keeps back what needs consent, tells tag managers of the refusal that holds until somebody chooses, and starts what the
// rules allow. Whether they do is the engine's word: remembered from an earlier page while it holds, else asked anew, for which
// the rest of the widget is fetched. Where that cannot be had, nothing runs that needs consent.
//
//   data-site          the bundle; by default `site.avow` beside this file
//   data-surface       "site" (by default) or "app"
//   data-ledger        where choices are posted, e.g. "/consent"; without it they are kept in the cookie only
//   data-jurisdiction  e.g. "gb"; without it the rules take the strictest
//   data-context       where the server says the jurisdiction, e.g. "/consent/context"
//   data-language      overrides the language of page and browser
//   data-reload="no"   a withdrawal does not reload the page, although what already runs goes on running
//   data-reopen="no"   no floating control: the page has elements of its own with `data-avow-open`
//   data-base          where the widget's files are, for a loader that stands in the page itself
(() => {
  // `avow build` puts what it knows of the site in this place.
  const SITE = AVOW_SITE;
  // The longer of two tags that begin alike stands first.
  const LANGUAGES = /^(zh-hant|zh|vi|uk|tr|th|sv|sr-latn|sr|sq|sl|sk|ru|ro|pt-br|pt|pl|nl|nb|mt|mk|lv|lt|ko|ja|it|is|id|hu|hr|hi|he|gl|ga|fr|fi|fa|eu|et|es|en|el|de|da|cy|cs|ca|bs|bg|ar)\b/;

  const page = document;
  const script = page.currentScript;
  const settings = { surface: "site", jurisdiction: "", ...script.dataset };
  const beside = (file) => new URL(file, new URL(settings.base ?? script.src, location)).href;
  const gpc = !!navigator.globalPrivacyControl;
  /** What the browser refuses is as good as not there. */
  const attempt = (act) => {
    try {
      return act();
    } catch {}
  };
  const get = async (url, how) => {
    const answer = await fetch(url);
    if (answer.ok) return answer[how]();
    throw Error(`${url}: ${answer.status}`);
  };
  const hear = (target, ...how) => target.addEventListener(...how);
  const make = (tag, attributes) => {
    const element = page.createElement(tag);
    for (const name in attributes) element.setAttribute(name, attributes[name]);
    return element;
  };
  // A style sheet that does not come must not keep the question from being asked.
  const sheet = (file) => new Promise((done) => {
    const link = make("link", { rel: "stylesheet", href: beside(file) });
    hear(link, "load", done);
    hear(link, "error", done);
    page.head.append(link);
  });

  let styled;
  // A page that brings the first layer along brings its style before this script: it must not be fetched twice.
  const style = () => (styled ??= page.getElementById("avow-style") ?? sheet("avow.css"));

  // The first that there is (RFC 4647, lookup): a tag as it stands, or without its last parts. Norwegian is bokmål here, and the
  // regions that write Chinese in full need not say so.
  const language = () => [settings.language, page.documentElement.lang, ...navigator.languages, SITE.language]
    .map((tag) => `${tag}`.toLowerCase().replace(/^n[no]\b/, "nb").replace(/^zh-(?=hk|mo|tw)/, "zh-hant-").match(LANGUAGES)?.[0])
    .find(Boolean);

  // What the engine said, until an instant: `allowed` has `ask/pack`, `process/analytics`, `load/tag-manager`.
  let state;
  const may = (word) => !!state && Date.now() < state.until && state.allowed.includes(word);

  // Google's Consent Mode and Microsoft's UET: refused before any tag can ask, then what the rules say.
  function gtag() {
    (window.dataLayer ??= []).push(arguments);
  }
  const signal = (how, more) => {
    const types = (all) => {
      const told = {};
      for (const type in all) told[type] = all[type][0] && all[type].every((id) => may(`process/${id}`)) ? "granted" : "denied";
      return told;
    };
    if (SITE.google) gtag("consent", how, { ...types(SITE.google), ...more });
    if (SITE.microsoft) (window.uetq ??= []).push("consent", how, types(SITE.microsoft));
  };

  // The gate. What is kept back names a service or a purpose, and does nothing by itself: a script is `type="text/plain"`, what
  // else loads something has `data-src` for its address. `data-name` and `data-category` are what others call the two.
  const NAMED = ":is([data-service],[data-name],[data-purpose],[data-category])";
  const GATED = `:is(script[type="text/plain"],:is(iframe,img,link)[data-src])${NAMED}`;
  /** What has to be allowed for an element: one that names both its service and its purpose needs both. */
  const needs = ({ dataset: { service, name = service, purpose, category = purpose } }) =>
    [name !== undefined && `load/${name}`, category !== undefined && `process/${category}`].filter(Boolean);
  // What has been started on this page.
  const ran = [];
  // Scripts that run in order and have not yet.
  let pending = 0;

  const reading = () => page.readyState === "loading";
  /** Whether the parser has got past an element: what it has not may be half there. */
  const passed = (node) => !reading() || (node && (node.nextSibling || passed(node.parentNode)));
  // Trusted Types ask for a policy for the address of a script, which only scripts with `data-src` are given here.
  let policy;
  const trusted = (url) =>
    (policy ??= attempt(() => trustedTypes.createPolicy("avow", { createScriptURL: (url) => url })))?.createScriptURL(url) ?? url;

  /** Starts what was kept back. */
  const activate = (element) => {
    const { src, type = "" } = element.dataset;
    element.removeAttribute("data-src");
    if (element.localName === "link") element.href = src;
    else if (element.localName !== "script") element.src = src;
    else {
      if (src) element.src = trusted(src);
      const apart = element.hasAttribute("async");
      // Of what is neither code nor a module the browser says nothing when it is there.
      if (element.src && !apart && (!type || type.includes("script"))) {
        pending++;
        const ended = () => scan(pending--);
        hear(element, "load", ended);
        hear(element, "error", ended);
      }
      // The same element, because a copy would lose its nonce, and under Trusted Types its text as well. One that the parser
      // has passed over counts as asynchronous until told otherwise.
      element.async = apart;
      element.type = type;
      const mark = new Text();
      element.replaceWith(mark);
      mark.replaceWith(element);
    }
  };

  // A first layer that came with the page, and with its style, is shown to whom the rules are known to ask: somebody without a
  // choice.
  let early;
  let end;
  let placing;
  /** Starts what is allowed and new, in the order of the document. What fails takes none of the others with it. */
  const scan = () => {
    const first = page.getElementById("avow");
    if (first && early && styled.id) first.hidden = false;
    let waiting;
    let held;
    for (const element of page.querySelectorAll(GATED)) {
      const words = needs(element);
      if (!words.every(may)) {
        waiting ||= element.matches("iframe:not(.avow-place + iframe)");
        continue;
      }
      // The browser keeps scripts with an address in order among themselves; one with its text in the page would overtake
      // them, and waits, and so do those behind it. A deferred one waits until the page is read.
      held ||= pending && element.matches("script:not([src],[data-src],[async])");
      if (held && element.matches("script:not([async])") || element.defer && reading() || !passed(element)) continue;
      ran.push(...words);
      try {
        activate(element);
      } catch (error) {
        reportError(error);
      }
    }
    if (reading() || !state) return;
    // In place of a frame, the widget puts what the visitor sees of it until then.
    if (waiting && !placing) placing = full().then((widget) => widget.places()).then(() => (placing = 0), () => {});
    // The control that opens the second layer. The room that it needs is at the page's end.
    if (!state.control || end?.isConnected) return;
    style();
    end = make("div", state.control[0]);
    end.append(make("button", state.control[1]));
    end.firstChild.textContent = state.control[0]["aria-label"];
    end.hidden = may("ask/pack");
    page.body.append(end);
  };

  signal("default", { wait_for_update: 500 });

  // The recorded choice, as its cookie has it. In a sandboxed page cookies throw; there, it lasts as long as the page.
  const cookie = () => attempt(() => `; ${page.cookie}`.split(`; ${SITE.cookie}=`)[1].split(";")[0]) ?? "";
  let choice = "";
  let kept;

  // Decisions are remembered under everything that they follow from. They are void at the instant at which the first of them
  // could come out otherwise, and before the one at which they were made, should the clock be turned back.
  const served = !settings.jurisdiction && settings.context;
  let place = settings.jurisdiction;
  // `Intl` takes 25 ms for its first answer on a fast machine, `Temporal` none.
  const zone = window.Temporal ? Temporal.Now.timeZoneId() : Intl.DateTimeFormat().resolvedOptions().timeZone;
  const key = (bundle) => [bundle, +gpc, settings.surface, settings.reopen, place, zone, choice].join("|");
  const remembered = () => attempt(() => {
    const found = JSON.parse(localStorage.avow);
    const now = Date.now();
    if (served) place = found.place;
    if (found.key === key(SITE.bundle) && found.from <= now && now < found.until) return found;
  });

  const changed = () => page.dispatchEvent(new CustomEvent("avow:choice", { detail: api.consent() }));
  /** Acts on what the engine says, and remembers it. */
  const apply = (told) => {
    state = told;
    early = 0;
    if (end) end.hidden = may("ask/pack");
    signal("update");
    // What runs cannot be stopped: the page is loaded afresh, and then nothing is remembered, so that what it left is swept.
    const outlived = ran.some((word) => !may(word));
    attempt(() => (outlived ? delete localStorage.avow : (localStorage.avow = JSON.stringify(state))));
    if (outlived && settings.reload !== "no") location.reload();
    else scan();
  };

  let files;
  let drawn;
  /** The rest of the widget: what draws, and the engine, side by side. Who is known to be asked sees the question first. */
  const full = () => {
    if (drawn) return drawn;
    if (!early) core.engine().catch(() => {});
    drawn = Promise.all([
      import(beside("avow-widget.js")),
      get(beside(`${core.language}.json`), "text"),
      served && get(served, "json").then((told) => {
        place = told.jurisdiction;
        early = told.ask;
        scan();
      }, () => (place = "")),
      style(),
    ]).then(([module, words]) => module.draw(core, words));
    drawn.catch((error) => {
      // A question that nobody could answer is not put. Whoever asks for it later may be luckier.
      early = drawn = files = 0;
      page.getElementById("avow")?.remove();
      console.error(`avow: cannot ask for consent: ${error.message}`);
    });
    return drawn;
  };

  /** Somebody else may have chosen: another tab, or this page before it was put aside. */
  const recheck = () => {
    const now = cookie();
    if (now !== kept) choice = kept = now;
    else if (!state || Date.now() < state.until) return;
    // Where the engine is at hand, it is asked: it shows and hides, too.
    const found = !drawn && remembered();
    (found ? Promise.resolve(apply(found)) : full().then((widget) => widget.decide())).then(changed, () => {});
  };

  // What the rest of the widget borrows.
  const core = {
    settings, gpc, zone, attempt, beside, make, sheet, needs, activate, apply, changed, key,
    /** The files of the engine: itself, and the site's bundle. */
    engine: () => (files ||= Promise.all([
      get(beside("avow-widget.wasm"), "arrayBuffer"),
      get(settings.site ?? beside("site.avow"), "arrayBuffer"),
    ])),
    language: language(),
    get early() { return early; },
    get place() { return place; },
    get choice() { return choice; },
    set choice(made) {
      choice = made;
      kept = cookie();
    },
  };

  const begin = () => {
    choice = kept = cookie();
    const found = remembered();
    if (found) apply(found);
    early = SITE.cookie && (found ? may("ask/pack") : !choice && !served &&
      !SITE.quiet.some((quiet) => `${settings.surface}/${place}/${+gpc}`.startsWith(quiet)));
    ready(found && !may("ask/pack") || full().then((widget) => widget.ready, () => false));
    new MutationObserver(scan).observe(page, { childList: true, subtree: true });
    hear(page, "readystatechange", scan);
    for (const name of ["storage", "pageshow", "visibilitychange"]) hear(window, name, recheck);
    // What an outage kept from the ledger.
    if (found && localStorage.avowQueue) full();
    scan();
  };

  // Ahead of whatever the page's own code may stop.
  hear(window, "click", (event) => {
    const button = event.target.closest?.("[data-avow],[data-avow-open]");
    if (!button) return;
    event.preventDefault();
    full().then((widget) => widget.press(button.dataset.avow ?? "open", button), () => {});
  }, true);

  let ready;
  const api = (window.avow = {
    ready: new Promise((done) => (ready = done)),
    consent: () => state?.consent ?? null,
    may: (service) => may(`load/${service}`),
    on(name, listener) {
      const heard = (event) => listener(event.detail);
      hear(page, `avow:${name}`, heard);
      return () => page.removeEventListener(`avow:${name}`, heard);
    },
  });
  // What needs the rest of the widget. `avow.d.ts` says what each of all of them does.
  for (const name of ["decide", "grant", "withdraw", "open"]) {
    api[name] = (...given) => full().then((widget) => widget.api[name](...given), () => {});
  }
  // A page that is drawn ahead of a visit has no visitor yet.
  if (page.prerendering) hear(page, "prerenderingchange", begin);
  else begin();
})();
