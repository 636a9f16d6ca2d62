// Medians, spreads and ratios as tables.

const MEASURES = {
  bytes: ["bytes shipped", (runs) => runs.plain.map((run) => run.first.bytes), "bytes"],
  plain: ["visible, 1x", (runs) => runs.plain.map((run) => run.first.visible), "ms"],
  busy: ["visible, 6x", (runs) => runs.busy.map((run) => run.first.visible), "ms"],
  slow: ["visible, slow network", (runs) => runs.slow.map((run) => run.first.visible), "ms"],
  shift: ["layout shift", (runs) => Object.values(runs).flat().map((run) => run.first.shift), "shift"],
  event: ["accept, event timing, 6x", (runs) => runs.busy.map((run) => run.accept.event), "event"],
  painted: ["accept to next frame, 6x", (runs) => runs.busy.map((run) => run.accept.painted), "ms"],
  back: ["bytes", (runs) => runs.busy.map((run) => run.returning.bytes), "bytes"],
  requests: ["requests", (runs) => runs.busy.map((run) => run.returning.requests), "count"],
  ran: ["script ran", (runs) => runs.busy.map((run) => run.returning.ran), "ms"],
  early: ["ahead of DOMContentLoaded", (runs) => runs.busy.map((run) => run.returning.contentLoaded - run.returning.ran), "signed"],
};

const TABLES = {
  "first visit": ["bytes", "plain", "busy", "slow"],
  "shift and press": ["shift", "event", "painted"],
  "returning visitor, accepted before": ["back", "requests", "ran", "early"],
};

/** How a number of a kind is written, and whether a ratio says anything. */
const KINDS = {
  bytes: { write: (number) => Math.round(number).toLocaleString("en"), ratio: true },
  ms: { write: (number) => number.toFixed(0), unit: " ms", ratio: true },
  event: { write: (number) => (number <= 16 ? "≤ 16" : number.toFixed(0)), unit: " ms", ratio: true },
  shift: { write: (number) => (number === 0 ? "0" : number.toFixed(4)), ratio: false },
  count: { write: (number) => number.toFixed(0), ratio: false },
  signed: { write: (number) => number.toFixed(0), unit: " ms", ratio: false },
};

function middle(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other);
  const half = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  return { median, least: sorted[0], most: sorted.at(-1) };
}

/** `{ candidate: { measure: { median, least, most, ratio } } }`; ratios are to the first candidate if that is ours. */
export function figures(results) {
  const found = {};
  for (const { name, runs } of results) {
    found[name] = {};
    for (const [key, [, take]] of Object.entries(MEASURES)) found[name][key] = middle(take(runs));
  }
  for (const one of Object.values(found)) {
    for (const [key, figure] of Object.entries(one)) {
      const ours = found.avow?.[key].median;
      figure.ratio = ours > 0 && KINDS[MEASURES[key][2]].ratio ? figure.median / ours : null;
    }
  }
  return found;
}

function cell(key, { median, least, most, ratio }) {
  const { write, unit = "" } = KINDS[MEASURES[key][2]];
  const [typical, from, to] = [median, least, most].map(write);
  const absolute = from === to ? `${typical}${unit}` : `${typical}${unit}; ${from} to ${to}`;
  if (ratio === null) return from === to ? absolute : `${typical}${unit} (${from} to ${to})`;
  return `${ratio.toFixed(2)} (${absolute})`;
}

/** The tables, as text with columns or as Markdown. */
export function tables(results, markdown) {
  const found = figures(results);
  const parts = Object.entries(TABLES).map(([title, keys]) => {
    const rows = [["", ...keys.map((key) => MEASURES[key][0])]];
    for (const { name, title: shown } of results) rows.push([shown, ...keys.map((key) => cell(key, found[name][key]))]);
    return markdown ? piped(title, rows) : aligned(title, rows);
  });
  return parts.join("\n");
}

/** Under what circumstances it was measured; a reader sees whether the figures are worth anything. */
export function told({ at, rounds, chromium, processors, load }) {
  const [before, after] = load.map((number) => number.toFixed(1));
  const busy = Math.max(...load) > processors ? " Others kept the machine busy: do not quote times, and ratios with care." : "";
  return `${at.slice(0, 10)}, Chromium ${chromium}, medians of ${rounds} rounds with the fastest and the slowest; ` +
    `ratios to the first line. Load ${before} before and ${after} after, on ${processors} processors.${busy}`;
}

function piped(title, [head, ...rows]) {
  const line = (cells) => `| ${cells.join(" | ")} |\n`.replace(/^\|  \|/, "| |");
  return `**${title}**\n\n${line(head)}${line(head.map((_, at) => (at ? "---:" : "---")))}${rows.map(line).join("")}`;
}

function aligned(title, rows) {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => row[at].length)));
  const line = (row) => row.map((text, at) => text.padEnd(widths[at])).join("   ").trimEnd();
  return `${title}\n${rows.map(line).join("\n")}\n`;
}
