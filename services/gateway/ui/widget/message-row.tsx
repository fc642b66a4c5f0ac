/** One row of the conversation: an own message with its delivery, or a reply with its sources. */
import { useState } from "preact/hooks";
import type { Choice } from "../shared/protocol";
import type { Chat } from "./chat";
import { ChoiceButtons } from "./choices";
import { focusField } from "./composer";
import type { Entry } from "./entry";
import { AlertIcon, AssistantIcon, CheckIcon, ClockIcon, PersonIcon, TwoChecksIcon } from "./icons";
import { clock, words } from "./language";
import { Files } from "./media";
import { PlaceCard, Quote, Reactions } from "./parts";
import { ReplyText } from "./reply-text";
import { Sources } from "./sources";
import type { ChoiceState } from "./threads";

interface OwnProps {
  chat: Chat;
  entry: Entry;
  quoted: Entry | undefined;
  closesGroup: boolean;
}

export function OwnRow({ chat, entry, quoted, closesGroup }: OwnProps) {
  const id = entry.clientMessageId ?? "";
  const isFailed = entry.delivery === "failed";
  const showsDelivery = closesGroup || entry.delivery === "pending" || entry.isEdited;
  return (
    <div class="row own" data-delivery={entry.delivery} data-seq={entry.seq}>
      <span class="visually-hidden">{words.value.you}:</span>
      <div class="bubble" data-shape={shapeOf(entry)}>
        {entry.isRevoked ? (
          <Deleted />
        ) : (
          <>
            {quoted && !entry.isChoice && <Quote quoted={quoted} />}
            <Files chat={chat} entry={entry} />
            {entry.text && (
              <div class="words" dir="auto">
                {entry.text}
              </div>
            )}
          </>
        )}
      </div>
      <Reactions emojis={entry.reactions} />
      {isFailed ? (
        <p class="failure" role="alert">
          <AlertIcon />
          <span title={entry.failure}>{words.value.notSent}</span>
          <button type="button" class="text-button" onClick={() => chat.retry(id)}>
            {words.value.retry}
          </button>
          <button type="button" class="text-button" onClick={() => chat.discard(id)}>
            {words.value.discard}
          </button>
        </p>
      ) : (
        showsDelivery && <Delivered entry={entry} online={chat.link.value === "online"} />
      )}
    </div>
  );
}

function Delivered({ entry, online }: { entry: Entry; online: boolean }) {
  const isPending = entry.delivery === "pending";
  const isPlaced = entry.seq !== undefined;
  const waiting = online ? words.value.sending : words.value.waiting;
  const label = isPending ? waiting : isPlaced ? words.value.delivered : words.value.sent;
  return (
    <p class="meta">
      {entry.isEdited && <span>{words.value.edited}</span>}
      {isPending ? label : <Time at={entry.createdAt} />}
      <span class="tick" title={label} role="img" aria-label={label}>
        {isPending ? <ClockIcon /> : isPlaced ? <TwoChecksIcon /> : <CheckIcon />}
      </span>
    </p>
  );
}

function Time({ at }: { at: number }) {
  return <time dateTime={new Date(at).toISOString()}>{clock(at)}</time>;
}

function Deleted() {
  return <p class="deleted">{words.value.deleted}</p>;
}

/** A picture alone fills its bubble; a sticker has none. */
function shapeOf({ files: [file], isRevoked }: Entry): "sticker" | "picture" | undefined {
  if (isRevoked) return undefined;
  if (file?.kind === "sticker") return "sticker";
  return file && (file.kind === "image" || file.kind === "video") ? "picture" : undefined;
}

interface ReplyProps {
  chat: Chat;
  entry: Entry;
  quoted: Entry | undefined;
  choiceState: ChoiceState;
  opensGroup: boolean;
  closesGroup: boolean;
}

export function ReplyRow({ chat, entry, quoted, choiceState, opensGroup, closesGroup }: ReplyProps) {
  const { role, choices } = entry;
  const choose = (choice: Choice): void => {
    chat.choose(entry, choice);
    focusField();
  };
  if (role === "system") return <div class="row notice">{entry.text}</div>;
  return (
    <div class="row reply" data-role={role} data-seq={entry.seq}>
      <Avatar role={role} hidden={!opensGroup} />
      <div class="reply-body">
        <Author entry={entry} opensGroup={opensGroup} />
        <div class="bubble" data-shape={shapeOf(entry)}>
          {entry.isRevoked ? <Deleted /> : <ReplyContent chat={chat} entry={entry} quoted={quoted} />}
        </div>
        <Reactions emojis={entry.reactions} />
        {choices && !entry.isRevoked && (
          <ChoiceButtons choices={choices} state={choiceState} onChoose={choose} />
        )}
        {(closesGroup || entry.isEdited) && (
          <p class="meta">
            {entry.isEdited && <span>{words.value.edited}</span>}
            <Time at={entry.createdAt} />
          </p>
        )}
      </div>
    </div>
  );
}

function ReplyContent({ chat, entry, quoted }: Pick<ReplyProps, "chat" | "entry" | "quoted">) {
  const [opened, open] = useState<number | null>(null);
  const { text, citations } = entry;
  return (
    <>
      {quoted && <Quote quoted={quoted} />}
      {entry.header && (
        <p class="headline" dir="auto">
          {entry.header}
        </p>
      )}
      <Files chat={chat} entry={entry} />
      {text && <ReplyText text={text} complete citations={citations} onCite={open} />}
      {entry.place && <PlaceCard place={entry.place} />}
      {entry.footer && (
        <p class="footnote" dir="auto">
          {entry.footer}
        </p>
      )}
      {citations.length > 0 && <Sources citations={citations} opened={opened} onOpen={open} />}
    </>
  );
}

/** A person is called by name; whoever cannot see the bubble's side hears who speaks. */
function Author({ entry, opensGroup }: { entry: Entry; opensGroup: boolean }) {
  if (entry.author && opensGroup) return <p class="author"><bdi>{entry.author}</bdi></p>;
  const author = entry.role === "agent" ? entry.author || words.value.agent : words.value.assistant;
  return <span class="visually-hidden">{author}:</span>;
}

/** Words of the assistant that are no message of the conversation: the greeting, a reply in the making. */
export function LooseReply({ text, complete }: { text: string; complete: boolean }) {
  return (
    <div class="row reply" data-role="bot" data-streaming={!complete || undefined}>
      <Avatar role="bot" />
      <div class="reply-body">
        <span class="visually-hidden">{words.value.assistant}:</span>
        <div class="bubble">
          <ReplyText text={text} complete={complete} citations={[]} onCite={() => undefined} />
        </div>
      </div>
    </div>
  );
}

function Avatar({ role, hidden = false }: { role: Entry["role"]; hidden?: boolean }) {
  return (
    <span class={hidden ? "avatar hidden" : "avatar"} aria-hidden="true">
      {role === "agent" ? <PersonIcon /> : <AssistantIcon />}
    </span>
  );
}

export function TypingRow() {
  return (
    <div class="row reply typing" aria-hidden="true">
      <span class="avatar">
        <AssistantIcon />
      </span>
      <div class="bubble dots">
        <i />
        <i />
        <i />
      </div>
    </div>
  );
}
