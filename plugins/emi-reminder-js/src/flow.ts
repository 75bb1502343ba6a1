// The EMI reminder, read from top to bottom: greeting, identity, the instalment, the transfer question.
//
// What is said is in prompts/, what is asked in flow.toml. Before the identity is established not one word is said about the loan; the manifest
// makes the host hold to that as well. A caller who hangs up ends the script at the next function: it throws `call-ended`, which goes through
// `run` to the engine.

import { establish, outcome, setLanguage, transfer } from "ghanti:dialog/call@0.1.0";
import { all } from "ghanti:dialog/customer@0.1.0";
import { log, now, setting } from "ghanti:dialog/runtime@0.1.0";
import * as speech from "ghanti:dialog/speech@0.1.0";
import type { Argument, CalendarDate, Description, DialogError, Value } from "ghanti:dialog/types@0.1.0";

/** How often the details are repeated at the transfer question. */
const REPEATED_AT_MOST = 3;

/** What templates may say. */
const known: Argument[] = [];

export function describe(): Description {
  return { name: "emi-reminder-js", version: "0.1.0" };
}

export function run(): void {
  for (const name of ["caller", "lender", "bot-name"]) know(name, { tag: "text", val: needed(name) });
  const record = new Map(all());
  const language = record.get("language");
  // in a language without prompts the call goes on in the default one
  if (language?.tag === "text") unless("invalid", () => setLanguage(language.val));

  const due = knowInstalment(record);
  if (typeof due === "string") {
    log("error", `the customer's record cannot be used, ${due}: fix it and call again`);
    return end("incomplete-data", due, "apology-incomplete-data");
  }
  const details = order(due) < order(now().date) ? "emi-details-overdue" : "emi-details";

  const identity = ask("identity");
  if (identity === "no") return end("wrong-person", null, "apology-wrong-person");
  if (identity === "no-input") return end("no-answer", "silence at the identity question", "goodbye-no-answer");
  if (ends(identity)) return;
  if (identity !== "yes") return end("unclear", "at the identity question", "goodbye-unclear");
  establish("identity");

  // silence is no answer to these, but consent to go on
  for (const question of [details, "disclosure"]) {
    const wish = ask(question);
    if (wish === "agent") return connect();
    if (ends(wish)) return;
  }

  let wanted = unless("refused", () => askTransfer(details));
  if (wanted === null) {
    // the network has not confirmed that the disclosure was heard: it is said once more
    say("disclosure");
    wanted = unless("refused", () => askTransfer(details));
  }
  if (wanted === null) return end("unclear", "the disclosure is not known to have been heard", "goodbye-unclear");
  if (wanted === "no") return end("declined", null, "goodbye-declined");
  if (wanted === "no-input") return end("no-answer", "silence at the transfer question", "goodbye-no-answer");
  if (ends(wanted)) return;
  if (wanted === "no-match" && setting("unclear") === "goodbye") return unclear();
  connect();
}

function know(name: string, value: Value): void {
  known.push({ name, value });
  // in the order of generated functions, so that journals of all three can be compared
  known.sort((one, other) => (one.name < other.name ? -1 : 1));
}

function say(template: string): void {
  const content = { tag: "template", val: { name: template, arguments: known } } as const;
  speech.say({ content, language: null, voice: null, interruptible: null });
}

/** Asks a question of the manifest. What comes is a choice's name, `no-input` or `no-match`. */
function ask(question: string): string {
  const { reply } = speech.ask(question, known, []);
  if (reply.tag === "choice") return reply.val;
  return reply.tag === "no-input" ? "no-input" : "no-match";
}

/** Asks whether an agent shall help, and repeats the details to who wants to hear them again. */
function askTransfer(details: string): string {
  for (let repeated = 0; repeated < REPEATED_AT_MOST; repeated++) {
    const answer = ask("transfer");
    if (answer !== "repeat") return answer;
    say(details);
  }
  const answer = ask("transfer");
  return answer === "repeat" ? "no-match" : answer;
}

/** Sets the disposition and says the last words. */
function end(disposition: string, detail: string | null, template: string): void {
  outcome(disposition, detail);
  say(template);
}

/** Ends the call where the caller's wish does so at any question. */
function ends(answer: string): boolean {
  if (answer === "wrong-person") end("wrong-person", null, "apology-wrong-person");
  else if (answer === "later") end("call-later", null, "goodbye-call-later");
  else if (answer === "do-not-call") end("do-not-call", null, "goodbye-do-not-call");
  else if (answer === "stop") end("declined", null, "goodbye-declined");
  else return false;
  return true;
}

/** Sends the caller to an agent, as far as the engine lets the flow: nobody is connected whose answer was not understood and who may be anyone. */
function connect(): void {
  const decided = unless("refused", () => {
    transfer(null, null);
    return true;
  });
  if (decided === null) return unclear();
  say("please-wait");
  speech.drain();
  outcome("transferred", null);
}

function unclear(): void {
  end("unclear", "at the transfer question", "goodbye-unclear");
}

/**
 * Takes what the templates say from the customer's record, and returns the day the instalment is due; or says which fields are missing or
 * unreadable, by name, because values are personal.
 */
function knowInstalment(record: ReadonlyMap<string, Value>): CalendarDate | string {
  const [name, loan, amount, due] = ["name", "loan", "amount", "due-date"].map((field) => record.get(field));
  const digits = loan?.tag === "text" ? lastFour(loan.val) : null;
  if (name?.tag === "text" && digits !== null && amount?.tag === "money" && due?.tag === "date") {
    know("name", name);
    know("loan-digits", { tag: "digits", val: digits });
    know("amount", amount);
    know("due-date", due);
    return due.val;
  }
  const found = { name, loan: digits, amount, "due-date": due };
  const lacking = Object.entries(found).filter(([, value]) => value === null || value === undefined).map(([field]) => field);
  return `missing or unreadable: ${lacking.join(", ")}`;
}

/** The last four of a loan account's digits. */
function lastFour(account: string): string | null {
  const digits = account.replace(/[^0-9]/g, "");
  return digits.length < 4 ? null : digits.slice(-4);
}

function order(date: CalendarDate): number {
  return (date.year * 100 + date.month) * 100 + date.day;
}

/** What an action gives; nothing where the engine returns this error. */
function unless<T>(tag: DialogError["tag"], action: () => T): T | null {
  try {
    return action();
  } catch (error) {
    // the contract's errors are thrown as they are, or as the payload of the toolchain's own error
    const thrown = error as { tag?: unknown; payload?: { tag?: unknown } } | null;
    if (thrown?.tag === tag || thrown?.payload?.tag === tag) return null;
    throw error;
  }
}

function needed(name: string): string {
  const value = setting(name);
  if (value !== null) return value;
  const error: DialogError = { tag: "invalid", val: `\`${name}\` is not set: add it to \`[settings]\` in flow.toml` };
  throw error;
}
