/** Files chosen and not sent yet, with how far each has come. */
import type { Attachment, Attachments } from "./attachments";
import { AudioPlayer } from "./audio-player";
import { focusField } from "./composer";
import { readableSize } from "./files";
import { AlertIcon, CrossIcon, DocumentIcon, RetryIcon } from "./icons";
import { locale, words } from "./language";
import { kindName } from "./summary";

export function Tray({ attachments }: { attachments: Attachments }) {
  const items = attachments.list.value;
  const most = attachments.overflow.value;
  return (
    <>
      {most > 0 && (
        <p class="complaint" role="alert">
          {words.value.tooMany} {most}
        </p>
      )}
      {items.length > 0 && (
        <ul class="tray">
          {items.map((item) => (
            <TrayItem key={item.id} item={item} attachments={attachments} />
          ))}
        </ul>
      )}
    </>
  );
}

function TrayItem({ item, attachments }: { item: Attachment; attachments: Attachments }) {
  const name = item.kind === "voice" ? words.value.voice : item.file.name || kindName(item.kind);
  const remove = (): void => {
    attachments.remove(item.id);
    focusField();
  };
  return (
    <li class="tray-item" data-state={item.state} data-kind={item.kind}>
      <Look item={item} name={name} />
      <div class="file-words">
        {item.kind === "voice" ? (
          <AudioPlayer address={item.local} label={name} onError={() => undefined} />
        ) : (
          <bdi class="file-name">{name}</bdi>
        )}
        <Progress item={item} limit={attachments.limits.value?.upload_bytes_max ?? 0} />
      </div>
      {item.state === "failed" && item.canRetry && (
        <button type="button" class="small-button" aria-label={`${words.value.retry}: ${name}`} onClick={() => attachments.retry(item.id)}>
          <RetryIcon />
        </button>
      )}
      <button type="button" class="small-button" aria-label={`${words.value.remove}: ${name}`} onClick={remove}>
        <CrossIcon />
      </button>
    </li>
  );
}

function Look({ item, name }: { item: Attachment; name: string }) {
  if (item.kind === "voice") return null;
  if (item.kind === "image" && item.state !== "failed") return <img class="tray-picture" src={item.local} alt={name} />;
  return (
    <span class="file-icon" aria-hidden="true">
      {item.state === "failed" ? <AlertIcon /> : <DocumentIcon />}
    </span>
  );
}

function Progress({ item, limit }: { item: Attachment; limit: number }) {
  if (item.state === "failed") {
    const most = item.problem === "tooBig" ? ` ${readableSize(limit, locale.value)}` : "";
    return (
      <span class="complaint" role="alert" title={item.detail}>
        {words.value[item.problem ?? "uploadFailed"]}
        {most}
      </span>
    );
  }
  if (item.state === "done" && item.kind === "voice") return null;
  if (item.state === "done") return <span class="file-size">{readableSize(item.file.size, locale.value)}</span>;
  return (
    <progress class="progress" max={1} value={item.progress} aria-label={`${words.value.uploading}: ${item.file.name}`} />
  );
}
