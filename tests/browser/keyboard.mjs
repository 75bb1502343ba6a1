// Somebody without a mouse: they log in, call by the browser's telephone and answer on its keys, end a live call, find one that is
// over, listen to it, and change a prompt.

import assert from "node:assert/strict";
import { Telephone, browse, given, until } from "./browser.mjs";

// Steps of the longest way to anything on a page.
const STEPS_MAX = 80;

// What has the focus, as somebody sees it; nothing at the page's end.
const focused = () => {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const { top, bottom, left, right } = it.getBoundingClientRect();
  const { outlineStyle, outlineWidth } = getComputedStyle(it);
  return {
    what: it.outerHTML.slice(0, 160),
    // a player draws the focus of its buttons by itself
    isMarked: it.localName === "audio" || (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2),
    isInView: bottom > 0 && top < innerHeight && right > 0 && left < innerWidth && right > left && bottom > top,
  };
};

// Goes on by Tab until something has the focus. Each stop on the way is seen.
async function tabTo(page, to) {
  for (let step = 0; step < STEPS_MAX; step += 1) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(focused);
    assert.ok(!stop || (stop.isMarked && stop.isInView), `a focus that is not seen: ${JSON.stringify(stop)}`);
    if (await to.evaluateAll((found) => found.includes(document.activeElement))) return;
  }
  assert.fail(`not reached by ${STEPS_MAX} steps of Tab: ${to}`);
}

await browse(async (person) => {
  const someone = await person();
  const page = await someone.open("");
  // the field has the focus
  await page.keyboard.type(given.token);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Now" }).waitFor();

  // past the pages' links at once
  await tabTo(page, page.getByRole("link", { name: "To the content" }));
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "content");

  await page.reload();
  await tabTo(page, page.getByRole("link", { name: "Telephone" }));
  await page.keyboard.press("Enter");
  await page.waitForURL(someone.url("telephone"));
  const telephone = new Telephone(page);
  await tabTo(page, page.getByLabel("Mute"));
  await page.keyboard.press("Space");
  assert.ok(await telephone.mute.isChecked());
  const press = page.getByRole("button", { name: "Call", exact: true });
  const call = async () => {
    await tabTo(page, press);
    await page.keyboard.press("Enter");
    await page.getByText("Connected").waitFor();
    await telephone.hears("Am I speaking with Priya Sharma?");
  };
  await call();
  // wherever the focus is
  await page.keyboard.press("1");
  await telephone.transcript.getByText("Your EMI of").waitFor();
  await tabTo(page, page.getByRole("button", { name: "9", exact: true }));
  await page.keyboard.press("Enter");
  await page.getByText("The call has ended.").waitFor();
  await telephone.transcript.getByText("transferred", { exact: true }).waitFor();
  assert.equal(await telephone.transcript.locator(".line.keys").count(), 2);
  // the focus is not lost with the buttons that are not for now
  assert.notEqual(await page.evaluate(() => document.activeElement.localName), "body");

  await call();
  const other = await someone.open("");
  const card = other.locator(".card").getByRole("link");
  await card.first().waitFor();
  await tabTo(other, card);
  await other.keyboard.press("Enter");
  const end = other.getByRole("button", { name: "End this call" });
  await end.waitFor();
  await tabTo(other, end);
  other.once("dialog", (dialog) => dialog.accept());
  await other.keyboard.press("Enter");
  await other.getByText("ended-by-operator", { exact: true }).first().waitFor();
  await page.getByText("The call has ended.").waitFor();

  await tabTo(other, other.getByRole("link", { name: "Calls", exact: true }));
  await other.keyboard.press("Enter");
  await other.waitForURL(someone.url("calls"));
  await other.keyboard.press("/");
  await other.keyboard.type(given.phone.slice(-10));
  await other.keyboard.press("Enter");
  await other.waitForURL(/q=/);
  await tabTo(other, other.locator("tbody").getByRole("link"));
  await other.keyboard.press("Enter");
  await other.waitForURL(someone.url(`calls/${given.call}`));
  const audio = other.locator("audio");
  const plays = () => audio.evaluate(({ paused, currentTime }) => !paused && currentTime > 0);
  await until("the recording is there", () => audio.evaluate(({ duration }) => duration > 0));
  await tabTo(other, audio);
  await other.keyboard.press("Space");
  await until("the recording plays", plays);
  await other.keyboard.press("Space");
  await until("the recording is paused", async () => !await plays());
  await tabTo(other, other.locator(".line[data-from]").last().getByRole("button"));
  await other.keyboard.press("Enter");
  await until("the last line plays", plays);

  await tabTo(other, other.getByRole("link", { name: "Flows" }));
  await other.keyboard.press("Enter");
  await other.waitForURL(someone.url("flows"));
  await tabTo(other, other.getByRole("link", { name: "emi-reminder", exact: true }));
  await other.keyboard.press("Enter");
  await other.waitForURL(someone.url("flows/emi-reminder"));
  await tabTo(other, other.getByRole("button", { name: "Hear it: greeting, te-IN" }));
  await other.keyboard.press("Enter");
  await other.locator("[data-heard]").getByText(/^(Playing|Heard): te-IN\/greeting/).waitFor();
  await tabTo(other, other.getByRole("link", { name: "who-is-calling", exact: true }));
  await other.keyboard.press("Enter");
  await other.waitForURL(/\/prompts\/who-is-calling/);
  const english = other.locator("section.panel").first();
  await tabTo(other, english.getByLabel("New text"));
  await other.keyboard.press("Control+A");
  await other.keyboard.type("This is { $bot-name }.");
  await tabTo(other, english.getByRole("button", { name: "Publish" }));
  other.once("dialog", (dialog) => dialog.accept());
  await other.keyboard.press("Enter");
  await other.getByText("Published en-IN").waitFor();
});
