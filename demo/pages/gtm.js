// What a tag manager's script does to a page: cookies, and a report to its maker. No `Domain`, as with the setting
// `cookie_domain: "none"` of the real one, so that the cookies are never sent to the signed-in application beside the site.
(() => {
  const { origin, search } = new URL(document.currentScript.src);
  const has = (name) => document.cookie.split("; ").some((cookie) => cookie.startsWith(`${name}=`));
  const id = () => `GA1.1.${Math.floor(Math.random() * 2 ** 31)}.${Math.floor(Date.now() / 1000)}`;
  for (const [name, days] of [["_ga", 730], ["_ga_OPSYN", 730], ["_gid", 1]]) {
    if (!has(name)) document.cookie = `${name}=${id()}; Path=/; Max-Age=${days * 86400}; SameSite=Lax`;
  }
  fetch(`${origin}/collect${search}&page=${encodeURIComponent(location.pathname)}`, { mode: "no-cors", credentials: "omit", keepalive: true });
  window.standInAnalytics = true;
})();
