// Opens a page as a reader would, and tells what happened.
// Words: FILE [--no-rules] [--no-acts] [--no-silence] [LOOK…], all looks without one
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { onePage, runScripts, watch } from "./one_page.mjs";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
// A dark page is the light one in other colours, so that only what reads colours can find anything else there.
const COLOUR_RULES = ["color-contrast", "link-in-text-block"];
const LOOKS = [
  { name: "light", colorScheme: "light", width: 1200 },
  { name: "dark", colorScheme: "dark", width: 1200 },
  { name: "dark phone", colorScheme: "dark", width: 320 },
  { name: "phone", colorScheme: "light", width: 320 },
];

// Takes out of a body what holds nothing that is judged in a look, or leaves only its text, where something must stand
// beside what is judged: the colours of the rest are as they were.
function dropTheUnjudged(body, mark) {
  const unjudged = `:not([${mark}], :has([${mark}]))`;
  const all = (kinds) => body.querySelectorAll(`:is(${kinds})${unjudged}`);
  for (const element of all("tr, li, p, div, details, figure, svg > :not(title, desc)")) element.remove();
  for (const element of all("td, th, h2, h3, button, span")) {
    if (element.firstElementChild) element.replaceChildren(element.textContent);
  }
}

// Marks the first of each kind, which is judged for all. What is of one kind has its own tag and class and those of all
// around it, and the same colours of ink and paper there; where more than colours is judged, also the same names of
// attributes, and is alike in all else that a rule asks, and the second is judged too. A table of 1,000 rows holds a few.
// What was marked in another look of the same colours, as `known` has it, is not marked again.
function markKinds(mark, isOfColours, { numbers, judged }) {
  const REACHED = "a, button, input, select, textarea, summary, [role], [tabindex]";
  const TARGET = 24;
  const MOST = isOfColours ? 1 : 2;
  const numberOf = (kind) => numbers.get(kind) ?? numbers.set(kind, numbers.size).get(kind);
  const kinds = new Map();
  const chosen = [];
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
  const asked = (element, style) => {
    const words = ["role", "type", "lang", "scope", "aria-hidden", "tabindex"].map((name) => element.getAttribute(name));
    const { told, neighbour } = element.matches(REACHED) ? reached(element) : { told: "", neighbour: null };
    const scrolls =
      style.overflow !== "visible" &&
      [element.scrollWidth > element.clientWidth, element.scrollHeight > element.clientHeight];
    const names = element.getAttributeNames().filter((name) => !name.startsWith("data-judged"));
    return { text: `${names.sort()} ${words} ${told} ${scrolls}`, neighbour };
  };
  for (const element of document.querySelectorAll("*")) {
    const style = getComputedStyle(element);
    const paper = `${style.backgroundColor} ${style.backgroundImage} ${style.opacity} ${style.position}`;
    const ink = `${style.color} ${style.fontSize} ${style.fontWeight} ${style.textShadow}`;
    const around = kinds.get(element.parentElement);
    const kind = numberOf(`${around} ${element.localName}.${element.className} ${paper}`);
    kinds.set(element, kind);
    const { text, neighbour } = isOfColours ? { text: "", neighbour: null } : asked(element, style);
    const look = `${kind} ${ink} ${text}`;
    const many = judged.get(look) ?? 0;
    if (many >= MOST) continue;
    const own = neighbour ? [element, neighbour] : [element];
    judged.set(look, many + own.length);
    chosen.push(...own);
  }
  for (const element of chosen) {
    element.setAttribute(mark, "");
    for (const name of ["aria-labelledby", "aria-describedby", "aria-controls", "for", "headers"]) {
      const ids = (element.getAttribute(name) ?? "").split(" ").filter(Boolean);
      for (const id of ids) document.getElementById(id)?.setAttribute(mark, "");
    }
  }
  return chosen.length;
}

const judging = () => {
  const none = () => ({ numbers: new Map(), judged: new Map() });
  const known = { light: none(), dark: none() };
  return {
    mark: (mark, colours) => markKinds(mark, colours === "dark", known[colours]),
    showPart: (mark) => {
      const part = window.whole.cloneNode(true);
      dropTheUnjudged(part, mark);
      document.body.replaceWith(part);
    },
  };
};

// The looks in which something is judged that was not in another of the same colours: each look's name and its mark.
// Of all of them the whole page is laid out one after another, as it takes longest when it is put in anew.
const measured = async (page, looks, isJudged) => {
  const found = {};
  const marks = new Map();
  await page.evaluate(() => document.body.replaceWith(window.whole));
  for (const { name, colorScheme, width } of looks) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    found[name] = { overflow: await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth) };
    const mark = `data-judged-${name.replace(" ", "-")}`;
    if (isJudged && (await page.evaluate(([own, colours]) => window.judging.mark(own, colours), [mark, colorScheme]))) {
      marks.set(name, mark);
    }
  }
  return { found, marks };
};

// Without the nodes of what is fine, which nobody reads, axe takes half the time; they are still counted. To measure the
// distances of 1,000 links in rows takes it longer than all else: so what is like what is judged is taken out before.
const judge = async (page, { colorScheme, width }, mark) => {
  await page.setViewportSize({ width, height: 900 });
  await page.emulateMedia({ colorScheme });
  const runOnly = colorScheme === "dark" ? COLOUR_RULES : RULES;
  const result = await page.evaluate(
    ([own, wanted]) => {
      window.judging.showPart(own);
      window.axe.configure({ rules: [{ id: "color-contrast", selector: `[${own}]` }] });
      return window.axe.run(document, wanted);
    },
    [mark, { runOnly, resultTypes: ["violations"] }],
  );
  const violations = result.violations.map((found) => `${found.id}: ${found.nodes.map((node) => node.html).slice(0, 3)}`);
  return { violations, passes: result.passes.map((found) => found.id) };
};

