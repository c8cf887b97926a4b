// All are decorative: the text beside them carries the meaning.

import type { ComponentChildren } from "preact";

const Icon = ({ children, size = 20 }: { children: ComponentChildren; size?: number }) => (
  <svg
    class="icon"
    width={size}
    height={size}
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="1.75"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
    focusable="false"
  >
    {children}
  </svg>
);

export const HomeIcon = () => (
  <Icon>
    <path d="M4 11 12 4l8 7v8.5a.5.5 0 0 1-.5.5H15v-6H9v6H4.5a.5.5 0 0 1-.5-.5z" />
  </Icon>
);
export const ProfileIcon = () => (
  <Icon>
    <circle cx="12" cy="8" r="4" />
    <path d="M4.5 20c.8-3.6 3.8-5.5 7.5-5.500s6.7 1.9 7.5 5.5" />
  </Icon>
);
export const SettingsIcon = () => (
  <Icon>
    <path d="M4 7h8M18 7h2M4 17h2M12 17h8" />
    <circle cx="15" cy="7" r="2.5" />
    <circle cx="9" cy="17" r="2.5" />
  </Icon>
);
export const ChevronIcon = () => (
  <Icon>
    <path d="m9 5 7 7-7 7" />
  </Icon>
);
export const BackIcon = () => (
  <Icon size={24}>
    <path d="m15 5-7 7 7 7" />
  </Icon>
);
export const AlertIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="9" />
    <path d="M12 7.500v5.500M12 16.500v.01" />
  </Icon>
);
export const ExternalIcon = () => (
  <Icon size={16}>
    <path d="M13 5h6v6M19 5l-9 9M16 14v4.500a.5.5 0 0 1-.5.5h-10a.5.5 0 0 1-.5-.5v-10a.5.5 0 0 1 .5-.5H10" />
  </Icon>
);
export const CheckIcon = () => (
  <Icon size={16}>
    <path d="m5 12.5 4.5 4.500L19 7.5" />
  </Icon>
);
export const EyeIcon = ({ crossed }: { crossed: boolean }) => (
  <Icon>
    <path d="M2 12s3.500-6.500 10-6.500S22 12 22 12s-3.500 6.500-10 6.500S2 12 2 12z" />
    <circle cx="12" cy="12" r="2.5" />
    {crossed && <path d="m4 20 16-16" />}
  </Icon>
);
/** Drawn by the animation of `success-icon.css`. */
export const SuccessIcon = () => (
  <svg class="success-icon" width="56" height="56" viewBox="0 0 56 56" fill="none" stroke="currentColor" aria-hidden="true" focusable="false">
    <circle class="success-icon-ring" cx="28" cy="28" r="25" stroke-width="2.5" pathLength={100} />
    <path class="success-icon-check" d="m17 29 8 8 15-17" stroke-width="3.5" stroke-linecap="round" stroke-linejoin="round" pathLength={100} />
  </svg>
);
export const Logo = () => (
  <svg class="logo" width="28" height="28" viewBox="0 0 28 28" fill="none" stroke="currentColor" stroke-width="3" aria-hidden="true" focusable="false">
    <rect x="2.5" y="8.5" width="14" height="11" rx="5.5" />
    <rect x="11.5" y="8.5" width="14" height="11" rx="5.5" />
  </svg>
);
