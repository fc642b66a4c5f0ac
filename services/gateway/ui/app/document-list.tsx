/** Every document with its stage, or the reason why it failed and what to do. */
import { useRef, useState } from "preact/hooks";
import { act, documents, isLoaded, isMoving, look, nextCursor, path, refusal, trouble } from "./documents";
import { bytes, counted, plural, stageName } from "./format";
import { Meter } from "./meter";
import type { KnownDocument } from "./shapes";
import { sendFile } from "./uploads";

export function DocumentList() {
  return (
    <>
      {[trouble.value, refusal.value].filter(Boolean).map((words) => (
        <p key={words} class="problem" role="alert">
          {words}
        </p>
      ))}
      {!isLoaded.value && !trouble.value && <p class="soft">Loading …</p>}
      {isLoaded.value && documents.value.length === 0 && (
        <p class="empty">Nothing here yet. What you upload is what the bot answers from, with its source.</p>
      )}
      <ul class="rows" aria-label="Documents">
        {documents.value.map((one) => (
          <Row key={one.document_id} one={one} />
        ))}
      </ul>
      {nextCursor.value && <p class="soft">These are the newest; the API and chatctl list them all.</p>}
    </>
  );
}

/** Who works with the keyboard stands where the question is, not at the page's beginning. */
const focused = (button: HTMLButtonElement | null): void => button?.focus();

function Row({ one }: { one: KnownDocument }) {
  const [isSure, setSure] = useState(false);
  const rest = `/${one.document_id}`;
  const isOff = one.enabled === false;
  return (
    <li class={isOff ? "row off" : "row"} data-stage={one.stage}>
      <div class="row-head">
        <span class="row-title">
          <bdi>{one.title}</bdi>
        </span>
        <State one={one} />
      </div>
      <Progress one={one} />
      {one.code && (
        <p class="problem">
          {one.detail} {one.document_version > 0 && "The version before goes on answering."}
        </p>
      )}
      <p class="soft facts">{facts(one).join(" · ")}</p>
      {isSure ? (
        <div class="actions" role="group" aria-label={`Delete ${one.title}?`}>
          <span>Delete it for good?</span>
          <button type="button" class="danger" onClick={() => void act("DELETE", rest)}>
            Delete
          </button>
          <button type="button" class="quiet" ref={focused} onClick={() => setSure(false)}>
            Keep
          </button>
        </div>
      ) : (
        <Actions one={one} onDelete={() => setSure(true)} />
      )}
    </li>
  );
}

function State({ one }: { one: KnownDocument }) {
  const isOff = one.enabled === false;
  const words = isOff ? "Disabled" : stageName(one.stage);
  return <span class={`badge ${isOff ? "disabled" : one.stage}`}>{words}</span>;
}

function Progress({ one }: { one: KnownDocument }) {
  if (!isMoving(one)) return null;
  const words = [`${stageName(one.stage)} ${one.percent} %`, counted(one)].filter(Boolean).join(", ");
  return <Meter label={`Progress of ${one.title}`} percent={one.percent} words={words} />;
}

function Actions({ one, onDelete }: { one: KnownDocument; onDelete: () => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState("");
  const rest = `/${one.document_id}`;
  const isFile = !one.document_kind || one.document_kind === "file";
  const onReplace = async (): Promise<void> => {
    const file = input.current?.files?.[0];
    if (!file) return;
    setProblem("");
    try {
      await sendFile("PUT", path(`${rest}/content`), file, () => undefined);
    } catch (error) {
      setProblem((error as Error).message);
    }
    if (input.current) input.current.value = "";
    await look();
  };
  return (
    <div class="actions">
      {isFile && (
        <>
          <button type="button" class="quiet" onClick={() => input.current?.click()}>
            Replace
          </button>
          <input ref={input} type="file" hidden onChange={() => void onReplace()} aria-label={`New version of ${one.title}`} />
        </>
      )}
      <button type="button" class="quiet" onClick={() => void act("POST", `${rest}/reindex`)}>
        Reindex
      </button>
      {one.document_version > 1 && (
        <button type="button" class="quiet" onClick={() => void act("POST", `${rest}/rollback`, {})}>
          Roll back
        </button>
      )}
      <button type="button" class="quiet" onClick={() => void act("PATCH", rest, { enabled: one.enabled === false })}>
        {one.enabled === false ? "Enable" : "Disable"}
      </button>
      <button type="button" class="quiet" onClick={onDelete}>
        Delete
      </button>
      {problem && <p class="problem">{problem}</p>}
    </div>
  );
}

function facts(one: KnownDocument): string[] {
  const expired = one.expires_at && new Date(one.expires_at) <= new Date();
  return [
    one.source_url ?? one.file_name,
    bytes(one.size_bytes),
    one.pages ? plural(one.pages, "page") : "",
    one.document_version ? plural(one.passages, "passage") : "",
    one.document_version ? `version ${one.document_version}` : "",
    one.language ?? "",
    one.tags?.length ? one.tags.join(", ") : "",
    one.expires_at ? `${expired ? "expired" : "expires"} ${new Date(one.expires_at).toLocaleDateString("en")}` : "",
  ].filter(Boolean);
}
