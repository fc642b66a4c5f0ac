import { describe, expect, it } from "vitest";
import { webAddress } from "../widget/sources";

describe("the address of a source", () => {
  it("is a link when it is a web page", () => {
    expect(webAddress("https://shop.example/returns")).toBe("https://shop.example/returns");
  });

  it.each([null, undefined, "", "javascript:alert(1)", "data:text/html,x", "//shop", "returns", " java\nscript:x"])(
    "is no link for %s",
    (text) => {
      expect(webAddress(text)).toBeNull();
    },
  );
});
