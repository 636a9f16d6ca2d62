// What only some visitors need, fetched when they do.

/** @param given what `widget/start.js` shares */
export const start = (given) => {
  const { OFFER, core, ask, choose, read, served, texts } = given;
  const site = JSON.parse(texts[0]);
  const words = { ...given.words, ...JSON.parse(texts[1]) };
  /** The choice on record as far as it still counts, with more that is granted: purposes and services with their signs. */
  const beside = (purposes, services = []) => {
    const before = read(core.choice);
    const sign = (id) => {
      if (purposes.includes(id) || (before?.granted.includes(id) && ask(`process/${id}`).allowed)) return "+";
      return before?.objected.includes(id) ? "~" : before?.refused.includes(id) ? "!" : "";
    };
    const marked = OFFER.asked.filter(sign).map((id) => sign(id) + id);
    const kept = (before?.services ?? []).filter((id) => ask(`load/${id}`).allowed);
    const all = new Set([...kept, ...services.filter(Boolean), ...served(OFFER.asked.filter((id) => sign(id) === "+")).split("+").filter(Boolean)]);
    return [marked.join(""), [...all].map((id) => `+${id}`).join("")];
  };
  const layer = settings({ ...given, words }, site);
  const frames = places({ ...given, words }, site, beside);
  return {
    open: () => {
      given.shows(texts.join(""));
      layer.open();
    },
    places: frames.draw,
    grant: (purposes) => choose("api", ...beside(purposes)),
    press: (action, button) => {
      const place = button.closest(".avow-place");
      if (place) frames.press[action]?.(place);
      else if (action === "save" || action === "close") layer[action]();
    },
  };
};
