/** The widget as a person at a browser sees and uses it. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const PATIENCE_MS = 45_000;

/** Lines of the console that are about the page being cut off, which the tests do on purpose. */
const EXPECTED = /ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_SOCKET|WebSocket connection to|Failed to fetch/;

export class WidgetPage {
  complaints = [];

  constructor(page) {
    this.page = page;
    this.frame = page.frameLocator('iframe[src*="/widget/frame.html"]');
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("pageerror", (error) => this.complaints.push(`page error: ${error.message}`));
    page.on("console", (line) => {
      const text = line.text();
      if (["error", "warning"].includes(line.type()) && !EXPECTED.test(text)) this.complaints.push(text);
    });
  }

  async visit(url) {
    await this.page.goto(url);
    await this.launcher.waitFor();
  }

  get launcher() {
    return this.page.locator("[data-metachat] .launcher");
  }

  get field() {
    return this.frame.locator("textarea");
  }

  get replies() {
    return this.frame.locator(".row.reply[data-seq]");
  }

  own(text) {
    return this.frame.locator(".row.own").filter({ has: this.page.locator(".bubble").getByText(text, { exact: true }) });
  }

  async open() {
    if ((await this.launcher.getAttribute("aria-expanded")) !== "true") await this.launcher.click();
    await this.online();
  }

  async online() {
    await this.frame.locator('.presence[data-online="true"]').waitFor();
  }

  async send(text) {
    await this.field.fill(text);
    await this.field.press("Enter");
  }

  get ownPictures() {
    return this.frame.locator(".row.own[data-seq] .picture img");
  }

  /** Choose files as the file dialog gives them. */
  async attach(...files) {
    await this.frame.locator(".chooser").setInputFiles(files.map(([name, mimeType, buffer]) => ({ name, mimeType, buffer })));
  }

  /** Wait until so many chosen files have been uploaded. */
  async uploaded(count = 1) {
    await this.frame.locator('.tray-item[data-state="done"]').nth(count - 1).waitFor();
  }

  async sendAttached() {
    await this.frame.locator("button.send").click();
    await this.frame.locator(".tray-item").first().waitFor({ state: "detached" });
  }

  /** Paste or drop a file, as the event of the browser would carry it. */
  async give(how, selector, [name, type, bytes]) {
    await this.frame.locator(selector).evaluate(
      (target, { how, name, type, base64 }) => {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], name, { type }));
        const event = how === "paste" ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }) : new DragEvent(how, { dataTransfer: transfer, bubbles: true, cancelable: true });
        target.dispatchEvent(event);
      },
      { how, name, type, base64: bytes.toString("base64") },
    );
  }

  /** The pixels of a picture that the browser has really shown. */
  async pictureWidth(image) {
    return image.evaluate(async (shown) => {
      await shown.decode();
      return shown.naturalWidth;
    });
  }

  /** Serious accessibility faults of the frame as it stands. */
  async faults() {
    const frame = this.page.frames().find((candidate) => candidate.url().includes("/widget/frame.html"));
    await frame.evaluate(axeSource);
    const { violations } = await frame.evaluate(() => globalThis.axe.run());
    return violations
      .filter(({ impact }) => ["serious", "critical"].includes(impact))
      .map(({ id, nodes }) => `${id} at ${nodes[0].html}`);
  }

  /** Wait until the own message has its place in the conversation. */
  async recorded(text) {
    await this.own(text).and(this.frame.locator("[data-seq]")).waitFor();
  }

  /** Wait until the last row is a whole reply, below the own message. */
  async answered(text) {
    await this.recorded(text);
    const place = await this.own(text).getAttribute("data-seq");
    await this.frame.locator(`.row[data-seq="${place}"] ~ .row.reply[data-seq]`).last().waitFor();
  }

  /** Rows as `role: text`, in the order shown, greeting and typing left out. */
  async conversation() {
    const rows = this.frame.locator(".row[data-seq]");
    return rows.evaluateAll((all) =>
      all.map((row) => {
        const role = row.classList.contains("own") ? "customer" : (row.dataset.role ?? "");
        const text = row.querySelector(".markdown") ?? row.querySelector(".bubble");
        return `${role}: ${text?.textContent ?? ""}`;
      }),
    );
  }

  /** Count the different texts of the reply in the making, from now on. */
  async watchStreaming() {
    await this.frame.locator(".log").evaluate((log) => {
      const seen = new Set();
      globalThis.streamed = { seen, wasBusy: false };
      new MutationObserver(() => {
        const draft = log.querySelector("[data-streaming] .markdown");
        if (draft?.textContent) seen.add(draft.textContent);
        if (log.getAttribute("aria-busy") === "true") globalThis.streamed.wasBusy = true;
      }).observe(log, { subtree: true, childList: true, characterData: true, attributes: true });
    });
  }

  async streamed() {
    return this.frame.locator(".log").evaluate((log) => ({
      texts: globalThis.streamed.seen.size,
      wasBusy: globalThis.streamed.wasBusy,
      isBusy: log.getAttribute("aria-busy") === "true",
    }));
  }
}
