/** Files dropped anywhere on the frame are attached. */
import { useEffect, useState } from "preact/hooks";
import type { Attachments } from "./attachments";
import { ClipIcon } from "./icons";
import { words } from "./language";

export function DropZone({ attachments }: { attachments: Attachments }) {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const onOver = (event: DragEvent): void => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      // Without this the browser would leave the page for the file, also when we cannot take it.
      event.preventDefault();
      setOver(attachments.limits.value !== null);
    };
    const onLeave = (event: DragEvent): void => {
      if (!event.relatedTarget) setOver(false);
    };
    const onDrop = (event: DragEvent): void => {
      setOver(false);
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      attachments.add(event.dataTransfer.files);
    };
    addEventListener("dragover", onOver);
    addEventListener("dragleave", onLeave);
    addEventListener("drop", onDrop);
    return () => {
      removeEventListener("dragover", onOver);
      removeEventListener("dragleave", onLeave);
      removeEventListener("drop", onDrop);
    };
  }, [attachments]);
  if (!isOver) return null;
  return (
    <div class="drop-zone" aria-hidden="true">
      <ClipIcon />
      {words.value.dropHere}
    </div>
  );
}
