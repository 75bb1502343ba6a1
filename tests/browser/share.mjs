// Somebody raises a candidate's share, lowers it to nothing, and promotes it.

import assert from "node:assert/strict";
import { answering, browse, given } from "./browser.mjs";

await browse(async (person) => {
  const someone = await person();
  const page = await someone.open("flows/emi-reminder", { page: await someone.logIn(given.token) });
  const share = page.getByRole("region", { name: "The candidate's share" });
  await share.getByText("10 % of the new calls · as its manifest says").waitFor();
  const percent = share.getByLabel("Percent");
  assert.equal(await percent.inputValue(), "10");

  const asked = [];
  const set = async (to, yes = true) => {
    await percent.fill(to);
    // as the keyboard sends a form
    asked.push(await answering(page, yes, () => percent.press("Enter")));
  };
  await set("40", false);
  await share.getByText(/^10 % of the new calls/).waitFor();
  await set("40");
  await page.getByText("The share was set.").waitFor();
  await share.getByText(/^40 % of the new calls · set by api-token, .* · its manifest says 10 %$/).waitFor();
  await set("0");
  await share.getByText(/^0 % of the new calls · set by api-token/).waitFor();
  assert.deepEqual(asked, Array(3).fill("Set the share: emi-reminder?"));

  // more than all calls is not sent
  await percent.fill("101");
  await share.getByRole("button", { name: "Set the share" }).click();
  assert.equal(await percent.evaluate((it) => it.validity.rangeOverflow), true);

  await someone.open("flows", { page });
  const row = page.locator(".versions tbody tr", { has: page.locator(".chip.candidate") });
  await row.getByText("set by api-token").waitFor();
  page.once("dialog", (dialog) => dialog.accept());
  await page.getByRole("button", { name: "Promote" }).click();
  await page.getByText("Promoted.").waitFor();
  await someone.open("flows/emi-reminder", { page });
  assert.equal(await share.count(), 0, "nobody is a candidate");

  await someone.open("audit", { page });
  const entries = page.locator("tbody tr", { hasText: "/console/flows/emi-reminder/weight" });
  await entries.first().getByText(/^version [0-9a-f]+: 0 % of new calls$/).waitFor();
  await entries.nth(1).getByText(/^version [0-9a-f]+: 40 % of new calls$/).waitFor();
});
