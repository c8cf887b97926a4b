// Reads six digits out of whatever a person pastes.

/** The first code point of each run of ten decimal digits that keyboards and mail programs in Europe write. */
const ZEROS = [0x30, 0x660, 0x6f0, 0x966, 0x9e6, 0xff10];

const digitOf = (letter: string): string | undefined => {
  const point = letter.codePointAt(0) ?? 0;
  const zero = ZEROS.find((first) => point >= first && point < first + 10);
  return zero === undefined ? undefined : String(point - zero);
};

/**
 * At most six digits. A text with exactly six anywhere gives those; a longer one gives its run of exactly six if it has
 * one ("123456, valid for 30 minutes"), else its first six.
 */
export function readCode(text: string): string {
  const plain = Array.from(text, (letter) => digitOf(letter) ?? " ").join("");
  const all = plain.replaceAll(" ", "");
  if (all.length <= 6) return all;
  return plain.split(/ +/).find((run) => run.length === 6) ?? all.slice(0, 6);
}
