/** The chat of one visitor: conversation, outbox and connection tied together as signals for the view. */
import { batch, computed, signal } from "@preact/signals";
import {
  MAX_TEXT_LENGTH,
  type ChannelLook,
  type Message,
  type Ready,
  type Recorded,
} from "../shared/protocol";
import { Connection, type Link } from "./connection";
import * as conversations from "./conversation";
import type { Conversation } from "./conversation";
import { Outbox } from "./outbox";
import { Sessions } from "./sessions";
import type { Shelf } from "./storage";

const DRAFT_SILENCE_MS = 60_000;
const TYPING_SILENCE_MS = 30_000;
const TYPING_EVERY_MS = 3_000;
const RESUME_AGAIN_MS = 3_000;
const READ_SEQ = "read";
const PREVIEW_LENGTH = 90;

/** What happened, for the host page. */
export type ChatEvent = "ready" | "message:sent" | "message:received" | "error";

export interface ChatOptions {
  channelKey: string;
  sessionsUrl: string;
  socketPath: string;
  shelf: Shelf;
  announce: (event: ChatEvent, detail: unknown) => void;
}

export class Chat {
  readonly conversation = signal<Conversation>(conversations.EMPTY);
  readonly link = signal<Link>("connecting");
  readonly refusal = signal("");
  readonly channel = signal<ChannelLook>({});
  readonly typing = signal(false);
  readonly visible = signal(false);
  /** The history was asked for and came: an empty list now means an empty conversation. */
  readonly loaded = signal(false);
  readonly #readSeq = signal(0);

  readonly unread = computed(() => {
    const read = this.#readSeq.value;
    return this.conversation.value.entries.filter(
      (entry) => entry.role !== "customer" && (entry.seq ?? 0) > read,
    );
  });
  readonly preview = computed(() => this.unread.value.at(-1)?.text.slice(0, PREVIEW_LENGTH) ?? "");

  #sessions: Sessions;
  #connection: Connection;
  #outbox: Outbox;
  #resuming = false;
  #draftTimer: ReturnType<typeof setTimeout> | undefined;
  #typingTimer: ReturnType<typeof setTimeout> | undefined;
  #resumeTimer: ReturnType<typeof setTimeout> | undefined;
  #typedAt = 0;

  constructor(private readonly options: ChatOptions) {
    const { shelf } = options;
    this.#readSeq.value = Number(shelf.get(READ_SEQ)) || 0;
    this.#sessions = new Sessions(options.sessionsUrl, options.channelKey, shelf);
    this.#connection = this.#newConnection();
    this.#outbox = new Outbox(
      shelf,
      (message) => this.#connection.send(message),
      () => this.#connection.isOnline,
      {
        accepted: (id, messageId) => this.#accepted(id, messageId),
        failed: (id, reason) => this.#change((state) => conversations.failed(state, id, reason)),
        unanswered: () => this.#connection.hurry(),
      },
    );
    this.#showUnsent();
    addEventListener("online", () => this.#connection.hurry());
  }

  start(): void {
    void this.#connection.open();
  }

