/** Figures as people read them. */
import type { KnownDocument, Stage } from "./shapes";

const UNITS = ["B", "KB", "MB", "GB"];

export function bytes(count: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log(count || 1) / Math.log(1024))));
  const value = count / 1024 ** power;
  return `${value.toLocaleString("en", { maximumFractionDigits: value < 10 && power > 0 ? 1 : 0 })} ${UNITS[power]}`;
}

export function score(value: number | null | undefined, digits = 3): string {
  return value === null || value === undefined ? "–" : value.toFixed(digits);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

const STAGES: Record<Stage, string> = {
  queued: "Queued",
  reading: "Reading",
  splitting: "Splitting",
  embedding: "Embedding",
  storing: "Storing",
  ready: "Ready",
  failed: "Failed",
};

export const stageName = (stage: Stage): string => STAGES[stage] ?? stage;

/** "12 of 40 passages", in the unit that the stage counts in; empty where nothing is counted. */
export function counted(one: KnownDocument): string {
  const work = one.work;
  if (!work) return "";
  if (one.stage === "embedding" && work.passages_total)
    return `${work.passages_done ?? 0} of ${plural(work.passages_total, "passage")}`;
  if (one.stage === "reading" && work.pages_total) return `${work.pages_done ?? 0} of ${plural(work.pages_total, "page")}`;
  if (one.stage === "reading" && work.bytes_total) return `${bytes(work.bytes_done ?? 0)} of ${bytes(work.bytes_total)}`;
  return "";
}

/** Where a passage stands: page and heading. */
export function place(page: number | null, heading: string | null): string {
  return [page ? `page ${page}` : "", heading ?? ""].filter(Boolean).join(" · ");
}

const RULES: Record<string, string> = {
  given: "given",
  below_threshold: "too unlike",
  near_duplicate: "says the same again",
  beyond_limit: "beyond the limit",
  not_read: "not looked at",
  same_parent: "same section as one above",
};

export const ruleName = (rule: string): string => RULES[rule] ?? rule.replaceAll("_", " ");
