/**
 * The conversation as the visitor sees it, and how it changes by what is said and heard.
 *
 * Pure: every function takes a state and returns a new one. Order comes from the server's
 * `seq`; own messages without one stand at the end in the order they were written. Whatever
 * arrives twice (live, by resume, by another tab) is shown once.
 */
import type { Delta, Message, Recorded, Resumed, Streaming, Withdrawn } from "../shared/protocol";
import { entryOf, ownEntry, type Entry, type OwnMessage } from "./entry";

/** A reply in the making. `waiting` holds deltas that came before their predecessors. */
export interface Draft {
  turnId: string;
  attempt: number;
  text: string;
  /** Index of the delta to append next; null when only the text so far is known. */
  nextIndex: number | null;
  waiting: ReadonlyMap<number, string>;
}

export interface Conversation {
  entries: readonly Entry[];
  draft: Draft | null;
  /** The reply that was taken back: its pieces that come late are dropped. */
  withdrawn?: { turnId: string; attempt: number };
  /** Every seq up to this one is known. */
  cursor: number;
}

export const EMPTY: Conversation = { entries: [], draft: null, cursor: 0 };

export function draftKey(turnId: string): string {
  return `turn:${turnId}`;
}

/** True when a later seq is known than the one everything is known up to: ask to resume. */
export function hasGap(state: Conversation): boolean {
  return state.entries.some((entry) => (entry.seq ?? 0) > state.cursor);
}

/** The visitor wrote a message; it is shown at once. */
export function queued(state: Conversation, message: OwnMessage): Conversation {
  if (findOwn(state.entries, message.clientMessageId)) return state;
  return { ...state, entries: [...state.entries, ownEntry(message)] };
}

/** The gateway has committed the message. */
export function accepted(state: Conversation, clientMessageId: string, messageId: string): Conversation {
  return changeOwn(state, clientMessageId, (entry) => ({
    ...withoutFailure(entry),
    delivery: "sent",
    messageId: entry.messageId ?? messageId,
  }));
}

export function failed(state: Conversation, clientMessageId: string, reason: string): Conversation {
  return changeOwn(state, clientMessageId, (entry) =>
    entry.seq === undefined ? { ...entry, delivery: "failed", failure: reason } : entry,
  );
}

export function retrying(state: Conversation, clientMessageId: string): Conversation {
  return changeOwn(state, clientMessageId, (entry) => ({ ...withoutFailure(entry), delivery: "pending" }));
}

/** A failed message that the visitor gave up. */
export function discarded(state: Conversation, clientMessageId: string): Conversation {
  const entries = state.entries.filter(
    (entry) => entry.clientMessageId !== clientMessageId || entry.seq !== undefined,
  );
  return { ...state, entries };
}

/** An own message got its seq. Unknown here (written in another tab): `missing` asks to resume. */
export function recorded(
  state: Conversation,
  record: Recorded,
): { state: Conversation; missing: boolean } {
  if (!findOwn(state.entries, record.client_message_id)) {
    return { state, missing: record.seq > state.cursor };
  }
  const next = changeOwn(state, record.client_message_id, (entry) => ({
    ...withoutFailure(entry),
    delivery: "sent",
    seq: record.seq,
    messageId: record.message_id,
  }));
  return { state: settle(next), missing: false };
}

/** A message of the conversation, live or replayed. */
export function received(state: Conversation, message: Message): Conversation {
  return settle(place(state, message));
}

/** The answer to `resume`: what was missed, and the reply in the making. */
export function resumed(state: Conversation, answer: Resumed): Conversation {
  const placed = answer.messages.reduce(place, state);
  const heard = Math.max(0, ...answer.messages.map((message) => message.seq));
  const cursor = Math.max(state.cursor, answer.messages.length > 0 ? heard : answer.last_seq);
  const settled = settle({ ...placed, cursor });
  return answer.streaming ? takeStreaming(settled, answer.streaming) : settled;
}

/** A piece of a reply. Pieces of an older attempt or of a finished turn are dropped. */
export function delta(state: Conversation, piece: Delta): Conversation {
  if (isFinished(state, piece.turn_id) || isWithdrawn(state, piece)) return state;
  const current = state.draft;
  if (current?.turnId === piece.turn_id) {
    if (piece.attempt < current.attempt) return state;
    if (piece.attempt === current.attempt || current.attempt < 0) {
      return { ...state, draft: append(current, piece) };
    }
  } else if (current && piece.index > 0) {
    return state;
  }
  const fresh: Draft = {
    turnId: piece.turn_id,
    attempt: piece.attempt,
    text: "",
    nextIndex: 0,
    waiting: new Map(),
  };
  return { ...state, draft: append(fresh, piece) };
}

