import type { ComponentChildren } from "preact";
import { ChevronIcon } from "./icons";

/** A row that leads somewhere. */
export const LinkRow = ({ testid, title, detail, onPress }: { testid?: string; title: string; detail?: string | undefined; onPress: () => void }) => (
  <li class="row">
    <button type="button" class="row-press" data-testid={testid} onClick={onPress}>
      <span class="row-words">
        <span class="row-title">{title}</span>
        {detail && <span class="row-detail">{detail}</span>}
      </span>
      <ChevronIcon />
    </button>
  </li>
);

/** A row that only tells. */
export const FactRow = ({ title, children }: { title: string; children: ComponentChildren }) => (
  <li class="row">
    <div class="row-fact">
      <span class="row-title">{title}</span>
      <span class="row-detail">{children}</span>
    </div>
  </li>
);

export const Rows = ({ children }: { children: ComponentChildren }) => <ul class="rows">{children}</ul>;
