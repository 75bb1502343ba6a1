// What a lender's record of a customer says, taken from its text fields. How people spell values is the engine's to read: `[customer]` of
// flow.toml declares the fields, and a flow is given them in one canonical spelling each. This takes that spelling and nothing else. Pure: it
// knows neither the contract nor a call. What it cannot take it names by field, never by value, because values are personal.

import type { Instant } from "ghanti:dialog/runtime@0.1.0";
import type { CalendarDate } from "ghanti:dialog/types@0.1.0";

/** The customer's record as the engine gives it, by field. */
export type Fields = ReadonlyMap<string, string>;

/** An instalment, and whose it is. */
export interface Instalment {
  name: string;
  /** The last four digits of the loan's account. */
  loanDigits: string;
  amountPaise: number;
  due: CalendarDate;
}

/** Takes `name`, `loan`, `amount` and `due-date`, or says which of them are missing or unreadable. */
export function readInstalment(fields: Fields): Instalment | string {
  const text = (field: string) => fields.get(field) || null;
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

/** The last four of a loan account's digits. */
function lastFour(account: string): string | null {
  const digits = account.replace(/[^0-9]/g, "");
  return digits.length < 4 ? null : digits.slice(-4);
}

/** Paise of `12450` or `12450.50`. */
function paise(text: string): number | null {
  const amount = /^([0-9]+)(?:\.([0-9]{2}))?$/.exec(text);
  if (amount === null) return null;
  const minor = Number(amount[1]) * 100 + Number(amount[2] ?? "0");
  return minor > 0 && Number.isSafeInteger(minor) ? minor : null;
}

/** `2026-11-30`. */
function day(text: string): CalendarDate | null {
  const parts = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/.exec(text);
  if (parts === null) return null;
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  return month >= 1 && month <= 12 && day >= 1 && day <= 31 ? { year, month, day } : null;
}

/** Whether a day lies before the one that the call's clock shows. */
export function isPast(day: CalendarDate, now: Instant): boolean {
  const local = new Date(Number(now.unixMs) + now.offsetMinutes * 60_000);
  const order = (year: number, month: number, day: number) => (year * 100 + month) * 100 + day;
  return order(day.year, day.month, day.day) < order(local.getUTCFullYear(), local.getUTCMonth() + 1, local.getUTCDate());
}
