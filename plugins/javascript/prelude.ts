// What scripts expect around them and QuickJS in a flow lacks, by the contract's own functions. Bundled before every flow.

import { log, random, type Level } from "ghanti:dialog/runtime@0.1.0";

declare global {
  var console: Record<"debug" | "info" | "log" | "warn" | "error", (...parts: unknown[]) => void>;
}

// QuickJS seeds its generator when the component is built: every call would draw the same numbers.
Math.random = () => Math.min(random() / 2 ** 64, 1 - Number.EPSILON);

const line = (parts: unknown[]) => parts.map((part) => (typeof part === "object" ? JSON.stringify(part) : String(part))).join(" ");
const logger = (level: Level) => (...parts: unknown[]) => log(level, line(parts));

globalThis.console = { debug: logger("debug"), info: logger("info"), log: logger("info"), warn: logger("warn"), error: logger("error") };
