// Opens pages in windows of several widths and prints, as JSON, what of them is wider than its place or its window.
// Usage: node measure_widths.mjs CHROMIUM WIDTH,WIDTH… FILE…
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);
const { chromium } = require("playwright-core");

const [executablePath, widths, ...files] = process.argv.slice(2);

// An inline element has no width of its own; what is moved out of sight, as the skip link is, lies to the left.
const tooWide = () =>
  [...document.querySelectorAll("body, body *")]
    .filter((element) => {
      const scrolls = getComputedStyle(element).display !== "inline" && element.scrollWidth > element.clientWidth;
      const hidden = element.scrollHeight > element.clientHeight && getComputedStyle(element).overflowY !== "visible";
      return scrolls || hidden || element.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5;
    })
    .map((element) => element.outerHTML.slice(0, 120));

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"],
});
const found = {};
try {
  const page = await browser.newPage();
  for (const file of files) {
    await page.goto(pathToFileURL(file).href);
    found[file] = {};
    for (const width of widths.split(",").map(Number)) {
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate(tooWide);
      if (wide.length) found[file][width] = wide;
    }
  }
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(found));
