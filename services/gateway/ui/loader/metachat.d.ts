/** Types of `window.MetaChat` for pages that embed the widget. */

export interface MetaChatLook {
  color?: string;
  theme?: "auto" | "light" | "dark";
  locale?: string;
  title?: string;
  greeting?: string;
}

/** Who is signed in, made and signed by your server; see docs/widget-protocol.md. */
export interface MetaChatIdentity {
  external_id: string;
  /** Unix time in seconds, at most an hour old. */
  issued_at: number;
  signature: string;
  email?: string | null;
  name?: string | null;
}

export interface MetaChatEvents {
  /** `identified`: a signed identity stands behind the visitor. */
  ready: { visitor_id: string; identified: boolean };
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
  /** The visitor is who your server says they are; calls before the widget has loaded count. */
  identify(identity: MetaChatIdentity): void;
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
