// A viewer and an operator look at the same calls, one of which is live: the operator sees whose they are and what was said, the
// viewer neither, on any page.

import assert from "node:assert/strict";
import { Telephone, browse, given } from "./browser.mjs";

const personal = [...given.personal, given.phone.slice(-10), "Priya", "Sharma", "Asha", "LN-00478213", "12,500"];

await browse(async (person) => {
  const operator = await person();
  const telephone = await Telephone.open(await operator.logIn(given.operator), { phone: given.phone });
  await telephone.mute.check();
  await telephone.call();
  await telephone.hears("Am I speaking with Priya Sharma?");

  const viewer = await person();
  const page = await viewer.logIn(given.viewer);
  await page.locator(".card .line.bot").first().waitFor();
  const seen = [];
  for await (const below of viewer.walk(page)) {
    const html = await page.content();
    for (const word of personal) assert.ok(!html.includes(word), `${below} has ${word}: ${html}`);
    seen.push(below);
  }
  for (const below of ["", "calls", "flows", `calls/${given.call}`]) assert.ok(seen.includes(below), `not reached: ${below} in ${seen}`);
  const live = seen.filter((below) => /^calls\/[0-9a-f-]+$/.test(below) && below !== `calls/${given.call}`);
  assert.equal(live.length, 1, `the live call: ${seen}`);
  for (const below of ["setup", "telephone", "audit", "calls?q=9876500000", `calls/${given.call}/replay`, `calls/${given.call}/otherwise?at=1`]) {
    await viewer.open(below, { page, status: 403 });
    await page.getByRole("alert").waitFor();
  }
  await viewer.open(`calls/${given.call}`, { page });
  await page.locator(".line.bot").first().waitFor();
  assert.equal(await page.locator("audio, .hang-up").count(), 0, "a viewer neither hears nor ends a call");
  // what runs along is masked as the page was
  await viewer.open(live[0], { page });
  await page.locator(".line.bot").first().waitFor();

  const desk = await operator.open(`calls/${given.call}`);
  await desk.getByText("Am I speaking with Priya Sharma?").waitFor();
  const hidden = given.personal[0];
  assert.ok(!(await desk.content()).includes(hidden), "numbers are masked until they are asked for");
  await desk.getByRole("link", { name: "Show numbers" }).click();
  await desk.getByRole("heading", { name: hidden }).waitFor();
  await desk.getByRole("link", { name: "Mask numbers" }).click();
  await desk.getByRole("heading", { name: "xxxxxx" }).waitFor();

  await telephone.hangUp();
  await page.getByText("hung-up", { exact: true }).first().waitFor();
  const html = await page.content();
  for (const word of personal) assert.ok(!html.includes(word), `the call that ended has ${word}: ${html}`);
});
