// A WebDriver client as small as the smoke runs need it: Firefox by its own Marionette, WebKitGTK by the driver that Debian has.
// Both know the commands of W3C WebDriver; they differ in how one is written down.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits for what comes in a moment. */
export async function until(what, look, ms = 20_000) {
  for (const end = Date.now() + ms; Date.now() < end; await pause(50)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`not within ${ms / 1000} s: ${what}`);
}

/** Processes and folders of one browser; whatever happens, they go with it. */
class Remains {
  children = [];
  folder = mkdtempSync(join(tmpdir(), "avow-smoke-"));

  start(program, args, environment = {}, stdio = "ignore") {
    const child = spawn(program, args, { stdio, env: { ...process.env, HOME: this.folder, ...environment } });
    child.on("error", (error) => console.error(`cannot start ${program}: ${error.message}`));
    this.children.push(child);
    return child;
  }

  async remove() {
    for (const child of this.children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, "exit");
      child.kill();
      await Promise.race([gone, pause(5000).then(() => child.kill("SIGKILL"))]);
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

const PREFERENCES = {
  "marionette.port": 0,
  "app.update.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.page": 0,
  "datareporting.policy.dataSubmissionEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "toolkit.telemetry.reportingpolicy.firstRun": false,
};

/** `length:[0, id, name, parameters]` there, and `length:[1, id, error, result]` back. */
export async function firefox(program) {
  const remains = new Remains();
  try {
    const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`);
    writeFileSync(join(remains.folder, "user.js"), lines.join(""));
    remains.start(program, ["--headless", "--marionette", "--no-remote", "--profile", remains.folder]);
    const file = join(remains.folder, "MarionetteActivePort");
    const port = await until("Firefox", () => existsSync(file) && Number(readFileSync(file, "utf8")), 60_000);
    const socket = connect(port, "127.0.0.1");
    const waiting = new Map();
    let bytes = Buffer.alloc(0);
    socket.on("data", (more) => {
      bytes = Buffer.concat([bytes, more]);
      for (let colon = bytes.indexOf(58); colon > 0; colon = bytes.indexOf(58)) {
        const length = Number(bytes.subarray(0, colon));
        if (bytes.length < colon + 1 + length) return;
        const message = JSON.parse(bytes.subarray(colon + 1, colon + 1 + length));
        bytes = bytes.subarray(colon + 1 + length);
        // The greeting is no answer.
        if (Array.isArray(message)) waiting.get(message[1])(message);
      }
    });
    await once(socket, "connect");
    let last = 0;
    const send = async (name, parameters) => {
      const id = (last += 1);
      const body = Buffer.from(JSON.stringify([0, id, `WebDriver:${name}`, parameters]));
      const answered = new Promise((resolve) => waiting.set(id, resolve));
      socket.write(Buffer.concat([Buffer.from(`${body.length}:`), body]));
      const [, , error, result] = await answered;
      waiting.delete(id);
      if (error) throw new Error(`${name}: ${error.error}: ${error.message}`);
      // Some come wrapped, as they do over HTTP.
      return result && typeof result === "object" && "value" in result && Object.keys(result).length === 1 ? result.value : result;
    };
    await send("NewSession", { capabilities: {} });
    return new Browser(send, async () => {
      socket.destroy();
      await remains.remove();
    });
  } catch (error) {
    await remains.remove();
    throw error;
  }
}

/** Where the commands are over HTTP. */
const PATHS = {
  Navigate: ["POST", "url"],
  Refresh: ["POST", "refresh"],
  ExecuteScript: ["POST", "execute/sync"],
  PerformActions: ["POST", "actions"],
  GetCookies: ["GET", "cookie"],
  DeleteAllCookies: ["DELETE", "cookie"],
  FindElement: ["POST", "element"],
  ElementClick: ["POST", "element/{id}/click"],
};

const freePort = async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
};

/** The browser that comes with the library; its folder is named by machine and by the library's version. */
function miniBrowser() {
  const under = (folder) => readdirSync(folder, { withFileTypes: true }).filter((one) => one.isDirectory()).map(({ name }) => join(folder, name));
  const found = under("/usr/lib").filter((folder) => folder.includes("-linux-")).flatMap(under)
    .map((folder) => join(folder, "MiniBrowser")).find((file) => existsSync(file));
  if (!found) throw new Error("WebKitGTK has no MiniBrowser here");
  return found;
}

export async function webkit(program, xvfb) {
  const remains = new Remains();
  try {
    const browser = miniBrowser();
    const screen = remains.start(xvfb, ["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"], {}, ["ignore", "pipe", "ignore"]);
    const [number] = await once(screen.stdout, "data");
    const port = await freePort();
    // Software draws it: there is no graphics card behind that screen.
    remains.start(program, [`--port=${port}`], {
      DISPLAY: `:${String(number).trim()}`,
      GDK_BACKEND: "x11",
      LIBGL_ALWAYS_SOFTWARE: "1",
      WEBKIT_DISABLE_COMPOSITING_MODE: "1",
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
    });
    const call = async (method, path, body) => {
      const answer = await fetch(`http://127.0.0.1:${port}/${path}`, {
        method,
        ...(method === "POST" && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      const { value } = await answer.json();
      if (!answer.ok) throw new Error(`${path}: ${value.error}: ${value.message}`);
      return value;
    };
    await until("WebKitWebDriver", () => call("GET", "status").catch(() => false), 30_000);
    const options = { binary: browser, args: ["--automation"] };
    const wanted = { browserName: "MiniBrowser", "webkitgtk:browserOptions": options };
    const { sessionId } = await call("POST", "session", { capabilities: { alwaysMatch: wanted } });
    const send = (name, { id, ...parameters }) => {
      const [method, path] = PATHS[name];
      return call(method, `session/${sessionId}/${path.replace("{id}", id)}`, parameters);
    };
    return new Browser(send, async () => {
      await call("DELETE", `session/${sessionId}`).catch(() => {});
      await remains.remove();
    });
  } catch (error) {
    await remains.remove();
    throw error;
  }
}

/** What the smoke runs do with either. */
class Browser {
  constructor(send, close) {
    this.send = send;
    this.close = close;
  }

  open(url) {
    return this.send("Navigate", { url });
  }

  reload() {
    return this.send("Refresh", {});
  }

  /** Runs a function's text in the page. */
  run(script, ...args) {
    return this.send("ExecuteScript", { script: `return (${script}).apply(null, arguments)`, args });
  }

  /** Presses an element as a mouse does. */
  async click(css) {
    const found = await this.send("FindElement", { using: "css selector", value: css });
    await this.send("ElementClick", { id: Object.values(found)[0] });
  }

  /** Presses a key, by its code in WebDriver's table. */
  key(value) {
    const actions = [{ type: "keyDown", value }, { type: "keyUp", value }];
    return this.send("PerformActions", { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  async cookies() {
    return (await this.send("GetCookies", {})).map(({ name }) => name).sort();
  }

  shows(css) {
    return this.run((css) => {
      const element = document.querySelector(css);
      return !!element && element.getClientRects().length > 0;
    }, css);
  }
}
