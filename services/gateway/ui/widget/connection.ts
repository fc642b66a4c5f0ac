/** The Socket.IO connection: opens sessions, reconnects, renews expired tokens, asks with a deadline. */
import { io, type Socket } from "socket.io-client";
import type {
  ClientEvents,
  MessageAck,
  Outgoing,
  Ready,
  Resumed,
  ServerEvents,
  Session,
} from "../shared/protocol";
import { SessionRefused, type Sessions } from "./sessions";

export type Link = "connecting" | "online" | "reconnecting" | "refused";

export interface Hearing extends Omit<ServerEvents, "ready"> {
  session: (session: Session) => void;
  ready: (ready: Ready) => void;
  link: (link: Link, reason?: string) => void;
}

const ANSWER_TIMEOUT_MS = 10_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;

export class Connection {
  #socket: Socket<ServerEvents, ClientEvents> | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #greeting: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #everOnline = false;
  #closed = false;

  constructor(
    private readonly sessions: Sessions,
    private readonly path: string,
    private readonly hear: Hearing,
  ) {}

  /** Get a session, then connect with it. Failures are retried for as long as it is not closed. */
  async open(): Promise<void> {
    this.#closed = false;
    clearTimeout(this.#retry);
    try {
      const session = await this.sessions.current();
      if (this.#closed) return;
      this.hear.session(session);
      this.#dial();
    } catch (error) {
      this.#sessionFailed(error);
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#socket?.disconnect();
    this.#socket = null;
  }

  get isOnline(): boolean {
    return this.#socket?.connected ?? false;
  }

  resume(lastSeq: number): Promise<Resumed> {
    return this.#asked((socket) => socket.emitWithAck("resume", { last_seq: lastSeq }));
  }

  send(message: Outgoing): Promise<MessageAck> {
    return this.#asked((socket) => socket.emitWithAck("message", message));
  }

  typing(on: boolean): void {
    if (this.isOnline) this.#socket?.volatile.emit("typing", { on });
  }

  read(seq: number): void {
    if (this.isOnline) this.#socket?.emit("read", { seq });
  }

  /** The network came back or an answer stayed away: do not wait for the heartbeat to notice. */
  hurry(): void {
    if (this.#closed) return;
    this.#failures = 0;
    if (this.isOnline) this.#socket?.io.engine.close();
    else void this.open();
  }

  async #asked<T>(
    ask: (socket: ReturnType<Socket<ServerEvents, ClientEvents>["timeout"]>) => Promise<T>,
  ): Promise<T> {
    if (!this.#socket?.connected) throw new Error("offline");
    return ask(this.#socket.timeout(ANSWER_TIMEOUT_MS));
  }

  #dial(): void {
    const socket = (this.#socket ??= this.#newSocket());
    if (!socket.connected) socket.connect();
  }

  #newSocket(): Socket<ServerEvents, ClientEvents> {
    const socket: Socket<ServerEvents, ClientEvents> = io(location.origin, {
      path: this.path,
      autoConnect: false,
      // Reconnecting goes through open(), so that every attempt carries a token that is still good.
      reconnection: false,
      forceNew: true,
      timeout: ANSWER_TIMEOUT_MS,
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      auth: (give) => {
        void this.sessions.current().then(
          (session) => give({ token: session.token }),
          () => give({ token: "" }),
        );
      },
    });
    socket.on("connect", () => this.#expectReady(socket));
    socket.on("ready", (ready) => this.#online(ready));
    socket.on("connect_error", () => this.#refusedOrLost(socket));
    socket.on("disconnect", () => this.#lost());
    socket.on("error", (error) => {
      if (error.code === "token_expired") this.sessions.expire();
      else this.hear.error(error);
    });
    socket.on("message", (message) => this.hear.message(message));
    socket.on("recorded", (record) => this.hear.recorded(record));
    socket.on("delta", (piece) => this.hear.delta(piece));
    socket.on("withdrawn", (withdrawn) => this.hear.withdrawn(withdrawn));
    socket.on("typing", (typing) => this.hear.typing(typing));
    return socket;
  }

  /** Connected, but the server has not greeted yet: without a greeting it is as good as not connected. */
  #expectReady(socket: Socket<ServerEvents, ClientEvents>): void {
    clearTimeout(this.#greeting);
    this.#greeting = setTimeout(() => socket.io.engine.close(), ANSWER_TIMEOUT_MS);
  }

  #online(ready: Ready): void {
    clearTimeout(this.#greeting);
    this.#failures = 0;
    this.#everOnline = true;
    this.hear.link("online");
    this.hear.ready(ready);
  }

  #refusedOrLost(socket: Socket): void {
    // Inactive: the server answered and refused, most likely the token.
    if (!socket.active) this.sessions.expire();
    this.#lost();
  }

  #sessionFailed(error: unknown): void {
    if (error instanceof SessionRefused) {
      this.hear.link("refused", error.code);
      return;
    }
    this.#lost();
  }

  #lost(): void {
    clearTimeout(this.#greeting);
    if (this.#closed) return;
    this.hear.link(this.#everOnline ? "reconnecting" : "connecting");
    clearTimeout(this.#retry);
    const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    // Spread, so that a restarted gateway is not met by everybody at once.
    this.#retry = setTimeout(() => void this.open(), wait * (0.5 + Math.random()));
  }
}
