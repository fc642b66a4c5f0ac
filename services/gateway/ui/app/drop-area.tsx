/** Where files are dropped or chosen, and those that are on their way. */
import { useEffect, useRef, useState } from "preact/hooks";
import { bytes } from "./format";
import { Meter } from "./meter";
import { tenant } from "./session";
import { add, again, dismiss, type Upload, uploads } from "./uploads";

export const READABLE = ".pdf,.docx,.pptx,.xlsx,.csv,.tsv,.html,.htm,.md,.markdown,.txt";

export function DropArea() {
  const [isOver, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const mine = uploads.value.filter((one) => one.owner.tenantId === tenant.value?.tenant_id);
  useEffect(() => {
    // A file that misses the area would replace the page, and with it what is on its way.
    const keepPage = (event: Event): void => event.preventDefault();
    addEventListener("dragover", keepPage);
    addEventListener("drop", keepPage);
    return () => {
      removeEventListener("dragover", keepPage);
      removeEventListener("drop", keepPage);
    };
  }, []);
  const onDrop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    add(event.dataTransfer?.files ?? []);
  };
  const onDragOver = (event: DragEvent): void => {
    event.preventDefault();
    setOver(true);
  };
  const onChange = (): void => {
    add(input.current?.files ?? []);
    if (input.current) input.current.value = "";
  };
  return (
    <>
      <div class={isOver ? "drop over" : "drop"} onDrop={onDrop} onDragOver={onDragOver} onDragLeave={() => setOver(false)}>
        <p>
          <strong>Drop files here</strong> or{" "}
          <button type="button" class="link" onClick={() => input.current?.click()}>
            choose them
          </button>
        </p>
        <p class="soft">PDF, Word, PowerPoint, Excel, CSV, HTML, Markdown, text</p>
        <input ref={input} type="file" multiple accept={READABLE} onChange={onChange} hidden aria-label="Files to upload" />
      </div>
      {mine.length > 0 && (
        <ul class="rows" aria-label="Uploads">
          {mine.map((upload) => (
            <UploadRow key={upload.id} upload={upload} />
          ))}
        </ul>
      )}
    </>
  );
}

function UploadRow({ upload }: { upload: Upload }) {
  const percent = Math.round(upload.share * 100);
  return (
    <li class="row">
      <div class="row-head">
        <span class="row-title">
          <bdi>{upload.name}</bdi>
        </span>
        <span class="soft">{bytes(upload.size)}</span>
      </div>
      {upload.problem ? (
        <>
          <p class="problem" role="alert">
            {upload.problem}
          </p>
          <div class="actions">
            <button type="button" onClick={() => again(upload.id)}>
              Try again
            </button>
            <button type="button" class="quiet" onClick={() => dismiss(upload.id)}>
              Dismiss
            </button>
          </div>
        </>
      ) : (
        <Meter label={`Uploading ${upload.name}`} percent={percent} words={`Uploading ${percent} %`} />
      )}
    </li>
  );
}
