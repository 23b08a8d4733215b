// Opens a page as a reader would, and tells what happened.
// Words: FILE [--no-rules] [LOOK…], all looks without one
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
// A dark page is the light one in other colours, so that only what reads colours can find anything else there.
const COLOUR_RULES = ["color-contrast", "link-in-text-block"];
const LOOKS = [
  { name: "light", colorScheme: "light", width: 1200 },
  { name: "dark", colorScheme: "dark", width: 1200 },
  { name: "phone", colorScheme: "light", width: 320 },
  { name: "dark phone", colorScheme: "dark", width: 320 },
];

const open = async (browser, url, seen, options) => {
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

// Takes out what holds nothing that is judged: the colours of the rest are as they were.
const dropTheUnjudged = () => {
  const dropped = document.querySelectorAll(":is(tr, li, p, div, details, figure):not([data-judged], :has([data-judged]))");
  for (const element of dropped) element.remove();
};

// Marks the first three elements of each kind, which are judged for all. What is of one kind has its own tag and class
// and those of all around it, and the same colours of ink and paper there; where more than colours is judged, also the
// same names of attributes, and is alike in all else that a rule asks. A table of 1,000 rows holds a few kinds.
const markKinds = (isOfColours) => {
  const REACHED = "a, button, input, select, textarea, summary, [role], [tabindex]";
  const TARGET = 24;
  const numbers = new Map();
  const numberOf = (kind) => numbers.get(kind) ?? numbers.set(kind, numbers.size).get(kind);
  const kinds = new Map();
  const judged = new Map();
  let before = null;
  const isNear = (box, other) => {
    const apart = (from, to, middle) => Math.max(from - middle, middle - to, 0);
    const x = apart(other.left, other.right, (box.left + box.right) / 2);
    return Math.hypot(x, apart(other.top, other.bottom, (box.top + box.bottom) / 2)) < TARGET;
  };
  // Of what a reader reaches: whether it has a name, is small, and is close to what is reached before it.
  const reached = (element) => {
    const box = element.getBoundingClientRect();
    const isSmall = box.width < TARGET || box.height < TARGET;
    const neighbour = isSmall && before && isNear(box, before.box) ? before.element : null;
    if (box.width) before = { element, box };
    return { told: [element.textContent.trim() !== "", isSmall, neighbour !== null], neighbour };
  };
  const asked = (element) => {
    const words = ["role", "type", "lang", "scope", "aria-hidden", "tabindex"].map((name) => element.getAttribute(name));
    const { told, neighbour } = element.matches(REACHED) ? reached(element) : { told: "", neighbour: null };
    const scrolls = [element.scrollWidth > element.clientWidth, element.scrollHeight > element.clientHeight];
    return { text: `${element.getAttributeNames().sort()} ${words} ${told} ${scrolls}`, neighbour };
  };
  for (const element of document.querySelectorAll("*")) {
    const style = getComputedStyle(element);
    const paper = [style.backgroundColor, style.backgroundImage, style.opacity, style.position];
    const ink = [style.color, style.fontSize, style.fontWeight, style.textShadow];
    const around = kinds.get(element.parentElement);
    const kind = numberOf(`${around} ${element.localName}.${element.className} ${paper}`);
    kinds.set(element, kind);
    const { text, neighbour } = isOfColours ? { text: "", neighbour: null } : asked(element);
    const look = `${kind} ${ink} ${text}`;
    const like = judged.get(look) ?? judged.set(look, []).get(look);
    if (like.length < 3) like.push(...(neighbour ? [element, neighbour] : [element]));
  }
  for (const element of [...judged.values()].flat()) {
    element.setAttribute("data-judged", "");
    for (const name of ["aria-labelledby", "aria-describedby", "aria-controls", "for", "headers"]) {
      const ids = (element.getAttribute(name) ?? "").split(" ").filter(Boolean);
      for (const id of ids) document.getElementById(id)?.setAttribute("data-judged", "");
    }
  }
};

// Without the nodes of what is fine, which nobody reads, axe takes half the time; they are still counted. To measure the
// distances of 1,000 links in rows takes it longer than all else: so what is like what is judged is taken out before.
const judge = async (page, isDark) => {
  await page.evaluate(() => (window.whole = document.body.cloneNode(true)));
  await page.evaluate(markKinds, isDark);
  await page.evaluate(dropTheUnjudged);
  const options = { runOnly: isDark ? COLOUR_RULES : RULES, resultTypes: ["violations"] };
  const result = await page.evaluate((wanted) => {
    window.axe.configure({ rules: [{ id: "color-contrast", selector: "[data-judged]" }] });
    return window.axe.run(document, wanted);
  }, options);
  await page.evaluate(() => document.body.replaceWith(window.whole));
  const violations = result.violations.map((found) => `${found.id}: ${found.nodes.map((node) => node.html).slice(0, 3)}`);
  return { violations, passes: result.passes.map((found) => found.id) };
};

// What axe runs must not be held back by the page's own policy, hence a context of its own with the policy off.
// One page is shown in all looks: to load a large one takes as long as to judge it.
const accessibility = async (browser, url, looks, isJudged) => {
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  await page.goto(url);
  await page.evaluate(() => document.querySelectorAll("details").forEach((part) => (part.open = true)));
  if (isJudged) await page.addScriptTag({ path: axePath });
  const found = {};
  for (const { name, colorScheme, width } of looks) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    const judged = isJudged ? await judge(page, colorScheme === "dark") : {};
    found[name] = { overflow, ...judged };
  }
  await context.close();
  return found;
};

