// A survey after a service: two questions, and what should be better in the customer's own words, which a language model sorts.

import { customer, prompts, questions, settings, type Customer } from "generated";
import { actions, call, end, note, say, Unavailable } from "ghanti-flow";

export function run(): void {
  const who = customer();
  if (who === null) return end("incomplete-data", prompts.cannotGoOn());
  switch (questions.identity({ company: settings.company(), name: who.name })) {
    case "yes":
      call.establish("identity");
      return ask(who);
    case "no":
      return end("wrong-person", prompts.wrongPerson());
    case "later":
      return end("call-later", prompts.goodbyeLater());
    case "no-input":
    case "no-match":
      return end("no-answer", prompts.goodbyeNoAnswer());
  }
}

function ask({ bill, service }: Customer): void {
  const rating = questions.rating({ bill, service });
  if (typeof rating === "string") return end("incomplete", prompts.thanks());
  note("rating", rating.value);
  const recommends = questions.recommends();
  if (recommends === "yes" || recommends === "no") note("recommends", recommends);
  const better = questions.better();
  if (typeof better === "string") return end("answered", prompts.thanks());
  note("better", better.value);
  say(prompts.oneMoment());
  // the answer is a stranger's: whatever it says, the manifest lets none of it be heard before the identity is established
  const { topic, callback } = sortedByModel(better.value) ?? {};
  if (typeof topic !== "string" || typeof callback !== "boolean") return end("answered", prompts.thanks());
  note("topic", topic);
  note("callback", callback ? "yes" : "no");
  say(prompts.noted({ topic }));
  end("answered", callback ? prompts.thanksAndCallback() : prompts.thanks());
}

/** What the operator's model makes of a complaint; nothing where there is none, or it does not answer. */
function sortedByModel(words: string): { topic?: unknown; callback?: unknown } | null {
  try {
    return actions.invoke("sort-complaint", { words }) as { topic?: unknown; callback?: unknown } | null;
  } catch (error) {
    if (error instanceof Unavailable) return null;
    throw error;
  }
}
