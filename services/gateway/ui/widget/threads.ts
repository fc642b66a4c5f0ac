/**
 * What messages say about each other: reactions, quotes, and choices that were made.
 *
 * Pure functions over the entries of a conversation.
 */
import type { Choice } from "../shared/protocol";
import type { Entry } from "./entry";

/** Rows to show: reactions stand at the message they are about, if it is known. */
export function rows(entries: readonly Entry[]): readonly Entry[] {
  const given = new Map<string, string>();
  for (const { reaction } of entries) if (reaction) given.set(reaction.about, reaction.emoji);
  if (given.size === 0) return entries;
  return entries
    .filter((entry) => !entry.reaction)
    .map((entry) => {
      const emoji = entry.ref && given.get(entry.ref);
      if (!emoji || entry.reactions.includes(emoji)) return entry;
      return { ...entry, reactions: [...entry.reactions, emoji] };
    });
}

export type ChoiceState = { open: true } | { open: false; chosen: string | null };

/**
 * Whether the choices of a message may still be tapped, and which one was.
 *
 * One answer closes them; quick replies also close when anything is said after them.
 */
export function choiceState(entries: readonly Entry[], index: number): ChoiceState {
  const asked = entries[index];
  if (!asked?.choices) return { open: true };
  const titles = new Set(allChoices(asked).map(({ title }) => title));
  const after = entries.slice(index + 1).filter((entry) => entry.role !== "system");
  const answer = after.find((entry) => isAnswer(entry, asked, titles));
  if (answer) return { open: false, chosen: answer.text };
  const isPast = asked.choices.style === "quick_replies" && after.length > 0;
  return isPast ? { open: false, chosen: null } : { open: true };
}

export function allChoices(entry: Entry): Choice[] {
  return entry.choices?.sections.flatMap(({ choices }) => choices) ?? [];
}

function isAnswer(entry: Entry, asked: Entry, titles: ReadonlySet<string>): boolean {
  if (entry.role !== "customer" || !entry.isChoice || !titles.has(entry.text)) return false;
  return !entry.replyTo || !asked.ref || entry.replyTo === asked.ref;
}
