// A survey: a rating, whether the customer recommends the company, and what went wrong where they are not satisfied.

import { customer, prompts, questions, settings } from "generated";
import { end, note } from "ghanti-flow";

/** A rating below this is followed by the question what went wrong. */
const SATISFIED = 3;

export function run(): void {
  const who = customer();
  if (who === null) return end("incomplete-data", prompts.cannotGoOn());
  const { name, service } = who;
  switch (questions.mayWeAsk({ company: settings.company(), name, service })) {
    case "yes":
      return ask();
    case "later":
      return end("call-later", prompts.goodbyeLater());
    case "no":
      return end("declined", prompts.goodbye());
    case "no-input":
    case "no-match":
      return end("no-answer", prompts.goodbye());
  }
}

function ask(): void {
  const rating = questions.rating();
  if (typeof rating === "string") return end("incomplete", prompts.thanks());
  note("rating", rating.value);
  if (rating.value < SATISFIED) {
    const complaint = questions.complaint();
    if (typeof complaint === "object") note("complaint", complaint.value);
    return end("complaint", prompts.thanksForComplaint());
  }
  const recommends = questions.recommends();
  if (recommends === "yes" || recommends === "no") note("recommends", recommends === "yes");
  end("answered", prompts.thanks());
}
