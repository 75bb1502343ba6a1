// Somebody imports a list: they choose the file, choose the column of a field that was not certain, look at what would come of it,
// store it, read why a row was rejected, correct that row, and start a campaign on the list.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { browse, given } from "./browser.mjs";

await browse(async (person) => {
  const someone = await person();
  const page = await someone.logIn(given.operator);
  const upload = async (name, text) => {
    await page.getByLabel("Flow").selectOption(given.flow);
    await page.getByLabel("Name of the list").fill("december");
    await page.getByLabel("File").setInputFiles({ name, mimeType: "text/csv", buffer: Buffer.from(text) });
    await page.getByRole("button", { name: "Upload" }).click();
    await page.getByText("Nothing is stored yet.").waitFor();
  };
  // the figure above its name
  const came = async (name) => {
    const tile = page.locator(".tiles li").filter({ has: page.getByText(name, { exact: true }) });
    return Number(await tile.locator(".figure").innerText());
  };

  await page.getByRole("link", { name: "Customers", exact: true }).click();
  await page.getByText("There are no lists yet.").waitFor();
  await page.getByRole("link", { name: "Import a list" }).click();
  await upload("december.csv", given.list);
  assert.ok(!(await page.content()).includes(given.number), "numbers are masked until they are asked for");
  await page.getByRole("link", { name: "Show numbers" }).click();
  await page.getByText(given.number).first().waitFor();

  const row = (field) => page.getByRole("row").filter({ has: page.getByLabel(field, { exact: true }) });
  await row("phone").getByText("Each of these may be it").waitFor();
  await page.getByLabel("phone", { exact: true }).selectOption({ label: "#2 Mobile" });
  // what was found is right but for this one
  assert.equal(await page.getByLabel("amount", { exact: true }).inputValue(), "5");
  await page.getByRole("button", { name: "Show by these columns" }).click();
  await row("phone").getByText("xxxxxx3210").waitFor();
  assert.equal(await page.getByText("Each of these may be it").count(), 0);
  await page.getByRole("button", { name: "Check without storing" }).click();
  await page.getByText("The rows were checked. Nothing was stored.").waitFor();
  assert.deepEqual([await came("new"), await came("rejected")], [2, 1]);

  await page.getByRole("button", { name: "Import", exact: true }).click();
  await page.getByText("The list is stored.").waitFor();
  assert.deepEqual([await came("rows"), await came("new"), await came("rejected")], [3, 2, 1]);
  const rejected = page.getByRole("row").filter({ hasText: "amount" });
  assert.match(await rejected.innerText(), /4[\s\S]*amount/);
  const heading = page.getByRole("columnheader", { name: "Line", exact: true });
  const lines = await heading.evaluate((it) => {
    const text = document.createRange();
    text.selectNodeContents(it);
    return text.getClientRects().length;
  });
  assert.equal(lines, 1, "a heading is not broken within its word");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Rejected rows as CSV" }).click()]);
  assert.equal(download.suggestedFilename(), "december.rejects.csv");
  const file = readFileSync(await download.path(), "utf8");
  assert.ok(file.includes("12,4500"), file);

  await page.getByRole("link", { name: "Import another list" }).click();
  await upload("december.rejects.csv", file.replace("12,4500", "12,450"));
  await page.getByLabel("phone", { exact: true }).selectOption({ label: "#2 Mobile" });
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await page.getByText("The list is stored.").waitFor();
  assert.deepEqual([await came("new"), await came("rejected")], [1, 0]);

  await page.getByRole("link", { name: "New campaign on this list" }).click();
  await page.getByLabel("Name of the campaign").fill("december-2026");
  assert.match(await page.getByLabel("List", { exact: true }).locator("option:checked").innerText(), /^december · .* · 3$/);
  await page.getByLabel("Calls a minute").fill("5000");
  await page.getByLabel("Saturday").uncheck();
  await page.getByRole("button", { name: "Make the campaign" }).click();
  await page.getByText("`limits.calls-per-minute` is 5000: set 1 to 200").waitFor();
  assert.ok(!await page.getByLabel("Saturday").isChecked());
  // a refusal is one to the browser, too
  assert.equal(someone.takeFaults().length, 1, "400");
  await page.getByLabel("Calls a minute").fill("30");
  await page.getByRole("button", { name: "Make the campaign" }).click();
  await page.getByText("The campaign is made. It calls nobody until it is started.").waitFor();
  page.once("dialog", (dialog) => dialog.accept());
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByText("The campaign was changed.").waitFor();
  await page.getByRole("button", { name: "Pause" }).waitFor();
});
