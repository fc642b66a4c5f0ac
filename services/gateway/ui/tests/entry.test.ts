import { describe, expect, it } from "vitest";
import type { Choices, Message } from "../shared/protocol";
import * as conversations from "../widget/conversation";
import { EMPTY } from "../widget/conversation";
import { entryOf, type Entry } from "../widget/entry";
import { choiceState, rows } from "../widget/threads";

function entry(seq: number, more: Partial<Message> = {}): Entry {
  const message: Message = { message_id: `m${seq}`, seq, role: "bot", text: `text ${seq}`, created_at: "2026-11-22T10:00:00Z", ref: `r${seq}`, ...more };
  return entryOf(message, `m${seq}`, undefined, 5);
}

const choices: Choices = { style: "buttons", sections: [{ choices: [{ payload: "y", title: "Yes" }, { payload: "n", title: "No" }] }] };
const asked = (style: Choices["style"] = "buttons"): Entry => entry(1, { extras: { choices: { ...choices, style } } });
const tapped = (title: string, more: Partial<Message> = {}): Entry =>
  entry(2, { role: "customer", text: title, content: { kind: "button_reply", text: title }, reply_to: "r1", ...more });

describe("a row of a message", () => {
  it("shows the newest words of an edited message and knows that it was edited", () => {
    const row = entry(1, { changes: { edited_text: "new", edited_at: "2026-11-22T10:01:00Z" } });
    expect(row).toMatchObject({ text: "new", isEdited: true, isRevoked: false });
  });

  it("knows a message that was taken back, and its reactions", () => {
    const changes = { revoked_at: "2026-11-22T10:01:00Z", reactions: [{ by: "customer" as const, emoji: "👍" }] };
    expect(entry(1, { changes })).toMatchObject({ isRevoked: true, reactions: ["👍"] });
  });

  it("takes the file of a customer's message with the kind of its content", () => {
    const media = { mime_type: "image/png", file_name: "a.png", size_bytes: 3, url: "/media/1" };
    const row = entry(1, { role: "customer", text: "", content: { kind: "image", text: "caption", media } });
    expect(row).toMatchObject({ text: "caption", files: [{ kind: "image", url: "/media/1" }], filesAt: 5 });
  });

  it("replaces what is shown when a message comes again with changes", () => {
    const message: Message = { message_id: "m1", seq: 1, role: "bot", text: "old", created_at: "2026-11-22T10:00:00Z" };
    const first = conversations.received(EMPTY, message);
    const again = conversations.received(first, { ...message, changes: { edited_text: "new", edited_at: "x" } });
    expect(again.entries.map(({ text }) => text)).toEqual(["new"]);
  });

  it("keeps the file of an own message when its place comes", () => {
    const file = { media_id: "f", kind: "image" as const, url: "/media/f" };
    const sent = conversations.queued(EMPTY, { clientMessageId: "c", text: "", createdAt: 1, file });
    const { state } = conversations.recorded(sent, { client_message_id: "c", message_id: "m", seq: 1 });
    expect(state.entries[0]).toMatchObject({ seq: 1, files: [file] });
    const bare: Message = { message_id: "m", seq: 1, role: "customer", text: "", created_at: "2026-11-22T10:00:00Z" };
    expect(conversations.received(state, bare).entries).toMatchObject([{ files: [file] }]);
  });
});

describe("reactions", () => {
  it("stand at the message they are about, the last one of a sender counts", () => {
    const gave = (seq: number, emoji: string): Entry => entry(seq, { text: "", extras: { reaction: { about: "r1", emoji } } });
    expect(rows([entry(1), gave(2, "👍"), gave(3, "❤️")])).toMatchObject([{ reactions: ["❤️"] }]);
    expect(rows([entry(1), gave(2, "👍"), gave(3, "")])).toMatchObject([{ reactions: [] }]);
  });
});

describe("choices", () => {
  it("are open until one is tapped", () => {
    expect(choiceState([asked()], 0)).toEqual({ open: true });
    expect(choiceState([asked(), tapped("No")], 0)).toEqual({ open: false, chosen: "No" });
  });

  it("stay open when something else is said, unless they are quick replies", () => {
    const typed = entry(2, { role: "customer", text: "Yes" });
    expect(choiceState([asked(), typed], 0)).toEqual({ open: true });
    expect(choiceState([asked("quick_replies"), typed], 0)).toEqual({ open: false, chosen: null });
  });

  it("are not closed by the answer to another message", () => {
    expect(choiceState([asked(), tapped("No", { reply_to: "r9" })], 0)).toEqual({ open: true });
  });

  it("are closed by a tap that the server has not got yet", () => {
    const own = conversations.queued(EMPTY, { clientMessageId: "c", text: "Yes", createdAt: 1, choice: { payload: "y", title: "Yes" }, replyTo: "r1" });
    expect(choiceState([asked(), ...own.entries], 0)).toEqual({ open: false, chosen: "Yes" });
  });
});
