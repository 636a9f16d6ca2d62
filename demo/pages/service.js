// What a script from elsewhere does that keeps nothing: it reports to its maker.
(() => {
  const { origin, search } = new URL(document.currentScript.src);
  fetch(`${origin}/collect${search}&page=${encodeURIComponent(location.pathname)}`, { mode: "no-cors", credentials: "omit", keepalive: true });
})();
