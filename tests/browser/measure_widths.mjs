// Opens pages in windows of several widths and tells what of them is wider than its place or its window.
// What SCROLLS finds may scroll, with all in it; "" where nothing may. Whatever is folded up is opened before.
// Words: WIDTH,WIDTH… SCROLLS FILE…
import { pathToFileURL } from "node:url";
import { onePage } from "./one_page.mjs";

// An inline element has no width of its own; what is moved out of sight, as the skip link is, lies to the left.
const tooWide = (scrolls) => {
  const right = document.documentElement.clientWidth + 0.5;
  const isBeyond = (element) => element.getBoundingClientRect().right > right;
  const judged = (element) => {
    // A part of a drawing has no place of its own, and is cut where the drawing ends.
    const drawing = element.ownerSVGElement;
    if (drawing) {
      const edge = drawing.getBoundingClientRect();
      return element.localName === "text" && element.getBoundingClientRect().right > edge.right + 0.5;
    }
    const isWide = element.scrollWidth > element.clientWidth;
    const isHigh = element.scrollHeight > element.clientHeight;
    if (isWide || isHigh) {
      const style = getComputedStyle(element);
      if ((isWide && style.display !== "inline") || (isHigh && style.overflowY !== "visible")) return true;
    }
    return isBeyond(element);
  };
  const all = [...document.querySelectorAll("body, body *")];
  const found = scrolls
    ? all.filter((element) => (element.closest(scrolls) ? element.matches(scrolls) && isBeyond(element) : judged(element)))
    : all.filter(judged);
  return found.map((element) => element.outerHTML.slice(0, 120));
};

export default async (browser, [widths, scrolls, ...files]) => {
  const found = {};
  const { page } = await onePage(browser, { width: 1280, height: 900 });
  for (const file of files) {
    await page.goto(pathToFileURL(file).href);
    await page.evaluate(() => document.querySelectorAll("details").forEach((part) => (part.open = true)));
    found[file] = {};
    for (const width of widths.split(",").map(Number)) {
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate(tooWide, scrolls);
      if (wide.length) found[file][width] = wide;
    }
  }
  return found;
};
