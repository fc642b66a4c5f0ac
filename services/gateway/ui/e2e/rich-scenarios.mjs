/** Files, voice, choices, read marks and signed visitors: one function for each promise. */
import { strict as assert } from "node:assert";
import { serveHostPage } from "./host-page.mjs";
import { LossyProxy } from "./lossy-proxy.mjs";
import { PDF, png } from "./pictures.mjs";
import { visit } from "./visit.mjs";
import { WidgetPage } from "./widget-page.mjs";

const CUTS = 20;
const MANY = 100;

async function shot(widget, folder, name) {
  if (folder) await widget.page.screenshot({ path: `${folder}/${name}.png` });
}

/** Chosen, pasted and dropped files arrive and are shown, also after a reload and on a strict page. */
export async function files({ context, url, channel, hostPort, screenshots }) {
  const host = await serveHostPage({ port: hostPort, chatUrl: url, channel });
  const widget = new WidgetPage(await context.newPage());
  await widget.visit(host.url);
  await widget.open();
  await widget.attach(["zip.png", "image/png", png()], ["manual.pdf", "application/pdf", PDF]);
  await widget.uploaded(2);
  await shot(widget, screenshots, "tray");
  await widget.field.fill("A torn zip and its manual");
  await widget.field.press("Enter");
  await widget.recorded("A torn zip and its manual");
  await widget.frame.locator(".row.own[data-seq] a.file").waitFor();

  await widget.give("paste", "textarea", ["pasted.png", "image/png", png(64, 64)]);
  await widget.give("dragover", ".app", ["dropped.png", "image/png", png(80, 64)]);
  await widget.frame.locator(".drop-zone").waitFor();
  await widget.give("drop", ".app", ["dropped.png", "image/png", png(80, 64)]);
  await widget.uploaded(2);
  await widget.sendAttached();
  await widget.ownPictures.nth(2).waitFor();

  await widget.page.reload();
  await widget.open();
  await widget.ownPictures.nth(2).waitFor();
  const widths = [];
  for (const image of await widget.ownPictures.all()) widths.push(await widget.pictureWidth(image));
  assert.deepEqual(widths, [240, 64, 80], "the server's pictures, in the order they were sent");
  const [saved] = await Promise.all([widget.page.waitForEvent("popup"), widget.frame.locator(".row.own a.file").click()]);
  assert.equal(await saved.evaluate(() => globalThis.opener), null);
  await shot(widget, screenshots, "files");
  assert.deepEqual(widget.complaints, []);
  host.close();
  return {};
}

/** What the channel does not take is said before or after the upload, and never sent. */
export async function refusedFiles({ context, url, channel }) {
  const widget = await visit(context, url, channel);
  const program = Buffer.from("\x7fELF\x02\x01\x01 not a picture", "latin1");
  await widget.attach(["page.xyz", "application/x-unknown", PDF], ["liar.png", "image/png", program]);
  const reasons = widget.frame.locator('.tray-item[data-state="failed"] .complaint');
  await reasons.nth(1).waitFor();
  assert.deepEqual(await reasons.allTextContents(), Array(2).fill("This kind of file is not accepted"));
  await widget.send("Only words");
  await widget.recorded("Only words");
  assert.equal(await widget.frame.locator(".row.own a.file, .row.own .picture").count(), 0);
  for (const _ of "ab") await widget.frame.locator(".tray-item .small-button").first().click();
  assert.equal(await widget.frame.locator(".tray-item").count(), 0);
  return {};
}

/** An upload that the network breaks goes on when it is back, within the same page. */
export async function uploadSurvivesCut({ context, url, channel, proxyPort }) {
  const proxy = new LossyProxy(new URL(url));
  await proxy.listen(proxyPort);
  const widget = await visit(context, proxy.url, channel);
  await proxy.cut();
  await widget.attach(["zip.png", "image/png", png()]);
  await widget.frame.locator(".tray-item progress").waitFor();
  // Sent while it is still on its way: it goes as soon as it can.
  await widget.send("Written with a file while offline");
  await widget.frame.locator(".banner").waitFor();
  await proxy.restore();
  await widget.recorded("Written with a file while offline");
  assert.equal(await widget.pictureWidth(widget.ownPictures.first()), 240);
  await proxy.cut();
  return {};
}

