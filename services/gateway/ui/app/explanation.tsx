/** The whole record of one search: what was searched, every candidate, and which rule cut it. */
import { documents } from "./documents";
import { plural, ruleName, score } from "./format";
import type { Candidate, Explained, FoundPassage } from "./shapes";

interface Props {
  explained: Explained;
  passages: readonly FoundPassage[];
}

export function Explanation({ explained, passages }: Props) {
  return (
    <details class="explanation" open={passages.length === 0}>
      <summary>Why these?</summary>
      <dl class="methods">
        <dt>Searched</dt>
        <dd>{searched(explained)}</dd>
        <dt>Words</dt>
        <dd>
          {explained.keyword_method}
          <Terms explained={explained} />
        </dd>
        <dt>Meaning</dt>
        <dd>{explained.vector_method}</dd>
        <dt>Together</dt>
        <dd>{explained.fusion}</dd>
        <dt>Re-ranked</dt>
        <dd>{explained.reranker}</dd>
        <dt>Threshold</dt>
        <dd>{explained.threshold}</dd>
        <dt>Time</dt>
        <dd>
          {Object.entries(explained.milliseconds)
            .map(([step, time]) => `${step.replaceAll("_", " ")} ${time.toFixed(1)} ms`)
            .join(", ")}
        </dd>
      </dl>
      {explained.candidates.length > 0 && <Candidates explained={explained} passages={passages} />}
    </details>
  );
}

function searched(explained: Explained): string {
  const { index } = explained;
  const left = [
    index.documents_disabled && `${index.documents_disabled} disabled`,
    index.documents_expired && `${index.documents_expired} expired`,
    index.documents_filtered && `${index.documents_filtered} left out by the filter`,
  ].filter(Boolean);
  const words = `${plural(index.passages_searched, "passage")} of ${plural(index.documents_searched, "document")}`;
  const models = index.models.length ? `, vectors of ${index.models.join(" and ")}` : "";
  return `${words}${left.length ? ` (${left.join(", ")})` : ""}${models}`;
}

function Terms({ explained }: { explained: Explained }) {
  return (
    <ul class="terms">
      {explained.terms.map((term) => (
        <li key={`${term.word} ${term.term}`} class={term.passages ? "" : "missing"} title={`weight ${score(term.idf, 2)}`}>
          {term.corrected_from ? (
            <>
              <s>{term.corrected_from}</s> {term.term}
            </>
          ) : (
            term.term
          )}{" "}
          <span class="soft">{term.passages}</span>
        </li>
      ))}
    </ul>
  );
}

function Candidates({ explained, passages }: Props) {
  const titles = new Map(documents.value.map((one) => [one.document_id, one.title]));
  for (const passage of passages) titles.set(passage.document_id, passage.title);
  const isReranked = explained.candidates.some((one) => one.rerank_score != null);
  return (
    <div class="scroll" tabIndex={0}>
      <table>
        <caption>Candidates, best first</caption>
        <thead>
          <tr>
            <th scope="col">#</th>
            <th scope="col">Document</th>
            <th scope="col">Words</th>
            <th scope="col">Meaning</th>
            <th scope="col">Fused</th>
            {isReranked && <th scope="col">Re-ranked</th>}
            <th scope="col">Became</th>
          </tr>
        </thead>
        <tbody>
          {explained.candidates.map((one) => (
            <tr key={one.passage_id} class={one.cut_by === "given" ? "given" : ""}>
              <td>{one.fused_rank}</td>
              <td>
                <bdi>{titles.get(one.document_id) ?? one.document_id.slice(0, 8)}</bdi>
              </td>
              <td>{ranked(one.keyword_rank, one.keyword_score, 2)}</td>
              <td>{ranked(one.vector_rank, one.vector_score, 3)}</td>
              <td>{score(one.fused_score)}</td>
              {isReranked && <td>{ranked(one.rerank_rank, one.rerank_score, 3)}</td>}
              <td>{ruleName(one.cut_by)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ranked(rank: Candidate["keyword_rank"], value: number | null, digits: number): string {
  return rank == null ? "–" : `${score(value, digits)} (${rank}.)`;
}
