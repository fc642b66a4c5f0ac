/** Socket.IO protocol v1 between the widget frame and the gateway, and the session call before it. */

export const PROTOCOL_VERSION = 1;
export const MAX_TEXT_LENGTH = 4000;

export interface Citation {
  number: number;
  document_id: string;
  title: string;
  page?: number | null;
  heading?: string | null;
  quote: string;
  score?: number | null;
}

export type Role = "customer" | "bot" | "agent" | "system";

export interface Message {
  message_id: string;
  seq: number;
  role: Role;
  text: string;
  created_at: string;
  client_message_id?: string | null;
  turn_id?: string | null;
  citations?: Citation[] | null;
}

/** Server → client, first thing after the connection is accepted. */
export interface Ready {
  protocol: number;
  visitor_id: string;
  last_seq: number;
}

/** Server → client: an own message got its place in the conversation. */
export interface Recorded {
  client_message_id: string;
  message_id: string;
  seq: number;
}

/** Server → client: a piece of a reply in the making; `attempt` rises when the reply starts over. */
export interface Delta {
  turn_id: string;
  attempt: number;
  index: number;
  text: string;
}

/** A reply in the making as the server knows it when the client resumes. */
export interface Streaming {
  turn_id: string;
  text: string;
  attempt?: number | null;
  next_index?: number | null;
}

/** Acknowledgement of `resume`: everything after the asked `last_seq`, oldest first. */
export interface Resumed {
  /** False: the conversation cannot be read just now, ask again. */
  ok?: boolean;
  messages: Message[];
  last_seq: number;
  streaming?: Streaming | null;
}

export interface Outgoing {
  client_message_id: string;
  text: string;
}

/** Acknowledgement of `message`, given after the gateway has committed it. */
export type MessageAck =
  | { ok: true; message_id: string }
  | { ok: false; code: string; detail: string };

export interface ServerError {
  code: string;
  detail: string;
}

export interface ServerEvents {
  ready: (ready: Ready) => void;
  message: (message: Message) => void;
  recorded: (recorded: Recorded) => void;
  delta: (delta: Delta) => void;
  typing: (typing: { on: boolean }) => void;
  error: (error: ServerError) => void;
}

export interface ClientEvents {
  resume: (ask: { last_seq: number }, ack: (resumed: Resumed) => void) => void;
  message: (message: Outgoing, ack: (answer: MessageAck) => void) => void;
  typing: (typing: { on: boolean }) => void;
}

export interface ChannelLook {
  title?: string | null;
  color?: string | null;
  greeting?: string | null;
  locale?: string | null;
}

/** Answer of `POST /widget/sessions`. */
export interface Session {
  token: string;
  visitor_token: string;
  visitor_id: string;
  /** Seconds until `token` expires. */
  expires_in: number;
  channel: ChannelLook;
}
