import { describe, expect, it } from "vitest";
import type { Message } from "../shared/protocol";
import * as conversations from "../widget/conversation";
import { EMPTY, type Conversation } from "../widget/conversation";

function message(seq: number, more: Partial<Message> = {}): Message {
  return {
    message_id: `m${seq}`,
    seq,
    role: "bot",
    text: `text ${seq}`,
    created_at: "2026-11-22T10:00:00Z",
    ...more,
  };
}

function own(id: string, state: Conversation = EMPTY): Conversation {
  return conversations.queued(state, { clientMessageId: id, text: id, createdAt: 1 });
}

function texts(state: Conversation): string[] {
  return state.entries.map((entry) => entry.text);
}

describe("order and uniqueness", () => {
  it("shows messages by seq, whatever order they arrive in", () => {
    const state = [3, 1, 2].reduce((held, seq) => conversations.received(held, message(seq)), EMPTY);
    expect(texts(state)).toEqual(["text 1", "text 2", "text 3"]);
    expect(state.cursor).toBe(3);
  });

  it("shows a message once when it comes live and again by resume", () => {
    const live = conversations.received(EMPTY, message(1));
    const state = conversations.resumed(live, { messages: [message(1), message(2)], last_seq: 2 });
    expect(texts(state)).toEqual(["text 1", "text 2"]);
  });

  it("shows an own message once when it comes back under another message id", () => {
    const sent = conversations.accepted(own("c1"), "c1", "ledger-id");
    const back = message(1, { role: "customer", text: "c1", client_message_id: "c1" });
    const state = conversations.received(sent, back);
    expect(state.entries).toHaveLength(1);
    expect(state.entries[0]).toMatchObject({ seq: 1, messageId: "m1", delivery: "sent", key: "c1" });
  });

  it("keeps own messages without a seq at the end, in the order they were written", () => {
    const waiting = own("c2", own("c1"));
    const state = conversations.received(waiting, message(1));
    expect(texts(state)).toEqual(["text 1", "c1", "c2"]);
  });

  it("knows a gap and closes it by resume", () => {
    const gap = conversations.received(conversations.received(EMPTY, message(1)), message(3));
    expect(gap.cursor).toBe(1);
    expect(conversations.hasGap(gap)).toBe(true);
    const state = conversations.resumed(gap, { messages: [message(2), message(3)], last_seq: 3 });
    expect(conversations.hasGap(state)).toBe(false);
    expect(state.cursor).toBe(3);
  });

  it("does not ask for ever for a seq that the visitor may not see", () => {
    const gap = conversations.received(EMPTY, message(2));
    const state = conversations.resumed(gap, { messages: [message(2)], last_seq: 2 });
    expect(conversations.hasGap(state)).toBe(false);
  });

  it("takes the next page from where the last one ended", () => {
    const state = conversations.resumed(EMPTY, { messages: [message(1), message(2)], last_seq: 9 });
    expect(state.cursor).toBe(2);
  });

  it("asks to resume for a message recorded in another tab", () => {
    const record = { client_message_id: "elsewhere", message_id: "m1", seq: 1 };
    expect(conversations.recorded(EMPTY, record).missing).toBe(true);
  });

  it("places an own message when it is recorded, also after it was thought lost", () => {
    const lost = conversations.failed(own("c1"), "c1", "no answer");
    const { state, missing } = conversations.recorded(lost, {
      client_message_id: "c1",
      message_id: "m1",
      seq: 1,
    });
    expect(missing).toBe(false);
    expect(state.entries[0]).toMatchObject({ delivery: "sent", seq: 1 });
    expect(state.entries[0]).not.toHaveProperty("failure");
    expect(conversations.failed(state, "c1", "late").entries[0]?.delivery).toBe("sent");
  });

  it("discards only what the server has not got", () => {
    const { state } = conversations.recorded(own("c2", own("c1")), {
      client_message_id: "c1",
      message_id: "m1",
      seq: 1,
    });
    const left = conversations.discarded(conversations.discarded(state, "c1"), "c2");
    expect(texts(left)).toEqual(["c1"]);
  });
});

