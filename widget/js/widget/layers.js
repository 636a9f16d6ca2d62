// The first layer, and the region that tells what happened.
//
// Made by `createElement` and `textContent` only: no markup, so neither injection nor Trusted Types are a matter. A page may
// have brought it along as HTML that `avow build --first-layer` wrote; then it is taken over as it is.

/**
 * @param core what the loader lends
 * @param {Record<string, string>} words in the visitor's language
 */
const layers = ({ language, make }, words) => {
  const add = (parent, tag, attributes, text) => {
    const element = make(tag, attributes);
    if (text) element.textContent = text;
    parent.append(element);
    return element;
  };
  const button = (parent, action, style) => add(parent, "button", { type: "button", class: style, "data-avow": action }, words[action]);

  let root = document.getElementById("avow");
  if (root?.lang !== language) {
    root?.remove();
    // Search engines are not to quote a banner as the page's content.
    root = make("div", { class: "avow", id: "avow", lang: language, dir: words.dir, "data-nosnippet": "", hidden: "" });
    add(root, "div", { class: "avow-status", role: "status" });
    // A region and no dialog: the page stays usable, so nothing is trapped and no focus is moved.
    const banner = add(root, "div", { class: "avow-banner", role: "region", "aria-labelledby": "avow-title" });
    const said = add(banner, "div", { class: "avow-words" });
    add(said, "h2", { id: "avow-title" }, words["banner.title"]);
    add(said, "p", { class: "avow-muted" }, words["banner.text"]);
    if (words["policy.url"]) add(add(said, "p", { class: "avow-muted" }), "a", { href: words["policy.url"] }, words.policy);
    const actions = add(banner, "div", { class: "avow-actions" });
    button(actions, "reject", "avow-strong");
    button(actions, "accept", "avow-strong");
    button(actions, "choose", "avow-wide");
  }
  const [status, banner] = root.children;
  const signal = add(banner.firstElementChild, "p", { class: "avow-muted", hidden: "" }, words.gpc);

  /** Puts it into the page if it is not there, or no longer, because the page replaced its body. */
  const attach = () => {
    if (document.body && !root.isConnected) document.body.prepend(root);
  };
  new MutationObserver(attach).observe(document, { childList: true, subtree: true });
  attach();

  const shown = {
    root, add,
    /** Shows or hides the first layer. */
    ask: (asked) => {
      root.hidden = false;
      banner.hidden = !asked;
      // A live region tells what it is given after the page has got to know it.
      if (asked) setTimeout(() => banner.hidden || shown.tell("banner.title"), 200);
    },
    /** Says, or no longer, that Global Privacy Control is honoured. */
    honour: (honoured) => (signal.hidden = !honoured),
    /** Has a screen reader told of something. */
    tell: (key) => (status.textContent = words[key]),
    /** Closes the second layer, if it is open. */
    close: () => root.querySelector("dialog")?.close(),
    /** Without an engine nothing can be agreed to. */
    fail: () => {
      banner.querySelector("p").textContent = words.fallback;
      banner.querySelectorAll("[data-avow=accept],[data-avow=choose]").forEach((one) => (one.hidden = true));
    },
  };
  return shown;
};
