/** The gateway's API: JSON in and out, problems as errors that a person can act on. */

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly traceId = "",
  ) {
    super(detail);
  }
}

export interface Credential {
  key: string;
  tenantId: string;
}

/** Ask the API; `body` is JSON or a form. Throws Problem, also when nobody answers. */
export async function call<T>(key: string, method: string, path: string, body?: object | FormData): Promise<T> {
  const headers: Record<string, string> = { authorization: `Bearer ${key}` };
  const isForm = body instanceof FormData;
  if (body && !isForm) headers["content-type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(path, { method, headers, body: body ? (isForm ? body : JSON.stringify(body)) : null });
  } catch {
    throw new Problem(0, "offline", "The server cannot be reached just now.");
  }
  if (answer.status === 204 || answer.status === 202) return (await answer.json().catch(() => undefined)) as T;
  const found: unknown = await answer.json().catch(() => ({}));
  if (!answer.ok) throw problemOf(answer.status, found);
  return found as T;
}

export function problemOf(status: number, found: unknown): Problem {
  const told = (found ?? {}) as { code?: string; detail?: string; title?: string; trace_id?: string };
  const detail = told.detail ?? told.title ?? `The server answered ${status}.`;
  return new Problem(status, told.code ?? "unknown", detail, told.trace_id);
}
