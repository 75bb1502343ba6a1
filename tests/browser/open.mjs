// Somebody at an engine without tokens, which lets in whoever reaches it: its forms are its own, and no other site's.

import { browse, given } from "./browser.mjs";

await browse(async (person) => {
  const someone = await person({ locale: "en" });
  const page = await someone.open("");
  await page.getByRole("button", { name: "हिन्दी" }).click();
  await page.getByRole("button", { name: "English" }).click();
  await page.getByRole("heading", { name: "Now" }).waitFor();
  await someone.open("import", { page });
  await page.getByLabel("Name of the list").fill("december");
  await page.getByLabel("File").setInputFiles({ name: "december.csv", mimeType: "text/csv", buffer: Buffer.from(given.list) });
  await page.getByRole("button", { name: "Upload" }).click();
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await page.getByText("The list is stored.").waitFor();
});
