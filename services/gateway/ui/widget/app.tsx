/** The whole frame: header, connection banner, conversation, composer, and what is read out loud. */
import { useEffect, useState } from "preact/hooks";
import type { Chat } from "./chat";
import { Composer } from "./composer";
import { DropZone } from "./drop-zone";
import { AssistantIcon, CloseIcon } from "./icons";
import { words } from "./language";
import { MessageList } from "./message-list";

const BANNER_AFTER_MS = 800;

interface Props {
  chat: Chat;
  title: string;
  greeting: string;
  onClose: (() => void) | null;
}

export function App({ chat, title, greeting, onClose }: Props) {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && onClose) onClose();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [onClose]);
  return (
    <div class="app" role="dialog" aria-label={title}>
      <Header chat={chat} title={title} onClose={onClose} />
      {chat.link.value === "refused" ? (
        <p class="refused" role="alert">
          {words.value.refused}
        </p>
      ) : (
        <>
          <Banner chat={chat} />
          <MessageList chat={chat} greeting={greeting} />
          <Composer chat={chat} />
          <DropZone attachments={chat.attachments} />
        </>
      )}
      <Announcer chat={chat} />
    </div>
  );
}

function Header({ chat, title, onClose }: Omit<Props, "greeting">) {
  const online = chat.link.value === "online";
  return (
    <header class="header">
      <span class="emblem" aria-hidden="true">
        <AssistantIcon />
      </span>
      <div class="heading">
        <h1>
          <bdi>{title}</bdi>
        </h1>
        <p class="presence" data-online={online}>
          {online ? words.value.online : chat.link.value === "refused" ? "" : words.value.connecting}
        </p>
      </div>
      {onClose && (
        <button type="button" class="close" aria-label={words.value.close} title={words.value.close} onClick={onClose}>
          <CloseIcon />
        </button>
      )}
    </header>
  );
}

/** Shown only when the connection stays away: a blink is not worth a word. */
function Banner({ chat }: { chat: Chat }) {
  const lost = chat.link.value === "reconnecting";
  const [shown, show] = useState(false);
  useEffect(() => {
    if (!lost) {
      show(false);
      return;
    }
    const timer = setTimeout(() => show(true), BANNER_AFTER_MS);
    return () => clearTimeout(timer);
  }, [lost]);
  if (!shown) return null;
  return (
    <div class="banner">
      <span class="spinner" aria-hidden="true" />
      <span>{words.value.reconnecting}</span>
      <button type="button" class="text-button" onClick={() => chat.reconnectNow()}>
        {words.value.retryNow}
      </button>
    </div>
  );
}

/** One polite voice for what is only to be seen otherwise. */
function Announcer({ chat }: { chat: Chat }) {
  const link = chat.link.value;
  const [wasLost, setLost] = useState(false);
  useEffect(() => {
    if (link === "reconnecting") setLost(true);
  }, [link]);
  const isTyping = chat.typing.value || chat.conversation.value.draft !== null;
  const last = chat.conversation.value.entries.at(-1);
  let said = "";
  if (link === "reconnecting") said = words.value.reconnecting;
  else if (isTyping) said = words.value.typing;
  else if (last && last.role !== "customer") said = words.value.replied;
  else if (wasLost) said = words.value.backOnline;
  return (
    <div class="visually-hidden" role="status">
      {said}
    </div>
  );
}