/** A voice message is recorded, heard before it is sent, sent, and heard again after a reload. */
export async function voice({ context, newVisitor, url, channel, screenshots }) {
  const silent = await visit(await newVisitor(), url, channel);
  await silent.frame.locator(".microphone").click();
  await silent.frame.locator(".composer > .complaint").getByText("The microphone is blocked").waitFor();
  await context.grantPermissions(["microphone"], { origin: new URL(url).origin });
  const widget = await visit(context, url, channel);

  await widget.frame.locator(".microphone").click();
  await widget.frame.locator(".recording").waitFor();
  await widget.frame.getByLabel("Cancel").click();
  await widget.frame.locator(".microphone").waitFor();
  assert.equal(await widget.frame.locator(".tray-item").count(), 0, "what was cancelled is gone");

  await widget.frame.locator(".microphone").click();
  await widget.frame.locator(".recording .time").getByText("0:02").waitFor();
  await shot(widget, screenshots, "recording");
  await widget.frame.locator(".stop").click();
  await widget.uploaded();
  assert.ok((await lengthOf(widget, ".tray-item")) > 1, "what was recorded can be heard");
  await widget.sendAttached();
  await widget.frame.locator(".row.own[data-seq] .player").waitFor();
  await widget.page.reload();
  await widget.open();
  await widget.frame.locator(".row.own[data-seq] .player").waitFor();
  const seconds = await lengthOf(widget, ".row.own[data-seq]");
  assert.ok(seconds > 1 && seconds < 10, `${seconds} s came back from the server`);
  await shot(widget, screenshots, "voice");
  assert.deepEqual(widget.complaints, []);
  return { seconds };
}

async function lengthOf(widget, place) {
  await widget.frame.locator(`${place} .player .time`).getByText(/\d:\d\d/).waitFor();
  return widget.frame.locator(`${place} audio`).evaluate((sound) => sound.duration);
}

/** Buttons, lists, quick replies, places and files of an agent: shown, tapped, answered, kept. */
export async function choices({ context, url, channel, askOutside, screenshots }) {
  const widget = await visit(context, url, channel);
  await widget.send("I need help");
  await widget.answered("I need help");
  const one = (...choices) => ({ sections: [{ choices }] });
  const yes = { payload: "label-yes", title: "Yes, please" };
  const terms = { payload: "", title: "Terms", url: "https://example.com/terms" };
  const size = (title) => ({ payload: title, title });
  const say = (body) => askOutside(`post ${JSON.stringify(body)}`);
  await say({ text: "A **return label**?", footer: "Valid for 30 days", choices: { style: "buttons", ...one(yes, { payload: "no", title: "No" }, terms) } });
  await say({ text: "What about?", choices: { style: "list", label: "Topics", sections: [{ title: "Orders", choices: [{ payload: "where", title: "Where is it?", description: "Tracking" }] }] } });
  await say({ text: "Our workshop", location: { latitude: 45.815, longitude: 15.982, name: "Acme", address: "Ilica 1, Zagreb" } });
  await say({ text: "Which size?", choices: { style: "quick_replies", ...one(size("S"), size("M")) } });

  const place = widget.frame.locator(".place");
  await place.waitFor();
  assert.match(await place.textContent(), /Acme.*Ilica 1, Zagreb.*45\.81500, 15\.98200/);
  await widget.frame.locator(".opener").click();
  const link = widget.frame.getByRole("link", { name: "Terms" });
  assert.deepEqual([await link.getAttribute("href"), await link.getAttribute("rel")], ["https://example.com/terms", "noopener noreferrer nofollow"]);
  for (const theme of ["light", "dark"]) {
    await widget.page.evaluate((wanted) => globalThis.MetaChat("theme", wanted), theme);
    await widget.frame.locator(`html[data-theme="${theme}"]`).waitFor();
    assert.deepEqual(await widget.faults(), [], theme);
    await shot(widget, screenshots, `choices-${theme}`);
  }

  await widget.frame.getByRole("button", { name: "M", exact: true }).click();
  await widget.recorded("M");
  assert.equal(await widget.field.evaluate((field) => field === document.activeElement), true, "the keyboard is not lost");
  assert.equal(await widget.frame.locator(".quick_replies").count(), 0, "quick replies go when one is said");
  await widget.frame.getByRole("button", { name: "Yes, please" }).click();
  await widget.recorded("Yes, please");
  await widget.frame.getByRole("button", { name: "Where is it?" }).click();
  await widget.recorded("Where is it?");
  await widget.page.reload();
  await widget.open();
  await widget.recorded("Where is it?");
  const chosen = widget.frame.locator(".choice[data-chosen]");
  await chosen.first().waitFor();
  assert.match(await chosen.first().textContent(), /^Yes, please/);
  assert.equal(await widget.frame.getByRole("button", { name: "No" }).isDisabled(), true);
  assert.deepEqual(widget.complaints, []);
  return {};
}

