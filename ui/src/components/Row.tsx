import type { ComponentChildren } from "preact";
import { ChevronIcon } from "./icons";

export const Rows = ({ children }: { children: ComponentChildren }) => <ul class="rows">{children}</ul>;

export const LinkRow = ({ testid, title, detail, onPress }: { testid?: string; title: string; detail?: string | undefined; onPress: () => void }) => (
  <li class="row">
    <button type="button" class="row-link" data-testid={testid} onClick={onPress}>
      <span class="row-text">
        <span class="row-title">{title}</span>
        {detail && <span class="row-detail">{detail}</span>}
      </span>
      <ChevronIcon />
    </button>
  </li>
);

export const ValueRow = ({ title, children }: { title: string; children: ComponentChildren }) => (
  <li class="row">
    <div class="row-value">
      <span class="row-title">{title}</span>
      <span class="row-detail">{children}</span>
    </div>
  </li>
);
