// One page for all that a browser looks at: a window and a process of its own take longer to make than most pages to read.
const held = new WeakMap();
const KINDS = ["dialog", "request", "pageerror", "console", "popup"];

const made = async (browser) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  return { page, devtools: await context.newCDPSession(page) };
};

// The page as if it were new: nobody listens to it, scripts run, colours are light.
export const onePage = async (browser, viewport) => {
  if (!held.has(browser)) held.set(browser, await made(browser));
  const { page, devtools } = held.get(browser);
  for (const kind of KINDS) page.removeAllListeners(kind);
  await runScripts(page, true);
  await page.setViewportSize(viewport);
  await page.emulateMedia({ colorScheme: "light" });
  return { page, devtools };
};

// Whether the page that is opened next runs its scripts.
export const runScripts = (page, value) =>
  held.get(page.context().browser()).devtools.send("Emulation.setScriptExecutionDisabled", { value: !value });

// Counts in `told` what the page does that it must not: dialogs, requests, errors, and what its policy held back.
export const watch = (page, url, told) => {
  page.on("dialog", async (dialog) => {
    told.dialogs += 1;
    await dialog.dismiss();
  });
  page.on("request", (request) => {
    const asked = request.url();
    if (asked !== url && !asked.startsWith("data:")) told.requests.push(asked);
  });
  page.on("pageerror", (error) => told.errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") told.csp.push(message.text());
  });
  page.on("popup", () => told.requests.push("popup"));
};
