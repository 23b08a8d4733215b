// How far down the first screen of a page reaches: for each window, the lowest edge of what must be seen without scrolling.
// Usage: node first_screen.mjs CHROMIUM FILE SELECTOR…
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const { chromium } = createRequire(import.meta.url)("playwright-core");
const [executablePath, file, ...selectors] = process.argv.slice(2);
const WINDOWS = [
  { width: 1280, height: 900 },
  { width: 390, height: 844 },
];

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const found = [];
try {
  for (const viewport of WINDOWS) {
    const page = await browser.newPage({ viewport, javaScriptEnabled: false });
    await page.goto(pathToFileURL(file).href);
    const bottoms = {};
    for (const selector of selectors) {
      bottoms[selector] = await page.$$eval(selector, (all) => all.map((one) => one.getBoundingClientRect().bottom));
    }
    found.push({ ...viewport, bottoms });
    await page.close();
  }
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(found));
