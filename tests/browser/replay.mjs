// Somebody replays a call against the version that came after it, and lets it go on otherwise, with the keyboard where they type.

import assert from "node:assert/strict";
import { browse, given } from "./browser.mjs";

await browse(async (person) => {
  const someone = await person();
  const page = await someone.open(`calls/${given.call}`, { page: await someone.logIn(given.token) });
  await page.getByRole("heading", { name: "How long the caller waited" }).waitFor();
  const turns = page.locator("table.latency tbody tr");
  assert.ok(await turns.count() >= 1, "a turn with its stages");
  assert.ok(await turns.first().locator("svg.bar rect").count() >= 1, "its stages are drawn");

  // its own version is chosen already
  await page.getByRole("button", { name: "Replay" }).click();
  await page.getByText("No difference").waitFor();
  const versions = page.getByLabel("Against version");
  assert.equal(await versions.inputValue(), given.before);
  await versions.selectOption(given.after);
  await page.getByRole("button", { name: "Replay" }).click();
  const difference = page.locator(".difference");
  await difference.getByText("words of emi-details in en-IN").waitFor();
  assert.match(await difference.innerText(), /Entry \d+/);
  assert.match(await difference.innerText(), /Thank you\. I am calling from/);
  assert.match(await difference.innerText(), /Thanks\. I call from/);
  assert.equal(new URL(page.url()).searchParams.get("version"), given.after);

  await page.getByRole("link", { name: "← Call" }).click();
  await page.getByText("Show the journal").click();
  const row = page.locator("table.journal tr", { hasText: "ask identity" });
  await row.getByText("Arguments and answer").click();
  await row.getByText("\"choices\"").waitFor();
  await row.getByRole("link", { name: "Answer otherwise" }).click();

  // the wrong person, and back
  const lines = page.locator(".transcript .line");
  await lines.getByText("Am I speaking with Priya Sharma?").waitFor();
  await page.getByRole("button", { name: "no (key 2)" }).click();
  await lines.getByText("sorry to have disturbed you").waitFor();
  await page.getByText("The conversation ends").waitFor();
  await page.getByText("wrong-person", { exact: false }).first().waitFor();
  await page.getByRole("button", { name: "Take the last answer back" }).click();
  await page.getByRole("heading", { name: "The caller answers identity" }).waitFor();
  assert.equal(await lines.getByText("sorry to have disturbed you").count(), 0);

  // in words; then silence goes on to the next question, until it is declined by a key
  await page.getByLabel("They say").fill("yes speaking");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "The caller answers emi-details" }).waitFor();
  await page.getByRole("button", { name: "Says nothing" }).click();
  await page.getByRole("heading", { name: "The caller answers disclosure" }).waitFor();
  await page.getByRole("button", { name: "Says nothing" }).click();
  await page.getByRole("heading", { name: "The caller answers transfer" }).waitFor();
  await page.getByLabel("They press").fill("2");
  await page.keyboard.press("Enter");
  await page.locator("[data-ended]").getByText("declined").waitFor();
  assert.ok(!page.url().includes("yes"), "what was said is in no address");
});
