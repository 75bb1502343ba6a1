// Runs a conversation for the contract: its exceptions become the contract's errors, and those that the author has to see are told with file and
// line of the source.

import { log } from "ghanti:dialog/runtime@0.1.0";
import { errorOf } from "./errors.ts";

declare global {
  /** For each line of the bundle the source that it comes from, as `ghanti flow build` appends them. */
  var ghantiSources: { files: string[]; lines: [file: number, line: number][] } | undefined;
}

export function conversation(run: () => void): void {
  try {
    run();
  } catch (thrown) {
    const error = errorOf(thrown);
    if (error?.tag !== "call-ended") log("error", told(thrown));
    throw error ?? thrown;
  }
}

function told(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `${JSON.stringify(thrown)} was thrown, which has no place: throw an Error, as in throw new Error("…")`;
  return `${thrown.name}: ${thrown.message}\n${mapped(thrown.stack ?? "")}`.trimEnd();
}

/** A stack in the lines of the sources; what is not the author's is left out where there is enough else. */
function mapped(stack: string): string {
  const sources = globalThis.ghantiSources;
  if (sources === undefined) return stack;
  const lines = stack.split("\n").filter((line) => line.trim() !== "");
  const places = lines.map((line) =>
    line.replace(/\(?[^\s()]*?:(\d+)(?::\d+)?\)?\s*$/, (place, number) => {
      const [file, at] = sources.lines[Number(number) - 1] ?? [];
      return file === undefined || file < 0 ? place : `(${sources.files[file]}:${at})`;
    }),
  );
  const own = places.filter((place) => !place.includes(".ghanti/"));
  return (own.length > 0 ? own : places).join("\n");
}
