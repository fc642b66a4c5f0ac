/** Files on their way to the server: three at a time, each with its share that has arrived. */
import { signal } from "@preact/signals";
import { type Credential, Problem, problemOf } from "./api";
import { look } from "./documents";
import { LARGE_BYTES, sendLarge } from "./large-files";
import { credential } from "./session";

const AT_ONCE = 3;

export interface Upload {
  id: number;
  name: string;
  size: number;
  share: number;
  problem: string;
  file: File;
  /** Whose it is: chosen when it was dropped, whoever is looked at when its turn comes. */
  owner: Credential;
}

export const uploads = signal<Upload[]>([]);

const waiting: Upload[] = [];
let running = 0;
let last = 0;

export function add(files: Iterable<File>): void {
  for (const file of files) {
    const owner = credential();
    const upload: Upload = { id: ++last, name: file.name, size: file.size, share: 0, problem: "", file, owner };
    uploads.value = [...uploads.value, upload];
    waiting.push(upload);
  }
  begin();
}

export function again(id: number): void {
  const upload = uploads.value.find((one) => one.id === id);
  if (!upload) return;
  change(id, { problem: "", share: 0 });
  waiting.push(upload);
  begin();
}

/** Nothing of those who signed out is sent or shown any more; what is on its way arrives. */
export function forgetUploads(): void {
  waiting.length = 0;
  uploads.value = [];
}

export function dismiss(id: number): void {
  uploads.value = uploads.value.filter((one) => one.id !== id);
}

function begin(): void {
  while (running < AT_ONCE) {
    const next = waiting.shift();
    if (!next) return;
    running += 1;
    void send(next).finally(() => {
      running -= 1;
      begin();
    });
  }
}

async function send(upload: Upload): Promise<void> {
  try {
    const onShare = (share: number): void => change(upload.id, { share });
    if (upload.file.size > LARGE_BYTES) await sendLarge(upload.owner, upload.file, onShare);
    else await sendFile("POST", `/api/tenants/${upload.owner.tenantId}/documents`, upload.file, onShare, upload.owner.key);
    dismiss(upload.id);
    await look();
  } catch (error) {
    change(upload.id, { problem: (error as Error).message });
  }
}

function change(id: number, news: Partial<Upload>): void {
  uploads.value = uploads.value.map((one) => (one.id === id ? { ...one, ...news } : one));
}

/** Send one file as a form; `onShare` hears how much of it has arrived, 0 to 1. */
export function sendFile(
  method: string,
  to: string,
  file: File,
  onShare: (share: number) => void,
  key = credential().key,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, to);
    request.setRequestHeader("authorization", `Bearer ${key}`);
    request.upload.onprogress = (event) => event.lengthComputable && onShare(event.loaded / event.total);
    request.onerror = () => reject(new Problem(0, "offline", "The connection broke. Try again."));
    request.onload = () => {
      if (request.status < 300) return resolve();
      reject(problemOf(request.status, readJson(request.responseText)));
    };
    const form = new FormData();
    form.append("file", file, file.name);
    request.send(form);
  });
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