// Ids that stand twice, and those that something is named by and that stand nowhere: axe judges a part of the page only.
const wrongIds = () => {
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  const known = new Set(ids);
  const twice = ids.length === known.size ? [] : ids.filter((id, at) => ids.indexOf(id) !== at);
  const names = ["aria-labelledby", "aria-describedby", "aria-controls", "for", "headers"];
  const asked = names.flatMap((name) =>
    [...document.querySelectorAll(`[${name}]`)].flatMap((element) => element.getAttribute(name).split(" ")),
  );
  const nowhere = asked.filter((id) => id && !known.has(id));
  return [...twice.map((id) => `${id} is the id of several`), ...nowhere.map((id) => `${id} is the id of nothing`)];
};

const column = (page, table, index) =>
  page.$$eval(`#${table} tbody tr:not(.under)`, (rows, at) => rows.map((row) => row.cells[at].textContent.trim()), index);

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
  const shown = await page.$$eval(`#${table} tbody tr:not(.under)`, (rows) => rows.filter((row) => !row.hidden).length);
  return { before, sorted, reversed, ascending, descending, status, shown, sortTime };
};

// What a reader reaches by keyboard alone: the first stop is the skip link, and it leads to the verdict.
const keys = async (page) => {
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement.className);
  await page.keyboard.press("Enter");
  return { first, hash: new URL(page.url()).hash };
};

// A link into a folded part opens it, and one button opens or closes all of them.
const parts = async (page) => {
  const link = page.locator("#in-short a").first();
  if ((await link.count()) === 0) return null;
  await link.click();
  const target = page.locator(`[id="${(await link.getAttribute("href")).slice(1)}"]`);
  const revealed = await target.isVisible();
  const button = page.locator("#checks ~ button.fold");
  const states = [];
  for (let turn = 0; turn < 2; turn += 1) {
    await button.click();
    states.push(await page.$$eval("details.check", (found) => found.filter((part) => part.open).length));
  }
  return { revealed, states, total: await page.locator("details.check").count() };
};

export default async (browser, words) => {
  const options = { "no-rules": { type: "boolean" } };
  const { values, positionals } = parseArgs({ args: words, options, allowPositionals: true });
  const [file, ...wanted] = positionals;
  const url = pathToFileURL(file).href;
  const seen = { dialogs: 0, requests: [], errors: [], csp: [], looks: {} };
  const started = Date.now();
  const { context, page } = await open(browser, url, seen, { viewport: { width: 1200, height: 900 } });
  seen.loadTime = Date.now() - started;
  seen.title = await page.title();
  seen.h1 = await page.$$eval("h1", (found) => found.length);
  // Of each chart the drawing that is shown, whether its letters can be read, and what one who does not see it is told.
  seen.images = await page.$$eval("figure", (found) =>
    found.map((figure) => {
      const shown = [...figure.querySelectorAll("svg")].filter((drawing) => drawing.getBoundingClientRect().width > 0);
      const told = shown.flatMap((drawing) =>
        drawing.getAttribute("aria-labelledby").split(" ").map((name) => document.getElementById(name).textContent),
      );
      return [shown.length === 1 && shown[0].querySelectorAll("text").length > 2, told.join(" ")];
    }),
  );
  seen.buttons = await page.$$eval("button", (found) => found.length);
  const lost = await page.$$eval('a[href^="#"]', (links) =>
    links.map((link) => link.getAttribute("href")).filter((href) => !document.getElementById(href.slice(1))),
  );
  seen.errors.push(...lost.map((href) => `no target for ${href}`));
  seen.errors.push(...(await page.evaluate(wrongIds)));
  seen.keys = await keys(page);
  seen.parts = await parts(page);
  const plans = await page.$$eval('table[id^="table-causes"]', (found) => found.map((table) => table.id));
  seen.tools = plans.length ? await tools(page, plans.at(-1)) : null;
  await context.close();
  const silent = await open(browser, url, seen, { javaScriptEnabled: false });
  const folded = silent.page.locator(".beneath");
  if (await folded.count()) {
    await folded.first().locator("summary").first().click();
    seen.silentBeneath = await folded.first().locator("li").first().isVisible();
  }
  await silent.page.$$eval("details", (found) => found.forEach((part) => (part.open = true)));
  seen.silentText = await silent.page.evaluate(() => document.body.innerText);
  seen.silentButtons = (await silent.page.$$("button")).length;
  const linked = await silent.page.$$eval("#in-short a", (links) => links.map((link) => link.getAttribute("href")));
  if (linked.length) {
    await silent.page.goto(url + linked[0]);
    seen.silentReveal = await silent.page.locator(`[id="${linked[0].slice(1)}"]`).isVisible();
  }
  await silent.context.close();
  const chosen = LOOKS.filter((look) => wanted.length === 0 || wanted.includes(look.name));
  seen.looks = await accessibility(browser, url, chosen, !values["no-rules"]);
  return seen;
};
