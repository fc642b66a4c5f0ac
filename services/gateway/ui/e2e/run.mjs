/**
 * Plays one scenario in a real browser and prints its result as JSON; exits 1 when it fails.
 * A scenario may say lines on the way and go on when a line is said back.
 *
 *   node e2e/run.mjs converse '{"url": "http://127.0.0.1:8000", "channel": "wch_…", "question": "…"}'
 */
import { once } from "node:events";
import { createInterface } from "node:readline";
import * as app from "./app-scenarios.mjs";
import { openBrowser } from "./browser.mjs";
import * as rich from "./rich-scenarios.mjs";
import * as plain from "./scenarios.mjs";

const scenarios = { ...plain, ...rich, ...app };
const [name, given] = process.argv.slice(2);
const scenario = scenarios[name];
if (!scenario) throw new Error(`unknown scenario: ${name}; there are ${Object.keys(scenarios).join(", ")}`);

const browser = await openBrowser();
const context = await newVisitor();
const answers = createInterface({ input: process.stdin });

/** A browser without a past. */
function newVisitor() {
  return browser.newContext({ viewport: { width: 1280, height: 860 }, locale: "en-GB" });
}

/** Say a line and wait for the one that is said back. */
async function askOutside(line) {
  console.log(line);
  const [answer] = await once(answers, "line");
  return answer;
}

try {
  const question = "How long do I have to return an item?";
  const result = await scenario({ question, ...JSON.parse(given), context, newVisitor, askOutside });
  console.log(JSON.stringify({ scenario: name, ok: true, ...result }));
} catch (error) {
  const { screenshots } = JSON.parse(given);
  const page = context.pages().at(-1);
  if (screenshots && page) await page.screenshot({ path: `${screenshots}/${name}-failed.png` });
  console.log(JSON.stringify({ scenario: name, ok: false, error: String(error?.stack ?? error) }));
  process.exitCode = 1;
} finally {
  answers.close();
  await browser.close();
  // Proxies and host pages of a failed scenario would keep the process alive.
  setTimeout(() => process.exit(), 100);
}
