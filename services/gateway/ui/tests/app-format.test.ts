import { describe, expect, it } from "vitest";
import { bytes, counted, place, plural, ruleName } from "../app/format";
import type { KnownDocument } from "../app/shapes";

const DOCUMENT: KnownDocument = {
  document_id: "1",
  title: "Prices",
  file_name: "prices.xlsx",
  media_type: null,
  size_bytes: 1,
  stage: "embedding",
  percent: 50,
  code: null,
  detail: null,
  document_version: 0,
  passages: 0,
  pages: null,
  language: null,
  updated_at: "2026-11-22T10:00:00Z",
};

describe("figures of a document", () => {
  it.each([
    [0, "0 B"],
    [1023, "1,023 B"],
    [1536, "1.5 KB"],
    [26_214_400, "25 MB"],
  ])("shows %s bytes as %s", (count, words) => {
    expect(bytes(count)).toBe(words);
  });

  it("counts in the unit of the stage", () => {
    expect(counted({ ...DOCUMENT, work: { passages_done: 3, passages_total: 12 } })).toBe("3 of 12 passages");
    expect(counted({ ...DOCUMENT, stage: "reading", work: { pages_done: 1, pages_total: 1 } })).toBe("1 of 1 page");
    expect(counted({ ...DOCUMENT, stage: "reading", work: { bytes_total: 2048 } })).toBe("0 B of 2 KB");
    expect(counted(DOCUMENT)).toBe("");
  });

  it("says where a passage stands", () => {
    expect(place(3, "Returns > Refunds")).toBe("page 3 · Returns > Refunds");
    expect(place(null, null)).toBe("");
  });

  it("has words for rules that it does not know yet", () => {
    expect(ruleName("below_threshold")).toBe("too unlike");
    expect(ruleName("some_new_rule")).toBe("some new rule");
    expect(plural(1, "page")).toBe("1 page");
  });
});
