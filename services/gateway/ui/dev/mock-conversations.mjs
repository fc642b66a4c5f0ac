/** Conversations of the mock gateway: replies are canned, chosen by a word in the message. */
import { randomUUID } from "node:crypto";
import { describe } from "./mock-files.mjs";

const DELTA_MS = 35;
const returns = {
  number: 1,
  document_id: "d1",
  title: "Returns and refunds",
  page: 2,
  heading: "Returns › Time limit",
  quote: "Items can be returned within 30 days of delivery. Footwear that has been worn outdoors is excluded.",
  score: 0.83,
};
const shipping = {
  number: 2,
  document_id: "d2",
  title: "Shipping guide for Europe and overseas.pdf",
  page: 5,
  heading: null,
  quote: "Return labels are free inside the EU; the refund reaches the card within five working days.",
  score: 0.61,
};
const REPLIES = {
  markdown: {
    text: "## Care of a down jacket\n\n1. **Wash** at 30 °C with `down soap`\n2. Tumble dry *low*\n   - with two tennis balls\n   - until it is fluffy\n\n> Never iron it.\n\n| Step | Time |\n|---|---|\n| Wash | 40 min |\n| Dry | 2 h |\n\nSee [the guide](https://example.com/guide), [bad](javascript:alert(1)) and ![a picture](https://example.com/x.png). It costs $5 or $10 [see note].\n\n```\nwash --temp 30\n```\n<b>not bold</b>",
    citations: [],
  },
  default: {
    text: "You have **30 days** from delivery to return an item [1]. Return labels are free inside the EU, and the money is back on your card within *five working days* [2].\n\nShoes must not have been worn outdoors [1].",
    citations: [returns, shipping],
  },
};

const RICH = {
  buttons: { text: "Shall I send you a **return label**?", extras: { footer: "Valid for 30 days", choices: { style: "buttons", sections: [{ choices: [{ payload: "yes", title: "Yes, please" }, { payload: "no", title: "No, thank you" }, { payload: "", title: "Read the terms", url: "https://example.com/terms" }] }] } } },
  list: { text: "What is it about?", extras: { choices: { style: "list", label: "Choose a topic", sections: [{ title: "Orders", choices: [{ payload: "where", title: "Where is my order?", description: "Tracking and delays" }, { payload: "change", title: "Change an order" }] }, { title: "Gear", choices: [{ payload: "repair", title: "Repairs", description: "Zips, soles, poles" }] }] } } },
  quick: { text: "Which size is it?", extras: { choices: { style: "quick_replies", sections: [{ choices: ["XS", "S", "M", "L", "XL"].map((title) => ({ payload: title, title })) }] } } },
  place: { text: "Our workshop:", extras: { location: { latitude: 45.81501, longitude: 15.98192, name: "Acme Outdoor", address: "Ilica 1, 10000 Zagreb" } } },
  media: { text: "Here is the tent with its manual.", extras: { header: "Tent Nord 2", media: [{ kind: "image", mime_type: "image/svg+xml", file_name: "tent.svg", url: "/media/tent" }, { kind: "document", mime_type: "application/pdf", file_name: "Pitching your tent, a guide for beginners.pdf", size_bytes: 348_120, url: "/demo" }] } },
  gone: { text: "Never mind", changes: { revoked_at: "2026-11-22T10:00:00Z" } },
  edited: { text: "It costs 40 €", changes: { edited_text: "It costs 45 €", edited_at: "2026-11-22T10:00:00Z", reactions: [{ by: "customer", emoji: "👍" }] } },
};

export class Conversations {
  #held = new Map();

  constructor(io) {
    this.io = io;
  }

  dump() {
    return Object.fromEntries([...this.#held].map(([visitor, { messages, read }]) => [visitor, { messages, read }]));
  }

  sayToAll({ role = "agent", ...message }) {
    for (const visitor of this.#held.keys()) this.#say(visitor, { role, ...message });
  }

  join(socket) {
    const { visitor } = socket.data;
    const held = this.#of(visitor);
    socket.join(visitor);
    socket.emit("ready", { protocol: 1, visitor_id: visitor, last_seq: held.messages.length });
    socket.on("resume", ({ last_seq: lastSeq }, ack) => {
      const messages = held.messages.filter((message) => message.seq > lastSeq);
      ack({ messages, last_seq: held.messages.length, streaming: held.streaming });
    });
    socket.on("read", ({ seq }) => (held.read = seq));
    socket.on("typing", () => undefined);
    socket.on("message", (message, ack) => this.#take(visitor, message, ack));
  }

  #of(visitor) {
    if (!this.#held.has(visitor)) this.#held.set(visitor, { messages: [], known: new Map(), streaming: null, turns: Promise.resolve() });
    return this.#held.get(visitor);
  }

  #take(visitor, { client_message_id: id, text, media_ids: mediaIds = [], choice, reply_to }, ack) {
    const held = this.#of(visitor);
    if (/silent/.test(text)) return;
    if (/refuse/.test(text)) return ack({ ok: false, code: "text_refused", detail: "This text is not accepted." });
    if (held.known.has(id)) return ack({ ok: true, message_id: held.known.get(id) });
    const messageId = randomUUID();
    held.known.set(id, messageId);
    setTimeout(() => {
      ack({ ok: true, message_id: messageId });
      const message = this.#keep(visitor, { message_id: messageId, role: "customer", text: text || choice?.title || "", client_message_id: id, reply_to, content: contentOf(mediaIds, choice) });
      this.io.to(visitor).emit("recorded", { client_message_id: id, message_id: messageId, seq: message.seq });
      held.turns = held.turns.then(() => this.#answer(visitor, text));
    }, 60);
  }

  async #answer(visitor, asked) {
    const rich = RICH[asked];
    if (rich) return this.#say(visitor, { role: "agent", author: "Ana Horvat", ...rich });
    const held = this.#of(visitor);
    const turn = randomUUID();
    const reply = /markdown/.test(asked) ? REPLIES.markdown : REPLIES.default;
    this.io.to(visitor).emit("typing", { on: true });
    await pause(700);
    const words = reply.text.match(/\S+\s*/g);
    const attempts = /attempt/.test(asked) ? 2 : 1;
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      held.streaming = { turn_id: turn, text: "", attempt, next_index: 0 };
      const shown = attempt < attempts ? words.slice(0, 8) : words;
      for (const [index, text] of shown.entries()) {
        await pause(DELTA_MS);
        held.streaming.text += text;
        held.streaming.next_index = index + 1;
        this.io.to(visitor).emit("delta", { turn_id: turn, attempt, index, text });
      }
    }
    held.streaming = null;
    this.#say(visitor, { role: "bot", text: reply.text, citations: reply.citations, turn_id: turn });
  }

  #say(visitor, message) {
    this.io.to(visitor).emit("message", this.#keep(visitor, { message_id: randomUUID(), citations: [], ...message }));
  }

  #keep(visitor, message) {
    const { messages } = this.#of(visitor);
    const kept = { ref: message.message_id, ...message, seq: messages.length + 1, created_at: new Date().toISOString() };
    messages.push(kept);
    return kept;
  }
}

function contentOf(mediaIds, choice) {
  if (choice) return { kind: "button_reply", text: choice.title };
  if (mediaIds.length === 0) return null;
  const { type, name, size } = describe(mediaIds[0]);
  const kind = { image: "image", video: "video", audio: "voice" }[type.split("/")[0]] ?? "document";
  return { kind, media: { kind, mime_type: type, file_name: name, size_bytes: size, state: "stored", url: `/media/${mediaIds[0]}` } };
}

function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}
