// Somebody hears a prompt, changes it, is told what is wrong with a bad text, publishes a good one, and hears it in a call.

import assert from "node:assert/strict";
import { Telephone, answering, browse, given } from "./browser.mjs";

await browse(async (person) => {
  const someone = await person({ viewport: { width: 1280, height: 800 } });
  const page = await someone.logIn(given.token);
  await page.getByRole("link", { name: "Flows" }).click();
  await page.getByRole("link", { name: "emi-reminder" }).first().click();
  await page.getByRole("heading", { name: "emi-reminder" }).waitFor();

  // every language beside the other, in the order of the file
  const head = await page.locator(".prompts thead th").allInnerTexts();
  assert.deepEqual(head.slice(0, 3), ["Prompt", "en-IN", "hi-IN"]);
  const row = page.locator(".prompts tbody tr", { has: page.getByRole("link", { name: "greeting", exact: true }) });
  await row.getByText("Am I speaking with { $name }?").waitFor();
  await row.getByText("$bot-name", { exact: true }).waitFor();
  const disclosure = page.locator(".prompts tbody tr", { has: page.getByRole("link", { name: "disclosure", exact: true }) });
  await disclosure.getByText("heard to its end").waitFor();
  await disclosure.getByText("Requires identity").waitFor();

  // a prompt is heard as it is
  const heard = page.locator("[data-heard]");
  await page.getByRole("button", { name: "Hear it: okay, en-IN" }).click();
  await heard.getByText(/^(Playing|Heard): en-IN\/okay/).waitFor();
  await heard.getByText("Heard: en-IN/okay").waitFor();

  await row.getByRole("link", { name: "greeting", exact: true }).click();
  await page.getByRole("heading", { name: "greeting" }).waitFor();
  const english = page.locator("section.panel", { has: page.getByRole("heading", { name: "en-IN" }) });
  await english.getByText("Am I speaking with Ravi Kumar?").waitFor();
  const text = english.getByLabel("New text");
  const before = await text.inputValue();
  assert.match(before, /^Hello, this is \{ \$bot-name \}/);

  // and as it is typed
  await text.fill("One two three.");
  await english.getByRole("button", { name: "Hear it" }).click();
  await heard.getByText(/^(Playing|Heard): en-IN\/greeting/).waitFor();
  const bad = "Hello { $nmae }";
  await text.fill("Hello { $name");
  await english.getByRole("button", { name: "Hear it" }).click();
  await heard.getByText(/^It cannot be heard: .*prompts\/en-IN\.ftl` line \d+/).waitFor();
  assert.equal(someone.takeFaults().length, 1, "422");

  await text.fill(bad);
  const asked = [];
  const publish = async (yes) => {
    asked.push(await answering(page, yes, () => english.getByRole("button", { name: "Publish" }).click()));
  };
  await publish(false);
  await publish(true);
  const refused = english.getByRole("alert");
  await refused.getByRole("heading", { name: /^Not published: The version cannot take calls · prompts · line \d+$/ }).waitFor();
  const line = Number((await english.locator("h2 .aside").innerText()).match(/line (\d+)/)[1]);
  const told = await refused.innerText();
  assert.ok(told.includes(`\`prompts/en-IN.ftl\` line ${line}`), `${line}: ${told}`);
  assert.match(told, /Fix: \S/);
  assert.equal(await text.inputValue(), bad, "what was typed stays");
  assert.equal(someone.takeFaults().length, 1, "422");

  await text.fill(before.replace("Hello,", given.words));
  await publish(true);
  await page.getByText("Published en-IN").waitFor();
  assert.deepEqual(asked, Array(3).fill("Publish: greeting, en-IN?"));
  await english.locator("p.pattern", { hasText: given.words }).waitFor();

  // the flow's page says who published the version
  await page.getByRole("link", { name: "emi-reminder" }).first().click();
  const live = page.locator(".versions tbody tr", { has: page.locator(".chip.active") });
  await live.getByText("api-token · changed the prompt greeting, en-IN").waitFor();
  assert.equal(await live.getAttribute("aria-current"), "true");
  const former = page.locator(".versions tbody tr", { has: page.locator(".chip.previous") });
  await former.getByText("copied into the folder").waitFor();

  const telephone = await Telephone.open(page, { phone: given.phone });
  await telephone.mute.check();
  await telephone.call();
  await telephone.hears(given.words);
  await telephone.hangUp();
  const call = (await page.getByRole("link", { name: "Open its page" }).getAttribute("href")).split("/").at(-1);
  return { call };
});
