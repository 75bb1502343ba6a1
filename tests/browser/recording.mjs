// Somebody listens to a call: from where they press its picture, and from a line of its transcript.

import assert from "node:assert/strict";
import { browse, given, until } from "./browser.mjs";

await browse(async (person) => {
  const someone = await person();
  const page = await someone.open(`calls/${given.call}`, { page: await someone.logIn(given.token) });
  const picture = page.getByRole("img", { name: "How loud each side is over time" });
  await picture.waitFor();
  const audio = page.locator("audio");
  const sound = () => audio.evaluate(({ currentTime, duration, paused }) => ({ currentTime, duration, paused }));
  const { duration } = await until("the recording is there", async () => {
    const now = await sound();
    return now.duration > 0 && now;
  });
  // where it was sent, in seconds: what has been played since says it less exactly on a busy machine
  await audio.evaluate((it) => it.addEventListener("seeking", () => { it.dataset.sent = it.currentTime; }));
  const begins = async (seconds) => {
    await until(`it plays from ${seconds} s`, async () => {
      const { currentTime, paused } = await sound();
      return !paused && currentTime > seconds;
    });
    const sent = Number(await audio.getAttribute("data-sent"));
    assert.ok(Math.abs(sent - seconds) < 0.1, `it was sent to ${sent} s, not ${seconds} s of ${duration} s`);
    await audio.evaluate((it) => it.pause());
  };
  const { x, y, width, height } = await picture.boundingBox();
  for (const part of [0.5, 0.25]) {
    await page.mouse.click(x + width * part, y + height / 2);
    await begins(duration * part);
    const head = Number(await picture.locator(".playhead").getAttribute("x1"));
    assert.ok(head >= 480 * part - 1 && head < 480, `the line is at ${head} of 480`);
  }

  // a line may be short, and the machine slow
  await audio.evaluate((it) => { it.playbackRate = 0.1; });
  const lines = page.locator(".line[data-from]");
  const count = await lines.count();
  assert.ok(count >= 3, `${count} lines can be heard`);
  const spans = await lines.evaluateAll((all) => all.map(({ dataset: { from, until } }) => ({ from: Number(from), until: Number(until) })));
  // the later one first, so that both are gone to
  const spoken = [...spans.keys()].filter((nth) => spans[nth].until - spans[nth].from >= 500).reverse();
  assert.ok(spoken.length >= 2, `lines that last: ${JSON.stringify(spans)}`);
  for (const nth of spoken) {
    const line = lines.nth(nth);
    await line.getByRole("button").click();
    await page.locator(`.line.playing[data-from="${spans[nth].from}"][aria-current="true"]`).waitFor();
    await begins(spans[nth].from / 1000);
  }
});
