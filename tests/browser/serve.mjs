// Keeps one Chromium open, which takes longer to start than most pages to look at, and does in it what it is told to.
// Usage: node serve.mjs CHROMIUM; each line that comes in is JSON, {"script": NAME, "words": […]}, and so is each answer,
// {"told": …} or {"fault": TEXT}. It ends with its input.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { chromium } = createRequire(import.meta.url)("playwright-core");
const [executablePath] = process.argv.slice(2);
const LONGEST = 300_000;

const launch = () =>
  chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"],
  });

let browser = await launch();
const answer = async ({ script, words }) => {
  if (!browser.isConnected()) browser = await launch();
  const { default: run } = await import(`./${script}.mjs`);
  const tooLong = new Promise((_, fail) => setTimeout(() => fail(new Error("took too long")), LONGEST).unref());
  try {
    return { told: await Promise.race([run(browser, words), tooLong]) };
  } catch (error) {
    await browser.close();
    return { fault: error.stack };
  }
};

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
}
await browser.close();
