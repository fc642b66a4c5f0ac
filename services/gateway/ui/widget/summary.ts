/** A message in a few words: for the unread preview and for quotes. */
import type { FileKind } from "../shared/protocol";
import type { Entry } from "./entry";
import { words } from "./language";

const LENGTH = 90;

export function summary(entry: Entry): string {
  if (entry.isRevoked) return words.value.deleted;
  const said = entry.text || entry.header || fileSummary(entry) || (entry.place && words.value.location) || "";
  return said.slice(0, LENGTH);
}

/** "Image", "Voice message" … in the visitor's language. */
export function kindName(kind: FileKind | null | undefined): string {
  return words.value[kind === "document" || !kind ? "file" : kind];
}

function fileSummary({ files: [file] }: Entry): string {
  if (!file) return "";
  return (file.kind === "document" && file.file_name) || kindName(file.kind);
}
