// Times that run by the server's clock.

import { computed, signal } from "@preact/signals";
import { linking, serverNow } from "./app";
import type { Challenge } from "./ipc/bridge";

let timer: ReturnType<typeof setInterval> | undefined;

/** A new object every second, while something on the screen reads it. */
const tick = signal({}, {
  watched() {
    timer = setInterval(() => {
      tick.value = {};
    }, 1000);
  },
  unwatched() {
    clearInterval(timer);
  },
});

/** Whole seconds until `time`, never below 0. */
export function secondsUntil(time: string): number {
  void tick.value;
  return Math.max(0, Math.ceil((Date.parse(time) - serverNow()) / 1000));
}

/** Whole seconds left of a wait that began at `from` (serverNow()), never below 0. */
export function secondsLeft(from: number, seconds: number): number {
  void tick.value;
  return Math.max(0, Math.ceil(seconds - (serverNow() - from) / 1000));
}

/** Whole seconds since `time`. */
export function secondsSince(time: string): number {
  void tick.value;
  return Math.floor((serverNow() - Date.parse(time)) / 1000);
}

/** No mail arrives, whoever's fault that is. */
export const isUndelivered = ({ delivery }: Challenge): boolean => delivery === "bounced" || delivery === "failed";

/** The challenge whose mail is on its way or has arrived, and whose code can be entered. */
export const awaitedCode = computed<Challenge | null>(() => {
  const { challenge, problem } = linking.value ?? {};
  if (!challenge || problem || challenge.attemptsLeft === 0 || isUndelivered(challenge)) return null;
  return secondsUntil(challenge.expiresAt) > 0 ? challenge : null;
});

/** `mm:ss`, and from an hour `h:mm:ss`. */
export function formatCountdown(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const parts = [minutes, seconds % 60].map((part) => String(part).padStart(2, "0"));
  return (hours > 0 ? [hours, ...parts] : parts).join(":");
}

/** Seconds left at which a screen reader announces the time: the end, 1, 5 and 10 minutes. */
const ANNOUNCE_AT = [0, 60, 300, 600];

/** The mark to announce between two readings. After a sleep over several it is the nearest. */
export const crossedMark = (before: number, after: number): number | undefined =>
  ANNOUNCE_AT.find((mark) => before > mark && after <= mark);
