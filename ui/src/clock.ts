// Times that run: counted on the server's clock, drawn once a second, spoken seldom.

import { signal } from "@preact/signals";
import { serverNow } from "./app";

let timer: ReturnType<typeof setInterval> | undefined;

/** Changes every second while something on the screen reads it. */
const beat = signal(0, {
  watched() {
    timer = setInterval(() => {
      beat.value += 1;
    }, 1000);
  },
  unwatched() {
    clearInterval(timer);
  },
});

/** Whole seconds until then, by the server's clock; never below 0. */
export function secondsUntil(time: string): number {
  void beat.value;
  return Math.max(0, Math.ceil((Date.parse(time) - serverNow()) / 1000));
}

/** Whole seconds of a wait that began at `from` (performance.now()). */
export function secondsLeft(from: number, seconds: number): number {
  void beat.value;
  return Math.max(0, Math.ceil(seconds - (performance.now() - from) / 1000));
}

/** Whole seconds since then, by the server's clock. */
export function secondsSince(time: string): number {
  void beat.value;
  return Math.floor((serverNow() - Date.parse(time)) / 1000);
}

/** `mm:ss`, as a kitchen clock: 29:05. */
export const clockText = (seconds: number): string =>
  `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;

const SPOKEN = [0, 60, 300, 600];

/** The moment worth saying aloud that was passed between two readings: 10, 5 and 1 minutes left, and the end. */
export const spokenBetween = (before: number, after: number): number | undefined =>
  SPOKEN.find((mark) => before > mark && after <= mark);
