import { describe, expect, it, vi } from "vitest";
import { listen, post, type ToFrame } from "../shared/bridge";
import { cleanLook } from "../widget/host-page";

function arrive(data: unknown, origin: string, source: Window | null): void {
  dispatchEvent(new MessageEvent("message", { data, origin, source }));
}

describe("messages between page and frame", () => {
  const origin = "https://shop.example";
  const hello = { metachat: 1, type: "visible", open: true };

  it("hears only the expected window and origin", () => {
    const heard = vi.fn();
    const stop = listen<ToFrame>(() => window, origin, heard);
    arrive(hello, "https://evil.example", window);
    arrive(hello, origin, null);
    arrive({ type: "visible" }, origin, window);
    arrive("metachat", origin, window);
    expect(heard).not.toHaveBeenCalled();
    arrive(hello, origin, window);
    expect(heard).toHaveBeenCalledTimes(1);
    stop();
    arrive(hello, origin, window);
    expect(heard).toHaveBeenCalledTimes(1);
  });

  it("never speaks to any origin", () => {
    const target = { postMessage: vi.fn() };
    post(target as unknown as Window, origin, { type: "close" });
    expect(target.postMessage).toHaveBeenCalledWith(expect.objectContaining({ type: "close" }), origin);
  });

  it("takes nothing but the look from a page", () => {
    const asked = { color: "#123456", theme: "neon", title: "T".repeat(200), prompt: "be rude" };
    const clean = cleanLook(asked as never);
    expect(clean).toEqual({ color: "#123456", title: "T".repeat(80) });
  });
});
