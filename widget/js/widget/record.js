// The record of a choice: the cookie, and what the ledger is to know.
//
// `avow build` puts what the site offers in this place: purposes, services, and under which digest.
const OFFER = AVOW_OFFER;

/** Resolves when the browser has shown what was drawn; where nobody looks at the page, it makes no frames. */
const framed = () => new Promise((done) => {
  requestAnimationFrame(() => setTimeout(done));
  setTimeout(done, 250);
});

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** A choice as its cookie has it: `docs/consent-cookie.md`. Its id is drawn anew: it names the record, not the visitor. */
const compose = (purposes, services, method, language) => {
  const id = Array.from(crypto.getRandomValues(new Uint8Array(20)), (byte) => (byte % 32).toString(32)).join("");
  return [1, Date.now(), OFFER.offer, purposes, services, method, language, id].join(".");
};

/** Writes the cookie. In a sandboxed page that throws; there, the choice lasts as long as the page. */
const keep = (choice, attempt) => {
  const end = (OFFER.domain ? `; Domain=${OFFER.domain}` : "") + (location.protocol === "https:" ? "; Secure" : "");
  attempt(() => (document.cookie = `${OFFER.cookie}=${choice}; Path=/; SameSite=Lax; Max-Age=${OFFER.days * 86400}${end}`));
};

/** What `compose` wrote, for people; null for anything else. */
const read = (cookie) => {
  const [version, at, offer, purposes, services, method, language, id] = cookie.split(".");
  const marked = (slugs, sign) => slugs.split(/(?=[+!~])/).filter((slug) => slug[0] === sign).map((slug) => slug.slice(1));
  return version === "1" && +at && id ? {
    at: +at,
    offer,
    granted: marked(purposes, "+"),
    refused: marked(purposes, "!"),
    objected: marked(purposes, "~"),
    services: marked(services, "+"),
    method,
    language,
    id,
  } : null;
};

/**
 * The queue to the ledger. What waits there survives the page, goes out side by side with whatever the visitor does, and is
 * dropped only when the ledger has answered for it.
 */
const ledger = (url, attempt) => {
  // All tabs have one queue. Where the browser keeps nothing for us, records wait as long as the page.
  let own = [];
  const waiting = () => attempt(() => JSON.parse(localStorage.avowQueue)) ?? own;
  let sending;
  let delay = 2000;
  const save = (records) => {
    own = records;
    attempt(() => (records[0] ? (localStorage.avowQueue = JSON.stringify(records)) : delete localStorage.avowQueue));
  };
  const send = () => {
    // The answer sets the cookie. That of an earlier choice must not arrive after a later one and undo it: an earlier one is
    // sent without credentials, whose answer sets none.
    sending?.abort();
    sending = new AbortController();
    const { signal } = sending;
    let late;
    const records = waiting();
    Promise.all(records.map((record, at) => fetch(url, {
      method: "POST",
      keepalive: true,
      signal,
      credentials: at < records.length - 1 ? "omit" : "same-origin",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(record),
    }).then(({ ok, status }) => {
      // What the ledger has understood and refuses would be refused again.
      if (!ok && ![400, 409, 413, 422].includes(status)) throw status;
      save(waiting().filter(({ choice }) => choice !== record.choice));
      delay = 2000;
    }).catch(() => (late = !signal.aborted)))).then(() => {
      if (!late) return;
      setTimeout(send, delay);
      delay = Math.min(delay * 2, 300_000);
    });
  };
  if (!url) return () => {};
  const flush = () => waiting()[0] && send();
  flush();
  addEventListener("online", flush);
  addEventListener("pagehide", flush);
  return (record) => {
    // Its answer would be of an earlier choice.
    sending?.abort();
    save([...waiting(), record].slice(-20));
    framed().then(send);
  };
};
