/**
 * Messages between the host page (loader) and the frame.
 *
 * Both sides name the exact origin they speak to and accept only what comes from that
 * window with that origin; a message that is not ours is ignored.
 */

import type { Identity } from "./protocol";

export type Theme = "auto" | "light" | "dark";

export interface Look {
  color?: string;
  theme?: Theme;
  locale?: string;
  title?: string;
  greeting?: string;
}

export type ToFrame =
  | { type: "init"; look: Look; open: boolean; focused: boolean; identity: Identity | null }
  | { type: "focused"; on: boolean }
  | { type: "identify"; identity: Identity }
  | { type: "visible"; open: boolean }
  | { type: "look"; look: Look }
  | { type: "send"; text: string }
  | { type: "prefill"; text: string }
  | { type: "logout" };

export type ToPage =
  | { type: "hello" }
  | { type: "look"; color: string; title: string }
  | { type: "unread"; count: number; preview: string }
  | { type: "close" }
  | { type: "engaged"; on: boolean }
  | { type: "event"; name: string; detail: unknown };

const MARK = "metachat";

export function post<M extends ToFrame | ToPage>(target: Window, origin: string, message: M): void {
  target.postMessage({ [MARK]: 1, ...message }, origin);
}

/** Hear messages of one window and one origin; returns the function that stops hearing. */
export function listen<M extends ToFrame | ToPage>(
  source: () => Window | null,
  origin: string,
  handle: (message: M) => void,
): () => void {
  const onMessage = (event: MessageEvent): void => {
    const data: unknown = event.data;
    if (event.origin !== origin || !event.source || event.source !== source()) return;
    if (typeof data !== "object" || data === null || !(MARK in data)) return;
    if (typeof (data as { type?: unknown }).type === "string") handle(data as M);
  };
  addEventListener("message", onMessage);
  return () => removeEventListener("message", onMessage);
}
