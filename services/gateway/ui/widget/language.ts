/** The language of the widget: words, direction and date formats, changeable while it runs. */
import { signal } from "@preact/signals";
import { words as english, type Words } from "./words/en";

const LANGUAGES: Record<string, () => Promise<{ words: Words }>> = {
  ar: () => import("./words/ar"),
  de: () => import("./words/de"),
  es: () => import("./words/es"),
  fr: () => import("./words/fr"),
  hr: () => import("./words/hr"),
};
const RIGHT_TO_LEFT = new Set(["ar", "fa", "he", "ur"]);

export const words = signal<Words>(english);
export const locale = signal("en");

/** Use the wanted locale; where it has no words, English words and its dates and direction. */
export async function speak(wanted: string): Promise<void> {
  const tag = validTag(wanted);
  const language = tag.split("-")[0] ?? "en";
  const loaded = await LANGUAGES[language]?.().catch(() => undefined);
  words.value = loaded?.words ?? english;
  locale.value = tag;
  document.documentElement.lang = loaded ? tag : "en";
  document.documentElement.dir = RIGHT_TO_LEFT.has(language) && loaded ? "rtl" : "ltr";
}

export function clock(time: number): string {
  return new Intl.DateTimeFormat(locale.value, { hour: "numeric", minute: "2-digit" }).format(time);
}

/** "Today", "Yesterday", or the date. */
export function day(time: number, now: number = Date.now()): string {
  const days = Math.round((midnight(now) - midnight(time)) / 86_400_000);
  if (days === 0) return words.value.today;
  if (days === 1) return words.value.yesterday;
  return new Intl.DateTimeFormat(locale.value, { dateStyle: "medium" }).format(time);
}

function midnight(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0);
}

function validTag(wanted: string): string {
  try {
    return Intl.getCanonicalLocales(wanted.replace("_", "-"))[0] ?? "en";
  } catch {
    return "en";
  }
}
