/**
 * Files that the visitor has chosen and not sent yet: checked, uploaded, kept until they go.
 *
 * An upload that the network broke starts again by itself; what the channel refuses stays
 * with its reason until the visitor takes it away.
 */
import { computed, signal } from "@preact/signals";
import type { FileKind, Limits, Uploaded } from "../shared/protocol";
import { bareType, kindOf, unwanted, type Unwanted } from "./files";
import { UploadFailed, type Upload } from "./upload";

export type Problem = Unwanted | "uploadFailed";

export interface Attachment {
  id: number;
  file: File;
  kind: FileKind;
  state: "uploading" | "done" | "failed";
  /** From 0 to 1. */
  progress: number;
  /** Address of the bytes on this device. */
  local: string;
  problem?: Problem;
  /** The server's words, where it said some. */
  detail?: string;
  canRetry?: boolean;
  media?: Uploaded;
}

const AT_ONCE = 3;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 15_000;

export class Attachments {
  readonly list = signal<readonly Attachment[]>([]);
  /** More files were chosen than go at once: how many do, else 0. */
  readonly overflow = signal(0);
  readonly limits = signal<Limits | null>(null);
  readonly isUploading = computed(() => this.list.value.some(({ state }) => state === "uploading"));
  readonly isReady = computed(() => this.list.value.some(({ state }) => state === "done"));
  readonly #stops = new Map<number, AbortController>();
  readonly #wakes = new Map<number, () => void>();
  #lastId = 0;

  constructor(private readonly upload: Upload) {}

  add(files: Iterable<File>, kind?: FileKind): void {
    const limits = this.limits.value;
    if (!limits) return;
    const room = limits.media_per_message_max - this.list.value.length;
    const given = [...files];
    this.overflow.value = given.length > room ? limits.media_per_message_max : 0;
    const added = given.slice(0, Math.max(0, room)).map((file) => this.#checked(file, limits, kind));
    this.list.value = [...this.list.value, ...added];
    this.#pump();
  }

  remove(id: number): void {
    const gone = this.list.value.find((item) => item.id === id);
    if (gone) URL.revokeObjectURL(gone.local);
    this.#drop(id);
    this.#pump();
  }

  retry(id: number): void {
    this.#change(id, { state: "uploading", progress: 0 });
    this.#pump();
  }

  /** The network is back: do not wait for the next attempt. */
  wake(): void {
    for (const wake of this.#wakes.values()) wake();
  }

  /** Take what is uploaded, to be sent; what is not stays. */
  take(): (Attachment & { media: Uploaded })[] {
    const done = this.list.value.filter(
      (item): item is Attachment & { media: Uploaded } => item.state === "done" && item.media !== undefined,
    );
    for (const { id } of done) this.#drop(id);
    return done;
  }

  clear(): void {
    for (const { id } of this.list.value) this.remove(id);
    this.overflow.value = 0;
  }

  #checked(file: File, limits: Limits, kind?: FileKind): Attachment {
    const problem = unwanted(file, limits);
    this.#lastId += 1;
    return {
      id: this.#lastId,
      file,
      kind: kind ?? kindOf(bareType(file.type)),
      state: problem ? "failed" : "uploading",
      progress: 0,
      local: URL.createObjectURL(file),
      ...(problem && { problem }),
    };
  }

  #pump(): void {
    const waiting = this.list.value.filter(({ id, state }) => state === "uploading" && !this.#stops.has(id));
    for (const item of waiting.slice(0, AT_ONCE - this.#stops.size)) void this.#run(item);
  }

  async #run({ id, file }: Attachment): Promise<void> {
    const stop = new AbortController();
    this.#stops.set(id, stop);
    try {
      const media = await this.#untilDecided(id, file, stop.signal);
      this.#change(id, { state: "done", progress: 1, media });
    } catch (error) {
      this.#change(id, { state: "failed", ...reasonOf(error) });
    } finally {
      this.#stops.delete(id);
      this.#pump();
    }
  }

  async #untilDecided(id: number, file: File, stop: AbortSignal): Promise<Uploaded> {
    const progress = (share: number): void => this.#change(id, { progress: share });
    for (let failures = 0; ; failures += 1) {
      try {
        return await this.upload(file, progress, stop);
      } catch (error) {
        if (!(error instanceof UploadFailed) || !error.passes || stop.aborted) throw error;
        this.#change(id, { progress: 0 });
        await this.#pause(id, Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures));
        if (stop.aborted) throw error;
      }
    }
  }

  #pause(id: number, ms: number): Promise<void> {
    return new Promise((done) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#wakes.delete(id);
        done();
      };
      const timer = setTimeout(wake, ms);
      this.#wakes.set(id, wake);
    });
  }

  #change(id: number, change: Partial<Attachment>): void {
    this.list.value = this.list.value.map((item) => (item.id === id ? { ...item, ...change } : item));
  }

  #drop(id: number): void {
    this.list.value = this.list.value.filter((item) => item.id !== id);
    this.#stops.get(id)?.abort();
    this.#wakes.get(id)?.();
  }
}

function reasonOf(error: unknown): Partial<Attachment> {
  const code = error instanceof UploadFailed ? error.code : "";
  if (code === "file_too_large") return { problem: "tooBig", canRetry: false };
  if (code === "unsupported_type") return { problem: "typeRefused", canRetry: false };
  return { problem: "uploadFailed", canRetry: true, detail: error instanceof Error ? error.message : "" };
}