/** No piece and no reply came for long: show nothing rather than half a sentence for ever. */
export function abandonDraft(state: Conversation): Conversation {
  return state.draft ? { ...state, draft: null } : state;
}

/** Somebody else answers now: half a sentence of the bot must not stay. */
export function withdrawn(state: Conversation, words: Withdrawn): Conversation {
  const { draft } = state;
  if (!draft || draft.turnId === words.unless_turn_id) return state;
  return { ...state, draft: null, withdrawn: { turnId: draft.turnId, attempt: draft.attempt } };
}

function isWithdrawn({ withdrawn }: Conversation, piece: Delta): boolean {
  return withdrawn?.turnId === piece.turn_id && piece.attempt <= withdrawn.attempt;
}

function append(draft: Draft, piece: Delta): Draft {
  const joinsAt = draft.nextIndex ?? piece.index;
  const restart = draft.nextIndex === null && piece.index === 0;
  if (piece.index < joinsAt) return draft;
  const waiting = new Map(draft.waiting).set(piece.index, piece.text);
  let text = restart ? "" : draft.text;
  let next = joinsAt;
  for (let part = waiting.get(next); part !== undefined; part = waiting.get(next)) {
    text += part;
    waiting.delete(next);
    next += 1;
  }
  return { ...draft, attempt: piece.attempt, text, nextIndex: next, waiting };
}

function takeStreaming(state: Conversation, streaming: Streaming): Conversation {
  if (isFinished(state, streaming.turn_id)) return state;
  const known = state.draft?.turnId === streaming.turn_id ? state.draft : null;
  const attempt = streaming.attempt ?? -1;
  const sameAttempt = known !== null && (known.attempt === attempt || attempt < 0);
  if (sameAttempt && known.text.length > streaming.text.length) return state;
  const draft: Draft = {
    turnId: streaming.turn_id,
    attempt,
    text: streaming.text,
    nextIndex: streaming.next_index ?? null,
    waiting: sameAttempt ? known.waiting : new Map(),
  };
  return { ...state, draft };
}

function place(state: Conversation, message: Message): Conversation {
  const index = state.entries.findIndex((entry) => isSame(entry, message));
  const known = state.entries[index];
  const entry = entryOf(message, known?.key ?? freeKey(state, message), known);
  const entries = known ? state.entries.with(index, entry) : [...state.entries, entry];
  const ends = message.role !== "customer" && state.draft?.turnId === message.turn_id;
  return { ...state, entries, draft: ends ? null : state.draft };
}

function freeKey(state: Conversation, message: Message): string {
  if (message.role === "customer") return message.client_message_id ?? message.message_id;
  const wanted = message.turn_id ? draftKey(message.turn_id) : message.message_id;
  return state.entries.some((entry) => entry.key === wanted) ? message.message_id : wanted;
}

function isSame(entry: Entry, message: Message): boolean {
  if (entry.messageId !== undefined && entry.messageId === message.message_id) return true;
  return Boolean(message.client_message_id) && entry.clientMessageId === message.client_message_id;
}

function isFinished(state: Conversation, turnId: string): boolean {
  return state.entries.some((entry) => entry.turnId === turnId && entry.role !== "customer");
}

/** Put entries in order and move the cursor over every seq that follows without a hole. */
function settle(state: Conversation): Conversation {
  const entries = state.entries
    .map((entry, index) => ({ entry, index }))
    .sort((a, b) => (a.entry.seq ?? Infinity) - (b.entry.seq ?? Infinity) || a.index - b.index)
    .map(({ entry }) => entry);
  let cursor = state.cursor;
  for (const { seq } of entries) if (seq === cursor + 1) cursor = seq;
  return { ...state, entries, cursor };
}

function findOwn(entries: readonly Entry[], clientMessageId: string): Entry | undefined {
  return entries.find((entry) => entry.clientMessageId === clientMessageId);
}

function changeOwn(
  state: Conversation,
  clientMessageId: string,
  change: (entry: Entry) => Entry,
): Conversation {
  const entries = state.entries.map((entry) =>
    entry.clientMessageId === clientMessageId ? change(entry) : entry,
  );
  return { ...state, entries };
}

function withoutFailure(entry: Entry): Entry {
  const { failure: _, ...rest } = entry;
  return rest;
}
