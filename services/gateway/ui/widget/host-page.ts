/** The page around the frame: what it asks for, and what it is told. */
import { listen, post, type Look, type ToFrame, type ToPage } from "../shared/bridge";

export interface HostPage {
  /** False when the frame is opened as a page of its own. */
  embedded: boolean;
  tell(message: ToPage): void;
  hear(handle: (message: ToFrame) => void): void;
}

/** The page whose origin stands in the frame's address; nobody else is heard or told anything. */
export function hostPage(address: URL): HostPage {
  const origin = exactOrigin(address.searchParams.get("origin"));
  const page = window.parent;
  const embedded = page !== window && origin !== null;
  return {
    embedded,
    tell: (message) => {
      if (embedded) post(page, origin, message);
    },
    hear: (handle) => {
      if (embedded) listen<ToFrame>(() => page, origin, handle);
    },
  };
}

/** Only colours, themes and short texts: nothing of a host page reaches anything but the look. */
export function cleanLook(look: Look): Look {
  const clean: Look = {};
  if (typeof look.color === "string") clean.color = look.color;
  if (look.theme === "light" || look.theme === "dark" || look.theme === "auto") clean.theme = look.theme;
  if (typeof look.locale === "string") clean.locale = look.locale;
  if (typeof look.title === "string") clean.title = look.title.slice(0, 80);
  if (typeof look.greeting === "string") clean.greeting = look.greeting.slice(0, 500);
  return clean;
}

function exactOrigin(text: string | null): string | null {
  try {
    const url = new URL(text ?? "");
    return url.origin === text && url.protocol.startsWith("http") ? url.origin : null;
  } catch {
    return null;
  }
}
