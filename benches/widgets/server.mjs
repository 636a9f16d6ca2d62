// One static server for all candidates: brotli at its highest quality, nothing cached, and a count of what was sent.

import { createServer } from "node:http";
import { extname } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".map": "application/json",
};

export const brotli = (bytes) =>
  brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });

/** `find` takes a path and gives its bytes, or undefined. */
export async function serve(find) {
  const packed = new Map();
  let sent = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (!packed.has(pathname)) {
      const bytes = find(pathname);
      packed.set(pathname, bytes && brotli(bytes));
    }
    const body = packed.get(pathname);
    sent.push({ path: pathname, bytes: body?.length ?? 0, found: body !== undefined });
    if (!body) {
      response.writeHead(404, { "cache-control": "no-store" }).end();
      return;
    }
    response.writeHead(200, {
      "content-type": TYPES[extname(pathname)] ?? "application/octet-stream",
      "content-encoding": "br",
      "content-length": body.length,
      "cache-control": "no-store",
      vary: "accept-encoding",
    });
    response.end(request.method === "HEAD" ? undefined : body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    /** What was sent since the last call. */
    take() {
      const taken = sent;
      sent = [];
      return taken;
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
