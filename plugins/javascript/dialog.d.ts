// The contract of wit/dialog.wit as componentize-qjs shows it to TypeScript: `none` is null, a 64-bit number is a number, and a function whose
// result is an error throws it as it stands. wit/dialog.wit documents each item.

declare module "ghanti:dialog/types@0.1.0" {
  export type Language = string;
  export type DialogError =
    | { tag: "call-ended" }
    | { tag: "refused"; val: Refusal }
    | { tag: "invalid" | "unavailable" | "limit" | "other"; val: string };
  export interface Refusal { subject: string; missing: string[]; reason: string }
  export interface CalendarDate { year: number; month: number; day: number }
  export interface TimeOfDay { hour: number; minute: number }
  export interface Money { minor: number; currency: string }
  export type Value =
    | { tag: "text" | "digits" | "other"; val: string }
    | { tag: "integer"; val: number }
    | { tag: "money"; val: Money }
    | { tag: "date"; val: CalendarDate }
    | { tag: "time"; val: TimeOfDay };
  export interface Argument { name: string; value: Value }
  export interface Template { name: string; arguments: Argument[] }
  export type Content = { tag: "text" | "audio" | "other"; val: string } | { tag: "template"; val: Template };
  export interface Prompt { content: Content; language: Language | null; voice: string | null; interruptible: boolean | null }
  export type Extent = "whole" | "partial" | "unheard";
  export interface Playout { prompt: number; template: string; heard: Extent; heardMs: number }
  export interface Description { name: string; version: string }
}

declare module "ghanti:dialog/call@0.1.0" {
  import type { CalendarDate, Language, TimeOfDay } from "ghanti:dialog/types@0.1.0";
  export type Direction = { tag: "inbound" | "outbound" } | { tag: "other"; val: string };
  export interface CallFacts {
    callId: string;
    direction: Direction;
    customerNumber: string;
    lineNumber: string;
    language: Language;
    parameters: [string, string][];
  }
  export function facts(): CallFacts;
  export function setLanguage(language: Language): void;
  export function establish(name: string): void;
  export function transfer(target: string | null, words: string | null): void;
  export function milestone(name: string): void;
  export function callAgain(date: CalendarDate, time: TimeOfDay | null): void;
  export function outcome(disposition: string, detail: string | null): void;
}

declare module "ghanti:dialog/customer@0.1.0" {
  import type { CalendarDate, TimeOfDay, Value } from "ghanti:dialog/types@0.1.0";
  export interface EarlierCall {
    date: CalendarDate;
    time: TimeOfDay;
    flow: string;
    outcome: string;
    established: string[];
    notes: [string, string][];
    more: [string, Value][];
  }
  export function get(name: string): Value | null;
  export function all(): [string, Value][];
  export function lookup(key: string): string | null;
  export function note(name: string, value: string): void;
  export function history(most: number): EarlierCall[];
}

declare module "ghanti:dialog/actions@0.1.0" {
  /** `input` and the answer are JSON. */
  export function invoke(name: string, input: string): string;
}

declare module "ghanti:dialog/speech@0.1.0" {
  import type { Argument, Language, Playout, Prompt, Value } from "ghanti:dialog/types@0.1.0";
  export interface Phrases { language: Language; words: string[] }
  export interface Choice { id: string; phrases: Phrases[]; key: string | null }
  export type Reply = { tag: "choice" | "text" | "keys" | "other"; val: string } | { tag: "value"; val: Value } | { tag: "no-input" | "no-match" };
  export interface Answer {
    reply: Reply;
    confidence: number;
    language: Language | null;
    transcript: string | null;
    attempts: number;
    playouts: Playout[];
  }
  export function say(prompt: Prompt): number;
  export function ask(question: string, args: Argument[], choices: Choice[]): Answer;
  export function drain(): Playout[];
  export function pause(ms: number): void;
}

declare module "ghanti:dialog/runtime@0.1.0" {
  import type { CalendarDate, TimeOfDay } from "ghanti:dialog/types@0.1.0";
  export interface Instant { unixMs: number; offsetMinutes: number; date: CalendarDate; time: TimeOfDay }
  export type Level = "debug" | "info" | "warn" | "error";
  export function now(): Instant;
  export function random(): number;
  export function log(level: Level, message: string): void;
  export function setting(name: string): string | null;
}
