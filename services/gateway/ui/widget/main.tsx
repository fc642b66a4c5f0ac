/** Starts the frame: reads its address, joins the chat to the view and to the host page. */
import { computed, effect, signal } from "@preact/signals";
import { render } from "preact";
import type { Look, ToFrame } from "../shared/bridge";
import { App } from "./app";
import { Chat } from "./chat";
import { accentOf, inkOn, readableOn, solid } from "./color";
import { composed } from "./composer";
import { cleanLook, hostPage } from "./host-page";
import { speak, words } from "./language";
import { openShelf } from "./storage";
import { summary } from "./summary";
import "./frame.css";
import "./conversation.css";
import "./reply.css";
import "./parts.css";

const SURFACES = { light: "#ffffff", dark: "#1c2126" };

const address = new URL(location.href);
const channelKey = address.searchParams.get("channel") ?? "";
const page = hostPage(address);
const look = signal<Look>({});
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(prefersDark.matches);
prefersDark.addEventListener("change", (event) => {
  systemDark.value = event.matches;
});

const inFront = signal(document.visibilityState === "visible");
const frameFocused = signal(document.hasFocus());
const pageFocused = signal(false);
document.addEventListener("visibilitychange", () => {
  inFront.value = document.visibilityState === "visible";
});
addEventListener("focus", () => (frameFocused.value = true));
addEventListener("blur", () => (frameFocused.value = false));

const chat = new Chat({
  channelKey,
  sessionsUrl: new URL("sessions", address).pathname,
  uploadsUrl: new URL("uploads", address).pathname,
  socketPath: new URL("../socket.io", address).pathname,
  shelf: openShelf(channelKey),
  announce: (name, detail) => page.tell({ type: "event", name, detail }),
});

const color = computed(() => accentOf(look.value.color ?? chat.channel.value.color));
const title = computed(() => look.value.title || chat.channel.value.title || words.value.title);
const greeting = computed(() => look.value.greeting || chat.channel.value.greeting || words.value.greeting);
const wantedLocale = computed(() => look.value.locale || chat.channel.value.locale || navigator.language);

effect(() => {
  const isDark = look.value.theme === "dark" || (look.value.theme !== "light" && systemDark.value);
  const root = document.documentElement;
  root.dataset["theme"] = isDark ? "dark" : "light";
  root.style.setProperty("--accent", solid(color.value));
  root.style.setProperty("--accent-ink", inkOn(color.value));
  root.style.setProperty("--accent-text", readableOn(color.value, isDark ? SURFACES.dark : SURFACES.light));
});
effect(() => void speak(wantedLocale.value));
effect(() => {
  document.title = title.value;
  // Before the session is there the colour is a guess that the launcher must not take over.
  if (chat.channel.value.color || look.value.color) {
    page.tell({ type: "look", color: solid(color.value), title: title.value });
  }
});
effect(() => {
  const last = chat.unread.value.at(-1);
  page.tell({ type: "unread", count: chat.unread.value.length, preview: last ? summary(last) : "" });
});
effect(() => {
  const isFocused = frameFocused.value || pageFocused.value;
  chat.attend(inFront.value && isFocused);
});
effect(() => page.tell({ type: "engaged", on: chat.conversation.value.entries.length > 0 }));

function hear(message: ToFrame): void {
  switch (message.type) {
    case "init":
      look.value = cleanLook(message.look);
      pageFocused.value = Boolean(message.focused);
      if (message.identity) chat.identify(message.identity);
      chat.show(message.open);
      chat.start();
      break;
    case "focused":
      pageFocused.value = message.on;
      break;
    case "identify":
      chat.identify(message.identity);
      break;
    case "visible":
      chat.show(message.open);
      break;
    case "look":
      look.value = { ...look.value, ...cleanLook(message.look) };
      break;
    case "send":
      chat.send(String(message.text));
      break;
    case "prefill":
      composed.value = String(message.text);
      break;
    case "logout":
      composed.value = "";
      chat.logout();
      break;
  }
}

function Frame() {
  const onClose = page.embedded ? () => page.tell({ type: "close" }) : null;
  return <App chat={chat} title={title.value} greeting={greeting.value} onClose={onClose} />;
}

page.hear(hear);
page.tell({ type: "hello" });
render(<Frame />, document.body);
// In a page the chat starts when the page has said who the visitor is, if it knows.
if (!page.embedded) {
  chat.show(true);
  chat.start();
}
