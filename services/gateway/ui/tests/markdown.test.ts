import { describe, expect, it } from "vitest";
import { MarkdownWriter, safeAddress } from "../widget/markdown";

function html(text: string, pieces = [text]): string {
  const root = document.createElement("div");
  const writer = new MarkdownWriter(root);
  let shown = "";
  for (const piece of pieces) {
    shown += piece;
    writer.show(shown, false);
  }
  writer.show(text, true);
  return root.innerHTML;
}

describe("safety", () => {
  it("keeps markup of a model as text", () => {
    expect(html("<img src=x onerror=alert(1)><script>alert(1)</script>")).not.toMatch(/<(img|script)/);
  });

  it.each(["javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:x", "data:text/html,x", "vbscript:x", "//evil.example", "/path", "file:///etc/passwd", "blob:x"])(
    "does not make a link of %s",
    (address) => {
      expect(safeAddress(address)).toBeNull();
      expect(html(`[go](${address})`)).not.toContain("href");
    },
  );

  it.each(["https://example.com/", "http://example.com/", "mailto:a@example.com", "tel:+385123"])(
    "makes a harmless link of %s",
    (address) => {
      const made = html(`[go](${address})`);
      expect(made).toContain(`href="${address}"`);
      expect(made).toContain('rel="noopener noreferrer nofollow"');
      expect(made).toContain('target="_blank"');
    },
  );

  it("never loads an image, it links to it", () => {
    const made = html("![a map](https://example.com/map.png)");
    expect(made).not.toContain("<img");
    expect(made).toContain('href="https://example.com/map.png"');
    expect(made).toContain("a map");
  });

  it("drops images and links with an unsafe address but keeps their words", () => {
    expect(html("![a map](data:image/png;base64,AAAA)")).toBe("<p>a map</p>");
    expect(html("see [this](javascript:void) now")).toBe("<p>see this now</p>");
  });
});

describe("text", () => {
  it("renders what replies use", () => {
    const made = html("## Care\n\n1. **Wash** cold\n2. *Dry*\n\n`soap`");
    expect(made).toContain("<h3>Care</h3>");
    expect(made).toContain("<strong>Wash</strong>");
    expect(made).toContain("<em>Dry</em>");
    expect(made).toContain("<code>soap</code>");
  });

  it("makes citation marks of bracketed numbers only", () => {
    expect(html("30 days [1][2].").match(/class="mark"/g)).toHaveLength(2);
    expect(html("30 days [1, 2].").match(/class="mark"/g)).toHaveLength(2);
    expect(html("as agreed [see note].")).toBe("<p>as agreed [see note].</p>");
  });

  it("keeps prices and open brackets as they were written", () => {
    expect(html("It costs $5 or $10.")).toBe("<p>It costs $5 or $10.</p>");
    expect(html("an open [bracket")).toContain("an open [bracket");
  });

  it("gives the same result streamed by the letter as written at once", () => {
    const text = "You have **30 days** [1], see [terms](https://example.com/a).\n\n- one\n- two\n\n> quoted";
    expect(html(text, [...text])).toBe(html(text));
  });

  it("starts anew when the text is not a longer version of what is shown", () => {
    const root = document.createElement("div");
    const writer = new MarkdownWriter(root);
    writer.show("**Wrong** start", false);
    writer.show("Right one", true);
    expect(root.innerHTML).toBe("<p>Right one</p>");
    writer.show("Edited", true);
    expect(root.innerHTML).toBe("<p>Edited</p>");
  });
});