  send(text: string): void {
    const trimmed = text.trim().slice(0, MAX_TEXT_LENGTH);
    if (!trimmed) return;
    const message = { clientMessageId: newId(), text: trimmed, createdAt: Date.now() };
    this.#change((state) => conversations.queued(state, message));
    this.#outbox.add({
      id: message.clientMessageId,
      text: trimmed,
      createdAt: message.createdAt,
      accepted: false,
    });
    this.#typedAt = 0;
  }

  retry(clientMessageId: string): void {
    this.#change((state) => conversations.retrying(state, clientMessageId));
    this.#outbox.retry(clientMessageId);
  }

  discard(clientMessageId: string): void {
    this.#change((state) => conversations.discarded(state, clientMessageId));
    this.#outbox.settle(clientMessageId);
  }

  /** The visitor pressed a key; said to the agent at most every few seconds. */
  typed(): void {
    if (Date.now() - this.#typedAt < TYPING_EVERY_MS) return;
    this.#typedAt = Date.now();
    this.#connection.typing(true);
  }

  reconnectNow(): void {
    this.#connection.hurry();
  }

  show(visible: boolean): void {
    this.visible.value = visible;
    this.#markRead();
  }

  /** Forget the visitor: a new, empty conversation. */
  logout(): void {
    this.#connection.close();
    for (const unsent of this.#outbox.list()) this.#outbox.settle(unsent.id);
    this.#sessions.forget();
    this.options.shelf.remove(READ_SEQ);
    batch(() => {
      this.#readSeq.value = 0;
      this.conversation.value = conversations.EMPTY;
      this.loaded.value = false;
      this.typing.value = false;
      this.link.value = "connecting";
    });
    this.#connection = this.#newConnection();
    this.start();
  }

  #newConnection(): Connection {
    return new Connection(this.#sessions, this.options.socketPath, {
      session: (session) => {
        this.channel.value = session.channel;
      },
      link: (link, reason) => this.#linkChanged(link, reason),
      ready: (ready) => void this.#ready(ready),
      message: (message) => this.#received(message),
      recorded: (record) => this.#recorded(record),
      delta: (piece) => {
        this.#change((state) => conversations.delta(state, piece));
        this.#expectDraft();
      },
      typing: ({ on }) => this.#setTyping(on),
      error: (error) => this.options.announce("error", error),
    });
  }

  #linkChanged(link: Link, reason = ""): void {
    batch(() => {
      this.link.value = link;
      this.refusal.value = reason;
      if (link !== "online") this.typing.value = false;
    });
    if (link === "refused") this.options.announce("error", { code: reason });
  }

  async #ready(ready: Ready): Promise<void> {
    await this.#resume();
    this.options.announce("ready", { visitor_id: ready.visitor_id });
    await this.#outbox.flush();
  }

  /** Ask for what is missing, page by page, until the cursor stands still at the end. */
  async #resume(): Promise<void> {
    if (this.#resuming) return;
    this.#resuming = true;
    try {
      for (let more = true; more; ) {
        const before = this.conversation.value.cursor;
        const answer = await this.#connection.resume(before);
        if (answer.ok === false) {
          this.#resumeLater();
          return;
        }
        this.#change((state) => conversations.resumed(state, answer));
        const cursor = this.conversation.value.cursor;
        more = cursor < answer.last_seq && cursor > before;
      }
      this.loaded.value = true;
      this.#expectDraft();
      this.#forgetRecorded();
    } catch {
      // No answer: a dead connection resumes after it is made again, a live one is made again now.
      if (this.#connection.isOnline) this.#connection.hurry();
    } finally {
      this.#resuming = false;
    }
    // Something came in between that the answer did not know yet.
    if (conversations.hasGap(this.conversation.value)) this.#resumeLater();
  }

  /** The conversation could not be read: what was missed is still missing. */
  #resumeLater(): void {
    clearTimeout(this.#resumeTimer);
    this.#resumeTimer = setTimeout(() => void this.#resume(), RESUME_AGAIN_MS);
  }

  #received(message: Message): void {
    this.#change((state) => conversations.received(state, message));
    if (message.client_message_id) this.#outbox.settle(message.client_message_id);
    if (message.role !== "customer") {
      this.#setTyping(false);
      const { message_id, seq, role } = message;
      this.options.announce("message:received", { message_id, seq, role });
    }
    if (conversations.hasGap(this.conversation.value)) void this.#resume();
  }

  #recorded(record: Recorded): void {
    const { state, missing } = conversations.recorded(this.conversation.value, record);
    this.#change(() => state);
    this.#outbox.settle(record.client_message_id);
    if (missing || conversations.hasGap(state)) void this.#resume();
  }

  #accepted(id: string, messageId: string): void {
    this.#change((state) => conversations.accepted(state, id, messageId));
    this.options.announce("message:sent", { message_id: messageId, client_message_id: id });
  }

  #change(change: (state: Conversation) => Conversation): void {
    this.conversation.value = change(this.conversation.value);
    this.#markRead();
  }

  #markRead(): void {
    if (!this.visible.value) return;
    const seq = Math.max(0, ...this.conversation.value.entries.map((entry) => entry.seq ?? 0));
    if (seq <= this.#readSeq.value) return;
    this.#readSeq.value = seq;
    this.options.shelf.set(READ_SEQ, String(seq));
  }

  #setTyping(on: boolean): void {
    clearTimeout(this.#typingTimer);
    this.typing.value = on;
    if (on) this.#typingTimer = setTimeout(() => this.#setTyping(false), TYPING_SILENCE_MS);
  }

  #expectDraft(): void {
    clearTimeout(this.#draftTimer);
    if (!this.conversation.value.draft) return;
    this.#draftTimer = setTimeout(
      () => this.#change(conversations.abandonDraft),
      DRAFT_SILENCE_MS,
    );
  }

  #showUnsent(): void {
    for (const unsent of this.#outbox.list()) {
      const { id: clientMessageId, text, createdAt } = unsent;
      const message = { clientMessageId, text, createdAt, accepted: unsent.accepted };
      this.#change((state) => conversations.queued(state, message));
    }
  }

  /** Drop from the outbox what a resume has brought back with a seq. */
  #forgetRecorded(): void {
    for (const entry of this.conversation.value.entries) {
      if (entry.clientMessageId && entry.seq !== undefined) this.#outbox.settle(entry.clientMessageId);
    }
  }
}

/** Version 4 UUID; `crypto.randomUUID` is missing on plain-http pages other than localhost. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}
