// Somebody listens in on a live call from the first page: the caller is heard left, the bot right, and its level is seen.

import assert from "node:assert/strict";
import { browse, given, until } from "./browser.mjs";

await browse(async (person) => {
  const someone = await person();
  const page = await someone.logIn(given.token);
  const card = page.locator(".card");
  await card.getByRole("meter", { name: "Level: Caller" }).waitFor();
  await until("the caller's level is seen", async () => Number(await card.getByRole("meter", { name: "Level: Caller" }).getAttribute("value")) > 50);
  await page.getByRole("img", { name: /^Places used: now \d+/ }).waitFor();
  await card.getByRole("link", { name: "Listen in" }).click();
  const audio = page.locator("#listen audio");
  // the browser's own button for it
  await audio.focus();
  await page.keyboard.press("Space");
  await until("it plays", () => audio.evaluate(({ paused, currentTime }) => !paused && currentTime > 0.5));
  // what comes out of each side
  await audio.evaluate((it) => {
    const context = new AudioContext();
    const splitter = context.createChannelSplitter(2);
    context.createMediaElementSource(it).connect(splitter);
    window.sides = [0, 1].map((side) => {
      const analyser = context.createAnalyser();
      splitter.connect(analyser, side);
      return analyser;
    });
    return context.resume();
  });
  const loudest = { left: 0, right: 0 };
  await until("both sides are heard", async () => {
    const [left, right] = await page.evaluate(() => window.sides.map((analyser) => {
      const samples = new Float32Array(analyser.fftSize);
      analyser.getFloatTimeDomainData(samples);
      return { least: Math.min(...samples), most: Math.max(...samples) };
    }));
    // the caller's side is one level all along
    if (left.least > 0.2) loudest.left = left.most;
    if (right.least < -0.01 && right.most > 0.01) loudest.right = right.most;
    return loudest.left && loudest.right;
  });
  assert.ok(loudest.left < 0.3, `left is the caller: ${JSON.stringify(loudest)}`);
  await page.getByRole("button", { name: "End this call" }).waitFor();
});
