// A caller with a microphone: they call, answer by voice until they are transferred, and find the call among all others.
//
// The microphone is Chromium's, and plays a file with the caller's words over and over; `Mute` is off while the bot has asked
// and not been answered. So the words come when they are due, however slow the machine is.

import assert from "node:assert/strict";
import { Telephone, browse, given } from "./browser.mjs";

await browse(async (person) => {
  const page = await (await person()).logIn(given.token);
  const telephone = await Telephone.open(page, { phone: given.phone });
  await telephone.mute.check();
  await telephone.call();
  for (const [question, then] of [["Am I speaking with Priya Sharma?", "Your EMI of"], ["speak to one of our agents", "Please wait while I connect you"]]) {
    await telephone.hears(question);
    await telephone.mute.uncheck();
    await telephone.transcript.getByText(then).waitFor();
    await telephone.mute.check();
  }
  await telephone.page.getByText("The call has ended.").waitFor();
  await telephone.transcript.getByText("transferred", { exact: true }).waitFor();

  await page.getByRole("link", { name: "Open its page" }).click();
  await page.getByRole("heading", { name: "xxxxxx" }).waitFor();
  const call = page.url().split("/").at(-1);
  await page.getByText("transferred", { exact: true }).first().waitFor();
  assert.equal(await page.getByRole("heading", { name: "Problems" }).count(), 0, "problems");
  await page.getByRole("link", { name: "Calls", exact: true }).click();
  await page.getByLabel("Outcome").fill("transferred");
  await page.getByRole("searchbox").fill(given.phone.slice(-10));
  await page.getByRole("button", { name: "Find" }).click();
  await page.getByRole("row", { name: "transferred" }).getByRole("link").click();
  assert.equal(page.url(), `${given.origin}${given.prefix}/console/calls/${call}`);
  return { call };
});
