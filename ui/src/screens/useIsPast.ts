import { useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { secondsSince } from "../clock";

/** Whether `seconds` have passed since `time`. Redraws when that changes, and not every second. */
export function useIsPast(time: string | undefined, seconds = 0): boolean {
  const from = useSignal(time);
  useLayoutEffect(() => {
    from.value = time;
  }, [from, time]);
  return useComputed(() => from.value !== undefined && secondsSince(from.value) >= seconds).value;
}
