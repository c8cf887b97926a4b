// The clipboard, read only on a tap that asks for it.

import { signal } from "@preact/signals";

/** Whether it is worth offering. A platform that says no here, or on the first tap, is not asked again. */
export const mayPaste = signal(typeof navigator !== "undefined" && typeof navigator.clipboard?.readText === "function");

if (mayPaste.peek()) {
  // Not every web view knows the question; then the tap finds out.
  navigator.permissions?.query({ name: "clipboard-read" as PermissionName }).then(
    ({ state }) => {
      if (state === "denied") mayPaste.value = false;
    },
    () => {},
  );
}

/** What was copied; null if the platform keeps it to itself. */
export async function readClipboard(): Promise<string | null> {
  try {
    return await navigator.clipboard.readText();
  } catch {
    mayPaste.value = false;
    return null;
  }
}
