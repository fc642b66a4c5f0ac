/** The widget as a person at a browser sees and uses it. */

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

  /** Wait until the own message has its place in the conversation. */
  async recorded(text) {
    await this.own(text).and(this.frame.locator("[data-seq]")).waitFor();
  }

  /** Wait until the last row is a whole reply, below the own message. */
  async answered(text) {
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
