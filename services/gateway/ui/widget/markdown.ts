/**
 * Markdown into DOM nodes, piece by piece as it streams.
 *
 * Nodes are only made with `createElement` and text nodes, so that no text of a model can
 * become markup. Links keep http, https, mailto and tel addresses and lose every other;
 * images are never loaded, they become a link. A bracketed number without an address,
 * `[2]`, becomes a citation mark.
 */
import * as smd from "streaming-markdown";

const SAFE_PROTOCOLS = new Set(["http:", "https:", "mailto:", "tel:"]);
const CITATION = /^\d{1,2}(?:\s*,\s*\d{1,2})*$/;

const TAGS: Partial<Record<smd.Token, string>> = {
  [smd.PARAGRAPH]: "p",
  [smd.HEADING_1]: "h3",
  [smd.HEADING_2]: "h3",
  [smd.HEADING_3]: "h4",
  [smd.HEADING_4]: "h4",
  [smd.HEADING_5]: "h4",
  [smd.HEADING_6]: "h4",
  [smd.BLOCKQUOTE]: "blockquote",
  [smd.CODE_BLOCK]: "pre",
  [smd.CODE_FENCE]: "pre",
  [smd.CODE_INLINE]: "code",
  [smd.ITALIC_AST]: "em",
  [smd.ITALIC_UND]: "em",
  [smd.STRONG_AST]: "strong",
  [smd.STRONG_UND]: "strong",
  [smd.STRIKE]: "s",
  [smd.LINK]: "a",
  [smd.RAW_URL]: "a",
  [smd.IMAGE]: "a",
  [smd.LINE_BREAK]: "br",
  [smd.RULE]: "hr",
  [smd.LIST_UNORDERED]: "ul",
  [smd.LIST_ORDERED]: "ol",
  [smd.LIST_ITEM]: "li",
  [smd.TABLE]: "table",
  [smd.TABLE_ROW]: "tr",
  [smd.TABLE_CELL]: "td",
};

/** The address when it is safe to follow, else null. */
export function safeAddress(address: string): string | null {
  try {
    const url = new URL(address.trim());
    return SAFE_PROTOCOLS.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

interface Place {
  node: Element;
  token: smd.Token;
}

/** Writes one Markdown text into `root`; a longer version of the same text only adds to it. */
export class MarkdownWriter {
  #written = "";
  #ended = false;
  #places: Place[] = [];
  #parser: smd.Parser;

  constructor(private readonly root: Element) {
    this.#parser = this.#start();
  }

  /** Show `text`; `complete` closes what the Markdown left open. */
  show(text: string, complete: boolean): void {
    if (this.#ended && text === this.#written) return;
    if (this.#ended || !text.startsWith(this.#written)) this.#parser = this.#start();
    const added = text.slice(this.#written.length);
    if (added) smd.parser_write(this.#parser, added);
    this.#written = text;
    if (!complete) return;
    this.#ended = true;
    smd.parser_end(this.#parser);
    while (this.#places.length > 1) this.#close();
  }

  #start(): smd.Parser {
    this.#written = "";
    this.#ended = false;
    this.root.replaceChildren();
    this.#places = [{ node: this.root, token: smd.DOCUMENT }];
    return smd.parser({
      data: null,
      add_token: (_, token) => this.#open(token),
      end_token: () => this.#close(),
      add_text: (_, text) => this.#here.node.append(text),
      set_attr: (_, attribute, value) => this.#attribute(attribute, value),
    });
  }

  get #here(): Place {
    return this.#places.at(-1) ?? { node: this.root, token: smd.DOCUMENT };
  }

  #open(token: smd.Token): void {
    if (token === smd.DOCUMENT) return;
    const node = document.createElement(TAGS[token] ?? "span");
    const parent = this.#here.node;
    parent.append(node);
    this.#places.push({ node, token });
  }

  #close(): void {
    if (this.#places.length <= 1) return;
    const place = this.#places.pop();
    if (place?.node.tagName === "A" && !place.node.hasAttribute("href")) dropLink(place);
  }

  #attribute(attribute: smd.Attr, value: string): void {
    const { node } = this.#here;
    if (attribute === smd.HREF || attribute === smd.SRC) {
      const address = safeAddress(value);
      if (address) followable(node, address);
      else node.setAttribute("data-refused", "");
      if (attribute === smd.SRC && !node.textContent) node.append(address ?? "");
    } else if (attribute === smd.START) {
      node.setAttribute("start", value);
    } else if (attribute === smd.CHECKED) {
      node.prepend("☑ ");
    }
  }
}

function followable(node: Element, address: string): void {
  node.setAttribute("href", address);
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer nofollow");
}

/** Brackets that were no link: citation marks where they hold numbers, else the text as it was. */
function dropLink({ node, token }: Place): void {
  const text = node.textContent;
  if (token === smd.LINK && !node.hasAttribute("data-refused")) {
    if (CITATION.test(text)) {
      node.replaceWith(...text.split(",").map((number) => citationMark(Number(number))));
      return;
    }
    node.replaceWith("[", ...node.childNodes, "]");
    return;
  }
  node.replaceWith(...node.childNodes);
}

function citationMark(number: number): HTMLButtonElement {
  const mark = document.createElement("button");
  mark.type = "button";
  mark.className = "mark";
  mark.dataset["number"] = String(number);
  mark.textContent = String(number);
  return mark;
}
