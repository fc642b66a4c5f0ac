/** Whatever stands in any field of a message, it stays text: nothing of it becomes markup or code. */
import { signal } from "@preact/signals";
import { render } from "preact";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Message } from "../shared/protocol";
import type { Chat } from "../widget/chat";
import * as conversations from "../widget/conversation";
import { EMPTY, type Conversation } from "../widget/conversation";
import { MessageList } from "../widget/message-list";

const PAYLOADS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "\"><svg onload=alert(1)>",
  "' autofocus onfocus='alert(1)",
  "javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "<iframe srcdoc='<script>alert(1)</script>'>",
  "<math><mi//xlink:href=\"data:x,<script>alert(1)</script>\">",
  "<a href='jav&#x09;ascript:alert(1)'>x</a>",
  "\u0000<b>\u202ereversed",
];
const MADE_BY_US = new Set("A AUDIO BDI BLOCKQUOTE BR BUTTON DIV EM H4 IMG INPUT LI P RECT PATH CIRCLE SPAN STRONG SVG TIME UL VIDEO".split(" "));

class NoObserver {
  observe(): void {}
  disconnect(): void {}
}

function everywhere(payload: string): Message[] {
  const base = { created_at: "2026-11-22T10:00:00Z", citations: [] };
  const file = { mime_type: payload, file_name: payload, size_bytes: 1, url: `/media/${encodeURIComponent(payload)}` };
  const choice = { payload, title: payload, description: payload };
  const sections = [{ title: payload, choices: [choice, { ...choice, url: payload }] }];
  const place = { latitude: 1, longitude: 2, name: payload, address: payload };
  const kinds = ["image", "video", "voice", "document", "sticker"] as const;
  const media = kinds.map((kind) => ({ ...file, kind }));
  const styles = ["buttons", "list", "quick_replies"] as const;
  return [
    { ...base, message_id: "m1", seq: 1, role: "customer", text: payload, ref: "r1", content: { kind: payload, text: payload, media: { ...file, url: payload } } },
    ...styles.map((style, index) => ({
      ...base,
      message_id: `s${index}`,
      seq: index + 2,
      role: "agent" as const,
      text: payload,
      author: payload,
      reply_to: "r1",
      extras: { header: payload, footer: payload, media, location: place, choices: { style, label: payload, sections } },
      changes: { reactions: [{ by: "customer" as const, emoji: payload }] },
    })),
  ];
}

function show(messages: Message[]): HTMLElement {
  const state = messages.reduce<Conversation>(conversations.received, EMPTY);
  const chat = {
    conversation: signal(state),
    typing: signal(false),
    link: signal("online"),
    local: new Map(),
    refresh: async () => undefined,
  } as unknown as Chat;
  const root = document.createElement("div");
  document.body.replaceChildren(root);
  render(<MessageList chat={chat} greeting="Hi" />, root);
  return root;
}

beforeEach(() => vi.stubGlobal("ResizeObserver", NoObserver));

describe.each(PAYLOADS)("with %j in every field", (payload) => {
  it("there are only our own elements, without handlers", () => {
    const shown = show(everywhere(payload));
    const elements = [...shown.querySelectorAll("*")];
    expect(elements.length).toBeGreaterThan(60);
    const foreign = elements.map(({ tagName }) => tagName.toUpperCase()).filter((tag) => !MADE_BY_US.has(tag));
    expect(foreign).toEqual([]);
    const attributes = elements.flatMap((element) => element.getAttributeNames());
    expect(attributes.filter((name) => name.startsWith("on") || name === "srcdoc" || name === "style")).toEqual([]);
  });

  it("every address is one that may be followed or loaded", () => {
    const shown = show(everywhere(payload));
    for (const link of shown.querySelectorAll("a")) {
      const { protocol } = new URL(link.getAttribute("href") ?? "", "https://chat.example");
      expect(["https:", "http:", "mailto:", "tel:"]).toContain(protocol);
      expect(link.rel).toContain("noopener");
    }
    for (const loaded of shown.querySelectorAll("[src]")) {
      expect(new URL(loaded.getAttribute("src") ?? "", "https://chat.example").origin).toBe("https://chat.example");
    }
  });
});
