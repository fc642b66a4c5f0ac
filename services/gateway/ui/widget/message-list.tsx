/** The conversation as a live log: read out once a reply is whole, kept at its end while it grows. */
import { Fragment } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Chat } from "./chat";
import { draftKey, type Entry } from "./conversation";
import { DownIcon } from "./icons";
import { day, words } from "./language";
import { OwnMessage, Reply, TypingRow } from "./message-row";

const GROUP_MS = 5 * 60_000;
const NEAR_END_PX = 60;

export function MessageList({ chat, greeting }: { chat: Chat; greeting: string }) {
  const { entries, draft } = chat.conversation.value;
  const shownDraft = draft?.text ? draft : null;
  const isTyping = !shownDraft && (chat.typing.value || draft !== null);
  const { scroller, log, away, toEnd } = useEndOfLog(chat, entries.length);
  return (
    <div class="scroller" ref={scroller} tabIndex={0} role="group" aria-label={words.value.messages}>
      <div class="log" ref={log} role="log" aria-label={words.value.messages} aria-busy={draft !== null}>
        <Reply role="bot" text={greeting} complete citations={[]} opensGroup closesGroup={false} />
        {entries.map((entry, index) => (
          <EntryRow key={entry.key} chat={chat} entry={entry} before={entries[index - 1]} after={entries[index + 1]} />
        ))}
        {shownDraft && (
          <Fragment key={draftKey(shownDraft.turnId)}>
            <Reply role="bot" text={shownDraft.text} complete={false} citations={[]} opensGroup closesGroup={false} />
          </Fragment>
        )}
        {isTyping && <TypingRow key="typing" />}
      </div>
      {away && (
        <button type="button" class="to-end" onClick={toEnd}>
          <DownIcon />
          {words.value.newMessages}
        </button>
      )}
    </div>
  );
}

interface RowProps {
  chat: Chat;
  entry: Entry;
  before: Entry | undefined;
  after: Entry | undefined;
}

function EntryRow({ chat, entry, before, after }: RowProps) {
  const newDay = !before || day(before.createdAt) !== day(entry.createdAt);
  const opensGroup = newDay || !isOneGroup(before, entry);
  const closesGroup = !after || !isOneGroup(entry, after);
  const id = entry.clientMessageId ?? "";
  return (
    <Fragment>
      {newDay && (
        <div class="day" key="day">
          <span>{day(entry.createdAt)}</span>
        </div>
      )}
      {entry.role === "customer" ? (
        <OwnMessage
          key="own"
          entry={entry}
          online={chat.link.value === "online"}
          closesGroup={closesGroup}
          onRetry={() => chat.retry(id)}
          onDiscard={() => chat.discard(id)}
        />
      ) : (
        <Reply
          key="reply"
          role={entry.role}
          text={entry.text}
          complete
          citations={entry.citations}
          createdAt={entry.createdAt}
          seq={entry.seq}
          opensGroup={opensGroup}
          closesGroup={closesGroup}
        />
      )}
    </Fragment>
  );
}

function isOneGroup(a: Entry, b: Entry): boolean {
  return a.role === b.role && Math.abs(b.createdAt - a.createdAt) < GROUP_MS;
}

/** Follow the end of the log unless the visitor has scrolled away from it. */
function useEndOfLog(chat: Chat, count: number) {
  const scroller = useRef<HTMLDivElement>(null);
  const log = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const [away, setAway] = useState(false);
  const toEnd = (): void => {
    follows.current = true;
    setAway(false);
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  };
  useEffect(() => {
    const box = scroller.current;
    if (!box || !log.current) return;
    const onScroll = (): void => {
      follows.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX;
      if (follows.current) setAway(false);
    };
    const grown = new ResizeObserver(() => {
      if (follows.current) box.scrollTop = box.scrollHeight;
    });
    grown.observe(log.current);
    grown.observe(box);
    box.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      grown.disconnect();
      box.removeEventListener("scroll", onScroll);
    };
  }, []);
  useEffect(() => {
    const last = chat.conversation.value.entries.at(-1);
    if (last?.role === "customer" && last.delivery === "pending") toEnd();
    else if (!follows.current && last) setAway(true);
  }, [count]);
  return { scroller, log, away, toEnd };
}
