/** What the embedding page says in the `data-*` attributes of the script tag. */
import type { Look, Theme } from "../shared/bridge";
import type { Identity } from "../shared/protocol";

export interface Options {
  channel: string;
  look: Look;
  position: "left" | "right";
  label: string;
  open: boolean;
  hideLauncher: boolean;
  zIndex: string;
  /** CSS selector of the element to fill instead of showing a launcher. */
  mount: string;
  /** Who is signed in, signed by the site's server. */
  identity: Identity | null;
}

export function readOptions(data: DOMStringMap): Options {
  const look: Look = {};
  if (data["color"]) look.color = data["color"];
  if (data["theme"]) look.theme = data["theme"] as Theme;
  if (data["title"]) look.title = data["title"];
  if (data["greeting"]) look.greeting = data["greeting"];
  const locale = data["locale"] || document.documentElement.lang;
  if (locale) look.locale = locale;
  return {
    channel: data["channel"] ?? "",
    look,
    position: data["position"] === "left" ? "left" : "right",
    label: data["launcherLabel"] || data["title"] || "Chat",
    open: data["open"] === "true",
    hideLauncher: data["hideLauncher"] === "true",
    zIndex: data["zIndex"] || "2147483000",
    mount: data["mount"] ?? "",
    identity: readIdentity(data["identity"]),
  };
}

function readIdentity(text: string | undefined): Identity | null {
  try {
    return JSON.parse(text || "null") as Identity | null;
  } catch {
    return null;
  }
}
