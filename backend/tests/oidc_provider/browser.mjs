// node browser.mjs AUTHORIZE_URL NAME BACKEND: signs in with Chromium and prints the page at the end. Requests for the client's
// redirect address go to BACKEND, whose port is not known when the client is registered.
import { chromium } from "playwright-core";

const [authorizeUrl, name, backend] = process.argv.slice(2);
const redirect = new URL(new URL(authorizeUrl).searchParams.get("redirect_uri"));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
try {
  const page = await browser.newPage();
  await page.route(`${redirect.origin}${redirect.pathname}**`, async (route) => {
    const { pathname, search } = new URL(route.request().url());
    await route.fulfill({ response: await route.fetch({ url: backend + pathname + search }) });
  });
  await page.goto(authorizeUrl);
  if (name) {
    await page.fill("[name=login]", name);
    await page.fill("[name=password]", "any");
    await page.click("[type=submit]");
    await page.click("[type=submit]");
  } else {
    await page.click("a[href$=abort]");
  }
  await page.waitForURL(`${redirect.origin}${redirect.pathname}**`);
  console.log(await page.innerText("main"));
} finally {
  await browser.close();
}
