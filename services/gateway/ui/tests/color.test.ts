import { describe, expect, it } from "vitest";
import { accentOf, contrast, inkOn, readableOn, solid } from "../widget/color";

const COLORS = ["#000000", "#ffffff", "#ffeb3b", "#1f5f4a", "#ff0000", "#777777", "#00bcd4", "#f6e9d3"];

describe("colours of a tenant", () => {
  it.each(COLORS)("%s as a background carries readable ink", (color) => {
    expect(contrast(solid(color), inkOn(color))).toBeGreaterThanOrEqual(4.5);
  });

  it.each(COLORS)("%s as text is readable on light and dark", (color) => {
    for (const surface of ["#ffffff", "#1c2126"]) {
      expect(contrast(readableOn(color, surface), surface)).toBeGreaterThanOrEqual(4.5);
    }
  });

  it("leaves a colour that reads well alone", () => {
    expect(solid("#1f5f4a")).toBe("#1f5f4a");
  });

  it("takes only hexadecimal colours", () => {
    expect(accentOf("#ABC")).toBe("#aabbcc");
    expect(accentOf("url(https://evil.example)")).toBe(accentOf(null));
  });
});
