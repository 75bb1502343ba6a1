// Pictures of the console: each page in light and dark, on a desk and on a telephone, into a folder.

import path from "node:path";
import { Telephone, browse, given } from "./browser.mjs";

// Pages without more to do on them: the name of the picture, and the place.
const PAGES = {
  calls: "calls",
  campaigns: "campaigns",
  campaign: `campaigns/${given.campaign}`,
  customers: "customers",
  "new-campaign": "new-campaign",
  flows: "flows",
  setup: "setup",
  audit: "audit",
};
const SIZES = { desk: { width: 1280, height: 800 }, telephone: { width: 390, height: 844 } };

await browse(async (person) => {
  const someone = await person();
  const page = await someone.logIn(given.token);
  const shoot = async (name) => {
    for (const colorScheme of ["light", "dark"]) {
      for (const [size, viewport] of Object.entries(SIZES)) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await page.setViewportSize(viewport);
        await page.evaluate(() => scrollTo(0, 0));
        await page.screenshot({ path: path.join(given.folder, `${name}-${colorScheme}-${size}.png`) });
      }
    }
  };
  // calls that are live are over soon
  await page.locator(".card").nth(given.live - 1).locator(".line").nth(1).waitFor();
  await shoot("now");
  await someone.open(`calls/${given.call}`, { page });
  await page.locator(".waveform").waitFor();
  await shoot("call");
  for (const [name, below] of Object.entries(PAGES)) {
    await someone.open(below, { page });
    await shoot(name);
  }
  const flow = "flows/emi-reminder";
  for (const [name, below] of [["flow", flow], ["prompt", `${flow}/prompts/emi-details`], ["map", `${flow}/map`]]) {
    await someone.open(below, { page });
    if (name === "map") await page.locator(".drawing svg").waitFor();
    await shoot(name);
  }
  await someone.open("import", { page });
  await page.getByLabel("Flow").selectOption("emi-reminder");
  await page.getByLabel("Name of the list").fill("january-2027");
  await shoot("import");
  await page.getByLabel("File").setInputFiles({ name: "january.csv", mimeType: "text/csv", buffer: Buffer.from(given.list) });
  await page.getByRole("button", { name: "Upload" }).click();
  await page.getByText("Nothing is stored yet.").waitFor();
  await shoot("import-columns");
  await page.getByLabel("phone", { exact: true }).selectOption({ label: given.column });
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await page.getByText("The list is stored.").waitFor();
  await shoot("import-rejects");
  const telephone = await Telephone.open(page, { phone: given.phone });
  await telephone.mute.check();
  await telephone.call();
  await telephone.hears("Am I speaking with Priya Sharma?");
  await page.keyboard.press("1");
  await telephone.transcript.getByText("Your EMI of").waitFor();
  await page.setViewportSize(SIZES.desk);
  await shoot("telephone");
  const outside = await (await person()).open("login");
  await outside.screenshot({ path: path.join(given.folder, "login.png") });
});
