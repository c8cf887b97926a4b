// The codes of all problems, from the generated types.

import { readFileSync } from "node:fs";

const types = readFileSync("src/ipc/generated/types.ts", "utf8");
export const problemCodes = [...types.matchAll(/"code": "(\w+)"/g)].map((found) => found[1] as string);
