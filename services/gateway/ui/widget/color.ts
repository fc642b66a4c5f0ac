/** Colours of a tenant made readable: WCAG 2.2 contrast computed and, where needed, corrected. */

type Rgb = readonly [number, number, number];

const DEFAULT_ACCENT = "#0f766e";
const TEXT_CONTRAST = 4.5;

/** `#rgb` or `#rrggbb` as `#rrggbb`; the default accent for anything else. */
export function accentOf(color: string | null | undefined): string {
  const text = (color ?? "").trim().toLowerCase();
  if (/^#[0-9a-f]{6}$/.test(text)) return text;
  if (/^#[0-9a-f]{3}$/.test(text)) return `#${[...text.slice(1)].map((digit) => digit + digit).join("")}`;
  return DEFAULT_ACCENT;
}

/** Black or white, whichever reads better on `background`. */
export function inkOn(background: string): "#000000" | "#ffffff" {
  return contrast(background, "#ffffff") >= contrast(background, "#000000") * 0.75
    ? "#ffffff"
    : "#000000";
}

/** `background` changed as little as needed for its ink to reach the contrast of text. */
export function solid(background: string): string {
  const ink = inkOn(background);
  return shift(background, ink === "#ffffff" ? 0 : 255, (color) => contrast(color, ink));
}

/** `color` changed as little as needed to be readable text on `surface`. */
export function readableOn(color: string, surface: string): string {
  const towards = luminance(rgb(surface)) > 0.4 ? 0 : 255;
  return shift(color, towards, (candidate) => contrast(candidate, surface));
}

export function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(rgb(a)), luminance(rgb(b))].sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function shift(color: string, towards: number, reached: (color: string) => number): string {
  const from = rgb(color);
  for (let step = 0; step <= 20; step += 1) {
    const mixed = hex(from.map((part) => part + ((towards - part) * step) / 20) as unknown as Rgb);
    if (reached(mixed) >= TEXT_CONTRAST) return mixed;
  }
  return towards === 0 ? "#000000" : "#ffffff";
}

function rgb(color: string): Rgb {
  const value = Number.parseInt(color.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

function hex(color: Rgb): string {
  return `#${color.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

function luminance(color: Rgb): number {
  const [r, g, b] = color.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
