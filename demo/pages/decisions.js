// Asks the bundle that this page's banner runs by, with the whole engine, and puts its answers beside those of the server.
import init, { load } from "/engine/avow_engine.js";

const WORDS = {
  allow: "Allowed",
  forbidden: "Forbidden",
  not_permitted: "Not permitted",
  refused: "Refused",
  failed: "Failed, so no",
};

const table = document.querySelector("table[data-surface]");
const status = document.querySelector("#agree");
const { surface, production } = table.dataset;

function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

// How the cookies that the questions name would be set.
const facts = (lifetime) => ({
  http_only: false,
  secure: production === "yes",
  same_site: "lax",
  lifetime,
  production: production === "yes",
});

function request({ action, resource, lifetime }, choice) {
  const context = { surface, jurisdiction: "gb", gpc: navigator.globalPrivacyControl === true };
  if (choice) {
    const { at, offer, granted, refused, objected, services } = choice;
    context.choice = { at: new Date(at).toISOString(), offer, granted, refused, objected, services };
  }
  if (lifetime) Object.assign(context, facts(lifetime));
  return { principal: { type: "Visitor", id: "visitor" }, action, resource, context };
}

function fill(row, verdict) {
  const cell = row.cells[1];
  const allowed = verdict.outcome === "allow";
  const badge = element("span", WORDS[verdict.outcome] ?? verdict.outcome, `badge ${allowed ? "allow" : "deny"}`);
  badge.dataset.outcome = verdict.outcome;
  const rules = verdict.rules.map((rule) => element("code", rule));
  if (!rules.length) rules.push(element("span", "no rule permits it", "muted"));
  cell.replaceChildren(badge, ...rules.flatMap((rule) => [" ", rule]));
  const own = [...row.cells[2].querySelectorAll("code")].map((code) => code.textContent);
  const server = row.cells[2].querySelector("[data-outcome]").dataset.outcome;
  return server === verdict.outcome && own.join() === verdict.rules.join();
}

function tell(choice) {
  const said = choice
    ? [["Your choice", choice.granted.length ? `analytics granted (${choice.method})` : `analytics refused (${choice.method})`], ["Made", new Date(choice.at).toLocaleString("en-GB")], ["Recorded as", choice.id]]
    : [["Your choice", "none on record here"]];
  document.querySelector("#choice").replaceChildren(
    ...said.map(([term, words]) => {
      const pair = document.createElement("div");
      pair.append(element("dt", term), element("dd", words));
      return pair;
    }),
  );
}

try {
  const [bundle] = await Promise.all([fetch("/avow/site.avow").then((answer) => answer.arrayBuffer()), init({ module_or_path: "/engine/avow_engine_bg.wasm" }), window.avow.ready]);
  const engine = load(new Uint8Array(bundle));
  const choice = window.avow.consent();
  const rows = [...table.querySelectorAll("tr[data-ask]")];
  const same = rows.filter((row) => fill(row, engine.decide(request(JSON.parse(row.dataset.ask), choice), Date.now()))).length;
  const widget = window.avow.may("google-tag-manager") ? "lets analytics run" : "keeps analytics off";
  status.textContent = `Browser and server agree on ${same} of ${rows.length} answers, rule by rule. The banner's own engine ${widget} on this page.`;
  status.dataset.agree = same === rows.length ? "yes" : "no";
  tell(choice);
  // The server answers about the choice that came with the request, so a new one needs a new request.
  window.avow.on("choice", () => location.reload());
} catch (error) {
  status.textContent = `This browser could not decide: ${error.message ?? error}`;
}
