// The contract's errors as exceptions. Nobody has to catch them: after the call has ended every function throws `CallEnded`, which ends `run`.

import type { DialogError } from "ghanti:dialog/types@0.1.0";

/** A function could not do what it was asked. */
export class FlowError extends Error {
  constructor(
    readonly error: DialogError,
    message: string,
  ) {
    super(message);
    this.name = new.target.name;
  }
}

/** The call is over. */
export class CallEnded extends FlowError {}

/** The manifest forbids this now: `missing` has what must be established or heard first. */
export class Refused extends FlowError {
  readonly subject: string;
  readonly missing: string[];
  constructor(error: DialogError & { tag: "refused" }) {
    super(error, error.val.reason);
    this.subject = error.val.subject;
    this.missing = error.val.missing;
  }
}

/** An argument is unusable; the message names it. */
export class Invalid extends FlowError {}

/** A service of the engine did not answer in time. */
export class Unavailable extends FlowError {}

/** A limit of the manifest was reached. */
export class LimitReached extends FlowError {}

/** The contract's error in what was thrown; nothing where it is an error of the script's own. */
export function errorOf(thrown: unknown): DialogError | null {
  if (thrown instanceof FlowError) return thrown.error;
  // the toolchain throws the contract's errors as they are, or as the payload of its own error
  const raw = thrown as { tag?: unknown; payload?: { tag?: unknown } } | null;
  const found = typeof raw?.tag === "string" ? raw : raw?.payload;
  return typeof found?.tag === "string" ? (found as DialogError) : null;
}

function exception(thrown: unknown): unknown {
  const error = errorOf(thrown);
  switch (error?.tag) {
    case "call-ended":
      return new CallEnded(error, "the call has ended");
    case "refused":
      return new Refused(error as DialogError & { tag: "refused" });
    case "invalid":
      return new Invalid(error, error.val);
    case "unavailable":
      return new Unavailable(error, error.val);
    case "limit":
      return new LimitReached(error, error.val);
    case "other":
      return new FlowError(error, error.val);
    default:
      return thrown;
  }
}

/** The same function, which throws exceptions of this module. */
export function throwing<A extends unknown[], R>(contract: (...parameters: A) => R): (...parameters: A) => R {
  return (...parameters) => {
    try {
      return contract(...parameters);
    } catch (thrown) {
      throw exception(thrown);
    }
  };
}

/** An `Invalid` of the flow's own. */
export function invalid(message: string): Invalid {
  return new Invalid({ tag: "invalid", val: message }, message);
}
