// The EMI reminder, read from top to bottom: greeting, identity, the instalment, the transfer question.
//
// Before the identity is established not one word is said about the loan; the manifest makes the host hold to that as well. A caller who
// hangs up ends the script at the next function: it throws `call-ended`, which goes through `run` to the engine.

import { establish, outcome, transfer } from "samvaad:dialog/call@0.1.0";
import { fields } from "samvaad:dialog/customer@0.1.0";
import { log, now, setting } from "samvaad:dialog/runtime@0.1.0";
import { drain } from "samvaad:dialog/speech@0.1.0";
import type { Description, DialogError, Kind } from "samvaad:dialog/types@0.1.0";
import { isPast, readInstalment } from "./lender-record.ts";
import { LANGUAGES, TEMPLATES } from "./repertoire.ts";
import { type Question, Script } from "./script.ts";

const IDENTITY: Question = {
  name: "identity",
  opening: "greeting",
  choices: { "yes": "1", "no": "2", "wrong-person": null, "who": null, "later": null },
  noInputMs: 5_000,
  noInput: ["identity-no-input", "identity-no-input"],
  noMatch: ["identity-no-match", "identity-no-match"],
  askedBack: { choice: "who", reply: "who-is-calling", again: "identity-again" },
};

const TRANSFER: Question = {
  name: "transfer",
  opening: "transfer-question",
  choices: { "yes": "1", "no": "2", "repeat": "3", "agent": "9" },
  noInputMs: 7_000,
  noInput: ["transfer-no-input"],
  noMatch: ["transfer-no-match"],
  askedBack: { choice: "repeat", reply: "emi-details", again: "transfer-question" },
};

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
    log("error", `the customer's record cannot be used, ${instalment}: mend it and call again`);
    return script.end("incomplete-data", instalment, "apology-incomplete-data");
  }
  const details = isPast(instalment.due, now()) ? "emi-details-overdue" : "emi-details";
  script.know("name", { tag: "text", val: instalment.name });
  script.know("loan-digits", { tag: "digits", val: instalment.loanDigits });
  script.know("amount", { tag: "money", val: { minor: instalment.amountPaise, currency: "INR" } });
  script.know("due-date", { tag: "date", val: instalment.due });

  switch (script.ask(IDENTITY)) {
    case "yes":
      establish("identity");
      break;
    case "no":
    case "wrong-person":
      return script.end("wrong-person", null, "apology-wrong-person");
    case "later":
      return script.end("call-later", null, "goodbye-call-later");
    case "no-input":
      return script.end("no-answer", "silence at the identity question", "goodbye-no-answer");
    default:
      return script.end("unclear", "at the identity question", "goodbye-unclear");
  }

  script.say(details);
  script.say("disclosure");

  const wanted = script.ask({ ...TRANSFER, askedBack: { ...TRANSFER.askedBack, reply: details } });
  if (wanted === "no") return script.end("declined", null, "goodbye-declined");
  if (wanted === "no-input") return script.end("no-answer", "silence at the transfer question", "goodbye-no-answer");
  if (wanted === "no-match" && setting("unclear") === "goodbye") {
    return script.end("unclear", "at the transfer question", "goodbye-unclear");
  }

  script.say("please-wait");
  drain();
  transfer(null);
  outcome("transferred", null);
}

function needed(name: string): string {
  const value = setting(name);
  if (value !== null) return value;
  const error: DialogError = { tag: "invalid", val: `\`${name}\` is not set: add it to \`[settings]\` in flow.toml` };
  throw error;
}
