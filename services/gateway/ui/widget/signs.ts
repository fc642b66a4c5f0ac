/** The small signs of the visitor: how far they have read, and that they are writing. */
import { signal } from "@preact/signals";
import type { Shelf } from "./storage";

const READ_SEQ = "read";
const TELL_EVERY_MS = 1_000;
const TYPING_EVERY_MS = 3_000;
const TYPING_PAUSE_MS = 6_000;

/** The last message that the visitor has seen; said to the server when it rises. */
export class ReadMark {
  readonly seq = signal(0);
  #told = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly shelf: Shelf,
    private readonly tell: (seq: number) => void,
  ) {
    this.seq.value = Number(shelf.get(READ_SEQ)) || 0;
  }

  raise(seq: number): void {
    if (seq > this.seq.value) {
      this.seq.value = seq;
      this.shelf.set(READ_SEQ, String(seq));
    }
    this.#say();
  }

  /** A new connection: what was said on the old one, or while there was none, may not have arrived. */
  sayAgain(): void {
    this.#told = 0;
    this.#say();
  }

  forget(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#told = 0;
    this.seq.value = 0;
    this.shelf.remove(READ_SEQ);
  }

  #say(): void {
    if (this.#timer !== undefined || this.seq.value <= this.#told) return;
    this.tell(this.seq.value);
    this.#told = this.seq.value;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#say();
    }, TELL_EVERY_MS);
  }
}

/** Says that the visitor writes: every few seconds while they do, and once when they stop. */
export class TypingSign {
  #saidAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly say: (on: boolean) => void) {}

  typed(now: number = Date.now()): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.stopped(), TYPING_PAUSE_MS);
    if (now - this.#saidAt < TYPING_EVERY_MS) return;
    this.#saidAt = now;
    this.say(true);
  }

  stopped(): void {
    clearTimeout(this.#timer);
    if (this.#saidAt > 0) this.say(false);
    this.#saidAt = 0;
  }
}
