// Opens pages, those with a script without it too, and tells what each of them did and is made of.
// Words: FILE…
import { pathToFileURL } from "node:url";
import { onePage, runScripts, watch } from "./one_page.mjs";

// Each element and attribute by name, and every address that is neither within the page nor data.
const inventory = () => {
  const tags = new Set();
  const attributes = new Set();
  const addresses = new Set();
  for (const element of document.querySelectorAll("*")) {
    tags.add(element.localName);
    for (const { name, value } of element.attributes) {
      attributes.add(name);
      const leads = ["href", "src", "srcset", "action", "formaction", "data", "poster", "xlink:href"].includes(name);
      if (leads && !value.startsWith("#") && !value.startsWith("data:")) addresses.add(value);
    }
  }
  const scripts = [...document.scripts].map((script) => script.textContent.length);
  const sheets = [...document.querySelectorAll("style")].map((sheet) => sheet.textContent.length);
  const styled = [...document.querySelectorAll("[style]")].map((element) => element.getAttribute("style"));
  const marked = document.documentElement.textContent.includes("h0st1l3");
  return { tags: [...tags], attributes: [...attributes], addresses: [...addresses], scripts, sheets, styled, marked };
};

// What only runs once a part is shown, focused or pointed at. The events alone: to move the focus over 1,000 links takes
// seconds.
const touch = () => {
  document.querySelectorAll("details").forEach((part) => (part.open = true));
  for (const element of document.querySelectorAll("a, button, input, [tabindex]")) {
    for (const kind of ["focus", "focusin"]) element.dispatchEvent(new FocusEvent(kind, { bubbles: kind === "focusin" }));
  }
  for (const element of document.querySelectorAll("td, th, li, p")) {
    element.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
  }
};

export default async (browser, files) => {
  const seen = {};
  for (const file of files) {
    const url = pathToFileURL(file).href;
    const told = { dialogs: 0, requests: [], errors: [], csp: [] };
    const { page } = await onePage(browser, { width: 1200, height: 900 });
    watch(page, url, told);
    await page.goto(url);
    Object.assign(told, await page.evaluate(inventory));
    await page.evaluate(touch);
    if (told.scripts.length) {
      await runScripts(page, false);
      await page.goto(url);
    }
    seen[file] = told;
  }
  return seen;
};
