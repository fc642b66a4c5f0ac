/** The chat of one visitor: conversation, outbox and connection tied together as signals for the view. */
import { batch, computed, signal } from "@preact/signals";
import {
  MAX_TEXT_LENGTH,
  type ChannelLook,
  type Choice,
  type Identity,
  type Message,
  type Ready,
  type Recorded,
  type Uploaded,
} from "../shared/protocol";
import { Attachments } from "./attachments";
import { Connection, type Link } from "./connection";
import * as conversations from "./conversation";
import type { Conversation } from "./conversation";
import type { Entry, OwnMessage } from "./entry";
import { Outbox } from "./outbox";
import { Sessions } from "./sessions";
import { ReadMark, TypingSign } from "./signs";
import type { Shelf } from "./storage";
import { uploadTo } from "./upload";

const DRAFT_SILENCE_MS = 60_000;
const TYPING_SILENCE_MS = 30_000;
const RESUME_AGAIN_MS = 3_000;
const VISITOR = "who";

/** What happened, for the host page. */
export type ChatEvent = "ready" | "message:sent" | "message:received" | "error";

export interface ChatOptions {
  channelKey: string;
  sessionsUrl: string;
  uploadsUrl: string;
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
  /** The panel is open. */
  readonly visible = signal(false);
  /** The page is in front and has the keyboard: what is visible is seen. */
  readonly attended = signal(true);
  /** The history was asked for and came: an empty list now means an empty conversation. */
  readonly loaded = signal(false);
  readonly attachments: Attachments;
  /** Addresses on this device of files that were sent from it, by media id. */
  readonly local = new Map<string, string>();

  readonly unread = computed(() => {
    const read = this.#read.seq.value;
    return this.conversation.value.entries.filter(
      (entry) => entry.role !== "customer" && !entry.reaction && (entry.seq ?? 0) > read,
    );
  });

  #sessions: Sessions;
  #connection: Connection;
  #outbox: Outbox;
  #resuming = false;
  #draftTimer: ReturnType<typeof setTimeout> | undefined;
  #typingTimer: ReturnType<typeof setTimeout> | undefined;
  #resumeTimer: ReturnType<typeof setTimeout> | undefined;
  #read: ReadMark;
  #typingSign = new TypingSign((on) => this.#connection.typing(on));
  #identified = false;
  #isStarted = false;
  #lastMoment = 0;

