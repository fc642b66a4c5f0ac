/** The documents a reply rests on: one chip each, expandable to the place and the quoted words. */
import { useEffect, useId, useRef } from "preact/hooks";
import type { Citation } from "../shared/protocol";
import { DocumentIcon } from "./icons";
import { words } from "./language";
import { ReplyText } from "./reply-text";

interface Props {
  citations: readonly Citation[];
  opened: number | null;
  onOpen: (number: number | null) => void;
}

export function Sources({ citations, opened, onOpen }: Props) {
  const id = useId();
  const shown = citations.find((citation) => citation.number === opened);
  return (
    <div class="sources">
      <h4 class="sources-title">{words.value.sources}</h4>
      <ul class="chips">
        {citations.map((citation) => (
          <li key={citation.number}>
            <button
              type="button"
              class="chip"
              aria-expanded={citation.number === opened}
              aria-controls={id}
              onClick={() => onOpen(citation.number === opened ? null : citation.number)}
            >
              <span class="chip-number">{citation.number}</span>
              <span class="chip-title" dir="auto">
                {citation.title}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <div id={id} class="source-place">
        {shown && <Source key={shown.number} citation={shown} />}
      </div>
    </div>
  );
}

function Source({ citation }: { citation: Citation }) {
  const card = useRef<HTMLElement>(null);
  useEffect(() => card.current?.scrollIntoView({ block: "nearest" }), []);
  const page = citation.page ? `${words.value.page} ${citation.page}` : "";
  const heading = citation.heading === citation.title ? "" : citation.heading;
  const address = webAddress(citation.source_url);
  return (
    <section class="source" ref={card}>
      <p class="source-title">
        <DocumentIcon />
        <bdi>{address ? <Page address={address} title={citation.title} /> : citation.title}</bdi>
      </p>
      {(page || heading) && (
        <p class="source-where">
          {page}
          {page && heading && " · "}
          <bdi>{heading}</bdi>
        </p>
      )}
      {citation.quote && (
        <blockquote class="source-quote" tabIndex={0}>
          <ReplyText text={citation.quote} complete citations={[]} onCite={() => undefined} />
        </blockquote>
      )}
    </section>
  );
}

function Page({ address, title }: { address: string; title: string }) {
  return (
    <a href={address} target="_blank" rel="noopener noreferrer nofollow">
      {title}
    </a>
  );
}

/** An address of the web as it may stand in a link; null for every other scheme. */
export function webAddress(text: string | null | undefined): string | null {
  if (!text || !URL.canParse(text)) return null;
  const url = new URL(text);
  return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
}
