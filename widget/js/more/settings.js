// The second layer: each purpose with its switch, its services, and what they store.

/**
 * What the rules make of a purpose, found by asking them: `always` needs no choice, `object` may be objected to, `consent` waits
 * for a yes; undefined is not to be had by any choice.
 */
const kind = (id, { ask, compose, served, choice, language }) => {
  const allows = (purposes) => ask(`process/${id}`, purposes && compose(purposes, "", "save", language)).allowed;
  if (allows("")) return allows(`~${id}`) ? "always" : "object";
  const granted = compose(`+${id}`, served([id]), "save", language);
  return ask(`process/${id}`, granted).allowed ? "consent" : undefined;
};

const settings = (given, site) => {
  const { core, shown, words, choose, served, ask } = given;
  const { language, attempt } = core;
  const { add } = shown;
  const button = (parent, action, style) => add(parent, "button", { type: "button", class: style, "data-avow": action }, words[action]);

  // The pack's words may be of another language than the widget's, and run the other way.
  const tell = (parent, tag, text, attributes) => {
    if (text === undefined) return undefined;
    const element = add(parent, tag, attributes, text);
    if (site.language !== language) {
      element.lang = site.language;
      element.dir = "auto";
    }
    return element;
  };
  const say = (parent, tag, key, attributes) => add(parent, tag, attributes, words[key]);

  /** How long something stays, in the largest unit that says it exactly. */
  const lifetime = ({ lifetime, kind }) => {
    if (lifetime === undefined) return words[kind === "local" ? "lifetime.kept" : "lifetime.session"];
    const day = 86_400_000;
    const units = { year: 365 * day, day, hour: day / 24, minute: day / 1440, second: 1000 };
    const unit = Object.keys(units).find((one) => lifetime % units[one] === 0) ?? "second";
    return Math.trunc(lifetime / units[unit]).toLocaleString(language, { style: "unit", unit, unitDisplay: "long" });
  };

  // A part of a table. Shown as blocks on a narrow screen it stays a table to those who listen, because it says so.
  const part = (parent, tag, role, attributes) => add(parent, tag, { role, ...attributes });
  const details = (card, purpose) => {
    const [services, stored] = [site.services, site.storage].map((all) => all.filter((one) => one.purpose === purpose));
    if (!services.length && !stored.length) return;
    const details = add(card, "details");
    say(details, "summary", "details");
    for (const { title, text } of services) {
      const place = add(details, "p", { class: "avow-service" });
      tell(place, "strong", title);
      tell(place, "span", text);
    }
    if (!stored.length) return;
    const table = part(details, "table", "table");
    const head = part(part(table, "thead", "rowgroup"), "tr", "row");
    for (const column of ["name", "provider", "purpose", "lifetime"]) say(head, "th", column, { role: "columnheader" });
    const rows = part(table, "tbody", "rowgroup");
    for (const one of stored) {
      const row = part(rows, "tr", "row");
      const cell = (column) => part(row, "td", "cell", { "data-label": words[column] });
      // Isolated, because among right-to-left words a leading `_` would move to the other end.
      add(part(row, "th", "rowheader"), "bdi", {}, one.name);
      tell(cell("provider"), "span", one.provider);
      tell(cell("purpose"), "span", one.text);
      cell("lifetime").textContent = lifetime(one);
    }
  };

  let dialog;
  let switches;
  const draw = () => {
    const before = dialog;
    dialog = add(shown.root, "dialog", { class: "avow-dialog", "aria-labelledby": "avow-heading" });
    before?.remove();
    switches = [];
    const head = add(dialog, "div", { class: "avow-head" });
    say(head, "h2", "dialog.title", { id: "avow-heading" });
    add(head, "button", { class: "avow-close", type: "button", "data-avow": "close", "aria-label": words.close });
    const body = add(dialog, "div", { class: "avow-body" });
    say(body, "p", "dialog.text", { class: "avow-muted" });
    if (given.honoured()) say(body, "p", "gpc", { class: "avow-muted" });
    if (words["policy.url"]) say(add(body, "p", { class: "avow-muted" }), "a", "policy", { href: words["policy.url"] });
    for (const { id, title, text } of site.purposes) {
      const how = kind(id, { ...given, language });
      if (!how) continue;
      const card = add(body, "div", { class: "avow-purpose" });
      const heading = add(card, "h3");
      // The label holds its switch, so that all of the line can be pressed.
      const label = how === "always" ? heading : add(heading, "label");
      tell(label, "span", title);
      if (how === "always") say(heading, "span", "always", { class: "avow-always" });
      else {
        if (how === "object") say(label, "span", "object", { class: "avow-always" });
        const described = text && { "aria-describedby": `avow-${id}` };
        switches.push([id, how, add(label, "input", { class: "avow-switch", type: "checkbox", role: "switch", value: id, ...described })]);
      }
      tell(card, "p", text, { class: "avow-muted", id: `avow-${id}` });
      details(card, id);
    }
    const foot = add(dialog, "div", { class: "avow-foot" });
    button(foot, "reject", "");
    button(foot, "accept", "");
    button(foot, "save", "avow-strong avow-wide");
  };

  return {
    open: () => {
      // Drawn anew, because another choice or another place may make another offer of it.
      if (!dialog?.open) draw();
      // A switch shows what holds; for a visitor whom the rules ask anew none of consent is on. Nothing but this and the visitor
      // ever moves one.
      const anew = ask("ask/pack").allowed;
      for (const [id, how, one] of switches) {
        const { allowed } = ask(`process/${id}`);
        one.checked = how === "object" ? !allowed : allowed && !anew;
      }
      // Refused only where the page has just removed it.
      if (!dialog.open) attempt(() => dialog.showModal());
    },
    close: shown.close,
    save: () => {
      const signed = switches.map(([id, how, one]) => (how === "object" ? (one.checked ? `~${id}` : "") : (one.checked ? "+" : "!") + id));
      const granted = switches.filter(([, how, one]) => how === "consent" && one.checked).map(([id]) => id);
      choose("save", signed.join(""), served(granted));
    },
  };
};
