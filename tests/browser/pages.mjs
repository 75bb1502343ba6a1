// Everything that links of the console lead to: nothing is asked elsewhere, the content security policy holds nothing back, the browser has
// nothing to complain about, axe finds no barrier in light or dark, and nothing is wider than a telephone.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";
import { Telephone, browse, given } from "./browser.mjs";

const { source: axe } = createRequire(path.join(given.tools, "package.json"))("axe-core");

// A narrow telephone, in CSS pixels.
const NARROW = { width: 360, height: 740 };
const WIDE = { width: 1280, height: 800 };
// How many parts of a page are opened that are closed at first.
const DETAILS = 5;

// What is serious for who reads by other means than eyes, or sees little; each with where it is.
async function barriers(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  return serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join("; ")}`);
}

// Elements that reach beyond the right edge of the page; none in a part that scrolls by itself.
async function tooWide(page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const beyond = [...document.querySelectorAll("body *")].filter((it) => it.getBoundingClientRect().right > width + 1);
    return [`${document.documentElement.scrollWidth} px of ${width} px`, ...beyond.map((it) => it.outerHTML.slice(0, 100))];
  });
}

// All that was found, so that one run tells of every page.
const found = [];

async function look(page, below) {
  const note = (how, what) => found.push(...what.map((each) => `${below || "the first page"}, ${how}: ${each}`));
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    note(colorScheme, await barriers(page));
  }
  await page.setViewportSize(NARROW);
  note("narrow", await tooWide(page));
  note("narrow", await barriers(page));
  await page.setViewportSize(WIDE);
}

// Pages that differ by what they show alone.
const kind = (below) => below.replace(/\?.*/, "").replace(/^calls\/[^/]+/, "calls/ID").replace(/\/prompts\/.*/, "/prompts/ID");

await browse(async (person) => {
  const someone = await person({ viewport: WIDE });
  const outside = await someone.open("login");
  await look(outside, "login");
  await outside.getByLabel("API token").fill("nobody-0123456789");
  await outside.getByRole("button", { name: "Log in" }).click();
  await outside.getByRole("alert").waitFor();
  await look(outside, "a login that was refused");
  // a refusal is one to the browser, too
  assert.equal(someone.takeFaults().length, 1, "401");

  const page = await someone.logIn(given.token);
  const telephone = await Telephone.open(await someone.open("", {}), { phone: given.phone });
  await telephone.mute.check();
  await telephone.call();
  await telephone.hears("Am I speaking with Priya Sharma?");
  await look(telephone.page, "the telephone in a call");

  await page.reload();
  await page.locator(".card .line.bot").first().waitFor();
  const kinds = new Map();
  // the call is to outlast the walk: what is of one version alone looks like what is of all, or of the active one
  const besides = (below) => /^(calls|flows\/[^/?]+)\?version=/.test(below);
  for await (const below of someone.walk(page, { alike: (below) => below.includes("/prompts/"), besides })) {
    // a map that is being drawn loads again
    if (below.includes("/map")) await page.locator(".drawing svg").waitFor();
    // of a map's many paths, the first ones
    for (const hidden of (await page.locator("details").all()).slice(0, DETAILS)) await hidden.evaluate((it) => { it.open = true; });
    if (below.startsWith("calls/") && await page.locator("[data-waveform]").count()) {
      await page.locator(".waveform").waitFor();
    }
    const seen = kinds.get(kind(below)) ?? 0;
    kinds.set(kind(below), seen + 1);
    // two of each: of a call that is live, and one that is over
    if (seen < 2) await look(page, below);
  }
  await someone.open(`calls/${given.call}/replay`, { page });
  await page.getByText("No difference").waitFor();
  await look(page, "a replay");
  const flow = ["flows/emi-reminder", "flows/emi-reminder/prompts/ID", "flows/emi-reminder/map"];
  const reached = ["", "calls", "calls/ID", "calls/ID/otherwise", "campaigns", "new-campaign", "customers", "import", "flows", ...flow, "setup", "telephone", "audit"];
  for (const each of reached) assert.ok(kinds.has(each), `not reached: ${each}`);
  // on a machine that does much else its caller was not heard in time, and it has ended
  if (!await telephone.hasEnded()) await telephone.hangUp();
  // a list that was uploaded, whose page no link leads to
  await someone.open("import", { page });
  await page.getByLabel("Name of the list").fill("december");
  const list = "Mobile,Phone,Customer Name,Loan No,EMI Amount,Due Date,A remark that is as long as remarks of lenders are\n" +
    "98765 43210,,Ravi Kumar,LN-00478213,\"12,4500\",2030-12-05,was called and promised to pay on the fifth of next month\n" +
    "98765 43211,,Priya Sharma,LN-00478214,5000,2030-12-05,\n";
  await page.getByLabel("File").setInputFiles({ name: "december.csv", mimeType: "text/csv", buffer: Buffer.from(list) });
  await page.getByRole("button", { name: "Upload" }).click();
  await page.getByText("Each of these may be it").waitFor();
  await look(page, "a list that was uploaded");
  await page.getByLabel("phone", { exact: true }).selectOption({ label: "#1 Mobile" });
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await page.getByText("The list is stored.").waitFor();
  await look(page, "a list that was imported");
  await page.getByRole("link", { name: "New campaign on this list" }).click();
  await page.getByLabel("Name of the campaign").fill("December!");
  await page.getByRole("button", { name: "Make the campaign" }).click();
  await page.getByText("is not a valid name").waitFor();
  assert.equal(someone.takeFaults().length, 1, "400");
  await look(page, "a campaign that cannot be");
  await page.getByLabel("Name of the campaign").fill("december");
  await page.getByRole("button", { name: "Make the campaign" }).click();
  await page.getByText("The campaign is made.").waitFor();
  await look(page, "a campaign that was made");
  for (const below of ["campaigns", "customers"]) {
    await someone.open(below, { page });
    await look(page, `${below}, of which there are some`);
  }
  await someone.open("nothing/here", { page, status: 404 });
  await look(page, "nothing/here");
  await someone.open("calls?outcome=hungup", { page, status: 400 });
  await look(page, "a search that cannot be read");
  assert.deepEqual([...found, ...someone.takeFaults()], []);

  // these eyes see what they are to see
  await page.evaluate(() => {
    const [picture, wide] = ["img", "div"].map((name) => document.createElement(name));
    picture.src = "https://elsewhere.example/picture.png";
    wide.style.width = "2000px";
    wide.style.height = "1px";
    document.querySelector("main").append(picture, wide);
  });
  assert.match((await barriers(page)).join(), /image-alt/);
  assert.notDeepEqual(await tooWide(page), []);
  assert.match(someone.takeFaults().join(), /Content Security Policy/);
  return { pages: [...kinds] };
});
