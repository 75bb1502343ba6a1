// A payment is due: who is speaking, what is due, on which day it will be paid, and an agent for who cannot say.

import { customer, prompts, questions, settings } from "generated";
import { call, end, note, say, speakIfPossible } from "ghanti-flow";

export function run(): void {
  const who = customer();
  if (who === null) return end("incomplete-data", prompts.cannotGoOn());
  const { name, amount, dueDate, language } = who;
  if (language !== null) speakIfPossible(language);
  switch (questions.identity({ name })) {
    case "no":
      return end("wrong-person", prompts.wrongPerson());
    case "no-input":
    case "no-match":
      return end("no-answer", prompts.goodbyeNoAnswer());
    case "yes":
      call.establish("identity");
  }
  say(prompts.details({ amount, company: settings.company(), dueDate }));
  const day = questions.payDay();
  if (day === "no-input") return end("no-answer", prompts.goodbyeNoAnswer());
  if (day === "no-match") return offerAnAgent();
  note("promise", day.value);
  end("promised", prompts.promised({ day: day.value }));
}

function offerAnAgent(): void {
  if (questions.agent() !== "yes") return end("no-promise", prompts.goodbye());
  call.transfer();
  end("transferred", prompts.pleaseWait());
}
