// Opens a page in Chromium several times and prints how long loading, sorting and filtering took, in milliseconds.
// Usage: node time_page.mjs CHROMIUM FILE TABLE ROUNDS
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const { chromium } = createRequire(import.meta.url)("playwright-core");
const [executablePath, file, table, rounds] = process.argv.slice(2);

// Until the next frame has been painted, so that layout counts as well.
const timed = (page, act) =>
  page.evaluate(
    ([table, act]) =>
      new Promise((done) => {
        const started = performance.now();
        if (act === "sort") document.querySelector(`#${table} thead button`).click();
        else {
          const input = document.querySelector(`.scroll:has(#${table})`).previousElementSibling.querySelector("input");
          input.value = "a";
          input.dispatchEvent(new Event("input", { bubbles: true }));
        }
        requestAnimationFrame(() => setTimeout(() => done(performance.now() - started), 0));
      }),
    [table, act],
  );

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
const times = { load: [], sort: [], filter: [], rows: 0 };
try {
  for (let round = 0; round < Number(rounds); round += 1) {
    const context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
    const page = await context.newPage();
    const started = performance.now();
    await page.goto(pathToFileURL(file).href, { waitUntil: "load" });
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0))));
    times.load.push(performance.now() - started);
    times.rows = await page.locator(`#${table} tbody tr`).count();
    times.sort.push(await timed(page, "sort"));
    times.filter.push(await timed(page, "filter"));
    await context.close();
  }
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(times));
