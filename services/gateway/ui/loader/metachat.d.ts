/** Types of `window.MetaChat` for pages that embed the widget. */

export interface MetaChatLook {
  color?: string;
  theme?: "auto" | "light" | "dark";
  locale?: string;
  title?: string;
  greeting?: string;
}

export interface MetaChatEvents {
  ready: { visitor_id: string };
  open: object;
  close: object;
  "message:sent": { message_id: string; client_message_id: string };
  "message:received": { message_id: string; seq: number; role: string };
  unread: { count: number };
  error: { code: string; detail?: string };
}

export interface MetaChat {
  (call: string, ...values: unknown[]): unknown;
  open(): void;
  close(): void;
  toggle(): void;
  /** Show or hide the launcher. */
  show(): void;
  hide(): void;
  /** Send a message as the visitor. */
  send(text: string): void;
  /** Put text into the composer without sending it. */
  prefill(text: string): void;
  set(look: MetaChatLook): void;
  theme(theme: "auto" | "light" | "dark"): void;
  locale(locale: string): void;
  /** Forget the visitor on this device, for example when a user signs out. */
  logout(): void;
  /** Hear an event, also dispatched on `document` as `metachat:<name>`; returns how to stop. */
  on<Name extends keyof MetaChatEvents>(name: Name, listener: (detail: MetaChatEvents[Name]) => void): () => void;
  destroy(): void;
}

declare global {
  interface Window {
    MetaChat?: MetaChat;
  }
}
