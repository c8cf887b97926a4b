/* oxlint-disable unicorn/consistent-function-scoping -- a function that runs in the page has everything in it */

/** Runs in the page. Finds cut or overlapping text, small touch targets and animations. */
export function findLayoutFaults(mobile: boolean): string[] {
  const found = new Set<string>();
  const root = document.documentElement;
  const name = (e: Element) => `${(e as HTMLElement).dataset.testid ?? (e.getAttribute("class") || e.tagName)} “${e.textContent.trim().slice(0, 40)}”`;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > root.clientWidth + 1);
    found.add(`wider than the window: ${wide.slice(0, 3).map(name).join(", ")}`);
  }
  for (const e of document.querySelectorAll("body *:not(input)")) if (e.scrollLeft !== 0) found.add(`scrolled sideways: ${name(e)}`);
  const controls = [...document.querySelectorAll("button, input, select, a, summary")].filter((e) => e.checkVisibility());
  for (const e of controls) {
    const box = e.getBoundingClientRect();
    if (mobile && box.width > 0 && (box.height < 44 || box.width < 44)) found.add(`touch target ${Math.round(box.width)}×${Math.round(box.height)}: ${name(e)}`);
    if (e.scrollWidth > e.clientWidth + 1 && e.tagName !== "INPUT") found.add(`text cut: ${name(e)}`);
  }
  const bars = [...document.querySelectorAll("body *")].filter((e) => /sticky|fixed/.test(getComputedStyle(e).position)).map((bar) => ({ bar, at: getComputedStyle(bar).bottom === "auto" ? "top" : "bottom" }));
  /** The bar that an element stays in, at the window's top or bottom. */
  const barOf = (e: Element) => bars.find(({ bar }) => bar.contains(e));
  const scrollers = [...document.querySelectorAll("body *")].filter((e) => /auto|scroll/.test(getComputedStyle(e).overflowY));
  /** What is seen of a box in a list that scrolls by itself. */
  const clip = (e: Element, box: DOMRect) => {
    const list = scrollers.find((one) => one !== e && one.contains(e))?.getBoundingClientRect();
    if (!list) return box;
    const top = Math.max(box.top, list.top);
    return new DOMRect(box.x, top, box.width, Math.max(0, Math.min(box.bottom, list.bottom) - top));
  };
  const range = document.createRange();
  // At the top nothing is under the header, at the end nothing is under the bar below.
  for (const [y, covers] of [
    [0, "bottom"],
    [root.scrollHeight, "top"],
  ] as const) {
    scrollTo(0, y);
    const boxes: [Element, DOMRect, ReturnType<typeof barOf>][] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const e = node.parentElement;
      if (!e || !node.nodeValue?.trim() || e.closest(".visually-hidden, option, .code") || !e.checkVisibility()) continue;
      range.selectNodeContents(node);
      const bar = barOf(e);
      for (const box of range.getClientRects()) boxes.push([e, clip(e, box), bar]);
    }
    // The code's input is clipped to its cells, and a choice's label is a part of it.
    for (const e of controls.map((control) => control.closest(".code, label") ?? control)) boxes.push([e, clip(e, e.getBoundingClientRect()), barOf(e)]);
    for (const [i, [a, x, barA]] of boxes.entries()) {
      for (const [b, z, barB] of boxes.slice(i + 1)) {
        const across = Math.min(x.right, z.right) - Math.max(x.left, z.left);
        const down = Math.min(x.bottom, z.bottom) - Math.max(x.top, z.top);
        // Lines of text overlap a little.
        if (across <= 1 || down <= 5 || a.contains(b) || b.contains(a)) continue;
        // A button in a field stands in the field's padding.
        const field = a.closest(".field-box");
        if (field && field === b.closest(".field-box")) continue;
        const scrolledUnder = barA?.bar !== barB?.bar && (barA?.at === covers || barB?.at === covers);
        if (!scrolledUnder) found.add(`overlapping: ${name(a)} and ${name(b)}`);
      }
    }
  }
  scrollTo(0, 0);
  for (const { effect } of document.getAnimations()) found.add(`animated despite reduced motion: ${name((effect as KeyframeEffect).target ?? document.body)}`);
  return [...found];
}
