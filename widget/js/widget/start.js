// Draws the first layer, starts the engine, and leads what happens on the page to its answers.
//
// INVARIANT: nothing here decides. Whether to ask, what may run and what may stay is the engine's word, each time anew.

/** What a browser remembers of somewhere that a server named: a day. */
const DAY = 86_400_000;

/** Zones of the European Economic Area, overseas too, and of some neighbours: to be wrong there is only stricter. */
const EUROPE = /^(Eu|Arc|Atlantic\/[ACFMR]|Asia\/(Ni|Fa)|Africa\/Ce|America\/(Cay|Guad|Mart)|Indian\/[RM]a?[ye])/;

/** Starts the engine: as WebAssembly, or translated to JavaScript where the browser refuses that. */
const load = async (module, beside) => {
  const imports = __wbg_get_imports();
  try {
    wasm = (await WebAssembly.instantiate(module, imports)).instance.exports;
  } catch {
    wasm = (await import(beside("avow-fallback.js"))).default(imports);
  }
};

/**
 * @param core what the loader lends
 * @param {string} text the words, as their file has them
 */
export const draw = (core, text) => {
  const { settings, language, gpc, attempt, beside } = core;
  const words = JSON.parse(text);
  const record = ledger(settings.ledger, attempt);
  // What was shown, for the ledger. Zeros say that it cannot be told: outside secure contexts browsers compute no digest.
  let texts = "0".repeat(64);
  const shows = (more) =>
    crypto.subtle?.digest("SHA-256", new TextEncoder().encode(text + more)).then((digest) => (texts = hex(new Uint8Array(digest))));
  // An operator that remembers no choice has none to offer: then nothing is drawn at all.
  const shown = OFFER.cookie && layers(core, words);
  if (core.early) shown.ask(true);
  const drawn = core.early ? framed() : Promise.resolve();
  drawn.then(() => shows(""));

  let bundle;
  let engine;
  const digest = () => hex(new Uint8Array(bundle, 16, 32));
  // Where the visitor is: as page or server say, and where the browser's clock says Europe there too. So it is only stricter.
  const places = () => {
    const near = { "Europe/London": "gb", "Europe/Zurich": "ch" }[core.zone] ?? (EUROPE.test(core.zone) ? "eea" : "");
    return core.place && near ? [core.place, near] : [core.place];
  };
  const situation = (place, choice) => `${OFFER.namespace}\n${settings.surface}\n${place}\n${choice}`;
  /** The engine's answer, by a choice, about `action/id`: whether it allows it, and until when. Anything may stand in the id. */
  const ask = (word, choice = core.choice, signal = gpc) => {
    const [action] = word.split("/", 1);
    const answers = places().map((place) =>
      engine.decide(`${situation(place, choice)}\n${action}\n${word.slice(action.length + 1)}`, Date.now(), signal));
    const yes = (until) => until > 0;
    // To ask, and to show a way out, is the stricter answer.
    const strict = ["ask", "offer_opt_out"].includes(action);
    return {
      allowed: strict ? answers.some(yes) : answers.every(yes),
      until: Math.min(...answers.map(Math.abs), 8e15),
    };
  };

  /** Whether Global Privacy Control is why something is not allowed. Elsewhere it would be no use to say that it is honoured. */
  const honoured = () => gpc && OFFER.purposes.some((id) => !ask(`process/${id}`).allowed && ask(`process/${id}`, core.choice, false).allowed);

  /** Deletes what a choice does not allow to stay. */
  const sweep = (choice, now) => {
    for (const place of places()) {
      const lines = situation(place, choice);
      engine.sweep(lines, location.protocol + location.hostname + location.pathname, now, gpc);
      for (const kind of ["local", "session"]) attempt(() => {
        const storage = window[`${kind}Storage`];
        // First what there is: keys move up when one of them goes.
        for (const key of Array.from(storage, (_, at) => storage.key(at))) {
          if (engine.denies(lines, kind, key, now, gpc)) storage.removeItem(key);
        }
      });
    }
  };

  /** Asks everything anew, and acts on it. */
  const decide = () => {
    const from = Date.now();
    // Of a server that named no place nobody knows whether it could not.
    let until = settings.context && !settings.jurisdiction ? from + (core.place ? DAY : 300_000) : 8e15;
    const allowed = ["ask/pack", "offer_opt_out/pack", ...OFFER.purposes.map((id) => `process/${id}`), ...Object.keys(OFFER.services).map((id) => `load/${id}`)]
      .filter((word) => {
        const answer = ask(word);
        // A no that holds for no time is of a question that the pack does not know, or that failed: it stays a no.
        if (answer.until > Date.now()) until = Math.min(until, answer.until);
        else if (answer.allowed) until = from;
        return answer.allowed;
      });
    const link = allowed.includes("offer_opt_out/pack");
    const text = link ? words.optout + (honoured() ? `\n${words.gpc}` : "") : words.open;
    // A page may have a control of its own; where the law asks for a link, it says what that has to say.
    const control = shown && (link || settings.reopen !== "no") && [
      { class: "avow avow-end", role: "region", "aria-label": text, lang: language, dir: words.dir, "data-nosnippet": "" },
      { type: "button", class: "avow-open", "data-avow": "open" },
    ];
    sweep(core.choice, from);
    if (shown) {
      shown.honour(honoured());
      shown.ask(allowed.includes("ask/pack"));
    }
    core.apply({ key: core.key(digest().slice(0, 12)), place: core.place, from, until, allowed, control, consent: read(core.choice) });
  };

  /** Records what was chosen: purposes and services with their signs, and how. */
  const choose = (method, purposes, services) => {
    const choice = compose(purposes, services, method, language);
    keep(choice, attempt);
    core.choice = choice;
    // Whoever leaves before the engine is there has chosen all the same.
    Promise.race([ready, new Promise((left) => addEventListener("pagehide", left))]).then(() => record({ choice, bundle: bundle ? digest() : "0".repeat(64), texts }));
    shown.ask(false);
    shown.close();
    shown.tell("saved");
    const settle = () => {
      if (engine) decide();
      // Nobody needs an engine to say no.
      else core.apply({ until: 0, consent: read(choice) });
      core.changed();
    };
    // What is granted starts when the press has been seen to be heard; what is refused ends at once.
    if (method === "accept") framed().then(settle);
    else settle();
  };
  const all = (sign) => OFFER.asked.map((id) => sign + id).join("");
  /** The services of what is granted, as a record has them. */
  const served = (granted) => Object.keys(OFFER.services).filter((id) => granted.includes(OFFER.services[id])).map((id) => `+${id}`).join("");

  let more;
  /** What only some visitors need: the second layer, and what stands in place of embedded frames. */
  const rest = () => (more ??= Promise.all([
    import(beside("avow-more.js")),
    core.sheet("avow-more.css"),
    ...["catalogue.json", `${language}.more.json`].map((file) => fetch(beside(file)).then((answer) => answer.text())),
  ])
    .then(([module, , ...texts]) => module.start({ core, shown, words, texts, OFFER, ask, choose, served, compose, read, shows, honoured }))
    .catch((error) => {
      // Whoever asks again may be luckier.
      more = undefined;
      throw error;
    }));

  const started = drawn.then(core.engine).then(async ([module, site]) => {
    await load(module, beside);
    engine = wasmStart(new Uint8Array(bundle = site));
    decide();
    return true;
  });
  const ready = started.catch((error) => {
    console.error(`avow: cannot ask for consent: ${error.message ?? error}`);
    shown?.fail();
    return false;
  });
  /** Does what needs the engine; without one, nothing. */
  const later = (act) => ready.then((there) => (there ? act() : undefined));
  /** What is agreed to waits for the engine; if anything is chosen meanwhile, that counts. Calls of `grant` add up. */
  const unchanged = (act) => {
    const before = core.choice;
    return later(() => act(() => core.choice === before || core.choice.includes(".api.")));
  };

  const open = () => later(() => {
    if (shown) return rest().then((layer) => layer.open());
    console.info("avow: nothing on this site needs consent");
  });
  const press = {
    accept: () => unchanged((still) => still() && choose("accept", all("+"), served(OFFER.asked))),
    // Nobody has to wait for a no.
    reject: () => choose("reject", all("!"), ""),
  };
  // It is there when it is wanted.
  if (shown) for (const near of ["pointerover", "focusin"]) {
    shown.root.addEventListener(near, (event) => event.target.closest("[data-avow=choose]") && later(rest));
  }

  return {
    ready,
    decide: () => later(decide),
    places: () => later(() => shown && rest().then((layer) => layer.places())),
    press: (action, button) => {
      if (shown?.root.contains(button) && press[action]) return press[action]();
      if (["open", "choose"].includes(action)) return open();
      return later(() => rest().then((layer) => layer.press(action, button)));
    },
    api: {
      open,
      decide: ({ action, resource }) => later(() => ask(`${action}/${resource}`)),
      grant: (...purposes) => unchanged((still) => shown && rest().then((layer) => still() && layer.grant(purposes))),
      withdraw: async () => shown && choose("withdraw", all("!"), ""),
    },
  };
};
