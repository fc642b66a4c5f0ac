/** The few icons of the widget, drawn on a 24 px grid in the current text colour. */
import type { ComponentChildren } from "preact";

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export const SendIcon = () => (
  <Icon>
    <path d="M12 19V5M5.5 11.5 12 5l6.5 6.5" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon>
    <path d="m6 9.5 6 6 6-6" />
  </Icon>
);

export const AssistantIcon = () => (
  <Icon>
    <path d="M12 3.5c.6 4.7 3.3 7.4 8 8-4.7.6-7.4 3.3-8 8-.6-4.7-3.3-7.4-8-8 4.7-.6 7.4-3.3 8-8Z" class="filled" />
  </Icon>
);

export const PersonIcon = () => (
  <Icon>
    <circle cx="12" cy="8.5" r="3.75" />
    <path d="M4.75 20c.9-3.6 3.7-5.5 7.25-5.5s6.35 1.9 7.25 5.5" />
  </Icon>
);

export const DocumentIcon = () => (
  <Icon>
    <path d="M7 3.5h6.5L18 8v12.5H7zM13.5 3.5V8H18M10 12.5h5M10 16h5" />
  </Icon>
);

export const ClockIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="8" />
    <path d="M12 7.5V12l3 2" />
  </Icon>
);

export const CheckIcon = () => (
  <Icon>
    <path d="m5.5 12.5 4 4 9-9" />
  </Icon>
);

export const AlertIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M12 7.5v5.5M12 16.2v.1" />
  </Icon>
);

export const DownIcon = () => (
  <Icon>
    <path d="M12 5v14M5.5 12.5 12 19l6.5-6.5" />
  </Icon>
);

export const ClipIcon = () => (
  <Icon>
    <path d="m19 11.5-7.4 7.3a4.6 4.6 0 0 1-6.5-6.5l7.7-7.6a3.1 3.1 0 0 1 4.4 4.4l-7.5 7.4a1.5 1.5 0 0 1-2.2-2.2l6.8-6.7" />
  </Icon>
);

export const MicrophoneIcon = () => (
  <Icon>
    <rect x="9" y="3.5" width="6" height="11" rx="3" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v2.8" />
  </Icon>
);

export const CrossIcon = () => (
  <Icon>
    <path d="m6.5 6.5 11 11m0-11-11 11" />
  </Icon>
);

export const RetryIcon = () => (
  <Icon>
    <path d="M18.5 8.5A7.5 7.5 0 1 0 19.5 13M19 4.5v4.2h-4.2" />
  </Icon>
);

export const PlayIcon = () => (
  <Icon>
    <path d="M8.5 5.5v13l10-6.5Z" class="filled" />
  </Icon>
);

export const PauseIcon = () => (
  <Icon>
    <path d="M8.5 6v12M15.5 6v12" stroke-width="3" />
  </Icon>
);

export const StopIcon = () => (
  <Icon>
    <rect x="7" y="7" width="10" height="10" rx="2" class="filled" />
  </Icon>
);

export const PinIcon = () => (
  <Icon>
    <path d="M12 20.5c4.2-4.5 6.3-7.8 6.3-10.4A6.2 6.2 0 0 0 12 3.7a6.2 6.2 0 0 0-6.3 6.4c0 2.6 2.1 5.9 6.3 10.4Z" />
    <circle cx="12" cy="10" r="2.2" />
  </Icon>
);

export const ListIcon = () => (
  <Icon>
    <path d="M9 7h10M9 12h10M9 17h10M5 7v.1M5 12v.1M5 17v.1" />
  </Icon>
);

export const LeaveIcon = () => (
  <Icon>
    <path d="M13 5h6v6M19 5l-8 8M17.5 14v4.5h-12v-12H10" />
  </Icon>
);

export const TwoChecksIcon = () => (
  <Icon>
    <path d="m2.5 12.5 4 4 9-9M12 16l.5.5 9-9" />
  </Icon>
);

export const ImageIcon = () => (
  <Icon>
    <rect x="4" y="5" width="16" height="14" rx="3" />
    <path d="m5 16.5 4.5-4.5 4 4 2.5-2.5 3.5 3.5M15.5 9.3v.1" />
  </Icon>
);
