// The EMI reminder, read from top to bottom: greeting, identity, the instalment, the transfer question.
//
// Before the identity is established not one word is said about the loan; the manifest makes the host hold to that as well. A caller who
// hangs up ends the script at the next function: it throws `call-ended`, which goes through `run` to the engine.

import { establish, outcome, transfer } from "ghanti:dialog/call@0.1.0";
import { fields } from "ghanti:dialog/customer@0.1.0";
import { log, now, setting } from "ghanti:dialog/runtime@0.1.0";
import { drain } from "ghanti:dialog/speech@0.1.0";
import type { Description, DialogError, Kind } from "ghanti:dialog/types@0.1.0";
import { isPast, readInstalment } from "./lender-record.ts";
import { LANGUAGES, TEMPLATES } from "./repertoire.ts";
import { type Question, Script } from "./script.ts";

const IDENTITY: Question = {
  name: "identity",
  opening: "greeting",
  choices: {
    "yes": "1", "no": "2", "who": null, "repeat": null, "agent": null, "wrong-person": null, "later": null, "do-not-call": null, "stop": null,
  },
  confirms: true,
  noInputMs: 5_000,
  noInput: ["identity-no-input", "identity-no-input"],
  noMatch: ["identity-no-match", "identity-no-match"],
  askedBack: {
    who: { reply: "who-is-calling", again: "identity-again" },
    repeat: { reply: null, again: "greeting" },
    agent: { reply: "identity-before-agent", again: "identity-again" },
  },
};

const TRANSFER: Question = {
  name: "transfer",
  opening: "transfer-question",
  choices: {
    "yes": "1", "no": "2", "repeat": "3", "agent": "9", "who": null, "wrong-person": null, "later": null, "do-not-call": null, "stop": null,
  },
  confirms: false,
  noInputMs: 7_000,
  noInput: ["transfer-no-input"],
  noMatch: ["transfer-no-match"],
  // how the details are repeated depends on the day
  askedBack: {},
};

/** Says a template to a caller who may stop it by a wish. Silence is no answer here, but consent to go on. */
function spokenTo(template: string): Question {
  const choices = { "agent": "9", "wrong-person": null, "later": null, "do-not-call": null, "stop": null };
  return { name: template, opening: template, choices, confirms: false, noInputMs: 500, noInput: [], noMatch: [], askedBack: {} };
}

export function describe(): Description {
  const templates = Object.entries(TEMPLATES).map(([name, takes]) => ({
    name,
    arguments: Object.entries(takes).map(([argument, tag]): [string, Kind] => [argument, { tag }]),
  }));
  return { name: "emi-reminder-js", version: "0.1.0", languages: [...LANGUAGES], templates };
}

export function run(): void {
  const record = new Map(fields());
  const script = Script.begin(record.get("language") ?? "");
  script.know("caller", { tag: "text", val: needed("caller") });
  script.know("lender", { tag: "text", val: needed("lender") });
  script.know("bot-name", { tag: "text", val: needed("bot-name") });

  const instalment = readInstalment(record);
  if (typeof instalment === "string") {
    log("error", `the customer's record cannot be used, ${instalment}: fix it and call again`);
    return script.end("incomplete-data", instalment, "apology-incomplete-data");
  }
  const details = isPast(instalment.due, now()) ? "emi-details-overdue" : "emi-details";
  script.know("name", { tag: "text", val: instalment.name });
  script.know("loan-digits", { tag: "digits", val: instalment.loanDigits });
  script.know("amount", { tag: "money", val: { minor: instalment.amountPaise, currency: "INR" } });
  script.know("due-date", { tag: "date", val: instalment.due });

  const identity = script.ask(IDENTITY);
  if (identity === "no") return script.end("wrong-person", null, "apology-wrong-person");
  if (identity === "no-input") return script.end("no-answer", "silence at the identity question", "goodbye-no-answer");
  if (ends(script, identity)) return;
  if (identity !== "yes") return script.end("unclear", "at the identity question", "goodbye-unclear");
  establish("identity");

  for (const told of [details, "disclosure"]) {
    const wish = script.ask(spokenTo(told));
    if (wish === "agent") return connect(script);
    if (ends(script, wish)) return;
  }

  const transferQuestion: Question = {
    ...TRANSFER,
    askedBack: { repeat: { reply: details, again: "transfer-question" }, who: { reply: "who-we-are", again: "transfer-question" } },
  };
  let wanted = unlessRefused(() => script.ask(transferQuestion));
  if (wanted === null) {
    // the network has not confirmed that the disclosure was heard: it is said once more
    script.say("disclosure");
    wanted = unlessRefused(() => script.ask(transferQuestion));
  }
  if (wanted === null) return script.end("unclear", "the disclosure is not known to have been heard", "goodbye-unclear");
  if (wanted === "no") return script.end("declined", null, "goodbye-declined");
  if (wanted === "no-input") return script.end("no-answer", "silence at the transfer question", "goodbye-no-answer");
  if (ends(script, wanted)) return;
  if (wanted === "no-match" && setting("unclear") === "goodbye") return unclear(script);
  connect(script);
}

/** Ends the call where the caller's wish does so at any question. */
function ends(script: Script, answer: string): boolean {
  if (answer === "wrong-person") script.end("wrong-person", null, "apology-wrong-person");
  else if (answer === "later") script.end("call-later", null, "goodbye-call-later");
  else if (answer === "do-not-call") script.end("do-not-call", null, "goodbye-do-not-call");
  else if (answer === "stop") script.end("declined", null, "goodbye-declined");
  else return false;
  return true;
}

/** Sends the caller to an agent, as far as the engine lets the flow: nobody is connected whose answer was not understood and who may be anyone. */
function connect(script: Script): void {
  const decided = unlessRefused(() => {
    transfer(null);
    return true;
  });
  if (decided === null) return unclear(script);
  script.say("please-wait");
  drain();
  outcome("transferred", null);
}

function unclear(script: Script): void {
  script.end("unclear", "at the transfer question", "goodbye-unclear");
}

/** What an action gives; nothing where a rule of the manifest, or the engine, refuses it. */
function unlessRefused<T>(action: () => T): T | null {
  try {
    return action();
  } catch (error) {
    if (refused(error)) return null;
    throw error;
  }
}

/** The contract's errors are thrown as they are, or as the payload of the toolchain's own error. */
function refused(error: unknown): boolean {
  const thrown = error as { tag?: unknown; payload?: { tag?: unknown } } | null;
  return thrown?.tag === "refused" || thrown?.payload?.tag === "refused";
}

function needed(name: string): string {
  const value = setting(name);
  if (value !== null) return value;
  const error: DialogError = { tag: "invalid", val: `\`${name}\` is not set: add it to \`[settings]\` in flow.toml` };
  throw error;
}
