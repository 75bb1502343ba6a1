// Somebody looks for calls: by a number as people write it, by CallSid, by id, by outcome.

import assert from "node:assert/strict";
import { browse, given } from "./browser.mjs";

await browse(async (person) => {
  const someone = await person();
  const page = await someone.open("calls", { page: await someone.logIn(given.token) });
  const rows = page.locator("tbody tr");
  const found = () => rows.getByRole("link").evaluateAll((links) => links.map(({ href }) => href.split("/").at(-1)));
  assert.deepEqual(new Set(await found()), new Set(given.calls.map(({ id }) => id)));
  const [one] = given.calls;

  for (const q of given.spellings) {
    // the cursor is in the search by one key
    await page.keyboard.press("/");
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type(q);
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.searchParams.get("q") === q);
    assert.deepEqual(await found(), [one.id], q);
    assert.equal(await page.getByRole("searchbox").inputValue(), q);
    await page.getByRole("heading", { name: "Calls" }).click();
  }
  await page.getByRole("link", { name: "Clear" }).click();
  await page.waitForURL(someone.url("calls"));

  await page.getByLabel("Outcome").fill("ended-by-operator");
  await page.getByRole("button", { name: "Find" }).click();
  await page.waitForURL(/outcome=ended-by-operator/);
  assert.deepEqual(await found(), given.calls.filter(({ outcome }) => outcome === "ended-by-operator").map(({ id }) => id));
  assert.ok(!page.url().includes("flow="), `what is empty is not asked for: ${page.url()}`);
  await page.getByLabel("State").selectOption("live");
  await page.getByRole("button", { name: "Find" }).click();
  await page.getByText("No call fits.").waitFor();

  await page.getByRole("searchbox").fill(one.id);
  await page.getByRole("button", { name: "Find" }).click();
  await page.waitForURL(someone.url(`calls/${one.id}`));

  await someone.open("calls?q=no%20such%20sid", { page, status: 400 });
  await page.getByRole("alert").getByText("cannot be read").waitFor();
});
