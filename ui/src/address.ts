/** Accepts more than the server does, such as IDN and plus addresses. The server decides. */
export const looksLikeAddress = (text: string): boolean => /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/u.test(text.trim());

const COMMON_DOMAINS = ["gmail.com", "outlook.com", "hotmail.com", "icloud.com", "yahoo.com", "live.com", "proton.me"];
/** Other providers whose domains look like a mistyped common one. */
const LOOKALIKES = new Set(["mail.com", "ymail.com", "email.com", "love.com"]);

/** Nearly every short domain is one edit away from another that exists. */
const MIN_LETTERS = 8;

/** For different words: a letter added, removed or replaced, or two adjacent letters swapped. */
function isOneEditAway(a: string, b: string): boolean {
  let same = 0;
  while (a[same] === b[same]) same += 1;
  const [x, y] = [a.slice(same), b.slice(same)];
  const swapped = x[0] === y[1] && x[1] === y[0] && x.slice(2) === y.slice(2);
  return swapped || x.slice(1) === y.slice(1) || x.slice(1) === y || x === y.slice(1);
}

/** The address with its domain corrected, if that is one edit away from a domain of the employee's or a common one. */
export function suggestDomain(text: string, suggestions: readonly string[]): string | undefined {
  const address = text.trim();
  const at = address.lastIndexOf("@");
  const domain = address.slice(at + 1).toLowerCase();
  if (at < 1 || domain.length < MIN_LETTERS) return undefined;
  const known = [...suggestions.map((s) => s.slice(s.lastIndexOf("@") + 1).toLowerCase()), ...COMMON_DOMAINS];
  if (known.includes(domain) || LOOKALIKES.has(domain)) return undefined;
  const near = known.find((k) => isOneEditAway(domain, k));
  return near && `${address.slice(0, at)}@${near}`;
}
