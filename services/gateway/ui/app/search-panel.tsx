/** Ask what the bot would find, and see why. */
import { useState } from "preact/hooks";
import { call } from "./api";
import { Explanation } from "./explanation";
import { place, score } from "./format";
import { credential } from "./session";
import type { Found, FoundPassage } from "./shapes";

export function SearchPanel() {
  const [query, setQuery] = useState("");
  const [found, setFound] = useState<Found | null>(null);
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const onSubmit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    setFound(null);
    try {
      const { key, tenantId } = credential();
      setFound(await call<Found>(key, "POST", `/api/tenants/${tenantId}/search`, { query, explain: true }));
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="search" aria-labelledby="search-title">
      <h2 id="search-title">What would the bot find?</h2>
      <form onSubmit={onSubmit} class="search-form" role="search">
        <input
          type="search"
          required
          aria-label="Question"
          placeholder="How long may I return a lamp?"
          value={query}
          onInput={(event) => setQuery((event.target as HTMLInputElement).value)}
        />
        <button type="submit" class="main" disabled={isBusy}>
          Search
        </button>
      </form>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <div aria-live="polite">{found && <Results found={found} />}</div>
    </section>
  );
}

function Results({ found }: { found: Found }) {
  return (
    <>
      {found.degraded && <p class="warning">Only words were compared: no vectors just now.</p>}
      {found.passages.length === 0 && (
        <p class="warning">
          <strong>Nothing.</strong> {found.cause_detail ?? found.cause}
        </p>
      )}
      <ol class="passages">
        {found.passages.map((passage) => (
          <Passage key={passage.passage_id} passage={passage} />
        ))}
      </ol>
      {found.explained && <Explanation explained={found.explained} passages={found.passages} />}
    </>
  );
}

function Passage({ passage }: { passage: FoundPassage }) {
  const legs = [`words ${score(passage.keyword_score, 2)}`, `meaning ${score(passage.vector_score)}`];
  if (passage.rerank_score !== null && passage.rerank_score !== undefined)
    legs.push(`re-ranked ${score(passage.rerank_score)}`);
  return (
    <li>
      <p class="passage-title">
        <bdi>{passage.title}</bdi> <span class="soft">{place(passage.page, passage.heading)}</span>
      </p>
      <p class="passage-text" dir="auto" tabIndex={0}>
        {passage.text}
      </p>
      <p class="soft figures">
        {score(passage.score)} <span>({legs.join(", ")})</span>
      </p>
    </li>
  );
}
