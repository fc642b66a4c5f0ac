/** What a message offers to tap: buttons, a list behind a button, or quick replies. */
import { useId, useState } from "preact/hooks";
import type { Choice, Choices } from "../shared/protocol";
import { CheckIcon, LeaveIcon, ListIcon } from "./icons";
import { words } from "./language";
import { safeAddress } from "./markdown";
import type { ChoiceState } from "./threads";

interface Props {
  choices: Choices;
  state: ChoiceState;
  onChoose: (choice: Choice) => void;
}

export function ChoiceButtons({ choices, state, onChoose }: Props) {
  // Quick replies that are past are of no use, unless one of them was the answer.
  if (choices.style === "quick_replies" && !state.open) return null;
  if (choices.style === "list") return <ChoiceList choices={choices} state={state} onChoose={onChoose} />;
  return (
    <div class={`choices ${choices.style}`} role="group" aria-label={words.value.choose}>
      <Sections choices={choices} state={state} onChoose={onChoose} />
    </div>
  );
}

function ChoiceList({ choices, state, onChoose }: Props) {
  const [isOpen, open] = useState(false);
  const id = useId();
  return (
    <div class="choices list">
      <button type="button" class="choice opener" aria-expanded={isOpen} aria-controls={id} onClick={() => open(!isOpen)}>
        <ListIcon />
        <bdi>{choices.label || words.value.choose}</bdi>
      </button>
      <div id={id} class="options" role="group" aria-label={choices.label || words.value.choose} hidden={!isOpen}>
        {isOpen && <Sections choices={choices} state={state} onChoose={onChoose} />}
      </div>
    </div>
  );
}

function Sections({ choices, state, onChoose }: Props) {
  return (
    <>
      {choices.sections.map((section, index) => (
        <Section key={index} title={section.title ?? ""}>
          {section.choices.map((choice, place) => (
            <ChoiceButton key={place} choice={choice} state={state} onChoose={onChoose} />
          ))}
        </Section>
      ))}
    </>
  );
}

function Section({ title, children }: { title: string; children: preact.ComponentChildren }) {
  if (!title) return <>{children}</>;
  return (
    <div class="section" role="group" aria-label={title}>
      <p class="section-title" dir="auto" aria-hidden="true">
        {title}
      </p>
      {children}
    </div>
  );
}

function ChoiceButton({ choice, state, onChoose }: Omit<Props, "choices"> & { choice: Choice }) {
  const isChosen = !state.open && state.chosen === choice.title;
  const inside = (
    <span class="choice-words">
      <bdi>{choice.title}</bdi>
      {choice.description && <bdi class="choice-more">{choice.description}</bdi>}
    </span>
  );
  if (choice.url) {
    const address = safeAddress(choice.url);
    if (!address) return <span class="choice refused-link">{inside}</span>;
    return (
      <a class="choice" href={address} target="_blank" rel="noopener noreferrer nofollow">
        {inside}
        <LeaveIcon />
        <span class="visually-hidden">, {words.value.newWindow}</span>
      </a>
    );
  }
  return (
    <button type="button" class="choice" disabled={!state.open} data-chosen={isChosen || undefined} onClick={() => onChoose(choice)}>
      {inside}
      {isChosen && (
        <>
          <CheckIcon />
          <span class="visually-hidden">, {words.value.chosen}</span>
        </>
      )}
    </button>
  );
}
