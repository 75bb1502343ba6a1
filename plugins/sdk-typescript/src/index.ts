// What a conversation is written with. Thin over the contract, whose functions are in `call`, `customer`, `actions`, `speech` and `runtime`.

import * as contractActions from "ghanti:dialog/actions@0.1.0";
import * as contractCall from "ghanti:dialog/call@0.1.0";
import * as contractCustomer from "ghanti:dialog/customer@0.1.0";
import * as contractRuntime from "ghanti:dialog/runtime@0.1.0";
import * as contractSpeech from "ghanti:dialog/speech@0.1.0";
import type { Answer, Choice } from "ghanti:dialog/speech@0.1.0";
import type { Argument, CalendarDate, Content, Money, Prompt, TimeOfDay, Value } from "ghanti:dialog/types@0.1.0";
import { Invalid, invalid, throwing } from "./errors.ts";

export type { CallFacts } from "ghanti:dialog/call@0.1.0";
export type { EarlierCall } from "ghanti:dialog/customer@0.1.0";
export type { Answer, Choice, Phrases, Reply } from "ghanti:dialog/speech@0.1.0";
export type { Argument, CalendarDate, Content, DialogError, Money, Playout, Prompt, TimeOfDay, Value } from "ghanti:dialog/types@0.1.0";
export { CallEnded, FlowError, Invalid, LimitReached, Refused, Unavailable } from "./errors.ts";

/** What a question gives when it was not answered. */
export type NoAnswer = "no-input" | "no-match";

export const call = {
  facts: contractCall.facts,
  setLanguage: throwing(contractCall.setLanguage),
  establish: throwing(contractCall.establish),
  /** To the `default` target where none is named; `words` are for the agent alone. */
  transfer: (target: string | null = null, words: string | null = null): void => throwing(contractCall.transfer)(target, words),
  milestone: throwing(contractCall.milestone),
  callAgain: (date: CalendarDate, time: TimeOfDay | null = null): void => throwing(contractCall.callAgain)(date, time),
  outcome: throwing(contractCall.outcome),
};

export const customer = {
  get: throwing(contractCustomer.get),
  all: throwing(contractCustomer.all),
  lookup: throwing(contractCustomer.lookup),
  note: throwing(contractCustomer.note),
  history: throwing(contractCustomer.history),
};

/** What a flow does beyond its call, by name. Input and answer are JSON values. */
export const actions = {
  invoke: (name: string, input: unknown): unknown => JSON.parse(throwing(contractActions.invoke)(name, JSON.stringify(input))),
};

export const speech = {
  say: throwing(contractSpeech.say),
  ask: throwing(contractSpeech.ask),
  drain: throwing(contractSpeech.drain),
  pause: throwing(contractSpeech.pause),
};

export const runtime = contractRuntime;

/** Says a prompt: queues it, and returns at once. */
export function say(prompt: Prompt): void {
  speech.say(prompt);
}

/** Waits until all that is queued was heard, and then for so many milliseconds of silence. */
export function pause(ms: number): void {
  speech.pause(ms);
}

/** Asks a question of the manifest, with further choices that come from data. The functions of `questions` are shorter where there are none. */
export function ask(question: string, parameters: Argument[], choices: Choice[] = []): Answer {
  return speech.ask(question, parameters, choices);
}

/** Sets the disposition and says the last words; the detail is for the record. */
export function end(disposition: string, words: Prompt, detail: string | null = null): void {
  call.outcome(disposition, detail);
  say(words);
}

/** Stores a value with the call's record. */
export function note(name: string, value: string | number | boolean | CalendarDate | TimeOfDay | Money): void {
  customer.note(name, typeof value === "object" ? written(value) : String(value));
}

/** A setting of the manifest; `Invalid` where there is none. */
export function setting(name: string): string {
  const value = runtime.setting(name);
  if (value === null) throw invalid(`\`${name}\` is not set: add it to \`[settings]\` in flow.toml`);
  return value;
}

/** The date of the call now. */
export function today(): CalendarDate {
  return runtime.now().date;
}

