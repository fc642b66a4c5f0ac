import { beforeEach, describe, expect, it, vi } from "vitest";
import { ReadMark, TypingSign } from "../widget/signs";
import { MemoryStorage, openShelf } from "../widget/storage";

beforeEach(() => {
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

describe("read mark", () => {
  it("is said when it rises, at most once a second, the last one always", () => {
    const told: number[] = [];
    const mark = new ReadMark(openShelf("key", new MemoryStorage()), (seq) => told.push(seq));
    for (const seq of [1, 2, 3, 2]) mark.raise(seq);
    expect(told).toEqual([1]);
    vi.advanceTimersByTime(5_000);
    expect(told).toEqual([1, 3]);
  });

  it("waits for a connection without asking for one", () => {
    const tell = vi.fn();
    const mark = new ReadMark(openShelf("key", new MemoryStorage()), tell);
    mark.raise(4);
    vi.advanceTimersByTime(60_000);
    expect(tell).toHaveBeenCalledTimes(1);
    mark.sayAgain();
    expect(tell).toHaveBeenLastCalledWith(4);
  });

  it("outlives the page until the visitor is forgotten", () => {
    const shelf = openShelf("key", new MemoryStorage());
    new ReadMark(shelf, () => undefined).raise(7);
    const next = new ReadMark(shelf, () => undefined);
    expect(next.seq.value).toBe(7);
    next.forget();
    expect(new ReadMark(shelf, () => undefined).seq.value).toBe(0);
  });
});

describe("typing sign", () => {
  it("is said every few seconds while the visitor writes, and once when they stop", () => {
    const said: boolean[] = [];
    const sign = new TypingSign((on) => said.push(on));
    sign.typed(10_000);
    sign.typed(11_000);
    sign.typed(13_500);
    expect(said).toEqual([true, true]);
    vi.advanceTimersByTime(6_000);
    sign.stopped();
    expect(said).toEqual([true, true, false]);
  });
});
