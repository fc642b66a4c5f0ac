/** Plays a voice message or another sound: one button, a place to jump, the time. */
import { useEffect, useRef, useState } from "preact/hooks";
import { readableTime } from "./files";
import { PauseIcon, PlayIcon } from "./icons";
import { words } from "./language";

/** Farther than any recording: recordings made by a browser say their length only when sought to the end. */
const BEYOND_THE_END_SECONDS = 1e7;

interface Props {
  address: string;
  label: string;
  onError: () => void;
}

export function AudioPlayer({ address, label, onError }: Props) {
  const sound = useRef<HTMLAudioElement>(null);
  const [isPlaying, setPlaying] = useState(false);
  const [at, setAt] = useState(0);
  const [length, setLength] = useState(NaN);
  const measure = (): void => {
    const player = sound.current;
    if (!player) return;
    if (player.duration === Infinity) {
      player.currentTime = BEYOND_THE_END_SECONDS;
    } else {
      setLength(player.duration);
      if (player.currentTime > player.duration) player.currentTime = 0;
    }
  };
  const toggle = (): void => {
    const player = sound.current;
    if (player?.paused) void player.play().catch(onError);
    else player?.pause();
  };
  const seek = (seconds: number): void => {
    if (sound.current) sound.current.currentTime = seconds;
    setAt(seconds);
  };
  useEffect(() => () => sound.current?.pause(), []);
  return (
    <div class="player" role="group" aria-label={label}>
      <audio
        ref={sound}
        src={address}
        preload="metadata"
        onLoadedMetadata={measure}
        onDurationChange={() => {
          measure();
          if (Number.isFinite(sound.current?.duration)) seek(0);
        }}
        onTimeUpdate={(event) => isPlaying && setAt(event.currentTarget.currentTime)}
        onPlay={() => setPlaying(true)}
        onPause={() => setPlaying(false)}
        onEnded={() => seek(0)}
        onError={onError}
      />
      <button
        type="button"
        class="play"
        aria-label={isPlaying ? words.value.pause : words.value.play}
        onClick={toggle}
      >
        {isPlaying ? <PauseIcon /> : <PlayIcon />}
      </button>
      <input
        type="range"
        min={0}
        max={Number.isFinite(length) ? length : 1}
        step={0.1}
        value={at}
        aria-label={words.value.position}
        aria-valuetext={readableTime(at)}
        onInput={(event) => seek(Number(event.currentTarget.value))}
      />
      <span class="time">{readableTime(isPlaying || at > 0 ? at : length)}</span>
    </div>
  );
}
