/** Where the visitor writes: Enter sends, Shift+Enter makes a line, the field grows with its text. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { signal } from "@preact/signals";
import { MAX_TEXT_LENGTH } from "../shared/protocol";
import type { Chat } from "./chat";
import { SendIcon } from "./icons";
import { words } from "./language";

/** The unsent text; the host page can prefill it. */
export const composed = signal("");

const TALLEST_PX = 132;

export function Composer({ chat }: { chat: Chat }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const text = composed.value;
  const over = text.trim().length - MAX_TEXT_LENGTH;
  const canSend = text.trim() !== "" && over <= 0;
  const send = (): void => {
    if (!canSend) return;
    chat.send(text);
    composed.value = "";
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  useLayoutEffect(() => {
    const box = field.current;
    if (!box) return;
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, TALLEST_PX)}px`;
  }, [text, chat.visible.value]);
  useEffect(() => {
    // A touch keyboard that jumps up by itself hides what the visitor came to read.
    if (chat.visible.value && matchMedia("(pointer: fine)").matches) field.current?.focus();
  }, [chat.visible.value]);
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {over > 0 && (
        <p class="too-long" role="alert">
          {words.value.tooLong} {over}
        </p>
      )}
      <div class="field">
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
            chat.typed();
          }}
          onKeyDown={onKeyDown}
        />
        <button type="submit" class="send" disabled={!canSend} aria-label={words.value.send} title={words.value.send}>
          <SendIcon />
        </button>
      </div>
    </form>
  );
}
