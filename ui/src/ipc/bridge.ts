// The interface to Rust. Only src/ipc imports @tauri-apps, so the gallery and the tests can replace it.

import { listen } from "@tauri-apps/api/event";
import * as commands from "./generated/commands";
import type { Problem, View } from "./generated/types";

export type * from "./generated/types";

/** The commands, and the event for changes that no command of this page caused. */
export type Bridge = typeof commands & {
  onChanged(handler: (view: View) => void): Promise<unknown>;
};

export const tauri: Bridge = {
  ...commands,
  onChanged: (handler) => listen<View>("changed", (event) => handler(event.payload)),
};

/** What a rejected command carries. Anything but a Problem (a panic, a missing permission) is `unexpected`. */
export const problemOf = (thrown: unknown): Problem =>
  typeof thrown === "object" && thrown !== null && typeof (thrown as { code?: unknown }).code === "string"
    ? (thrown as Problem)
    : { code: "unexpected", retryable: false };