describe("a reply in the making", () => {
  const piece = (index: number, text: string, attempt = 1) => ({ turn_id: "t1", attempt, index, text });
  const play = (...pieces: ReturnType<typeof piece>[]) => pieces.reduce(conversations.delta, EMPTY);

  it("takes half a reply back when somebody else answers, and late pieces with it", () => {
    const half = play(piece(0, "You "), piece(1, "have "));
    const state = conversations.withdrawn(half, { unless_turn_id: "another" });
    expect(state.draft).toBeNull();
    expect(conversations.delta(state, piece(2, "30 ")).draft).toBeNull();
    expect(conversations.delta(state, piece(0, "Anew", 2)).draft?.text).toBe("Anew");
  });

  it("keeps the words of the turn that itself brought a person", () => {
    const half = play(piece(0, "A person "));
    expect(conversations.withdrawn(half, { unless_turn_id: half.draft!.turnId })).toBe(half);
  });

  it("joins pieces in their order, once each", () => {
    const state = play(piece(0, "You "), piece(2, "30 "), piece(1, "have "), piece(1, "have "), piece(3, "days"));
    expect(state.draft?.text).toBe("You have 30 days");
  });

  it("shows no more than the unbroken beginning", () => {
    expect(play(piece(0, "You "), piece(2, "30 ")).draft?.text).toBe("You ");
  });

  it("starts over with a new attempt and ignores what is left of the old one", () => {
    const state = play(piece(0, "Wrong "), piece(1, "start"), piece(0, "Right ", 2), piece(2, "!"), piece(1, "one", 2));
    expect(state.draft).toMatchObject({ text: "Right one", attempt: 2 });
  });

  it("is replaced by the message of its turn, under the same key", () => {
    const draft = play(piece(0, "You "));
    const state = conversations.received(draft, message(1, { turn_id: "t1", text: "You have 30 days." }));
    expect(state.draft).toBeNull();
    expect(state.entries[0]).toMatchObject({ text: "You have 30 days.", key: conversations.draftKey("t1") });
    expect(conversations.delta(state, piece(1, "late")).draft).toBeNull();
  });

  it("keeps two messages of one turn apart", () => {
    const first = conversations.received(EMPTY, message(1, { turn_id: "t1" }));
    const state = conversations.received(first, message(2, { turn_id: "t1" }));
    expect(new Set(state.entries.map((entry) => entry.key)).size).toBe(2);
  });

  it("goes on from the text the server has at resume", () => {
    const streaming = { turn_id: "t1", text: "You have ", attempt: 1, next_index: 2 };
    const resumed = conversations.resumed(EMPTY, { messages: [], last_seq: 0, streaming });
    const state = [piece(1, "have "), piece(2, "30 "), piece(3, "days")].reduce(conversations.delta, resumed);
    expect(state.draft?.text).toBe("You have 30 days");
  });

  it("goes on with the next piece when resume does not say its index", () => {
    const streaming = { turn_id: "t1", text: "You have " };
    const resumed = conversations.resumed(EMPTY, { messages: [], last_seq: 0, streaming });
    const state = [piece(7, "30 "), piece(8, "days")].reduce(conversations.delta, resumed);
    expect(state.draft?.text).toBe("You have 30 days");
    const again = conversations.delta(resumed, piece(0, "Anew", 2));
    expect(again.draft?.text).toBe("Anew");
  });

  it("does not bring back a reply that is already there", () => {
    const done = conversations.received(EMPTY, message(1, { turn_id: "t1" }));
    const streaming = { turn_id: "t1", text: "You" };
    expect(conversations.resumed(done, { messages: [], last_seq: 1, streaming }).draft).toBeNull();
  });

  it("is dropped when nothing more comes", () => {
    expect(conversations.abandonDraft(play(piece(0, "You "))).draft).toBeNull();
  });
});
