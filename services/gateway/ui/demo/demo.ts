/** The demo shop: embeds the widget as any site would, and lets its buttons ask questions. */
import type {} from "../loader/metachat";

async function channelKey(): Promise<string> {
  const named = new URLSearchParams(location.search).get("channel");
  if (named) return named;
  const response = await fetch("/demo/config.json");
  if (!response.ok) throw new Error(`no demo channel (HTTP ${response.status})`);
  return ((await response.json()) as { channel_key: string }).channel_key;
}

function embed(channel: string): void {
  const script = document.createElement("script");
  script.async = true;
  script.src = "/widget/v1.js";
  script.dataset["channel"] = channel;
  script.dataset["color"] = "#1f5f4a";
  script.dataset["launcherLabel"] = "Chat with Acme Outdoor";
  const { searchParams } = new URL(location.href);
  for (const name of ["theme", "locale", "open"]) {
    const value = searchParams.get(name);
    if (value) script.dataset[name] = value;
  }
  document.body.append(script);
}

function say(text: string): void {
  const notice = document.querySelector<HTMLElement>("[data-notice]");
  if (!notice) return;
  notice.hidden = false;
  notice.textContent = text;
}

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-ask]")) {
  button.addEventListener("click", () => {
    window.MetaChat?.("open");
    window.MetaChat?.("send", button.textContent);
  });
}
document.querySelector("[data-open-chat]")?.addEventListener("click", () => window.MetaChat?.("open"));

channelKey().then(embed, (error: Error) => {
  say(`The chat is not set up here: ${error.message}. Add ?channel=… with the key of a web chat channel.`);
});
