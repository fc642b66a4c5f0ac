/** How far something has come, as a bar and in words. */

interface Props {
  label: string;
  percent: number;
  words: string;
}

export function Meter({ label, percent, words }: Props) {
  return (
    <div class="meter">
      <progress max={100} value={percent} aria-label={label} />
      <span>{words}</span>
    </div>
  );
}
