// What the peers share: one line with decisions, then for each line with a number of cycles one with nanoseconds.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/**
 * `start` takes what the file says and gives, for each request, a function that decides it: true, false, or a promise of
 * either.
 */
export async function serve(start) {
  const say = (line) => process.stdout.write(`${line}\n`);
  // A peer that logs must not disturb the lines.
  for (const way of ["log", "info", "debug", "warn"]) console[way] = () => {};
  let asks;
  try {
    asks = await start(JSON.parse(readFileSync(process.argv[2], "utf8")));
    const decisions = [];
    for (const ask of asks) decisions.push(await ask());
    say(JSON.stringify({ decisions }));
  } catch (error) {
    say(JSON.stringify({ error: String(error?.message ?? error) }));
    return;
  }
  for await (const line of createInterface({ input: process.stdin })) {
    const cycles = Number(line);
    const start = process.hrtime.bigint();
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      for (const ask of asks) {
        const decided = ask();
        // A promise costs its turn of the queue only where the peer makes one.
        if (typeof decided !== "boolean") await decided;
      }
    }
    say(process.hrtime.bigint() - start);
  }
}
