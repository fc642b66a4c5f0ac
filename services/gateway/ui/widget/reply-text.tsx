/** The text of a reply as Markdown, growing while it streams; its citation marks open sources. */
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Citation } from "../shared/protocol";
import { words } from "./language";
import { MarkdownWriter } from "./markdown";

interface Props {
  text: string;
  complete: boolean;
  citations: readonly Citation[];
  onCite: (number: number) => void;
}

export function ReplyText({ text, complete, citations, onCite }: Props) {
  const root = useRef<HTMLDivElement>(null);
  const writer = useRef<MarkdownWriter | null>(null);
  useLayoutEffect(() => {
    if (!root.current) return;
    writer.current ??= new MarkdownWriter(root.current);
    writer.current.show(text, complete);
    if (complete) nameMarks(root.current, citations);
  }, [text, complete, citations]);
  const onClick = (event: MouseEvent): void => {
    const mark = (event.target as Element).closest<HTMLElement>(".mark");
    if (mark && complete) onCite(Number(mark.dataset["number"]));
  };
  return <div class="markdown" dir="auto" ref={root} onClick={onClick} />;
}

/** Say which source each mark means; a number without a source is plain text. */
function nameMarks(root: Element, citations: readonly Citation[]): void {
  for (const mark of root.querySelectorAll<HTMLElement>(".mark")) {
    const number = Number(mark.dataset["number"]);
    const citation = citations.find((candidate) => candidate.number === number);
    if (!citation) {
      mark.replaceWith(`[${number}]`);
      continue;
    }
    mark.title = citation.title;
    mark.setAttribute("aria-label", `${words.value.source} ${number}: ${citation.title}`);
  }
}
