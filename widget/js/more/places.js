// What stands in place of an embedded frame that is kept back: what it is, and, where the rules would let it be agreed to, two
// ways to see it, once or always.

const places = (given, site, beside) => {
  const { core, shown, words, OFFER, ask, choose, compose } = given;
  const { language, activate, needs } = core;
  const frames = new WeakMap();

  /** The record by which a frame would be allowed: its service alone where that is enough, else its purpose. */
  const way = (frame) => {
    const wanted = needs(frame);
    const service = wanted.find((word) => word.startsWith("load/"))?.slice(5);
    const purpose = wanted.find((word) => word.startsWith("process/"))?.slice(8) ?? OFFER.services[service];
    return [beside([], [service]), beside([purpose], [service])]
      .find((marks) => wanted.every((word) => ask(word, compose(...marks, "placeholder", language)).allowed));
  };

  const draw = (frame) => {
    const service = site.services.find((one) => one.id === (frame.dataset.service ?? frame.dataset.name));
    const title = service?.title || frame.title || frame.dataset.service || frame.dataset.name || "";
    const place = core.make("div", { class: "avow-place", role: "group", "aria-label": title, lang: language, dir: words.dir });
    frames.set(place, frame);
    shown.add(place, "p", {}, words["place.text"].replace("{service}", () => title));
    if (way(frame)) {
      shown.add(place, "button", { type: "button", "data-avow": "once" }, words["place.once"]);
      shown.add(place, "button", { type: "button", "data-avow": "always" }, words["place.always"]);
    }
    // The style sheet hides a frame behind its placeholder.
    frame.before(place);
  };
  const reveal = (place) => {
    const frame = frames.get(place);
    if (!frame) return;
    place.remove();
    // Whoever pressed a button that is gone goes on at what came in its place.
    frame.focus({ preventScroll: true });
  };
  /** Takes away what stands before a frame that is there now, or gone. */
  const tidy = () => {
    for (const place of document.querySelectorAll(".avow-place")) {
      if (!(place.nextElementSibling === frames.get(place) && place.nextElementSibling?.hasAttribute("data-src"))) place.remove();
    }
  };
  new MutationObserver(tidy).observe(document, { childList: true, subtree: true, attributeFilter: ["data-src"] });

  return {
    draw: () => {
      for (const frame of document.querySelectorAll("iframe[data-src]")) {
        if (needs(frame).length && !frame.previousElementSibling?.matches(".avow-place")) draw(frame);
      }
    },
    press: {
      once: (place) => {
        const frame = frames.get(place);
        if (!frame || !way(frame)) return;
        // For the guard, where there is one: this was asked for by name.
        frame.dataset.avowOnce = "";
        reveal(place);
        activate(frame);
      },
      always: (place) => {
        const frame = frames.get(place);
        const marks = frame && way(frame);
        if (!marks) return;
        reveal(place);
        choose("placeholder", ...marks);
      },
    },
  };
};
