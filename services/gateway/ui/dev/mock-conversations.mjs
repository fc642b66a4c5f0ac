/** Conversations of the mock gateway: replies are canned, chosen by a word in the message. */
import { randomUUID } from "node:crypto";

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

export class Conversations {
  #held = new Map();

  constructor(io) {
    this.io = io;
  }

  dump() {
    return Object.fromEntries([...this.#held].map(([visitor, { messages }]) => [visitor, messages]));
  }

  sayToAll({ text, role = "agent" }) {
    for (const visitor of this.#held.keys()) this.#say(visitor, { role, text });
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
    socket.on("message", (message, ack) => this.#take(visitor, message, ack));
  }

  #of(visitor) {
    if (!this.#held.has(visitor)) this.#held.set(visitor, { messages: [], known: new Map(), streaming: null, turns: Promise.resolve() });
    return this.#held.get(visitor);
  }

  #take(visitor, { client_message_id: id, text }, ack) {
    const held = this.#of(visitor);
    if (/silent/.test(text)) return;
    if (/refuse/.test(text)) return ack({ ok: false, code: "text_refused", detail: "This text is not accepted." });
    if (held.known.has(id)) return ack({ ok: true, message_id: held.known.get(id) });
    const messageId = randomUUID();
    held.known.set(id, messageId);
    setTimeout(() => {
      ack({ ok: true, message_id: messageId });
      const message = this.#keep(visitor, { message_id: messageId, role: "customer", text, client_message_id: id });
      this.io.to(visitor).emit("recorded", { client_message_id: id, message_id: messageId, seq: message.seq });
      held.turns = held.turns.then(() => this.#answer(visitor, text));
    }, 60);
  }

  async #answer(visitor, asked) {
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
    const kept = { ...message, seq: messages.length + 1, created_at: new Date().toISOString() };
    messages.push(kept);
    return kept;
  }
}

function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}
