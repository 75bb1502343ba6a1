// An appointment: confirmed with the code that was sent to the customer, or cancelled with a reason.

import { customer, prompts, questions, settings, type Customer } from "generated";
import { call, end, note, say } from "ghanti-flow";

export function run(): void {
  const who = customer();
  if (who === null) return end("incomplete-data", prompts.cannotGoOn());
  const { name, day, code } = who;
  switch (questions.attends({ clinic: settings.clinic(), day, name })) {
    case "yes":
      return confirm({ code, day });
    case "no":
      return cancel();
    case "later":
      return end("call-later", prompts.goodbyeLater());
    case "no-input":
    case "no-match":
      return end("no-answer", prompts.goodbyeNoAnswer());
  }
}

function confirm({ code, day }: Pick<Customer, "code" | "day">): void {
  call.establish("consent");
  for (let tries = 0; tries < 2; tries++) {
    const keyed = questions.code();
    if (keyed === "no-input") break;
    if (keyed !== "no-match" && keyed.value === code) return end("confirmed", prompts.confirmed({ day }));
    say(prompts.codeIsWrong());
  }
  end("not-confirmed", prompts.notConfirmed());
}

function cancel(): void {
  const reason = questions.reason();
  if (typeof reason === "object") note("reason", reason.value);
  end("cancelled", prompts.cancelled());
}
