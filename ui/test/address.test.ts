import { expect, test } from "vitest";
import { looksLikeAddress, suggestDomain } from "../src/address";

test("IDN and plus addresses are accepted, incomplete ones are not", () => {
  for (const good of ["a@b.se", "anna+hrm@company.com", "åsa@exämple.se", " a@b.se "]) expect(looksLikeAddress(good), good).toBe(true);
  for (const bad of ["", "anna", "anna@", "anna@company", "a b@c.se", "a@b..se", "@b.se"]) expect(looksLikeAddress(bad), bad).toBe(false);
});

test("a typing error in the domain is noticed", () => {
  const own = ["anna.svensson@company.com"];
  expect(suggestDomain("anna@company.con", own)).toBe("anna@company.com");
  expect(suggestDomain("anna@comapny.com", own)).toBe("anna@company.com");
  expect(suggestDomain("anna@gmail.co", own)).toBe("anna@gmail.com");
  expect(suggestDomain("anna@company.com", own)).toBeUndefined();
  expect(suggestDomain("anna@elsewhere.org", own)).toBeUndefined();
});
