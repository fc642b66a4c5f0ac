/** Starts the machine's own Chromium; nothing is downloaded. */
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A microphone that beeps; pages still have to ask for it.
  "--use-fake-device-for-media-stream",
];

export function chromiumPath() {
  const named = process.env.CHAT_CHROMIUM;
  return named && existsSync(named) ? named : PLACES.find(existsSync);
}

export async function openBrowser() {
  const executablePath = chromiumPath();
  if (!executablePath) throw new Error("no Chromium found; install it or name it in CHAT_CHROMIUM");
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}
