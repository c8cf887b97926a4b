import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

/** iOS draws its keyboard over the page and tells only the visual viewport. Elsewhere the page itself gets shorter. */
function measureKeyboard(): void {
  const visible = window.visualViewport;
  if (!visible) return;
  const covered = visible.scale > 1 ? 0 : Math.max(0, innerHeight - visible.height - visible.offsetTop);
  document.documentElement.style.setProperty("--keyboard", `${Math.round(covered)}px`);
}

/**
 * The screen's main action. On phones a bar at the bottom of the window, for which it has to be the last child of `.content`, or of a
 * flex column that fills it: its button names its form with `form`. On desktop its buttons stand where it is.
 */
export function ActionBar({ children }: { children: ComponentChildren }) {
  useEffect(() => {
    const visible = window.visualViewport;
    for (const event of ["resize", "scroll"]) visible?.addEventListener(event, measureKeyboard);
    return () => {
      for (const event of ["resize", "scroll"]) visible?.removeEventListener(event, measureKeyboard);
    };
  }, []);
  return <div class="actions action-bar">{children}</div>;
}
