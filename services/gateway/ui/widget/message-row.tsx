/** One row of the conversation: an own message with its delivery, or a reply with its sources. */
import { useState } from "preact/hooks";
import type { Citation, Role } from "../shared/protocol";
import type { Entry } from "./conversation";
import { AlertIcon, AssistantIcon, CheckIcon, ClockIcon, PersonIcon } from "./icons";
import { clock, words } from "./language";
import { ReplyText } from "./reply-text";
import { Sources } from "./sources";

interface OwnProps {
  entry: Entry;
  online: boolean;
  closesGroup: boolean;
  onRetry: () => void;
  onDiscard: () => void;
}

export function OwnMessage({ entry, online, closesGroup, onRetry, onDiscard }: OwnProps) {
  const isFailed = entry.delivery === "failed";
  return (
    <div class="row own" data-delivery={entry.delivery} data-seq={entry.seq}>
      <span class="visually-hidden">{words.value.you}:</span>
      <div class="bubble" dir="auto">
        {entry.text}
      </div>
      {isFailed ? (
        <p class="failure" role="alert">
          <AlertIcon />
          <span title={entry.failure}>{words.value.notSent}</span>
          <button type="button" class="text-button" onClick={onRetry}>
            {words.value.retry}
          </button>
          <button type="button" class="text-button" onClick={onDiscard}>
            {words.value.discard}
          </button>
        </p>
      ) : (
        (closesGroup || entry.delivery === "pending") && <Delivered entry={entry} online={online} />
      )}
    </div>
  );
}

function Delivered({ entry, online }: { entry: Entry; online: boolean }) {
  const isPending = entry.delivery === "pending";
  const label = isPending ? (online ? words.value.sending : words.value.waiting) : words.value.sent;
  return (
    <p class="meta">
      {isPending ? label : <time dateTime={new Date(entry.createdAt).toISOString()}>{clock(entry.createdAt)}</time>}
      <span class="tick" title={label} role="img" aria-label={label}>
        {isPending ? <ClockIcon /> : <CheckIcon />}
      </span>
    </p>
  );
}

export interface ReplyProps {
  role: Role;
  text: string;
  complete: boolean;
  citations: readonly Citation[];
  createdAt?: number | undefined;
  seq?: number | undefined;
  opensGroup: boolean;
  closesGroup: boolean;
}

export function Reply(props: ReplyProps) {
  const [opened, open] = useState<number | null>(null);
  const { role, text, complete, citations, createdAt } = props;
  const author = role === "agent" ? words.value.agent : words.value.assistant;
  if (role === "system") return <div class="row notice">{text}</div>;
  return (
    <div class="row reply" data-role={role} data-seq={props.seq} data-streaming={!complete || undefined}>
      <span class={props.opensGroup ? "avatar" : "avatar hidden"} aria-hidden="true">
        {role === "agent" ? <PersonIcon /> : <AssistantIcon />}
      </span>
      <div class="reply-body">
        <span class="visually-hidden">{author}:</span>
        <div class="bubble">
          <ReplyText text={text} complete={complete} citations={citations} onCite={open} />
          {citations.length > 0 && <Sources citations={citations} opened={opened} onOpen={open} />}
        </div>
        {props.closesGroup && createdAt !== undefined && (
          <p class="meta">
            <time dateTime={new Date(createdAt).toISOString()}>{clock(createdAt)}</time>
          </p>
        )}
      </div>
    </div>
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
