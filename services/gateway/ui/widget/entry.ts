/** One row of the conversation: what a message of the protocol becomes on its way to the view. */
import type { Changes, Choices, Citation, Media, Message, Place, Role } from "../shared/protocol";

export type Delivery = "pending" | "sent" | "failed" | "received";

export interface Entry {
  /** Stable over the life of the row: a reply keeps the key of its streamed draft. */
  key: string;
  role: Role;
  text: string;
  createdAt: number;
  delivery: Delivery;
  seq?: number;
  messageId?: string;
  clientMessageId?: string;
  turnId?: string;
  failure?: string;
  citations: readonly Citation[];
  files: readonly Media[];
  /** When the addresses of the files came, on this device's clock. */
  filesAt: number;
  /** It answers choices by one of their titles. */
  isChoice: boolean;
  reactions: readonly string[];
  isEdited: boolean;
  isRevoked: boolean;
  ref?: string;
  replyTo?: string;
  author?: string;
  header?: string;
  footer?: string;
  choices?: Choices;
  place?: Place;
  /** No message of its own: it stands at the one it is about. */
  reaction?: { about: string; emoji: string };
}

/** A message as the visitor wrote it, before the server has it. */
export interface OwnMessage {
  clientMessageId: string;
  text: string;
  createdAt: number;
  accepted?: boolean;
  file?: Media | undefined;
  choice?: { payload: string; title: string } | undefined;
  replyTo?: string | undefined;
}

/** The API's word for a person who gave no name. */
const UNNAMED = "agent";
const PLAIN = { citations: [], files: [], filesAt: 0, isChoice: false, reactions: [], isEdited: false, isRevoked: false };

export function ownEntry(message: OwnMessage): Entry {
  return {
    ...PLAIN,
    key: message.clientMessageId,
    role: "customer",
    text: message.text,
    createdAt: message.createdAt,
    delivery: message.accepted ? "sent" : "pending",
    clientMessageId: message.clientMessageId,
    files: message.file ? [message.file] : [],
    filesAt: message.createdAt,
    isChoice: message.choice !== undefined,
    ...defined({ replyTo: message.replyTo }),
  };
}

/** `known` is the row that shows the message so far. */
export function entryOf(message: Message, key: string, known: Entry | undefined, now = Date.now()): Entry {
  const { content, extras, changes } = message;
  return {
    key,
    role: message.role,
    text: changes?.edited_text ?? (message.text || content?.text || ""),
    createdAt: Date.parse(message.created_at) || known?.createdAt || 0,
    delivery: message.role === "customer" ? "sent" : "received",
    seq: message.seq,
    messageId: message.message_id,
    citations: message.citations ?? [],
    files: filesOf(message, known),
    filesAt: now,
    isChoice: /_reply$|^postback$/.test(content?.kind ?? "") || (known?.isChoice ?? false),
    ...changed(changes),
    ...defined({
      clientMessageId: message.client_message_id,
      turnId: message.turn_id,
      ref: message.ref,
      replyTo: message.reply_to,
      author: message.author === UNNAMED ? null : message.author,
      header: extras?.header,
      footer: extras?.footer,
      choices: extras?.choices,
      place: extras?.location,
      reaction: extras?.reaction,
    }),
  };
}

function filesOf({ content, extras }: Message, known: Entry | undefined): readonly Media[] {
  const own = content?.media;
  if (own) return [{ ...own, kind: own.kind ?? (content.kind as Media["kind"]) ?? null }];
  return extras?.media ?? known?.files ?? [];
}

function changed(changes: Changes | null | undefined) {
  return {
    reactions: (changes?.reactions ?? []).map(({ emoji }) => emoji),
    isEdited: Boolean(changes?.edited_at),
    isRevoked: Boolean(changes?.revoked_at),
  };
}

type Present<T> = { [K in keyof T]?: NonNullable<T[K]> };

/** Without the fields that hold nothing. */
function defined<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null)) as Present<T>;
}
