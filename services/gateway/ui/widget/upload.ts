/** One file on its way to the gateway. */
import type { Uploaded } from "../shared/protocol";
import type { Sessions } from "./sessions";

/** It was not taken. `passes`: the same file may be taken later. */
export class UploadFailed extends Error {
  constructor(
    readonly code: string,
    detail: string,
    readonly passes: boolean,
  ) {
    super(detail);
  }
}

/** Without a sign of life for so long, the connection is dead. */
const STALL_MS = 30_000;

export type Upload = (file: File, progress: (share: number) => void, stop: AbortSignal) => Promise<Uploaded>;

/** Uploads to `url` in the visitor's session; renews the session once when it has run out. */
export function uploadTo(url: string, sessions: Sessions): Upload {
  return async (file, progress, stop) => {
    for (let attempt = 1; ; attempt += 1) {
      const { token } = await sessions.current().catch(() => {
        throw new UploadFailed("unavailable", "", true);
      });
      try {
        return await post(url, token, file, progress, stop);
      } catch (error) {
        if (!(error instanceof UploadFailed) || error.code !== "unauthorized" || attempt > 1) throw error;
        sessions.expire();
      }
    }
  };
}

/** XMLHttpRequest, because `fetch` does not say how much of a body has left. */
function post(
  url: string,
  token: string,
  file: File,
  progress: (share: number) => void,
  stop: AbortSignal,
): Promise<Uploaded> {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", file, file.name);
    request.open("POST", url);
    request.setRequestHeader("authorization", `Bearer ${token}`);
    request.responseType = "json";
    let stalled: ReturnType<typeof setTimeout> | undefined;
    const expectMore = (): void => {
      clearTimeout(stalled);
      stalled = setTimeout(() => {
        fail(new UploadFailed("offline", "", true));
        request.abort();
      }, STALL_MS);
    };
    request.upload.onprogress = ({ loaded, total }) => {
      expectMore();
      progress(total ? loaded / total : 0);
    };
    request.onloadend = () => clearTimeout(stalled);
    request.onload = () => {
      if (request.status === 201 && request.response) done(request.response as Uploaded);
      else fail(refusal(request.status, request.response));
    };
    request.onerror = () => fail(new UploadFailed("offline", "", true));
    request.onabort = () => fail(new UploadFailed("aborted", "", false));
    stop.addEventListener("abort", () => request.abort(), { once: true });
    expectMore();
    request.send(form);
  });
}

function refusal(status: number, answer: { code?: string; detail?: string } | null): UploadFailed {
  const passes = status === 429 || status >= 500;
  const code = status === 401 ? "unauthorized" : (answer?.code ?? `http_${status}`);
  return new UploadFailed(code, answer?.detail ?? `HTTP ${status}`, passes);
}
