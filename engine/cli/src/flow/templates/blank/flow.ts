// A greeting, and one question.

import { customer, prompts, questions } from "generated";
import { end } from "ghanti-flow";

export function run(): void {
  const who = customer();
  if (who === null) return end("incomplete-data", prompts.cannotGoOn());
  switch (questions.greeting({ name: who.name })) {
    case "yes":
      return end("good-time", prompts.thanks());
    case "no":
      return end("bad-time", prompts.goodbye());
    case "no-input":
    case "no-match":
      return end("no-answer", prompts.goodbye());
  }
}
