/** Opens and renews the visitor's session at the gateway; the visitor token stays in the frame. */
import type { Identity, Session } from "../shared/protocol";
import type { Shelf } from "./storage";

const VISITOR_TOKEN = "visitor";
const SIGNED_IN = "signed-in";
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
  #identity: Identity | null = null;
  /** Rises whenever the visitor becomes somebody else: what was asked for before is not theirs. */
  #era = 0;

  constructor(
    private readonly url: string,
    private readonly channelKey: string,
    private readonly shelf: Shelf,
    private readonly now: () => number = Date.now,
    private readonly identityRefused: (detail: string) => void = () => undefined,
  ) {}

  /** The next session is that of a person whom the site has signed in. */
  identify(identity: Identity): void {
    this.#era += 1;
    this.#identity = identity;
    this.expire();
  }

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
    this.#era += 1;
    this.expire();
    this.#identity = null;
    this.#forgetVisitor();
  }

  async #open(): Promise<Session> {
    const era = this.#era;
    const identity = this.#identity;
    let response = await this.#ask(this.shelf.get(VISITOR_TOKEN), identity);
    if (response.status === 400 || response.status === 401) {
      response = await this.#askWithout(response, identity, era);
    }
    if (era !== this.#era) return this.#open();
    if (!response.ok) throw await refusal(response);
    const session = (await response.json()) as Session;
    if (era !== this.#era) return this.#open();
    this.shelf.set(VISITOR_TOKEN, session.visitor_token);
    if (session.identified) this.shelf.set(SIGNED_IN, "1");
    else this.shelf.remove(SIGNED_IN);
    // Its signature grows old; from now on the visitor token stands for it.
    this.#identity = null;
    this.#session = session;
    this.#expiresAt = this.now() + (session.expires_in - RENEW_BEFORE_SECONDS) * 1000;
    return session;
  }

  /** Ask again without the token or the identity that the gateway did not believe. */
  async #askWithout(refused: Response, identity: Identity | null, era: number): Promise<Response> {
    const { code, detail } = (await refused.clone().json().catch(() => ({}))) as Problem;
    if (code === "identity_required" || era !== this.#era) return refused;
    if (identity && code !== "invalid_visitor_token") {
      this.#identity = null;
      this.identityRefused(detail ?? "");
      // The page says that it is somebody else: do not go on as who was signed in before.
      if (this.shelf.get(SIGNED_IN)) this.#forgetVisitor();
      return this.#ask(this.shelf.get(VISITOR_TOKEN), null);
    }
    if (!this.shelf.get(VISITOR_TOKEN)) return refused;
    this.#forgetVisitor();
    return this.#ask(null, identity);
  }

  #forgetVisitor(): void {
    this.shelf.remove(VISITOR_TOKEN);
    this.shelf.remove(SIGNED_IN);
  }

  #ask(visitorToken: string | null, identity: Identity | null): Promise<Response> {
    const body = {
      channel_key: this.channelKey,
      ...(visitorToken && { visitor_token: visitorToken }),
      ...(identity && { identity }),
    };
    return fetch(this.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  }
}

interface Problem {
  code?: string;
  detail?: string;
}

/** 4xx but 429 is final; anything else may pass. */
async function refusal(response: Response): Promise<Error> {
  const problem = (await response.json().catch(() => ({}))) as Problem;
  const detail = problem.detail ?? `HTTP ${response.status}`;
  const isFinal = response.status >= 400 && response.status < 500 && response.status !== 429;
  return isFinal ? new SessionRefused(problem.code ?? "refused", detail) : new Error(detail);
}
