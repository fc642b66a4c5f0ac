/** The files of a message: pictures, films, sounds, and everything else as a card to save. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Media, Uploaded } from "../shared/protocol";
import { AudioPlayer } from "./audio-player";
import type { Chat } from "./chat";
import type { Entry } from "./entry";
import { ownPath, readableSize } from "./files";
import { AlertIcon, DocumentIcon, ImageIcon } from "./icons";
import { locale, words } from "./language";
import { kindName } from "./summary";

/** Addresses are good for ten minutes. */
const OLD_AFTER_MS = 9 * 60_000;
/** A file whose address does not open is asked for anew this often. */
const TRIES = 2;

interface Props {
  chat: Chat;
  entry: Entry;
}

export function Files({ chat, entry }: Props) {
  return (
    <>
      {entry.files.map((file, index) => (
        <FileView key={index} chat={chat} entry={entry} file={file} />
      ))}
    </>
  );
}

function FileView({ chat, entry, file }: Props & { file: Media }) {
  const { address, onError, isLost } = useAddress(chat, entry, file);
  const name = file.file_name || kindName(file.kind);
  if (isLost || file.state === "failed") return <Absent text={words.value.mediaFailed} name={name} />;
  if (!address) return <Absent text={words.value.mediaPending} name={name} isPending />;
  const open = (event: MouseEvent): void => openFresh(event, chat, entry, file);
  switch (file.kind) {
    case "image":
    case "sticker":
      return (
        <a class={`picture ${file.kind}`} {...away(address)} onClick={open} aria-label={`${name}, ${words.value.newWindow}`}>
          <img src={address} alt={name} decoding="async" onError={onError} />
        </a>
      );
    case "video":
      return <video class="film" src={address} controls playsInline preload="metadata" aria-label={name} onError={onError} />;
    case "audio":
    case "voice":
      return <AudioPlayer address={address} label={name} onError={onError} />;
    default:
      return <FileCard file={file} name={name} address={address} onOpen={open} />;
  }
}

interface CardProps {
  file: Media;
  name: string;
  address: string;
  onOpen: (event: MouseEvent) => void;
}

function FileCard({ file, name, address, onOpen }: CardProps) {
  const size = file.size_bytes ? readableSize(file.size_bytes, locale.value) : "";
  return (
    <a class="file" {...away(address)} onClick={onOpen}>
      <span class="file-icon" aria-hidden="true">
        <DocumentIcon />
      </span>
      <span class="file-words">
        <bdi class="file-name">{name}</bdi>
        <span class="file-size">{size || kindName(file.kind)}</span>
      </span>
    </a>
  );
}

function Absent({ text, name, isPending = false }: { text: string; name: string; isPending?: boolean }) {
  return (
    <p class="file absent">
      <span class="file-icon" aria-hidden="true">
        {isPending ? <ImageIcon /> : <AlertIcon />}
      </span>
      <span class="file-words">
        <bdi class="file-name">{name}</bdi>
        <span class="file-size">{text}</span>
      </span>
    </p>
  );
}

function away(address: string) {
  return { href: address, target: "_blank", rel: "noopener noreferrer" };
}

/** The bytes on this device where they are, else the server's address, asked anew when it does not open. */
function useAddress(chat: Chat, entry: Entry, file: Media) {
  const local = chat.local.get((file as Partial<Uploaded>).media_id ?? "");
  const [shown, show] = useState(local ?? ownPath(file.url));
  const [isLost, lose] = useState(false);
  const tries = useRef(0);
  useEffect(() => {
    // What is already shown stays: another address of the same bytes would only make it blink.
    if (!shown) show(ownPath(file.url));
  }, [file.url, shown]);
  const onError = (): void => {
    tries.current += 1;
    if (tries.current > TRIES || entry.seq === undefined || shown === local) lose(true);
    else {
      const done = chat.refresh(entry.seq).catch(() => undefined);
      void done.then(() => {
        const fresh = freshAddress(chat, entry, file);
        if (fresh === shown) lose(true);
        else show(fresh);
      });
    }
  };
  return { address: shown, onError, isLost };
}

/** Open the file; ask for its address first when the one we have has grown old. */
function openFresh(event: MouseEvent, chat: Chat, entry: Entry, file: Media): void {
  const isLocal = chat.local.has((file as Partial<Uploaded>).media_id ?? "");
  if (isLocal || entry.seq === undefined || Date.now() - entry.filesAt < OLD_AFTER_MS) return;
  event.preventDefault();
  const done = chat.refresh(entry.seq).catch(() => undefined);
  void done.then(() => {
    const address = freshAddress(chat, entry, file);
    if (address) open(address, "_blank", "noopener,noreferrer");
  });
}

function freshAddress(chat: Chat, entry: Entry, file: Media): string {
  const { entries } = chat.conversation.value;
  const current = entries.find(({ key }) => key === entry.key);
  return ownPath(current?.files[entry.files.indexOf(file)]?.url);
}
