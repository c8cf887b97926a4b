import type { ComponentChildren } from "preact";
import { ChevronIcon } from "./icons";

export const Rows = ({ label, children }: { label?: string; children: ComponentChildren }) => (
  <section class="rows-section">
    {label && <h2>{label}</h2>}
    <ul class="rows">{children}</ul>
  </section>
);

interface ActionRowProps {
  testid?: string;
  title: string;
  detail?: string | undefined;
  children?: ComponentChildren;
  onPress: () => void;
}

/** A row that is a button. */
export const ActionRow = ({ testid, title, detail, children, onPress }: ActionRowProps) => (
  <li class="row">
    <button type="button" class="row-link" data-testid={testid} onClick={onPress}>
      <span class="row-text">
        <span class="row-title">{title}</span>
        {detail && <span class="row-detail">{detail}</span>}
      </span>
      {children}
    </button>
  </li>
);

export const LinkRow = (props: Omit<ActionRowProps, "children">) => (
  <ActionRow {...props}>
    <ChevronIcon />
  </ActionRow>
);

export const ValueRow = ({ title, children }: { title: string; children: ComponentChildren }) => (
  <li class="row">
    <div class="row-value">
      <span class="row-title">{title}</span>
      <span class="row-detail">{children}</span>
    </div>
  </li>
);
