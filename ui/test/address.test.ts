import providers from "email-providers/common.json" with { type: "json" };
import { describe, expect, test } from "vitest";
import { looksLikeAddress, suggestDomain } from "../src/address";

test("IDN and plus addresses are accepted, incomplete ones are not", () => {
  for (const good of ["a@b.se", "anna+hrm@company.com", "åsa@exämple.se", " a@b.se ", "a@mail.company.com"]) expect(looksLikeAddress(good), good).toBe(true);
  for (const bad of ["", "anna", "anna@", "anna@company", "a b@c.se", "a@b..se", "@b.se", "a@b.se c"]) expect(looksLikeAddress(bad), bad).toBe(false);
});

describe("a domain is corrected", () => {
  const own = ["anna.svensson@company.com", "a@b.se"];

  test.each(["company.con", "comapny.com", "compny.com", "companyy.com", "ompany.com", "company.co", "COMPANY.CMO"])("%s to one of the employee's", (domain) => {
    expect(suggestDomain(` anna@${domain} `, own)).toBe("anna@company.com");
  });

  test.each(["gmail.com", "outlook.com", "hotmail.com", "icloud.com", "yahoo.com", "live.com", "proton.me"])("to the common %s", (domain) => {
    expect(suggestDomain(`anna@${domain}e`, [])).toBe(`anna@${domain}`);
    expect(suggestDomain(`anna@${domain}`, [`a@${domain}e`])).toBeUndefined();
  });

  test.each(["company.com", "elsewhere.org", "coxxany.com", "companyyy.com", "compa.com", "comapny.con", "pomcany.com", "comzpny.com", "comazny.com", "company.cmoo"])("but not %s", (domain) => {
    expect(suggestDomain(`anna@${domain}`, own)).toBeUndefined();
  });

  test("from eight letters on, after a name", () => {
    expect(suggestDomain("a@live.con", [])).toBe("a@live.com");
    expect(suggestDomain("a@liv.com", [])).toBeUndefined();
    expect(suggestDomain("a@if.se", own)).toBeUndefined();
    expect(suggestDomain("a@b.sr", own)).toBeUndefined();
    expect(suggestDomain("@company.con", own)).toBeUndefined();
    expect(suggestDomain("company.con", own)).toBeUndefined();
  });

  test.each(["mail.com", "ymail.com", "email.com", "love.com", ...providers])("never a real provider: %s", (domain) => {
    expect(suggestDomain(`anna@${domain}`, [])).toBeUndefined();
    expect(suggestDomain(`anna@${domain.toUpperCase()}`, [])).toBeUndefined();
  });

  test("no provider without need is in the list", () => {
    expect(suggestDomain("anna@qmail.com", [])).toBe("anna@gmail.com");
    expect(suggestDomain("anna@ymail.com", ["a@gmail.com", "a@ymail.com"])).toBeUndefined();
  });
});
