// node browser.mjs URL EMAIL: what an employee does in the system's browser: chooses the account on the stand-in's page. Prints
// the text of the last page.
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../ui/package.json", import.meta.url))("playwright-core");
const [url, email] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
try {
  const page = await browser.newPage();
  await page.goto(url);
  await page.click(`button[value="${email}"]`);
  console.log(await page.innerText("main"));
} finally {
  await browser.close();
}
