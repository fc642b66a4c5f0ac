/** What a file is, how it is named and whether the channel takes it. */
import type { FileKind, Limits } from "../shared/protocol";

const KINDS: readonly [string, FileKind][] = [
  ["image/", "image"],
  ["video/", "video"],
  ["audio/", "audio"],
];

/** How a file of this type is shown. */
export function kindOf(mimeType: string): FileKind {
  // Drawings may hold scripts and links: they are files to save, not pictures to show.
  if (mimeType.startsWith("image/svg")) return "document";
  return KINDS.find(([start]) => mimeType.startsWith(start))?.[1] ?? "document";
}

export type Unwanted = "emptyFile" | "tooBig" | "typeRefused";

/** Why the channel would not take it; null when it would. */
export function unwanted(file: { type: string; size: number }, limits: Limits): Unwanted | null {
  if (file.size === 0) return "emptyFile";
  if (file.size > limits.upload_bytes_max) return "tooBig";
  return isAccepted(bareType(file.type), limits.upload_types) ? null : "typeRefused";
}

/** `audio/webm;codecs=opus` without what follows the semicolon. */
export function bareType(mimeType: string): string {
  return (mimeType.split(";")[0] ?? "").trim().toLowerCase();
}

function isAccepted(type: string, accepted: readonly string[]): boolean {
  // A system that does not know the ending says nothing: the server looks at the content.
  if (type === "" || accepted.length === 0) return true;
  return accepted.some((wanted) =>
    wanted.endsWith("/*") ? type.startsWith(wanted.slice(0, -1)) : bareType(wanted) === type,
  );
}

/** A path of the gateway; empty for every other address, which is never loaded. */
export function ownPath(address: string | null | undefined): string {
  return address && /^\/[^/\\]/.test(address) ? address : "";
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];

/** "3.4 MB", in the digits, marks and words of `locale`. */
export function readableSize(bytes: number, locale: string): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const maximumFractionDigits = value < 10 && unit > 1 ? 1 : 0;
  const format = { style: "unit", unit: UNITS[unit] as string, maximumFractionDigits } as const;
  return new Intl.NumberFormat(locale, format).format(value);
}

/** Seconds as "0:07"; empty when they are not known. */
export function readableTime(seconds: number): string {
  if (!Number.isFinite(seconds)) return "";
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