  constructor(private readonly options: ChatOptions) {
    const { shelf } = options;
    // A gateway from before read marks ends the connection at one; it also says no limits.
    this.#read = new ReadMark(shelf, (seq) => this.attachments.limits.value && this.#connection.read(seq));
    this.#sessions = new Sessions(options.sessionsUrl, options.channelKey, shelf, Date.now, (detail) =>
      options.announce("error", { code: "invalid_identity", detail }),
    );
    this.attachments = new Attachments(uploadTo(options.uploadsUrl, this.#sessions));
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
    this.#isStarted = true;
    void this.#connection.open();
  }

  /** Send the text, and each file that is ready as a message of its own; the first takes the text. */
  send(text: string): void {
    const trimmed = text.trim().slice(0, MAX_TEXT_LENGTH);
    const files = this.attachments.take();
    for (const { media, local } of files) this.local.set(media.media_id, local);
    const [first, ...others] = files;
    if (trimmed || first) this.#post({ text: trimmed, file: first?.media });
    for (const { media } of others) this.#post({ text: "", file: media });
    this.#typingSign.stopped();
  }

  /** The visitor tapped what a message offered. */
  choose(asked: Entry, { payload, title }: Choice): void {
    this.#post({ text: title, choice: { payload, title }, replyTo: asked.ref });
  }

  retry(clientMessageId: string): void {
    this.#change((state) => conversations.retrying(state, clientMessageId));
    this.#outbox.retry(clientMessageId);
  }

  discard(clientMessageId: string): void {
    this.#change((state) => conversations.discarded(state, clientMessageId));
    this.#outbox.settle(clientMessageId);
  }

  /** The visitor changed what they are writing. */
  typed(text: string): void {
    if (text) this.#typingSign.typed();
    else this.#typingSign.stopped();
  }

  reconnectNow(): void {
    this.#connection.hurry();
  }

  show(visible: boolean): void {
    this.visible.value = visible;
    this.#markRead();
  }

  attend(attended: boolean): void {
    this.attended.value = attended;
    this.#markRead();
  }

  /** From now on the visitor is who the site's server says they are. */
  identify(identity: Identity): void {
    this.#sessions.identify(identity);
    if (this.#isStarted) this.#connection.hurry();
  }

  /** Ask for the message anew: the addresses of its files have grown old. */
  async refresh(seq: number): Promise<void> {
    const answer = await this.#connection.resume(seq - 1);
    if (answer.ok !== false) this.#change((state) => conversations.resumed(state, answer));
  }

  /** Forget the visitor: a new, empty conversation. */
  logout(): void {
    this.#connection.close();
    this.#sessions.forget();
    this.options.shelf.remove(VISITOR);
    this.#startOver(true);
    this.link.value = "connecting";
    this.#connection = this.#newConnection();
    this.start();
  }

  #post(said: Pick<OwnMessage, "text" | "file" | "choice" | "replyTo"> & { file?: Uploaded | undefined }): void {
    const message = { ...said, clientMessageId: newId(), createdAt: this.#nextMoment() };
    this.#change((state) => conversations.queued(state, message));
    const { clientMessageId: id, createdAt } = message;
    this.#outbox.add({ ...said, id, createdAt, accepted: false });
  }

  /** Later than every moment before: what is sent at once keeps its order over a reload. */
  #nextMoment(): number {
    this.#lastMoment = Math.max(Date.now(), this.#lastMoment + 1);
    return this.#lastMoment;
  }

  /** Another visitor: nothing of the one before is shown, or, if they were signed in, sent. */
  #startOver(dropUnsent: boolean): void {
    if (dropUnsent) {
      for (const unsent of this.#outbox.list()) this.#outbox.settle(unsent.id);
      this.attachments.clear();
      for (const address of this.local.values()) URL.revokeObjectURL(address);
      this.local.clear();
    }
    this.#read.forget();
    batch(() => {
      this.conversation.value = conversations.EMPTY;
      this.loaded.value = false;
      this.typing.value = false;
    });
    this.#showUnsent();
  }

  #newConnection(): Connection {
    return new Connection(this.#sessions, this.options.socketPath, {
      session: (session) => {
        this.channel.value = session.channel;
        this.attachments.limits.value = session.limits ?? null;
        this.#identified = session.identified ?? false;
      },
      link: (link, reason) => this.#linkChanged(link, reason),
      ready: (ready) => void this.#ready(ready),
      message: (message) => this.#received(message),
      recorded: (record) => this.#recorded(record),
      delta: (piece) => {
        this.#change((state) => conversations.delta(state, piece));
        this.#expectDraft();
      },
      withdrawn: (words) => this.#change((state) => conversations.withdrawn(state, words)),
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
    this.#recognise(ready.visitor_id);
    this.attachments.wake();
    await this.#resume();
    this.#read.sayAgain();
    this.options.announce("ready", { visitor_id: ready.visitor_id, identified: this.#identified });
    await this.#outbox.flush();
  }

  /** Start over when the server knows this visitor as another one than before. */
  #recognise(visitorId: string): void {
    const { shelf } = this.options;
    const [before, how] = (shelf.get(VISITOR) ?? "").split(" ");
    if (before && before !== visitorId) this.#startOver(how === "signed-in");
    shelf.set(VISITOR, this.#identified ? `${visitorId} signed-in` : visitorId);
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
    const isNew = this.conversation.value.entries.every((entry) => entry.messageId !== message.message_id);
    this.#change((state) => conversations.received(state, message));
    if (message.client_message_id) this.#outbox.settle(message.client_message_id);
    if (isNew && message.role !== "customer") {
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
    if (!this.visible.value || !this.attended.value) return;
    const heard = this.conversation.value.entries.filter(({ role }) => role !== "customer");
    this.#read.raise(Math.max(0, ...heard.map(({ seq }) => seq ?? 0)));
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
    for (const { id: clientMessageId, ...unsent } of this.#outbox.list()) {
      this.#change((state) => conversations.queued(state, { ...unsent, clientMessageId }));
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
