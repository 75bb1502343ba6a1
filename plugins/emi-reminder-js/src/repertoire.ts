// The languages and templates of flows/emi-reminder-js/prompts/. The loader compares them with the prompt files.

import type { Kind } from "ghanti:dialog/types@0.1.0";

type Kinds = Record<string, Exclude<Kind["tag"], "other">>;

const NAME: Kinds = { name: "text" };
const BOT: Kinds = { "bot-name": "text", caller: "text" };
const INSTALMENT: Kinds = { lender: "text", "loan-digits": "digits", amount: "money", "due-date": "date" };

/** The default first. */
export const LANGUAGES: readonly string[] = ["en-IN", "hi-IN"];

/** Each template with the names and types of its arguments. */
export const TEMPLATES: Record<string, Kinds> = {
  "greeting": { ...NAME, ...BOT },
  "who-is-calling": { ...NAME, ...BOT },
  "identity-again": NAME,
  "identity-before-agent": {},
  "identity-no-input": NAME,
  "identity-no-match": NAME,
  "language-changed": {},
  "emi-details": INSTALMENT,
  "emi-details-overdue": INSTALMENT,
  "disclosure": {},
  "who-we-are": { "bot-name": "text", lender: "text" },
  "transfer-question": {},
  "transfer-no-input": {},
  "transfer-no-match": {},
  "please-wait": {},
  "apology-incomplete-data": BOT,
  "apology-wrong-person": {},
  "goodbye-call-later": {},
  "goodbye-declined": {},
  "goodbye-do-not-call": {},
  "goodbye-no-answer": {},
  "goodbye-unclear": {},
};
