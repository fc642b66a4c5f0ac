/** The dashboard's Knowledge page, used as an admin would. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PATIENCE_MS = 60_000;

const PRICES = "Article;Price;Stock\nBora 7 espresso machine;349.00 EUR;12\nMilk jug 0.5 l;14.90 EUR;80\n";
const MANUAL = "# Bora 7 manual\n\n## Descaling\n\nDescale the Bora 7 every 90 days with citric acid.\n";
const MANUAL_2 = "# Bora 7 manual\n\n## Descaling\n\nDescale the Bora 7 every 45 days with lactic acid.\n";
const POLICY = "Politika povrata\n\nKupac može vratiti neoštećenu robu u roku od 14 dana od isporuke, bez obrazloženja.\n";

const file = (name, mimeType, text) => ({ name, mimeType, buffer: Buffer.from(text) });

export async function knowledge({ url, key, context, screenshots }) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (line) => line.type() === "error" && complaints.push(line.text()));

  await page.goto(`${url}/app`);
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();

  await dropFiles(page, [
    file("prices.csv", "text/csv", PRICES),
    file("manual.md", "text/markdown", MANUAL),
    file("povrat.txt", "text/plain", POLICY),
    file("scan.pdf", "application/pdf", "%PDF-1.7 nothing of the kind"),
  ]);
  const row = (title) => page.getByRole("listitem").filter({ hasText: title });
  for (const title of ["prices.csv", "manual.md", "povrat.txt"]) await ready(row(title));
  const reason = await row("scan.pdf").locator(".problem").textContent();
  await page.screenshot({ path: `${screenshots}/knowledge.png`, fullPage: true });

  const prices = await search(page, "What does the espresso machine cost?");
  const typo = await search(page, "How often must I descalle the Bora?");
  const croatian = await search(page, "Koliko dana imam za povrat robe?");
  const violations = await look(page);
  await page.screenshot({ path: `${screenshots}/knowledge-explained.png`, fullPage: true });

  const chooser = page.waitForEvent("filechooser");
  await row("manual.md").getByRole("button", { name: "Replace" }).click();
  await (await chooser).setFiles(file("manual.md", "text/markdown", MANUAL_2));
  await row("manual.md").getByText("version 2").waitFor();
  await ready(row("manual.md"));
  const replaced = await search(page, "How often must I descale the Bora?");
  await row("manual.md").getByRole("button", { name: "Roll back" }).click();
  await row("manual.md").getByText("version 1").waitFor();
  const rolledBack = await search(page, "How often must I descale the Bora?");

  await row("manual.md").getByRole("button", { name: "Delete" }).click();
  await row("manual.md").getByRole("button", { name: "Delete", exact: true }).click();
  await row("manual.md").waitFor({ state: "detached" });
  const deleted = await search(page, "How often must I descale the Bora?");

  await row("prices.csv").getByRole("button", { name: "Disable" }).click();
  await row("prices.csv").getByText("Disabled").waitFor();
  const disabled = await search(page, "What does the espresso machine cost?");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot({ path: `${screenshots}/knowledge-phone-dark.png`, fullPage: true });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  violations.push(...(await look(page)));
  return { reason, prices, typo, croatian, replaced, rolledBack, deleted, disabled, violations, overflow, complaints };
}

/** Drop files as a person does: the page hears `drop` with a DataTransfer. */
async function dropFiles(page, files) {
  const given = files.map(({ name, mimeType, buffer }) => ({ name, mimeType, text: buffer.toString() }));
  const transfer = await page.evaluateHandle((parts) => {
    const made = new DataTransfer();
    for (const { name, mimeType, text } of parts) made.items.add(new File([text], name, { type: mimeType }));
    return made;
  }, given);
  await page.locator(".drop").dispatchEvent("dragover", { dataTransfer: transfer });
  await page.locator(".drop").dispatchEvent("drop", { dataTransfer: transfer });
}

const ready = (row) => row.locator(".badge.ready").waitFor();

/** What the page shows for a question: the passages, or the reason why there are none. */
async function search(page, question) {
  await page.getByRole("searchbox").fill(question);
  const answered = page.waitForResponse((answer) => answer.url().endsWith("/search"));
  await page.getByRole("button", { name: "Search" }).click();
  await answered;
  await page.locator("section.search [aria-live]").waitFor();
  const passages = await page.locator(".passages li").allTextContents();
  const none = await page.locator(".warning").allTextContents();
  const why = page.locator(".explanation");
  if (!(await why.getAttribute("open"))) await page.locator("summary").click();
  return { passages, none, why: await why.textContent() };
}

async function look(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id} at ${nodes[0].html}`);
}
