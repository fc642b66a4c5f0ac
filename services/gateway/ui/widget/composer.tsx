/** Where the visitor writes, attaches and speaks: Enter sends, Shift+Enter makes a line. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { signal } from "@preact/signals";
import { MAX_TEXT_LENGTH } from "../shared/protocol";
import type { Chat } from "./chat";
import { bareType } from "./files";
import { ClipIcon, SendIcon } from "./icons";
import { words } from "./language";
import { RecordBar, RecordButton } from "./record-bar";
import { Recorder } from "./recorder";
import { Tray } from "./tray";

/** The unsent text; the host page can prefill it. */
export const composed = signal("");

const TALLEST_PX = 132;

export function Composer({ chat }: { chat: Chat }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const { attachments } = chat;
  const recorder = useMemo(() => new Recorder((file) => attachments.add([file], "voice")), [attachments]);
  const { over, canSend, isWaiting, send } = useSending(chat);
  const isRecording = recorder.state.value === "recording";
  const limits = attachments.limits.value;
  const hasNothing = composed.value.trim() === "" && attachments.list.value.length === 0;
  const submit = (): void => {
    send();
    field.current?.focus();
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {over > 0 && <Complaint text={`${words.value.tooLong} ${over}`} />}
      {recorder.problem.value && <Complaint text={words.value[recorder.problem.value]} />}
      <Tray attachments={attachments} />
      {isRecording ? (
        <RecordBar recorder={recorder} />
      ) : (
        <div class="field" data-attaches={limits !== null || undefined}>
          {limits && <AttachButton chat={chat} accept={limits.upload_types} />}
          <TextField chat={chat} field={field} onEnter={submit} />
          {hasNothing && limits && canRecord(limits.upload_types) ? (
            <RecordButton recorder={recorder} />
          ) : (
            <SendButton canSend={canSend} isWaiting={isWaiting} />
          )}
        </div>
      )}
    </form>
  );
}

/** Sends what is written and attached; with files still on their way, once they have arrived. */
function useSending(chat: Chat) {
  const { attachments } = chat;
  const [isWaiting, setWaiting] = useState(false);
  const text = composed.value;
  const over = text.trim().length - MAX_TEXT_LENGTH;
  const isUploading = attachments.isUploading.value;
  const canSend = over <= 0 && (text.trim() !== "" || isUploading || attachments.isReady.value);
  const send = (): void => {
    if (!canSend) return;
    if (isUploading) {
      setWaiting(true);
      return;
    }
    setWaiting(false);
    chat.send(text);
    composed.value = "";
  };
  useEffect(() => {
    if (!isWaiting || isUploading) return;
    // Something could not be uploaded: the visitor decides what goes without it.
    if (attachments.list.value.some(({ state }) => state === "failed")) setWaiting(false);
    else send();
  }, [isWaiting, isUploading]);
  return { over, canSend, isWaiting: isWaiting && isUploading, send };
}

function canRecord(types: readonly string[]): boolean {
  return Recorder.isPossible && types.some((type) => bareType(type).startsWith("audio/"));
}

function Complaint({ text }: { text: string }) {
  return (
    <p class="complaint" role="alert">
      {text}
    </p>
  );
}

function AttachButton({ chat, accept }: { chat: Chat; accept: readonly string[] }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        class="chooser"
        multiple
        hidden
        accept={accept.join(",")}
        onChange={(event) => {
          chat.attachments.add(event.currentTarget.files ?? []);
          // The same file again would otherwise be no change.
          event.currentTarget.value = "";
        }}
      />
      <button type="button" class="small-button" aria-label={words.value.attach} title={words.value.attach} onClick={() => input.current?.click()}>
        <ClipIcon />
      </button>
    </>
  );
}

function SendButton({ canSend, isWaiting }: { canSend: boolean; isWaiting: boolean }) {
  const label = isWaiting ? words.value.uploading : words.value.send;
  return (
    <button type="submit" class="send" disabled={!canSend || isWaiting} aria-label={label} title={label}>
      {isWaiting ? <span class="spinner" aria-hidden="true" /> : <SendIcon />}
    </button>
  );
}

/** What had the keyboard is gone: let the visitor write on. */
export function focusField(): void {
  // A touch keyboard that jumps up by itself hides what the visitor came to read.
  if (matchMedia("(pointer: fine)").matches) document.querySelector("textarea")?.focus();
}

interface FieldProps {
  chat: Chat;
  field: preact.RefObject<HTMLTextAreaElement | null>;
  onEnter: () => void;
}

function TextField({ chat, field, onEnter }: FieldProps) {
  const text = composed.value;
  useLayoutEffect(() => {
    const box = field.current;
    if (!box) return;
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, TALLEST_PX)}px`;
  }, [text, chat.visible.value]);
  useEffect(() => {
    if (chat.visible.value) focusField();
  }, [chat.visible.value]);
  return (
    <textarea
      ref={field}
      rows={1}
      dir={text ? "auto" : undefined}
      enterkeyhint="send"
      aria-label={words.value.write}
      placeholder={words.value.write}
      value={text}
      onInput={(event) => {
        composed.value = event.currentTarget.value;
        chat.typed(composed.value);
      }}
      onPaste={(event) => {
        const files = event.clipboardData?.files;
        if (!files?.length || !chat.attachments.limits.value) return;
        event.preventDefault();
        chat.attachments.add(files);
      }}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        onEnter();
      }}
    />
  );
}
