/**
 * The one script a site embeds: a launcher, and the chat frame when somebody wants it.
 *
 * `window.MetaChat("open")` works before this file has loaded, through the stub queue
 * `window.MetaChat=window.MetaChat||function(){(MetaChat.q=MetaChat.q||[]).push(arguments)}`;
 * afterwards the same calls also exist as methods, `MetaChat.open()`. See metachat.d.ts.
 */
import type { Identity } from "../shared/protocol";
import { listen, post, type Look, type Theme, type ToFrame, type ToPage } from "../shared/bridge";
import { buildLauncher } from "./launcher";
import { readOptions } from "./options";

type Call = (...values: never[]) => unknown;
type Listener = (detail: unknown) => void;

const script =
  (document.currentScript as HTMLScriptElement | null) ??
  document.querySelector<HTMLScriptElement>('script[data-channel][src*="/widget/v1.js"]');

// A second tag on the same page would make a second launcher.
if (script?.dataset["channel"] && !document.querySelector("[data-metachat]")) start(script);

function start(tag: HTMLScriptElement): void {
  const options = readOptions(tag.dataset);
  const frameUrl = new URL("frame.html", tag.src);
  const chatOrigin = frameUrl.origin;
  const launcher = buildLauncher(options);
  const listeners = new Map<string, Set<Listener>>();
  const waiting: ToFrame[] = [];
  const memory = remember(`metachat:${options.channel}`);
  let look: Look = { ...options.look };
  let identity: Identity | null = options.identity;
  let frame: HTMLIFrameElement | null = null;
  let isReady = false;
  let isOpen = false;
  let stopListening = (): void => {};

  frameUrl.search = String(new URLSearchParams({ channel: options.channel, origin: location.origin }));

  function say(message: ToFrame): void {
    if (isReady && frame?.contentWindow) post(frame.contentWindow, chatOrigin, message);
    else waiting.push(message);
  }

  function emit(name: string, detail: unknown): void {
    listeners.get(name)?.forEach((listener) => listener(detail));
    document.dispatchEvent(new CustomEvent(`metachat:${name}`, { detail }));
  }

  function load(): void {
    if (frame) return;
    frame = document.createElement("iframe");
    frame.title = options.label;
    frame.allow = "clipboard-write;microphone";
    stopListening = listen<ToPage>(() => frame?.contentWindow ?? null, chatOrigin, hear);
    frame.src = frameUrl.href;
    const mount = options.mount && document.querySelector(options.mount);
    (mount || launcher.panel).append(frame);
    if (mount) {
      frame.style.cssText = "width:100%;height:100%;border:0";
      isOpen = true;
    }
  }

  function hear(message: ToPage): void {
    switch (message.type) {
      case "hello":
        isReady = true;
        say({ type: "init", look, open: isOpen, focused: document.hasFocus(), identity });
        waiting.splice(0).forEach(say);
        break;
      case "look":
        launcher.setColor(message.color);
        memory.set("color", message.color);
        break;
      case "unread":
        launcher.setUnread(message.count, message.preview);
        emit("unread", { count: message.count });
        break;
      case "engaged":
        memory.set("engaged", message.on ? "1" : "");
        break;
      case "close":
        show(false, true);
        break;
      case "event":
        emit(message.name, message.detail);
    }
  }

  function show(open: boolean, returnFocus = false): void {
    if (open) load();
    if (open === isOpen || options.mount) return;
    isOpen = open;
    launcher.setOpen(open);
    memory.set("open", open ? "1" : "");
    say({ type: "visible", open });
    if (open) frame?.focus();
    else if (returnFocus) launcher.button.focus();
    emit(open ? "open" : "close", {});
  }

  function restyle(change: Look): void {
    look = { ...look, ...change };
    if (change.color) launcher.setColor(change.color);
    if (frame) say({ type: "look", look: change });
  }

  const calls: Record<string, Call> = {
    open: () => show(true),
    close: () => show(false),
    toggle: () => show(!isOpen),
    show: () => (launcher.button.hidden = false),
    hide: () => {
      show(false);
      launcher.button.hidden = true;
    },
    send: (text: string) => {
      load();
      say({ type: "send", text });
    },
    prefill: (text: string) => {
      load();
      say({ type: "prefill", text });
    },
    set: (change: Look) => restyle(change),
    theme: (theme: Theme) => restyle({ theme }),
    locale: (locale: string) => restyle({ locale }),
    identify: (given: Identity) => {
      identity = given;
      if (isReady) say({ type: "identify", identity });
    },
    logout: () => {
      identity = null;
      load();
      say({ type: "logout" });
    },
    on: (name: string, listener: Listener) => {
      const named = listeners.get(name) ?? new Set();
      listeners.set(name, named.add(listener));
      return () => named.delete(listener);
    },
    destroy: () => {
      stopListening();
      frame?.remove();
      launcher.host.remove();
    },
  };

  launcher.setOpen(false);
  launcher.setColor(options.look.color ?? memory.get("color"));
  install(calls);
  const { button } = launcher;
  button.onclick = calls["toggle"] as () => void;
  button.onpointerenter = button.onfocus = load;
  button.hidden = options.hideLauncher;
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isOpen && !event.defaultPrevented) show(false, true);
  });
  // Where the keyboard is tells whether a reply that is visible is also seen.
  addEventListener("focus", () => isReady && say({ type: "focused", on: true }));
  addEventListener("blur", () => isReady && say({ type: "focused", on: false }));
  whenBody(() => {
    if (!options.mount) document.body.append(launcher.host);
    if (options.mount || options.open || memory.get("open")) show(true);
    else if (memory.get("engaged")) load();
  });
}

/** Answer calls as a function and as methods, first those made before we were here. */
function install(calls: Record<string, Call>): void {
  const page = window as unknown as { MetaChat?: { q?: ArrayLike<unknown>[] } };
  const early = page.MetaChat?.q ?? [];
  const call = (name: string, ...values: unknown[]): unknown => calls[name]?.(...(values as never[]));
  page.MetaChat = Object.assign(call, calls) as { q?: never };
  for (const values of early) call(...(Array.from(values) as [string, ...unknown[]]));
}

function whenBody(act: () => void): void {
  if (document.body) act();
  else document.addEventListener("DOMContentLoaded", act);
}

/** A few words in the host page's storage, where it has one. */
function remember(prefix: string) {
  return {
    get(name: string): string {
      try {
        return localStorage.getItem(`${prefix}:${name}`) ?? "";
      } catch {
        return "";
      }
    },
    set(name: string, value: string): void {
      try {
        localStorage.setItem(`${prefix}:${name}`, value);
      } catch {
        // Blocked: the page forgets that the chat was open.
      }
    },
  };
}
