/** Small parts of a message: what it answers, a place, and the reactions to it. */
import type { Place } from "../shared/protocol";
import type { Entry } from "./entry";
import { PinIcon } from "./icons";
import { words } from "./language";
import { summary } from "./summary";

/** The message that is answered; tapping it goes there. */
export function Quote({ quoted }: { quoted: Entry }) {
  const show = (): void => {
    const row = document.querySelector(`[data-seq="${Number(quoted.seq)}"]`);
    row?.scrollIntoView({ block: "center" });
  };
  const author = quoted.role === "customer" ? words.value.you : quoted.author || words.value.assistant;
  return (
    <button type="button" class="quote" onClick={show}>
      <span class="visually-hidden">{words.value.inReplyTo} </span>
      <bdi class="quote-author">{author}</bdi>
      <span class="quote-words" dir="auto">
        {summary(quoted)}
      </span>
    </button>
  );
}

/** A place in words and numbers: a map would tell others who looks at it. */
export function PlaceCard({ place }: { place: Place }) {
  const { latitude, longitude } = place;
  return (
    <div class="place">
      <span class="file-icon" aria-hidden="true">
        <PinIcon />
      </span>
      <div class="file-words">
        <bdi class="file-name">{place.name || words.value.location}</bdi>
        {place.address && <bdi class="file-size">{place.address}</bdi>}
        <span class="file-size numbers" dir="ltr">
          {latitude.toFixed(5)}, {longitude.toFixed(5)}
        </span>
      </div>
    </div>
  );
}

export function Reactions({ emojis }: { emojis: readonly string[] }) {
  if (emojis.length === 0) return null;
  return (
    <p class="reactions">
      <span class="visually-hidden">{words.value.reaction}: </span>
      {emojis.join(" ")}
    </p>
  );
}