/** What the visitor has seen is told to the server, and nothing that was not seen. */
export async function readMarks({ context, url, channel, askOutside }) {
  const widget = await visit(context, url, channel);
  await widget.send("Is anybody there?");
  await widget.answered("Is anybody there?");
  await askOutside('post {"text": "Seen at once"}');
  await widget.frame.getByText("Seen at once").waitFor();
  await askOutside("read Seen at once");
  await widget.field.press("Escape");
  await askOutside('post {"text": "Not seen yet"}');
  await widget.page.waitForFunction(() => document.querySelector("[data-metachat]").shadowRoot.querySelector(".badge").textContent === "1");
  await askOutside("unread Not seen yet");
  await widget.open();
  await askOutside("read Not seen yet");
  return {};
}

/** Many messages each way over a network that breaks 20 times: each once and in order, on both sides. */
export async function manyCuts({ context, url, channel, proxyPort, askOutside }) {
  const proxy = new LossyProxy(new URL(url));
  await proxy.listen(proxyPort);
  const widget = await visit(context, proxy.url, channel);
  await widget.send("Many things follow");
  await widget.answered("Many things follow");
  await askOutside(`start ${MANY}`);
  for (let cut = 0; cut < CUTS; cut += 1) {
    // Answers get lost before every second cut: then it is not known what has arrived.
    if (cut % 2) proxy.swallowAnswers();
    for (let index = 0; index < MANY / CUTS; index += 1) await widget.send(`mine ${cut * (MANY / CUTS) + index}`);
    if (cut % 2) await proxy.hasSwallowedAnAnswer();
    await proxy.cut();
    await widget.frame.locator('.presence[data-online="false"]').waitFor();
    await proxy.restore();
    await widget.online();
  }
  await widget.recorded(`mine ${MANY - 1}`);
  await askOutside("posted");
  await widget.frame.getByText(`theirs ${MANY - 1}`, { exact: true }).waitFor();
  await widget.frame.locator('.own[data-delivery="pending"]').first().waitFor({ state: "detached" });
  const shown = await widget.conversation();
  for (const [role, word] of [["customer", "mine"], ["agent", "theirs"]]) {
    const said = shown.filter((row) => row.startsWith(`${role}: ${word} `));
    assert.deepEqual(said, Array.from({ length: MANY }, (_, index) => `${role}: ${word} ${index}`));
  }
  await proxy.cut();
  return { cuts: CUTS, eachWay: MANY };
}

/** Whom the site has signed in is the same visitor in every browser, and nobody after signing out. */
export async function signedIn({ context, newVisitor, url, channel, hostPort, identity }) {
  const text = "I am signed in";
  const signed = `data-identity='${JSON.stringify(identity)}'`;
  const host = await serveHostPage({ port: hostPort, chatUrl: url, channel, attributes: signed });
  const first = await ready(await context.newPage(), host.url);
  assert.equal(first.said.identified, true);
  await first.widget.send(text);
  await first.widget.recorded(text);
  const second = await ready(await (await newVisitor()).newPage(), host.url);
  assert.equal(second.said.visitor_id, first.said.visitor_id);
  await second.widget.recorded(text);
  await second.widget.page.evaluate(() => globalThis.MetaChat("logout"));
  await second.widget.own(text).waitFor({ state: "detached" });
  await second.widget.page.waitForFunction(() => globalThis.heard.length > 1);
  const after = await second.widget.page.evaluate(() => globalThis.heard.at(-1));
  assert.notEqual(after.visitor_id, first.said.visitor_id);
  assert.equal(after.identified, false);
  host.close();
  return {};
}

async function ready(page, address) {
  await page.addInitScript(() => {
    globalThis.heard = [];
    globalThis.MetaChat = function early(...values) {
      (early.q ??= []).push(values);
    };
    globalThis.MetaChat("on", "ready", (detail) => globalThis.heard.push(detail));
  });
  const widget = new WidgetPage(page);
  await widget.visit(address);
  await widget.open();
  await page.waitForFunction(() => globalThis.heard.length > 0);
  return { widget, said: await page.evaluate(() => globalThis.heard.at(-1)) };
}
