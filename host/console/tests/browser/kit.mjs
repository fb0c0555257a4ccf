// What the stories are told with: a browser, a page in which nothing may go wrong unseen, and waiting.
//
// A story is run as `node STORY.mjs BASE_URL …` and exits with 0 where it went as told; else its failure stands
// on stderr, with the path of a screenshot. From the environment:
//   CORDBOARD_NODE_MODULES  the folder with playwright-core and axe-core [default: Node's own way of looking]
//   CORDBOARD_CHROMIUM      the browser [default: /usr/bin/chromium]
//   CORDBOARD_SCREENSHOTS   a folder for screenshots [default: none are kept but that of a failure]
// A story waits for what it tells, with a bound, and never for time to pass.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { wav } from "./sounds.mjs";

const { CORDBOARD_NODE_MODULES, CORDBOARD_CHROMIUM = "/usr/bin/chromium", CORDBOARD_SCREENSHOTS } = process.env;

/** For what comes from npm. */
export const require = createRequire(CORDBOARD_NODE_MODULES ? join(CORDBOARD_NODE_MODULES, "here") : import.meta.url);

// a machine with two cores may be compiling beside it
const PATIENCE_MS = 60_000;

/** What stands behind the story's name on the command line. */
export const [BASE, ...ARGUMENTS] = process.argv.slice(2);

/**
 * Runs a story, and ends the process. `told({browse})`: `browse(options)` gives a page of a browser of its own, at
 * no address yet; options as in {@link Browser}.
 */
export async function story(told) {
  if (!BASE) fail(`usage: node ${basename(process.argv[1])} BASE_URL …`);
  const folder = mkdtempSync(join(tmpdir(), "story-"));
  const browsers = [];
  let failure;
  try {
    await new Promise((done, broken) => {
      const browse = async (options = {}) => {
        const browser = await Browser.start(folder, options, broken);
        browsers.push(browser);
        return browser.page;
      };
      told({ browse }).then(done, broken);
    });
  } catch (error) {
    failure = error.stack ?? String(error);
    for (const browser of browsers) failure += await browser.evidence();
  }
  await Promise.all(browsers.map((browser) => browser.close()));
  rmSync(folder, { recursive: true, force: true });
  if (failure) fail(failure);
  process.exit(0);
}

function fail(why) {
  console.error(why);
  process.exit(1);
}

/** A browser with one page, and all that went wrong in it. */
class Browser {
  #browser;
  #wrong = [];
  #tolerated;
  #broken;

  /**
   * `microphone`: a WAV file, "silent", "refused" or "none" [silent]; `again`: the file begins anew at its end;
   * `base`: the only origin that may be asked [BASE]; `tolerate`: patterns of console errors that belong to the
   * story; `names`: other names of 127.0.0.1. `broken(error)`: something went wrong that the story does not tell of.
   */
  static async start(folder, { microphone = "silent", again = false, base = BASE, tolerate = [], names = [] }, broken) {
    const { chromium } = require("playwright-core");
    const browser = new Browser();
    browser.#tolerated = tolerate;
    browser.#broken = broken;
    browser.#browser = await chromium.launch({
      executablePath: CORDBOARD_CHROMIUM,
      args: ["--autoplay-policy=no-user-gesture-required", ...named(names), ...capture(microphone, again, folder)],
    });
    const context = await browser.#browser.newContext({ viewport: { width: 1280, height: 800 } });
    context.setDefaultTimeout(PATIENCE_MS);
    // an empty list is a refusal of everything
    if (microphone === "refused") await context.grantPermissions([]);
    browser.page = await context.newPage();
    await browser.#watch(new URL(base));
    return browser;
  }

  /** What the page had to say, and a picture of it. */
  async evidence() {
    const name = `failed-${basename(process.argv[1], ".mjs")}-${Date.now()}.png`;
    const path = join(CORDBOARD_SCREENSHOTS ?? tmpdir(), name);
    if (CORDBOARD_SCREENSHOTS) mkdirSync(CORDBOARD_SCREENSHOTS, { recursive: true });
    const said = this.#wrong.map((wrong) => `\nin the page: ${wrong}`).join("");
    try {
      await this.page.screenshot({ path, caret: "initial", timeout: 5000 });
      return `${said}\nscreenshot: ${path} (${this.page.url()})`;
    } catch (error) {
      return `${said}\nno screenshot: ${error.message}`;
    }
  }

  close() {
    return this.#browser.close();
  }

  async #watch(base) {
    const { page } = this;
    page.on("pageerror", (error) => this.#failed(`${error.name}: ${error.message}\n${error.stack}`));
    page.on("console", (message) => message.type() === "error" && this.#told(message));
    page.on("request", (request) => this.#asked(request.url(), base));
    page.on("websocket", (socket) => this.#asked(socket.url().replace(/^ws/, "http"), base));
    await page.exposeFunction("tellViolation", (what) => this.#failed(`against the policy: ${what}`));
    await page.addInitScript(() => {
      addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI, sourceFile, lineNumber }) => {
        window.tellViolation(`${effectiveDirective} of ${blockedURI} at ${sourceFile}:${lineNumber}`);
      });
    });
  }

  #told(message) {
    const text = `${message.text()} (${message.location().url})`;
    if (!this.#tolerated.some((pattern) => pattern.test(text))) this.#failed(text);
  }

  #asked(url, base) {
    const { protocol, origin } = new URL(url);
    if (["data:", "blob:"].includes(protocol) || origin === base.origin) return;
    this.#failed(`another host was asked: ${url}`);
  }

  #failed(why) {
    this.#wrong.push(why);
    const error = new Error("the page had errors");
    // where it was noticed says nothing
    error.stack = error.message;
    this.#broken(error);
  }
}

function named(names) {
  if (!names.length) return [];
  return [`--host-resolver-rules=${names.map((name) => `MAP ${name} 127.0.0.1`).join(", ")}`];
}

function capture(microphone, again, folder) {
  // there is a device, and nobody who permits it
  if (microphone === "refused") return ["--use-fake-device-for-media-stream"];
  // the permission is given, and there is no device: no machine that runs this has one
  if (microphone === "none") return ["--use-fake-ui-for-media-stream"];
  const file = microphone === "silent" ? join(folder, "silence.wav") : `${microphone}${again ? "" : "%noloop"}`;
  // without a file, the fake microphone beeps
  if (microphone === "silent") writeFileSync(file, wav(new Int16Array(48_000), 48_000));
  return [
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-audio-capture=${file}`,
  ];
}
