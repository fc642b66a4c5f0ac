import { beforeEach, describe, expect, it } from "vitest";
import type { MessageAck, Outgoing } from "../shared/protocol";
import { Outbox } from "../widget/outbox";
import { MemoryStorage, openShelf } from "../widget/storage";

class Wire {
  sent: string[] = [];
  told: string[] = [];
  online = true;
  answers: (MessageAck | "lost")[] = [];
  storage = new MemoryStorage();

  outbox(): Outbox {
    return new Outbox(openShelf("channel", this.storage), (message) => this.#send(message), () => this.online, {
      accepted: (id) => this.told.push(`accepted ${id}`),
      failed: (id, reason) => this.told.push(`failed ${id}: ${reason}`),
      unanswered: () => this.told.push("unanswered"),
    }, async () => undefined);
  }

  async #send(message: Outgoing): Promise<MessageAck> {
    this.sent.push(message.client_message_id);
    await Promise.resolve();
    const answer = this.answers.shift() ?? { ok: true, message_id: "m" };
    if (answer === "lost") throw new Error("no answer");
    return answer;
  }
}

const note = (id: string, createdAt: number) => ({ id, text: id, createdAt: Date.now() + createdAt, accepted: false });

describe("outbox", () => {
  let wire: Wire;
  beforeEach(() => {
    wire = new Wire();
  });

  it("sends one at a time, oldest first", async () => {
    wire.online = false;
    const outbox = wire.outbox();
    outbox.add(note("b", 2));
    outbox.add(note("a", 1));
    wire.online = true;
    await outbox.flush();
    expect(wire.sent).toEqual(["a", "b"]);
    expect(wire.told).toEqual(["accepted a", "accepted b"]);
  });

  it("keeps an unanswered message and sends it again under the same id after a reload", async () => {
    wire.answers = ["lost"];
    const before = wire.outbox();
    before.add(note("a", 1));
    await before.flush();
    await Promise.resolve();
    const after = wire.outbox();
    expect(after.list().map((message) => message.id)).toEqual(["a"]);
    await after.flush();
    expect(wire.sent).toEqual(["a", "a"]);
    expect(wire.told).toContain("unanswered");
  });

  it("does not send again what was accepted, and forgets it when it is in the conversation", async () => {
    const outbox = wire.outbox();
    outbox.add(note("a", 1));
    await outbox.flush();
    await new Promise((done) => setTimeout(done));
    await wire.outbox().flush();
    expect(wire.sent).toEqual(["a"]);
    expect(outbox.list()).toMatchObject([{ id: "a", accepted: true }]);
    outbox.settle("a");
    expect(outbox.list()).toEqual([]);
  });

  it("tries a passing refusal again and gives up after three", async () => {
    const busy: MessageAck = { ok: false, code: "rate_limited", detail: "slow down" };
    wire.answers = [busy, busy, busy];
    const outbox = wire.outbox();
    outbox.add(note("a", 1));
    await new Promise((done) => setTimeout(done, 5));
    expect(wire.sent).toEqual(["a", "a", "a"]);
    expect(wire.told).toEqual(["failed a: slow down"]);
    outbox.retry("a");
    await new Promise((done) => setTimeout(done, 5));
    expect(wire.told.at(-1)).toBe("accepted a");
  });

  it("goes on with the next message after one that is refused for good", async () => {
    wire.answers = [{ ok: false, code: "text_too_long", detail: "too long" }];
    wire.online = false;
    const outbox = wire.outbox();
    outbox.add(note("a", 1));
    outbox.add(note("b", 2));
    wire.online = true;
    await outbox.flush();
    expect(wire.told).toEqual(["failed a: too long", "accepted b"]);
  });

  it("drops what is older than a day or unreadable", () => {
    wire.storage.setItem("metachat:channel:unsent:x", "{broken");
    wire.storage.setItem("metachat:channel:unsent:y", JSON.stringify({ id: "y", text: "y", createdAt: 1 }));
    expect(wire.outbox().list()).toEqual([]);
    expect(wire.storage.length).toBe(0);
  });
});
