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
  /** The address, where the document is a web page. */
  source_url?: string | null;
}

export type Role = "customer" | "bot" | "agent" | "system";

export type FileKind = "image" | "video" | "audio" | "voice" | "document" | "sticker";

/** A file of a message. `url` is a path of the gateway, good for ten minutes. */
export interface Media {
  kind?: FileKind | null;
  mime_type?: string | null;
  file_name?: string | null;
  size_bytes?: number | null;
  state?: "pending" | "stored" | "failed" | null;
  problem?: string | null;
  url?: string | null;
}

/** Answer of `POST /widget/uploads`. */
export interface Uploaded extends Media {
  media_id: string;
}

export interface Choice {
  payload: string;
  title: string;
  description?: string | null;
  /** Opens this address instead of coming back. */
  url?: string | null;
}

export interface Choices {
  style: "buttons" | "list" | "quick_replies";
  label?: string | null;
  sections: { title?: string | null; choices: Choice[] }[];
}

export interface Place {
  latitude: number;
  longitude: number;
  name?: string | null;
  address?: string | null;
}

/** What goes with the text of a bot's or an agent's message. */
export interface Extras {
  header?: string | null;
  footer?: string | null;
  media?: Media[] | null;
  choices?: Choices | null;
  location?: Place | null;
  reaction?: { about: string; emoji: string } | null;
}

/** A customer's message that is more than text. */
export interface Content {
  kind: string;
  text?: string | null;
  media?: Media | null;
}

export interface Changes {
  edited_text?: string | null;
  edited_at?: string | null;
  revoked_at?: string | null;
  reactions?: { by: "customer" | "business"; emoji: string }[] | null;
}

export interface Message {
  message_id: string;
  seq: number;
  role: Role;
  text: string;
  created_at: string;
  client_message_id?: string | null;
  turn_id?: string | null;
  citations?: Citation[] | null;
  /** Names the message in `reply_to` and `reaction.about`. */
  ref?: string | null;
  reply_to?: string | null;
  author?: string | null;
  content?: Content | null;
  extras?: Extras | null;
  changes?: Changes | null;
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

/** Server → client: somebody else answers now; the reply in the making goes, unless it is this turn's. */
export interface Withdrawn {
  unless_turn_id?: string | null;
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
  media_ids?: string[];
  choice?: { payload: string; title: string };
  reply_to?: string;
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
  withdrawn: (withdrawn: Withdrawn) => void;
  typing: (typing: { on: boolean }) => void;
  error: (error: ServerError) => void;
}

export interface ClientEvents {
  resume: (ask: { last_seq: number }, ack: (resumed: Resumed) => void) => void;
  message: (message: Outgoing, ack: (answer: MessageAck) => void) => void;
  typing: (typing: { on: boolean }) => void;
  read: (mark: { seq: number }) => void;
}

/** What a channel takes; `upload_types` are MIME types, `audio/*` means all of them. */
export interface Limits {
  upload_bytes_max: number;
  upload_types: string[];
  media_per_message_max: number;
}

/** Who is signed in at the site, signed by its server; see docs/widget-protocol.md. */
export interface Identity {
  external_id: string;
  issued_at: number;
  signature: string;
  email?: string | null;
  name?: string | null;
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
  identified?: boolean;
  limits?: Limits | null;
}
