/** The conversation as a live log: read out once a reply is whole, kept at its end while it grows. */
import { Fragment } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Chat } from "./chat";
import { draftKey } from "./conversation";
import type { Entry } from "./entry";
import { DownIcon } from "./icons";
import { day, words } from "./language";
import { LooseReply, OwnRow, ReplyRow, TypingRow } from "./message-row";
import { choiceState, rows } from "./threads";

const GROUP_MS = 5 * 60_000;
const NEAR_END_PX = 60;

export function MessageList({ chat, greeting }: { chat: Chat; greeting: string }) {
  const { entries, draft } = chat.conversation.value;
  const shown = rows(entries);
  const shownDraft = draft?.text ? draft : null;
  const isTyping = !shownDraft && (chat.typing.value || draft !== null);
  const { scroller, log, away, toEnd } = useEndOfLog(chat, entries.length);
  return (
    <div class="scroller" ref={scroller} tabIndex={0} role="group" aria-label={words.value.messages}>
      <div class="log" ref={log} role="log" aria-label={words.value.messages} aria-busy={draft !== null}>
        <LooseReply text={greeting} complete />
        {shown.map((entry, index) => (
          <EntryRow key={entry.key} chat={chat} entries={shown} entry={entry} index={index} />
        ))}
        {shownDraft && (
          <Fragment key={draftKey(shownDraft.turnId)}>
            <LooseReply text={shownDraft.text} complete={false} />
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
  entries: readonly Entry[];
  entry: Entry;
  index: number;
}

function EntryRow({ chat, entries, entry, index }: RowProps) {
  const before = entries[index - 1];
  const after = entries[index + 1];
  const newDay = !before || day(before.createdAt) !== day(entry.createdAt);
  const opensGroup = newDay || !isOneGroup(before, entry);
  const closesGroup = !after || !isOneGroup(entry, after);
  const quoted = entry.replyTo ? entries.find(({ ref }) => ref === entry.replyTo) : undefined;
  const place = { chat, entry, quoted, closesGroup };
  return (
    <Fragment>
      {newDay && (
        <div class="day" key="day">
          <span>{day(entry.createdAt)}</span>
        </div>
      )}
      {entry.role === "customer" ? (
        <OwnRow key="own" {...place} />
      ) : (
        <ReplyRow key="reply" {...place} opensGroup={opensGroup} choiceState={choiceState(entries, index)} />
      )}
    </Fragment>
  );
}

function isOneGroup(a: Entry, b: Entry): boolean {
  return a.role === b.role && a.author === b.author && Math.abs(b.createdAt - a.createdAt) < GROUP_MS;
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
