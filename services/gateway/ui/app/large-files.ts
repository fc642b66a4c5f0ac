/** Large files in pieces, by the tus protocol: a connection that breaks goes on where it stopped. */
import { type Credential, Problem, problemOf } from "./api";

/** Above this the server takes a file in pieces only. */
export const LARGE_BYTES = 20 * 1024 * 1024;

const PIECE_BYTES = 8 * 1024 * 1024;
const TRIES_MAX = 6;
const PAUSE_MILLISECONDS = 1_000;
const VERSION = { "tus-resumable": "1.0.0" };

/** Send a file; `onShare` hears how much of it has arrived, 0 to 1. Throws Problem. */
export async function sendLarge(
  owner: Credential,
  file: File,
  onShare: (share: number) => void,
  pauseMilliseconds = PAUSE_MILLISECONDS,
): Promise<void> {
  const place = await create(owner, file);
  let offset = 0;
  let failures = 0;
  while (offset < file.size) {
    try {
      offset = await piece(owner, place, file, offset);
      failures = 0;
      onShare(offset / file.size);
    } catch (error) {
      failures += 1;
      if (!isPassing(error) || failures >= TRIES_MAX) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMilliseconds * failures));
      offset = await arrived(owner, place).catch(() => offset);
    }
  }
}

async function create(owner: Credential, file: File): Promise<string> {
  const answer = await ask(owner, "POST", `/api/tenants/${owner.tenantId}/uploads`, {
    "upload-length": String(file.size),
    "upload-metadata": `filename ${base64(file.name)}`,
  });
  const place = answer.headers.get("location");
  if (!place) throw new Problem(answer.status, "no_location", "The server did not say where the file goes.");
  return new URL(place, location.origin).pathname;
}

async function piece(owner: Credential, place: string, file: File, offset: number): Promise<number> {
  const headers = { "upload-offset": String(offset), "content-type": "application/offset+octet-stream" };
  const answer = await ask(owner, "PATCH", place, headers, file.slice(offset, offset + PIECE_BYTES));
  return Number(answer.headers.get("upload-offset") ?? Math.min(file.size, offset + PIECE_BYTES));
}

async function arrived(owner: Credential, place: string): Promise<number> {
  return Number((await ask(owner, "HEAD", place, {})).headers.get("upload-offset") ?? 0);
}

async function ask(
  owner: Credential,
  method: string,
  path: string,
  headers: Record<string, string>,
  body: Blob | null = null,
): Promise<Response> {
  const all = { ...VERSION, authorization: `Bearer ${owner.key}`, ...headers };
  const answer = await fetch(path, { method, headers: all, body }).catch(() => {
    throw new Problem(0, "offline", "The connection broke. Try again.");
  });
  if (!answer.ok) throw problemOf(answer.status, await answer.json().catch(() => ({})));
  return answer;
}

/** Whether asking again may help: nobody answered, the server is unwell, or the offset was another. */
function isPassing(error: unknown): boolean {
  return error instanceof Problem && (error.status === 0 || error.status === 409 || error.status === 429 || error.status >= 500);
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
