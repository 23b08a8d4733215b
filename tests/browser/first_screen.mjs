// How far down the first screen of a page reaches: for each window, the lowest edge of what must be seen without scrolling.
// Words: FILE SELECTOR…
import { pathToFileURL } from "node:url";
import { onePage, runScripts } from "./one_page.mjs";

const WINDOWS = [
  { width: 1280, height: 900 },
  { width: 390, height: 844 },
];

export default async (browser, [file, ...selectors]) => {
  const found = [];
  const { page } = await onePage(browser, WINDOWS[0]);
  await runScripts(page, false);
  await page.goto(pathToFileURL(file).href);
  for (const viewport of WINDOWS) {
    await page.setViewportSize(viewport);
    const bottoms = {};
    for (const selector of selectors) {
      bottoms[selector] = await page.$$eval(selector, (all) => all.map((one) => one.getBoundingClientRect().bottom));
    }
    found.push({ ...viewport, bottoms });
  }
  return found;
};
