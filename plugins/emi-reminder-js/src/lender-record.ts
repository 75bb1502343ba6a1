// What a lender's record of a customer says, read from its text fields. Pure: it knows neither the contract nor a call. What it cannot read
// it names by field, never by value, because values are personal.

import type { CalendarDate } from "samvaad:dialog/types@0.1.0";

/** The customer's record as stored, by field. */
export type Fields = ReadonlyMap<string, string>;

/** An instalment that is due, and whose it is. */
export interface Instalment {
  name: string;
  /** The last four digits of the loan's account. */
  loanDigits: string;
  amountPaise: number;
  due: CalendarDate;
}

/** Reads `name`, `loan`, `amount` and `due-date`, or says which of them are missing or unreadable. */
export function readInstalment(fields: Fields): Instalment | string {
  const text = (field: string) => fields.get(field)?.trim() || null;
  const read = <T>(field: string, reader: (text: string) => T | null) => {
    const found = text(field);
    return found === null ? null : reader(found);
  };
  const name = text("name");
  const loanDigits = read("loan", lastFour);
  const amountPaise = read("amount", paise);
  const due = read("due-date", day);
  if (name !== null && loanDigits !== null && amountPaise !== null && due !== null) {
    return { name, loanDigits, amountPaise, due };
  }
  const wanted = { name, loan: loanDigits, amount: amountPaise, "due-date": due };
  const lacking = Object.entries(wanted).filter(([, found]) => found === null).map(([field]) => field);
  return `missing or unreadable: ${lacking.join(", ")}`;
}

/** Each language with its name and how the states that speak it begin, in plain lower-case letters. */
const LANGUAGES: [tag: string, name: string, states: string][] = [
  ["en-IN", "english", ""],
  ["ta-IN", "tamil", "tamil puducherry pondicherry"],
  ["kn-IN", "kannada", "karnataka"],
  ["ml-IN", "malayalam", "kerala lakshadweep"],
  ["te-IN", "telugu", "andhra telangana"],
  ["mr-IN", "marathi", "maharashtra"],
  ["gu-IN", "gujarati", "gujarat"],
  ["bn-IN", "bengali", "westbengal"],
  ["pa-IN", "punjabi", "punjab"],
  ["or-IN", "odia", "odisha orissa"],
  [
    "hi-IN",
    "hindi",
    "andaman arunachal assam bihar chandigarh chhattisgarh dadra daman delhi newdelhi goa haryana himachal jammu jharkhand ladakh " +
      "madhya manipur meghalaya mizoram nagaland rajasthan sikkim tripura uttar",
  ],
];

/** The language that the record names, else its state's, else English. Whether the flow speaks it is another question. */
export function language(fields: Fields): string {
  const lower = (field: string) => (fields.get(field) ?? "").trim().toLowerCase();
  const asked = lower("language").split(/[-_]/)[0];
  const state = lower("state").replace(/[^a-z]/g, "");
  const named = LANGUAGES.find(([tag, name]) => tag.split("-")[0] === asked || name === asked);
  const spoken = LANGUAGES.find(([, , states]) => states.split(" ").some((beginning) => beginning !== "" && state.startsWith(beginning)));
  return (named ?? spoken)?.[0] ?? "en-IN";
}

/** The last four of a loan account's digits. */
function lastFour(account: string): string | null {
  const digits = account.replace(/[^0-9]/g, "");
  return digits.length < 4 ? null : digits.slice(-4);
}

/** Paise of rupees as lenders write them: `12500`, `12,500`, `1,25,000.50`. Nothing and less than nothing are no amounts. */
function paise(text: string): number | null {
  const amount = /^₹*([0-9]+)(?:\.([0-9]{1,2}))?$/.exec(text.replace(/[, ]/g, ""));
  if (amount === null) return null;
  const minor = Number(amount[1]) * 100 + Number((amount[2] ?? "").padEnd(2, "0"));
  return minor > 0 && Number.isSafeInteger(minor) ? minor : null;
}

/** `2026-11-30`, where there is such a day. */
function day(text: string): CalendarDate | null {
  const parts = /^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})$/.exec(text);
  if (parts === null) return null;
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  const date = new Date(Date.UTC(year, month - 1, day));
  const exists = year >= 2000 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return exists ? { year, month, day } : null;
}
