// Prints a page as a reader would who changes nothing in the dialog of printing.
// Words: FILE PDF
import { pathToFileURL } from "node:url";
import { onePage } from "./one_page.mjs";

const EDGE = "0.4in";

export default async (browser, [file, path]) => {
  const { page } = await onePage(browser, { width: 1280, height: 720 });
  await page.goto(pathToFileURL(file).href);
  const margin = { top: EDGE, right: EDGE, bottom: EDGE, left: EDGE };
  await page.pdf({ path, margin, printBackground: true, preferCSSPageSize: true });
  return path;
};
