// A greeting, and one question.

import { customer, prompts, questions } from "generated";
import { end } from "ghanti-flow";

export function run(): void {
  switch (questions.greeting({ name: customer().name })) {
    case "yes":
      return end("good-time", prompts.thanks());
    case "no":
      return end("bad-time", prompts.goodbye());
    case "no-input":
    case "no-match":
      return end("no-answer", prompts.goodbye());
  }
}
