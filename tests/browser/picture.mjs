// Takes the picture of the report that README.md shows: the page from its verdict on.
// Usage: node tests/browser/picture.mjs CHROMIUM PAGE.html PICTURE.png
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const { chromium } = createRequire(import.meta.url)("playwright-core");
const [executablePath, page, path] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const tab = await browser.newPage({ viewport: { width: 1120, height: 900 }, colorScheme: "light" });
await tab.goto(pathToFileURL(page).href);
await tab.evaluate(() => window.scrollTo(0, document.querySelector(".verdict").getBoundingClientRect().top - 24));
await tab.screenshot({ path, animations: "disabled" });
await browser.close();
