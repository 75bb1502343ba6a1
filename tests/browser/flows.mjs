// Somebody rolls a flow back and promotes it again.

import assert from "node:assert/strict";
import { answering, browse, given } from "./browser.mjs";

await browse(async (person) => {
  const someone = await person();
  const page = await someone.open("flows", { page: await someone.logIn(given.token) });
  const flow = page.locator("section.panel", { has: page.getByRole("heading", { name: "emi-reminder" }) });
  // the stage of each version
  const stages = async () => Object.fromEntries(await flow.locator("tbody tr").evaluateAll((rows) =>
    rows.map((row) => [row.querySelector(".digest").title, row.querySelector(".chip").textContent])));
  const { before, after } = given;
  assert.deepEqual(await stages(), { [after]: "active", [before]: "previous" });

  const asked = [];
  const answered = async (yes, name) => {
    asked.push(await answering(page, yes, () => flow.getByRole("button", { name }).click()));
  };
  await answered(false, "Roll back");
  assert.deepEqual(await stages(), { [after]: "active", [before]: "previous" });
  await answered(true, "Roll back");
  await page.getByText("Rolled back.").waitFor();
  assert.deepEqual(await stages(), { [after]: "rolled-back", [before]: "active" });
  await flow.getByText("it was rolled back in the console by `api-token`").waitFor();
  assert.equal(await flow.getByText("copied into the folder").count(), 2, "nobody sent them");
  await answered(true, "Promote");
  await page.getByText("Promoted.").waitFor();
  assert.equal((await stages())[after], "active");
  assert.deepEqual(asked, ["Roll back: emi-reminder?", "Roll back: emi-reminder?", "Promote: emi-reminder?"]);
  await page.getByRole("button", { name: "Reload" }).click();
  await page.getByText("The folder was read again.").waitFor();
});
