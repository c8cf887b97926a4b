// What can be said about an address without asking anybody.

/** Enough to spare a round trip; the server has the last word. IDN and plus addresses pass. */
export const looksLikeAddress = (text: string): boolean => /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/u.test(text.trim());

const COMMON = ["gmail.com", "outlook.com", "hotmail.com", "icloud.com", "yahoo.com", "live.com", "proton.me"];

/** Edits between two words, with neighbours swapped as one; given up above 2. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let previous: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (previous[j - 2] ?? 0) + 1);
      }
      next.push(best);
    }
    previous = row;
    row = next;
  }
  return row[b.length] ?? 3;
}

/** The address that was likely meant, if the domain is a slip away from one of the employee's own or a common one. */
export function likelyMeant(text: string, suggestions: readonly string[]): string | undefined {
  const address = text.trim();
  const at = address.lastIndexOf("@");
  const domain = address.slice(at + 1).toLowerCase();
  if (at < 1 || domain.length < 4) return undefined;
  const known = [...suggestions.map((s) => s.slice(s.lastIndexOf("@") + 1).toLowerCase()), ...COMMON];
  if (known.includes(domain)) return undefined;
  const near = known.find((k) => distance(domain, k) <= (k.length > 8 ? 2 : 1));
  return near && `${address.slice(0, at)}@${near}`;
}
