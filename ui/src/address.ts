/** Accepts more than the server does, such as IDN and plus addresses. The server decides. */
export const looksLikeAddress = (text: string): boolean => /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/u.test(text.trim());

const COMMON_DOMAINS = ["gmail.com", "outlook.com", "hotmail.com", "icloud.com", "yahoo.com", "live.com", "proton.me"];

/** Damerau–Levenshtein distance of at most 1: one letter added, removed or replaced, or two neighbours swapped. */
function isOneEditAway(a: string, b: string): boolean {
  let head = 0;
  while (head < a.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < Math.min(a.length, b.length) - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const x = a.slice(head, a.length - tail);
  const y = b.slice(head, b.length - tail);
  return (x.length < 2 && y.length < 2) || (x.length === 2 && x[0] === y[1] && x[1] === y[0]);
}

/** The address with its domain corrected, if that is one edit away from a domain of the employee's or a common one. */
export function suggestDomain(text: string, suggestions: readonly string[]): string | undefined {
  const address = text.trim();
  const at = address.lastIndexOf("@");
  const domain = address.slice(at + 1).toLowerCase();
  if (at < 1 || domain.length < 4) return undefined;
  const known = [...suggestions.map((s) => s.slice(s.lastIndexOf("@") + 1).toLowerCase()), ...COMMON_DOMAINS];
  if (known.includes(domain)) return undefined;
  const near = known.find((k) => isOneEditAway(domain, k));
  return near && `${address.slice(0, at)}@${near}`;
}
