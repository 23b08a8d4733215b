// Opens a page in Chromium as a reader would, and prints what happened as JSON.
// Usage: node look_at_page.mjs CHROMIUM FILE
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);
const { chromium } = require("playwright-core");
const axePath = require.resolve("axe-core/axe.min.js");

const [executablePath, file] = process.argv.slice(2);
const url = pathToFileURL(file).href;
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const LOOKS = [
  { name: "light", colorScheme: "light", width: 1200 },
  { name: "dark", colorScheme: "dark", width: 1200 },
  { name: "phone", colorScheme: "light", width: 320 },
  { name: "dark phone", colorScheme: "dark", width: 320 },
];

const seen = { dialogs: 0, requests: [], errors: [], csp: [], looks: {} };

const open = async (browser, options) => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("dialog", async (dialog) => {
    seen.dialogs += 1;
    await dialog.dismiss();
  });
  page.on("request", (request) => {
    const asked = request.url();
    if (asked !== url && !asked.startsWith("data:")) seen.requests.push(asked);
  });
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") seen.csp.push(message.text());
  });
  await page.goto(url);
  return { context, page };
};

// What axe runs must not be held back by the page's own policy, hence a context of its own with the policy off.
const accessibility = async (browser, look) => {
  const viewport = { width: look.width, height: 900 };
  const context = await browser.newContext({ viewport, colorScheme: look.colorScheme, bypassCSP: true });
  const page = await context.newPage();
  await page.goto(url);
  await page.evaluate(() => document.querySelectorAll("details").forEach((part) => (part.open = true)));
  await page.addScriptTag({ path: axePath });
  const result = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags }), RULES);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  await context.close();
  const violations = result.violations.map((found) => `${found.id}: ${found.nodes.map((node) => node.html).slice(0, 3)}`);
  return { violations, passes: result.passes.length, overflow };
};

const column = (page, table, index) =>
  page.$$eval(`#${table} tbody tr`, (rows, at) => rows.map((row) => row.cells[at].textContent.trim()), index);

const tools = async (page, table) => {
  if ((await page.$(`#${table}`)) === null) return null;
  const before = await column(page, table, 2);
  const started = Date.now();
  await page.click(`#${table} thead th:nth-child(3) button`);
  const sortTime = Date.now() - started;
  const sorted = await column(page, table, 2);
  const ascending = await page.getAttribute(`#${table} thead th:nth-child(3)`, "aria-sort");
  await page.keyboard.press("Enter");
  const descending = await page.getAttribute(`#${table} thead th:nth-child(3)`, "aria-sort");
  const reversed = await column(page, table, 2);
  const label = `Filter ${await page.getAttribute(`#${table}`, "data-filter")}`;
  await page.getByLabel(label, { exact: true }).fill("job-008");
  const status = await page.textContent(`.scroll:has(#${table}) >> xpath=preceding-sibling::p[1]//*[@role="status"]`);
  const shown = await page.$$eval(`#${table} tbody tr`, (rows) => rows.filter((row) => !row.hidden).length);
  return { before, sorted, reversed, ascending, descending, status, shown, sortTime };
};

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"],
});
try {
  const started = Date.now();
  const { context, page } = await open(browser, { viewport: { width: 1200, height: 900 } });
  seen.loadTime = Date.now() - started;
  seen.title = await page.title();
  seen.h1 = await page.$$eval("h1", (found) => found.length);
  seen.images = await page.$$eval("img", (found) => found.map((image) => [image.naturalWidth > 0, image.alt]));
  seen.buttons = await page.$$eval("button", (found) => found.length);
  for (const href of await page.$$eval('a[href^="#"]', (links) => links.map((link) => link.getAttribute("href")))) {
    const target = await page.evaluate((id) => document.getElementById(id) !== null, href.slice(1));
    if (!target) seen.errors.push(`no target for ${href}`);
  }
  seen.tools = await tools(page, "table-wrong");
  await context.close();
  const silent = await open(browser, { javaScriptEnabled: false });
  seen.silentText = await silent.page.innerText("body");
  seen.silentButtons = (await silent.page.$$("button")).length;
  await silent.context.close();
  for (const look of LOOKS) seen.looks[look.name] = await accessibility(browser, look);
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(seen));