// Of two looks of the same colours, the later has what was found in the earlier: it is judged only for what that did not
// have.
const accessibility = async ({ page, devtools }, looks, isJudged) => {
  if (isJudged) {
    // By its tools, as the page's own policy would hold a script back.
    const expression = `${axeSource}\n${dropTheUnjudged}\n${markKinds}\nwindow.judging = (${judging})();`;
    const { exceptionDetails } = await devtools.send("Runtime.evaluate", { expression });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
  }
  const { found, marks } = await measured(page, looks, isJudged);
  const before = { light: { violations: [], passes: [] }, dark: { violations: [], passes: [] } };
  for (const look of isJudged ? looks : []) {
    const own = marks.has(look.name) ? await judge(page, look, marks.get(look.name)) : { violations: [], passes: [] };
    const known = before[look.colorScheme];
    for (const kind of ["violations", "passes"]) known[kind] = [...new Set([...known[kind], ...own[kind]])];
    Object.assign(found[look.name], known);
  }
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
  await page.click(`#${table} thead th:nth-child(3) button`);
  const sorted = await column(page, table, 2);
  const ascending = await page.getAttribute(`#${table} thead th:nth-child(3)`, "aria-sort");
  await page.keyboard.press("Enter");
  const descending = await page.getAttribute(`#${table} thead th:nth-child(3)`, "aria-sort");
  const reversed = await column(page, table, 2);
  const label = `Filter ${await page.getAttribute(`#${table}`, "data-filter")}`;
  await page.getByLabel(label, { exact: true }).fill("job-008");
  const status = await page.textContent(`.scroll:has(#${table}) >> xpath=preceding-sibling::p[1]//*[@role="status"]`);
  const shown = await page.$$eval(`#${table} tbody tr:not(.under)`, (rows) => rows.filter((row) => !row.hidden).length);
  return { before, sorted, reversed, ascending, descending, status, shown };
};

// What a reader reaches by keyboard alone: the first stop is the skip link, and it leads to the verdict.
const keys = async (page) => {
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement.className);
  // A mail has no such link: its first leads elsewhere, and the page that is looked at would be gone.
  const staysHere = await page.evaluate(() => document.activeElement.getAttribute("href")?.startsWith("#") ?? false);
  if (staysHere) await page.keyboard.press("Enter");
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

// What a reader does: the keys first, as the first stop is that of a page where nobody did anything.
const acts = async (page) => {
  const told = { keys: await keys(page), parts: await parts(page) };
  const plans = await page.$$eval('table[id^="table-causes"]', (found) => found.map((table) => table.id));
  return { ...told, tools: plans.length ? await tools(page, plans.at(-1)) : null };
};

// What is there where no script runs.
const silently = async (page, url) => {
  await runScripts(page, false);
  await page.setViewportSize({ width: 1200, height: 900 });
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto(url);
  const told = {};
  const folded = page.locator(".beneath");
  if (await folded.count()) {
    await folded.first().locator("summary").first().click();
    told.silentBeneath = await folded.first().locator("li").first().isVisible();
  }
  await page.$$eval("details", (found) => found.forEach((part) => (part.open = true)));
  told.silentText = await page.evaluate(() => document.body.innerText);
  told.silentButtons = (await page.$$("button")).length;
  const linked = await page.$$eval("#in-short a", (links) => links.map((link) => link.getAttribute("href")));
  if (linked.length) {
    await page.goto(url + linked[0]);
    told.silentReveal = await page.locator(`[id="${linked[0].slice(1)}"]`).isVisible();
  }
  return told;
};

export default async (browser, words) => {
  const options = Object.fromEntries(["no-rules", "no-acts", "no-silence"].map((name) => [name, { type: "boolean" }]));
  const { values, positionals } = parseArgs({ args: words, options, allowPositionals: true });
  const [file, ...wanted] = positionals;
  const url = pathToFileURL(file).href;
  const seen = { dialogs: 0, requests: [], errors: [], csp: [], looks: {} };
  const opened = await onePage(browser, { width: 1200, height: 900 });
  const { page } = opened;
  watch(page, url, seen);
  await page.goto(url);
  await page.evaluate(() => {
    window.whole = document.body.cloneNode(true);
    for (const part of window.whole.querySelectorAll("details")) part.open = true;
  });
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
  const lost = await page.$$eval('a[href^="#"]', (links) =>
    links.map((link) => link.getAttribute("href")).filter((href) => !document.getElementById(href.slice(1))),
  );
  seen.errors.push(...lost.map((href) => `no target for ${href}`));
  seen.errors.push(...(await page.evaluate(wrongIds)));
  if (!values["no-acts"]) Object.assign(seen, await acts(page));
  const chosen = LOOKS.filter((look) => wanted.length === 0 || wanted.includes(look.name));
  seen.looks = await accessibility(opened, chosen, !values["no-rules"]);
  if (!values["no-silence"]) Object.assign(seen, await silently(page, url));
  return seen;
};