/** Goes on in a language. One for which the flow has no prompts changes nothing, and is false. */
export function speakIfPossible(language: string): boolean {
  try {
    call.setLanguage(language);
    return true;
  } catch (error) {
    if (error instanceof Invalid) return false;
    throw error;
  }
}

/** An amount in rupees. */
export function rupees(amount: number): Money {
  return { minor: Math.round(amount * 100), currency: "INR" };
}

/** Less than zero where the first date is earlier, more where it is later. */
export function compareDates(one: CalendarDate, other: CalendarDate): number {
  return one.year - other.year || one.month - other.month || one.day - other.day;
}

/** A date as `2026-12-05`, a time as `18:30`, an amount as `INR 12500.00`. */
export function written(value: CalendarDate | TimeOfDay | Money): string {
  const two = (number: number) => String(number).padStart(2, "0");
  if ("year" in value) return `${String(value.year).padStart(4, "0")}-${two(value.month)}-${two(value.day)}`;
  if ("hour" in value) return `${two(value.hour)}:${two(value.minute)}`;
  return `${value.currency} ${(value.minor / 100).toFixed(2)}`;
}

/** The last digits of an account or a phone number, without what stands between them; none where there are fewer. */
export function lastDigits(text: string, count: number): string | null {
  const digits = text.replace(/[^0-9]/g, "");
  return digits.length < count ? null : digits.slice(digits.length - count);
}

/** Whatever is said: a message of the prompt files, a text, an audio file of the flow's folder. */
function prompt(content: Content): Prompt {
  return { content, language: null, voice: null, interruptible: null };
}

/** A message of the prompt files with its arguments. */
export function template(name: string, parameters: Argument[]): Prompt {
  return prompt({ tag: "template", val: { name, arguments: parameters } });
}

/** A plain text. */
export function text(words: string): Prompt {
  return prompt({ tag: "text", val: words });
}

/** An audio file: `audio/NAME.wav`. */
export function audio(name: string): Prompt {
  return prompt({ tag: "audio", val: name });
}

/** An argument of a message, of the type that its comment declares. */
export function argument(name: string, tag: Exclude<Value["tag"], "other">, val: string | number | Money | CalendarDate | TimeOfDay): Argument {
  return { name, value: { tag, val } as Value };
}

/** One of these choices, or none. */
export function chosen<const C extends string>(choices: readonly C[], answer: Answer): C | NoAnswer {
  const { reply } = answer;
  const choice = reply.tag === "choice" ? choices.find((choice) => choice === reply.val) : undefined;
  return choice ?? (reply.tag === "no-input" ? "no-input" : "no-match");
}

/** The words, digits or value of an answer, or none. */
export function heard<T>(answer: Answer): { value: T } | NoAnswer {
  const { reply } = answer;
  switch (reply.tag) {
    case "text":
    case "keys":
      return { value: reply.val as T };
    case "value":
      return { value: reply.val.val as T };
    case "no-input":
      return "no-input";
    default:
      return "no-match";
  }
}

/** What is read of a record that is complete; one that is not is logged, as it is for the operator to mend. */
export function ifComplete<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Invalid)) throw error;
    contractRuntime.log("error", `the customer's record: ${error.message}`);
    return null;
  }
}

/** The customer's record, field by field. */
export class Fields {
  private constructor(private readonly fields: ReadonlyMap<string, Value>) {}

  /** Reads the record, which has to have fields of these types: `Invalid` names those that it lacks, and never a value. */
  static read(required: Record<string, string>): Fields {
    const record = new Fields(new Map(customer.all()));
    const missing = Object.entries(required).filter(([name, tag]) => record.optional(name, tag) === null);
    if (missing.length > 0) throw invalid(`missing or unreadable: ${missing.map(([name]) => name).join(", ")}`);
    return record;
  }

  required<T>(name: string, tag: string): T {
    const value = this.optional<T>(name, tag);
    if (value === null) throw invalid(`missing or unreadable: ${name}`);
    return value;
  }

  optional<T>(name: string, tag: string): T | null {
    const value = this.fields.get(name);
    return value?.tag === tag ? (value.val as T) : null;
  }
}
