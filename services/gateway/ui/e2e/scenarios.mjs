/** What the widget promises, one function each; a promise that does not hold throws. */
import { strict as assert } from "node:assert";
import { serveHostPage } from "./host-page.mjs";
import { LossyProxy } from "./lossy-proxy.mjs";
import { visit } from "./visit.mjs";
import { WidgetPage } from "./widget-page.mjs";

/** The page connects, sends, streams, shows where the answer comes from, and survives a reload. */
export async function converse({ context, url, channel, question, screenshots }) {
  const widget = await visit(context, url, channel);
  await widget.watchStreaming();
  await widget.send(question);
  await widget.recorded(question);
  await widget.replies.first().waitFor();
  const streamed = await widget.streamed();
  assert.ok(streamed.texts >= 2, `the reply grew in ${streamed.texts} steps, expected streaming`);
  assert.deepEqual([streamed.wasBusy, streamed.isBusy], [true, false], "aria-busy while streaming only");

  const chip = widget.frame.locator(".chip").first();
  await chip.click();
  const source = widget.frame.locator(".source");
  await source.waitFor();
  const title = (await source.locator(".source-title").textContent()).trim();
  const quote = (await source.locator(".source-quote").textContent()).trim();
  assert.ok(title && quote, "a source has a title and quoted words");
  if (screenshots) await widget.page.screenshot({ path: `${screenshots}/converse.png` });

  const before = await widget.conversation();
  assert.equal(before[0], `customer: ${question}`);
  await widget.page.reload();
  await widget.open();
  await widget.replies.first().waitFor();
  assert.deepEqual(await widget.conversation(), before, "the conversation is still there after a reload");
  assert.deepEqual(widget.complaints, []);
  return { title, quote, steps: streamed.texts };
}

/** A message written while the network is away is sent once when it is back. */
export async function networkCut({ context, url, channel, question, proxyPort, screenshots }) {
  const proxy = new LossyProxy(new URL(url));
  await proxy.listen(proxyPort);
  const widget = await visit(context, proxy.url, channel);
  await widget.send(question);
  await widget.recorded(question);
  await widget.replies.first().waitFor();

  await proxy.cut();
  const offline = "Written while offline: do you repair zips?";
  await widget.send(offline);
  await widget.frame.locator(".banner").waitFor();
  assert.equal(await widget.own(offline).getAttribute("data-delivery"), "pending");
  if (screenshots) await widget.page.screenshot({ path: `${screenshots}/offline.png` });
  await proxy.restore();
  await widget.recorded(offline);
  await widget.frame.locator(".banner").waitFor({ state: "detached" });
  await widget.replies.nth(1).waitFor();

  const unheard = "Sent, but the answer was lost: is the tent waterproof?";
  proxy.swallowAnswers();
  await widget.send(unheard);
  await proxy.hasSwallowedAnAnswer();
  await proxy.cut();
  await proxy.restore();
  await widget.recorded(unheard);

  await widget.page.reload();
  await widget.open();
  await widget.recorded(unheard);
  for (const text of [question, offline, unheard]) {
    assert.equal(await widget.own(text).count(), 1, `shown once: ${text}`);
  }
  await proxy.cut();
  return { messages: (await widget.conversation()).length };
}

/** A message that was not sent before the page was closed is sent by the next page. */
export async function outboxSurvivesReload({ context, url, channel, proxyPort }) {
  const proxy = new LossyProxy(new URL(url));
  await proxy.listen(proxyPort);
  const widget = await visit(context, proxy.url, channel);
  const text = "Written, then the page was closed.";
  await proxy.cut();
  await widget.send(text);
  await widget.own(text).waitFor();
  await proxy.restore();
  await widget.page.reload();
  await widget.open();
  await widget.recorded(text);
  assert.equal(await widget.own(text).count(), 1);
  await proxy.cut();
  return {};
}

/** A process dies while it answers: every message has its place once, and the last one is answered. */
export async function survivesKill({ context, url, channel, question, askOutside }) {
  const widget = await visit(context, url, channel);
  await widget.send(question);
  await widget.frame.locator("[data-streaming], .row.reply[data-seq]").first().waitFor();
  await askOutside("answering");
  const second = "And what does shipping cost?";
  await widget.send(second);
  await widget.recorded(question);
  await widget.recorded(second);
  await widget.answered(second);
  await widget.page.reload();
  await widget.open();
  await widget.recorded(second);
  for (const text of [question, second]) {
    assert.equal(await widget.own(text).count(), 1, `shown once: ${text}`);
  }
  const shown = await widget.conversation();
  const replies = shown.filter((row) => row.startsWith("bot: "));
  assert.equal(new Set(replies).size, replies.length, `a reply came twice: ${replies}`);
  return { shown };
}

/** Another site embeds it under a strict policy, and its early calls are heard. */
export async function strictHost({ context, url, channel, hostPort }) {
  const host = await serveHostPage({ port: hostPort, chatUrl: url, channel });
  const page = await context.newPage();
  await page.addInitScript(() => {
    globalThis.MetaChat = function early(...values) {
      (early.q ??= []).push(values);
    };
    globalThis.heard = [];
    globalThis.MetaChat("on", "message:sent", (detail) => globalThis.heard.push(detail));
    globalThis.MetaChat("open");
  });
  const widget = new WidgetPage(page);
  await widget.visit(host.url);
  await widget.online();
  assert.equal(await widget.frame.locator("h1").textContent(), "Strict site");
  await page.evaluate(() => globalThis.MetaChat("send", "Hello from a strict site"));
  await widget.recorded("Hello from a strict site");
  await page.waitForFunction(() => globalThis.heard.length === 1);
  await widget.field.press("Escape");
  await page.waitForFunction(() => {
    const root = document.querySelector("[data-metachat]").shadowRoot;
    const launcher = root.querySelector(".launcher");
    return launcher.getAttribute("aria-expanded") === "false" && root.activeElement === launcher;
  });
  assert.deepEqual(widget.complaints, []);
  host.close();
  return {};
}

/** A site that the channel does not name cannot show the frame. */
export async function foreignHost({ context, url, channel, foreignPort }) {
  const host = await serveHostPage({ port: foreignPort, chatUrl: url, channel });
  const widget = new WidgetPage(await context.newPage());
  await widget.visit(host.url);
  const refused = widget.page.waitForEvent("console", (line) => /frame-ancestors/.test(line.text()));
  await widget.launcher.click();
  await refused;
  assert.equal(await widget.frame.locator("textarea").count(), 0);
  host.close();
  return {};
}

/** No serious accessibility fault, in light and in dark. */
export async function accessible({ context, url, channel, question }) {
  const found = [];
  for (const theme of ["light", "dark"]) {
    const widget = await visit(context, url, channel, `&theme=${theme}`);
    await widget.page.emulateMedia({ reducedMotion: "reduce" });
    await widget.send(question);
    await widget.replies.first().waitFor();
    await widget.frame.locator(".chip").first().click();
    await widget.frame.locator(".source").waitFor();
    found.push(...(await widget.faults()).map((fault) => `${theme}: ${fault}`));
    await widget.page.close();
  }
  assert.deepEqual(found, []);
  return {};
}
