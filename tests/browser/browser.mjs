// What the scripts of this folder share: a Chromium of their own, people who look at the console in it, what must hold of
// whatever they look at, and what is told when something does not.
//
// A script is started by `tests/tests/all/browser.rs`. It gets one JSON object on its standard input (see `given`), and prints what
// it found as JSON; it exits with 1 and words on its standard error where something is not as it should be.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

// How long something may take that has to come: a bound of waiting on a machine that does much else, and no measure.
const PATIENCE_MS = 90_000;
// Pages that a walk through the console may find.
const PAGES_MAX = 100;
// How many pages of a kind are opened of which there are many alike.
const FEW = 2;
// Between two looks at what only looking tells.
const LOOK_MS = 50;

// `origin` and `prefix` of the engine, `chromium` and `tools` of the machine, and what the script itself needs.
export const given = JSON.parse(readFileSync(0, "utf8"));

const require = createRequire(path.join(given.tools, "package.json"));
const { chromium } = require("playwright-core");

// Runs a script with a browser, and tells all of it that fails.
export async function browse(script) {
  const microphone = given.microphone ? [`--use-file-for-fake-audio-capture=${given.microphone}`] : [];
  const browser = await chromium.launch({
    executablePath: given.chromium,
    timeout: PATIENCE_MS,
    args: [
      "--disable-gpu", "--disable-quic", "--use-fake-device-for-media-stream", ...microphone,
      // whatever the pages or the browser ask elsewhere finds nobody
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ],
  });
  const people = [];
  try {
    const found = await script(async (options) => {
      const someone = new Person(await browser.newContext({ permissions: ["microphone"], ...options }));
      people.push(someone);
      return someone;
    });
    for (const someone of people) assert.deepEqual(someone.faults, [], "what the browser complains about");
    process.stdout.write(`${JSON.stringify(found ?? null)}\n`);
  } catch (error) {
    console.error(error.stack);
    for (const someone of people) console.error(await someone.told());
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}

// Waits until something is so, and returns it.
export async function until(what, so) {
  const givenUp = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await so();
    if (found) return found;
    assert.ok(Date.now() < givenUp, `not so within ${PATIENCE_MS / 1000} s: ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
  }
}

// Presses what asks first, answers, and returns what was asked. A page asks once its script runs.
export async function answering(page, yes, press) {
  await page.waitForLoadState();
  let asked = null;
  page.once("dialog", (dialog) => {
    asked = dialog.message();
    return yes ? dialog.accept() : dialog.dismiss();
  });
  await press();
  return until("the page asks", () => asked);
}

// Someone with a browser profile of their own.
export class Person {
  // What the browser complained about: errors and warnings of its console, exceptions, requests that left the console.
  faults = [];
  // All that its console showed.
  #shown = [];
  // URLs whose answers are to be refusals.
  #refused = new Set();

  constructor(context) {
    this.context = context;
    context.setDefaultTimeout(PATIENCE_MS);
    context.setDefaultNavigationTimeout(PATIENCE_MS);
    context.on("console", (message) => {
      const where = message.location().url;
      const line = `${message.type()}: ${message.text()} (${where})`;
      this.#shown.push(line);
      const isFault = ["error", "warning", "assert"].includes(message.type());
      if (isFault && !(this.#refused.has(where) && message.text().startsWith("Failed to load resource"))) this.faults.push(line);
    });
    context.on("weberror", (error) => this.faults.push(`exception: ${error.error().stack}`));
    context.on("request", (request) => this.#leaves(request.url()));
    context.on("page", (page) => page.on("websocket", (socket) => this.#leaves(socket.url().replace(/^ws/, "http"))));
  }

  #leaves(url) {
    const isInside = url.startsWith(`${given.origin}${given.prefix}/console/`) || url.startsWith("data:");
    if (!isInside) this.faults.push(`a request left the console: ${url}`);
  }

  // The URL of something in the console.
  url(below) {
    return `${given.origin}${given.prefix}/console/${below}`;
  }

  // A page at a place of the console, which answers so.
  async open(below, { page, status = 200 } = {}) {
    const opened = page ?? await this.context.newPage();
    if (status >= 400) this.#refused.add(this.url(below));
    const answer = await opened.goto(this.url(below));
    assert.equal(answer.status(), status, `${below}: ${await opened.locator("body").innerText()}`);
    return opened;
  }

  // A page of someone who has logged in.
  async logIn(token) {
    const page = await this.open("");
    await page.getByLabel("API token").fill(token);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("heading", { name: "Now" }).waitFor();
    return page;
  }

  // Every page that links lead to from where a page is, each opened in it: its place in the console. Of those that are `alike` only a
  // few are opened, and of those that are `besides` none.
  async *walk(page, { alike = () => false, besides = () => false } = {}) {
    const seen = new Set(), open = [page.url()];
    let few = 0;
    for (let url = open.shift(); url; url = open.shift()) {
      if (seen.has(url) || besides(url.slice(this.url("").length))) continue;
      if (alike(url.slice(this.url("").length)) && ++few > FEW) continue;
      seen.add(url);
      assert.ok(seen.size <= PAGES_MAX, `more than ${PAGES_MAX} pages: ${[...seen].join(" ")}`);
      const below = url.slice(this.url("").length);
      if (page.url() !== url) await this.open(below, { page });
      yield below;
      const links = page.locator("a[href]:not([download])");
      open.push(...await links.evaluateAll((found) => found.map(({ href }) => href.split("#")[0])));
    }
  }

  // Takes out what the browser complained about.
  takeFaults() {
    return this.faults.splice(0);
  }

  // What they see, and what the browser has said.
  async told() {
    const pages = this.context.pages().map(async (page) => {
      const words = await page.locator("body").innerText({ timeout: 5_000 }).catch((error) => error.message);
      return `--- the page ${page.url()} shows:\n${words}`;
    });
    return [...await Promise.all(pages), "--- the browser's console:", ...this.#shown, "--- its complaints:", ...this.faults].join("\n");
  }
}

// A telephone of the console's, on its page.
export class Telephone {
  // Marks of the bot that came, and that were sent back once what is before them was played.
  #came = 0;
  #played = 0;

  // The page of the telephone, reached as people do.
  static async open(page, { phone, flow = "emi-reminder" }) {
    await page.getByRole("link", { name: "Telephone" }).click();
    await page.locator("form.choose").getByLabel("Flow").selectOption(flow);
    await page.getByRole("button", { name: "Choose" }).click();
    await page.getByLabel("Number").fill(phone);
    return new Telephone(page);
  }

  constructor(page) {
    this.page = page;
    this.transcript = page.locator("[data-transcript]");
    this.mute = page.getByLabel("Mute");
    page.on("websocket", (socket) => {
      this.#came = this.#played = 0;
      socket.on("framereceived", ({ payload }) => {
        const { event } = JSON.parse(payload);
        if (event === "mark") this.#came += 1;
        // what was not played is not going to be
        if (event === "clear") this.#played = this.#came;
      });
      socket.on("framesent", ({ payload }) => { if (JSON.parse(payload).event === "mark") this.#played += 1; });
    });
  }

  async call() {
    await this.page.getByRole("button", { name: "Call", exact: true }).click();
    await this.page.getByText("Connected").waitFor();
  }

  // Waits until the bot has said something to its end.
  async hears(words) {
    await this.transcript.locator(".line.bot", { hasText: words }).first().waitFor();
    await until(`the bot has said "${words}"`, () => this.#came > 0 && this.#played >= this.#came);
  }

  async hangUp() {
    await this.page.getByRole("button", { name: "Hang up" }).click();
    await this.page.getByText("The call has ended.").waitFor();
  }

  async hasEnded() {
    return this.page.getByText("The call has ended.").isVisible();
  }
}
