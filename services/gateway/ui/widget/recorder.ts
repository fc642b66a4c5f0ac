/** A voice message in the making: the microphone, the time it has run, and what came out. */
import { signal } from "@preact/signals";
import { bareType } from "./files";

export type RecordingState = "idle" | "asking" | "recording";
export type RecordingProblem = "microphoneBlocked" | "microphoneMissing" | null;

/** Wished for in this order; Safari makes only the last. */
const FORMATS = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"];
const LONGEST_SECONDS = 300;
const BITS_PER_SECOND = 32_000;
const ENDINGS: Record<string, string> = { "audio/ogg": "ogg", "audio/mp4": "m4a", "audio/webm": "webm" };

export class Recorder {
  readonly state = signal<RecordingState>("idle");
  readonly problem = signal<RecordingProblem>(null);
  readonly seconds = signal(0);
  #recorder: MediaRecorder | null = null;
  #pieces: Blob[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #wanted = false;

  constructor(private readonly done: (file: File) => void) {}

  static get isPossible(): boolean {
    return typeof MediaRecorder !== "undefined" && Boolean(navigator.mediaDevices?.getUserMedia);
  }

  async start(): Promise<void> {
    if (this.state.value !== "idle") return;
    this.state.value = "asking";
    this.problem.value = null;
    this.#wanted = true;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      if (this.#wanted) this.#record(stream);
      else release(stream);
    } catch (error) {
      const name = error instanceof DOMException ? error.name : "";
      this.problem.value = name === "NotFoundError" ? "microphoneMissing" : "microphoneBlocked";
      this.state.value = "idle";
    }
  }

  /** End it and hand the file over. */
  stop(): void {
    if (this.#recorder?.state === "recording") this.#recorder.stop();
    else this.cancel();
  }

  /** End it and keep nothing. */
  cancel(): void {
    this.#wanted = false;
    if (this.#recorder?.state === "recording") this.#recorder.stop();
    this.#ended();
  }

  #record(stream: MediaStream): void {
    const mimeType = FORMATS.find((format) => MediaRecorder.isTypeSupported(format));
    const options = { audioBitsPerSecond: BITS_PER_SECOND, ...(mimeType && { mimeType }) };
    const recorder = new MediaRecorder(stream, options);
    this.#recorder = recorder;
    this.#pieces = [];
    recorder.ondataavailable = ({ data }) => this.#pieces.push(data);
    recorder.onerror = () => this.cancel();
    recorder.onstop = () => {
      release(stream);
      const pieces = this.#pieces;
      if (this.#wanted && pieces.length > 0) this.done(fileOf(pieces, recorder.mimeType));
      this.#ended();
    };
    recorder.start();
    const startedAt = Date.now();
    this.seconds.value = 0;
    this.state.value = "recording";
    this.#timer = setInterval(() => {
      this.seconds.value = (Date.now() - startedAt) / 1000;
      if (this.seconds.value >= LONGEST_SECONDS) this.stop();
    }, 250);
  }

  #ended(): void {
    clearInterval(this.#timer);
    this.#recorder = null;
    this.#pieces = [];
    this.state.value = "idle";
  }
}

function fileOf(pieces: Blob[], mimeType: string): File {
  const type = bareType(mimeType) || "audio/webm";
  const name = `voice-message.${ENDINGS[type] ?? "webm"}`;
  return new File(pieces, name, { type });
}

function release(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
