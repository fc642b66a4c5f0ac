/** The microphone button, and what stands in the composer's place while it records. */
import { useEffect, useRef } from "preact/hooks";
import { readableTime } from "./files";
import { CrossIcon, MicrophoneIcon, StopIcon } from "./icons";
import { words } from "./language";
import type { Recorder } from "./recorder";

/** Pressed longer than this, letting go ends the recording; a shorter press leaves it running. */
const HOLD_MS = 500;

export function RecordButton({ recorder }: { recorder: Recorder }) {
  const onPointerDown = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    event.preventDefault();
    const pressedAt = Date.now();
    // The button is gone while it records: letting go is heard wherever it happens.
    addEventListener(
      "pointerup",
      () => {
        if (Date.now() - pressedAt > HOLD_MS) recorder.stop();
      },
      { once: true },
    );
    void recorder.start();
  };
  return (
    <button
      type="button"
      class="send microphone"
      aria-label={words.value.record}
      title={words.value.record}
      onPointerDown={onPointerDown}
      onClick={() => void recorder.start()}
    >
      <MicrophoneIcon />
    </button>
  );
}

export function RecordBar({ recorder }: { recorder: Recorder }) {
  const stop = useRef<HTMLButtonElement>(null);
  const time = readableTime(Math.floor(recorder.seconds.value));
  useEffect(() => stop.current?.focus(), []);
  return (
    <div class="field recording" role="group" aria-label={words.value.recording}>
      <button type="button" class="small-button" aria-label={words.value.cancel} title={words.value.cancel} onClick={() => recorder.cancel()}>
        <CrossIcon />
      </button>
      <span class="lamp" aria-hidden="true" />
      <span class="recording-words" role="status">
        {words.value.recording}
      </span>
      <span class="time" role="timer">
        {time}
      </span>
      <button ref={stop} type="button" class="send stop" aria-label={words.value.stopRecording} title={words.value.stopRecording} onClick={() => recorder.stop()}>
        <StopIcon />
      </button>
    </div>
  );
}
