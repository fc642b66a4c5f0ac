/** Opens and renews the visitor's session at the gateway; the visitor token stays in the frame. */
import type { Session } from "../shared/protocol";
import type { Shelf } from "./storage";

const VISITOR_TOKEN = "visitor";
const RENEW_BEFORE_SECONDS = 30;

/** The gateway will not give a session to this page, whatever we retry. */
export class SessionRefused extends Error {
  constructor(readonly code: string, detail: string) {
    super(detail);
  }
}

export class Sessions {
  #session: Session | null = null;
  #expiresAt = 0;
  #opening: Promise<Session> | null = null;

  constructor(
    private readonly url: string,
    private readonly channelKey: string,
    private readonly shelf: Shelf,
    private readonly now: () => number = Date.now,
  ) {}

  /** A session whose token is still good; one request at a time. */
  async current(): Promise<Session> {
    if (this.#session && this.now() < this.#expiresAt) return this.#session;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  /** The token was refused or has expired: the next `current()` asks for a new one. */
  expire(): void {
    this.#session = null;
  }

  /** Forget who this visitor is. */
  forget(): void {
    this.expire();
    this.shelf.remove(VISITOR_TOKEN);
  }

  async #open(): Promise<Session> {
    const visitorToken = this.shelf.get(VISITOR_TOKEN);
    let response = await this.#ask(visitorToken);
    if (visitorToken && (response.status === 400 || response.status === 401)) {
      this.shelf.remove(VISITOR_TOKEN);
      response = await this.#ask(null);
    }
    if (!response.ok) throw await refusal(response);
    const session = (await response.json()) as Session;
    this.shelf.set(VISITOR_TOKEN, session.visitor_token);
    this.#session = session;
    this.#expiresAt = this.now() + (session.expires_in - RENEW_BEFORE_SECONDS) * 1000;
    return session;
  }

  #ask(visitorToken: string | null): Promise<Response> {
    const body = { channel_key: this.channelKey, ...(visitorToken && { visitor_token: visitorToken }) };
    return fetch(this.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  }
}

/** 4xx but 429 is final; anything else may pass. */
async function refusal(response: Response): Promise<Error> {
  const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
  const detail = problem.detail ?? `HTTP ${response.status}`;
  const isFinal = response.status >= 400 && response.status < 500 && response.status !== 429;
  return isFinal ? new SessionRefused(problem.code ?? "refused", detail) : new Error(detail);
}
