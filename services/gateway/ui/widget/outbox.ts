/**
 * Own messages that the conversation does not have yet, kept over reloads and resent until it does.
 *
 * One message travels at a time, oldest first, so that they arrive in the order they were
 * written. Resending is safe: the gateway knows a `client_message_id` that it already took.
 */
import type { MessageAck, Outgoing, Uploaded } from "../shared/protocol";
import type { Shelf } from "./storage";

export interface Unsent {
  id: string;
  text: string;
  createdAt: number;
  /** The gateway has it; its place in the conversation is still to come. */
  accepted: boolean;
  file?: Uploaded | undefined;
  choice?: { payload: string; title: string } | undefined;
  replyTo?: string | undefined;
}

export interface OutboxEvents {
  accepted(id: string, messageId: string): void;
  failed(id: string, reason: string): void;
  /** The connection looks open but does not answer. */
  unanswered(): void;
}

const PREFIX = "unsent:";
const TRIES = 3;
const RETRY_MS = 1500;
const KEEP_MS = 24 * 3600 * 1000;
/** Refusals that pass by themselves; every other one is for the visitor to decide on. */
const PASSING = new Set(["rate_limited", "unavailable", "database_unavailable", "internal_error"]);

export class Outbox {
  readonly #failed = new Set<string>();
  #busy = false;

  constructor(
    private readonly shelf: Shelf,
    private readonly send: (message: Outgoing) => Promise<MessageAck>,
    private readonly isOnline: () => boolean,
    private readonly events: OutboxEvents,
    private readonly wait: (ms: number) => Promise<void> = (ms) =>
      new Promise((done) => setTimeout(done, ms)),
  ) {}

  /** Everything kept, oldest first; what is older than a day is dropped. */
  list(now: number = Date.now()): Unsent[] {
    const kept: Unsent[] = [];
    for (const name of this.shelf.names(PREFIX)) {
      const message = parse(this.shelf.get(name));
      if (message && now - message.createdAt < KEEP_MS) kept.push(message);
      else this.shelf.remove(name);
    }
    return kept.sort((a, b) => a.createdAt - b.createdAt || a.id.localeCompare(b.id));
  }

  add(message: Unsent): void {
    this.#keep(message);
    void this.flush();
  }

  retry(id: string): void {
    this.#failed.delete(id);
    void this.flush();
  }

  /** The conversation has it, or the visitor gave it up. */
  settle(id: string): void {
    this.#failed.delete(id);
    this.shelf.remove(PREFIX + id);
  }

  /** Send what is waiting. Call when the connection is ready; harmless at any time. */
  async flush(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#next(); next && this.isOnline(); next = this.#next()) {
        if (!(await this.#deliver(next))) return;
      }
    } finally {
      this.#busy = false;
    }
  }

  #next(): Unsent | undefined {
    return this.list().find((message) => !message.accepted && !this.#failed.has(message.id));
  }

  /** True when the message is decided; false when the connection is gone. */
  async #deliver(message: Unsent): Promise<boolean> {
    const outgoing = asSent(message);
    for (let attempt = 1; ; attempt += 1) {
      let answer: MessageAck;
      try {
        answer = await this.send(outgoing);
      } catch {
        // No answer: it may have arrived. The reconnect resumes and flushes again.
        if (this.isOnline()) this.events.unanswered();
        return false;
      }
      if (answer.ok) {
        // Settled meanwhile (its place came before the acknowledgement): nothing left to keep.
        if (this.shelf.get(PREFIX + message.id)) this.#keep({ ...message, accepted: true });
        this.events.accepted(message.id, answer.message_id);
        return true;
      }
      if (!PASSING.has(answer.code) || attempt >= TRIES) {
        this.#failed.add(message.id);
        this.events.failed(message.id, answer.detail);
        return true;
      }
      await this.wait(RETRY_MS * attempt);
    }
  }

  #keep(message: Unsent): void {
    this.shelf.set(PREFIX + message.id, JSON.stringify(message));
  }
}

function asSent({ id, text, file, choice, replyTo }: Unsent): Outgoing {
  return {
    client_message_id: id,
    text,
    ...(file && { media_ids: [file.media_id] }),
    ...(choice && { choice }),
    ...(replyTo && { reply_to: replyTo }),
  };
}

function parse(text: string | null): Unsent | null {
  try {
    const value = JSON.parse(text ?? "null") as Partial<Unsent> | null;
    if (typeof value?.id !== "string" || typeof value.text !== "string") return null;
    return {
      id: value.id,
      text: value.text,
      createdAt: Number(value.createdAt) || 0,
      accepted: value.accepted === true,
      file: value.file,
      choice: value.choice,
      replyTo: value.replyTo,
    };
  } catch {
    return null;
  }
}
