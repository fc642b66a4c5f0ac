/** The button and the panel in a shadow root: the host page's styles stay out, ours stay in. */
import type { Options } from "./options";
import { STYLES } from "./styles";

export interface Launcher {
  host: HTMLElement;
  button: HTMLButtonElement;
  panel: HTMLElement;
  setOpen(open: boolean): void;
  setColor(color: string): void;
  setUnread(count: number, preview: string): void;
}

const CHAT = "M5 8.2A3.2 3.2 0 0 1 8.2 5h7.6A3.2 3.2 0 0 1 19 8.2v4.6a3.2 3.2 0 0 1-3.2 3.2H12l-4.2 3.4V16A3 3 0 0 1 5 12.8Z";
const DOWN = "m6 9.5 6 6 6-6";

function icon(path: string): SVGSVGElement {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  const line = document.createElementNS(namespace, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

function element(tag: string, className: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

export function buildLauncher(options: Options): Launcher {
  const host = element("div", "");
  host.dataset["metachat"] = "";
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLES);
  root.adoptedStyleSheets = [sheet];
  host.style.setProperty("--z", options.zIndex);

  const button = element("button", "launcher") as HTMLButtonElement;
  button.type = "button";
  button.setAttribute("aria-haspopup", "dialog");
  button.append(icon(CHAT), icon(DOWN));
  const badge = element("span", "badge");
  const preview = element("button", "preview") as HTMLButtonElement;
  preview.tabIndex = -1;
  preview.setAttribute("aria-hidden", "true");
  preview.onclick = () => button.click();
  button.append(badge);
  const panel = element("div", "panel");
  const box = element("div", `box ${options.position}`);
  box.append(panel, preview, button);
  root.append(box);

  let unread = 0;
  const name = (): void => {
    const label = unread ? `${options.label} (${unread})` : options.label;
    button.setAttribute("aria-label", label);
    button.title = options.label;
  };
  name();
  return {
    host,
    button,
    panel,
    setOpen(open) {
      box.classList.toggle("open", open);
      button.setAttribute("aria-expanded", String(open));
    },
    setColor(color) {
      if (CSS.supports("color", color)) host.style.setProperty("--accent", color);
    },
    setUnread(count, text) {
      unread = count;
      badge.textContent = count > 99 ? "99+" : count ? String(count) : "";
      preview.textContent = count ? text : "";
      name();
    },
  };
}
