// Speaks by templates and asks by choices: what a conversation needs beyond the contract's own functions.

import { outcome, setLanguage } from "ghanti:dialog/call@0.1.0";
import { ask, say } from "ghanti:dialog/speech@0.1.0";
import type { Prompt, Value } from "ghanti:dialog/types@0.1.0";
import { LANGUAGES, TEMPLATES } from "./repertoire.ts";

/** A closed question, by its templates. */
export interface Question {
  /** Its name in the journal. */
  name: string;
  /** The template that asks. */
  opening: string;
  /** Each a lexicon of the engine, whose name is the answer's as well, with the key that means the same. */
  choices: Record<string, string | null>;
  /** Whether a `yes` has to confirm what was asked: "okay" and "tell me" do not. */
  confirms: boolean;
  noInputMs: number;
  /** Templates after the first, second, … silence. */
  noInput: string[];
  /** Templates after the first, second, … answer not understood. */
  noMatch: string[];
  /** By each choice that asks back: the template that answers it (none where asking again is answer enough), and the one that asks again. */
  askedBack: Record<string, { reply: string | null; again: string }>;
}

/** So often a caller who asks back is answered; then it is a `no-match`. */
const ANSWERED_AT_MOST = 3;

/** Speaks the call's language, and knows what templates may tell. */
export class Script {
  private readonly known = new Map<string, Value>();

  private constructor(private language: string) {}

  /** Begins in the wanted language, or in the default where there are no prompts for it. */
  static begin(wanted: string): Script {
    const language = LANGUAGES.find((spoken) => spoken === wanted) ?? LANGUAGES[0] ?? wanted;
    setLanguage(language);
    return new Script(language);
  }

  /** From now on templates may tell this. */
  know(argument: string, value: Value): void {
    this.known.set(argument, value);
  }

  say(template: string): void {
    say(this.prompt(template));
  }

  /** Sets the disposition and says the last words. */
  end(disposition: string, detail: string | null, template: string): void {
    outcome(disposition, detail);
    this.say(template);
  }

  /** Asks, and answers a caller who asks back. What comes is a choice's name, `no-input` or `no-match`. */
  ask(question: Question): string {
    let answer = this.askOnce(question, question.opening);
    for (let answered = 0; answered < ANSWERED_AT_MOST; answered++) {
      const asksBack = question.askedBack[answer];
      if (asksBack === undefined) return answer;
      if (asksBack.reply !== null) this.say(asksBack.reply);
      answer = this.askOnce(question, asksBack.again);
    }
    return answer in question.askedBack ? "no-match" : answer;
  }

  private askOnce(question: Question, opening: string): string {
    const lexicon = (id: string) => (question.confirms && id === "yes" ? "confirm" : id);
    const prompts = (templates: string[]) => templates.map((template) => this.prompt(template));
    const answer = ask({
      name: question.name,
      prompt: this.prompt(opening),
      choices: Object.entries(question.choices).map(([id, key]) => ({ id, lexicon: lexicon(id), phrases: [], key })),
      noInputMs: question.noInputMs,
      noInput: prompts(question.noInput),
      noMatch: prompts(question.noMatch),
    });
    this.follow(answer.language);
    if (answer.reply.tag === "choice") return answer.reply.val;
    return answer.reply.tag === "no-input" ? "no-input" : "no-match";
  }

  /** Goes on in the language of an answer where there are prompts for it, and says so. */
  private follow(heard: string | null): void {
    if (heard === null || heard === this.language || !LANGUAGES.includes(heard)) return;
    setLanguage(heard);
    this.language = heard;
    this.say("language-changed");
  }

  /** A template with just the arguments it takes. */
  private prompt(template: string): Prompt {
    const takes = TEMPLATES[template] ?? {};
    const given = [...this.known].filter(([name]) => name in takes).map(([name, value]) => ({ name, value }));
    return { content: { tag: "template", val: { name: template, arguments: given } }, language: null, voice: null, interruptible: null };
  }
}
