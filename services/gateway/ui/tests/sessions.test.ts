import { afterEach, describe, expect, it, vi } from "vitest";
import { SessionRefused, Sessions } from "../widget/sessions";
import { MemoryStorage, openShelf } from "../widget/storage";

const SESSION = { token: "t", visitor_token: "v", visitor_id: "id", expires_in: 900, channel: {} };

function answering(...answers: [number, unknown][]) {
  const fetched = vi.fn(async () => {
    const [status, body] = answers.shift() ?? [200, SESSION];
    return new Response(JSON.stringify(body), { status });
  });
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

function bodies(fetched: ReturnType<typeof answering>): unknown[] {
  return (fetched.mock.calls as unknown as [string, { body: string }][]).map(([, { body }]) => JSON.parse(body));
}

afterEach(() => vi.unstubAllGlobals());

describe("sessions", () => {
  const shelf = () => openShelf("key", new MemoryStorage());

  it("asks once for callers at the same time and until the token is about to expire", async () => {
    const fetched = answering();
    let now = 0;
    const sessions = new Sessions("/widget/sessions", "key", shelf(), () => now);
    await Promise.all([sessions.current(), sessions.current()]);
    await sessions.current();
    expect(fetched).toHaveBeenCalledTimes(1);
    now = 880_000;
    await sessions.current();
    expect(bodies(fetched)).toEqual([{ channel_key: "key" }, { channel_key: "key", visitor_token: "v" }]);
  });

  it("starts as a new visitor when its visitor token is refused", async () => {
    const held = shelf();
    held.set("visitor", "old");
    const fetched = answering([401, { code: "visitor_token_invalid" }], [200, SESSION]);
    await new Sessions("/widget/sessions", "key", held).current();
    expect(bodies(fetched)[1]).toEqual({ channel_key: "key" });
    expect(held.get("visitor")).toBe("v");
  });

  it("tells a final refusal from one that passes", async () => {
    answering([403, { code: "origin_not_allowed", detail: "no" }], [429, {}], [503, {}]);
    const sessions = new Sessions("/widget/sessions", "key", shelf());
    await expect(sessions.current()).rejects.toBeInstanceOf(SessionRefused);
    await expect(sessions.current()).rejects.not.toBeInstanceOf(SessionRefused);
    await expect(sessions.current()).rejects.not.toBeInstanceOf(SessionRefused);
    await expect(sessions.current()).resolves.toMatchObject({ token: "t" });
  });
});

describe("a signed identity", () => {
  const identity = { external_id: "c1", issued_at: 1, signature: "ab" };
  const made = (refused: (detail: string) => void = () => undefined, shelf = openShelf("key", new MemoryStorage())) =>
    new Sessions("/widget/sessions", "key", shelf, () => 0, refused);

  it("goes with the next session only: its visitor token stands for it afterwards", async () => {
    const fetched = answering([200, { ...SESSION, identified: true }]);
    const sessions = made();
    sessions.identify(identity);
    await sessions.current();
    sessions.expire();
    await sessions.current();
    expect(bodies(fetched)).toEqual([{ channel_key: "key", identity }, { channel_key: "key", visitor_token: "v" }]);
  });

  it("that is refused is told, and the visitor goes on without it", async () => {
    const fetched = answering([401, { code: "invalid_identity", detail: "too old" }], [200, SESSION]);
    const refused = vi.fn();
    const sessions = made(refused);
    sessions.identify(identity);
    await expect(sessions.current()).resolves.toMatchObject({ token: "t" });
    expect(refused).toHaveBeenCalledWith("too old");
    expect(bodies(fetched)[1]).toEqual({ channel_key: "key" });
  });

  it("that is refused never leaves the one who was signed in before", async () => {
    const shelf = openShelf("key", new MemoryStorage());
    answering([200, { ...SESSION, identified: true }]);
    const before = made(undefined, shelf);
    before.identify(identity);
    await before.current();
    const fetched = answering([401, { code: "invalid_identity" }], [200, SESSION]);
    const after = made(undefined, shelf);
    after.identify({ ...identity, external_id: "c2" });
    await after.current();
    expect(bodies(fetched)[1]).toEqual({ channel_key: "key" });
  });

  it("that the channel requires is a final refusal until there is one", async () => {
    const fetched = answering([401, { code: "identity_required", detail: "sign in" }], [200, { ...SESSION, identified: true }]);
    const shelf = openShelf("key", new MemoryStorage());
    shelf.set("visitor", "before");
    const sessions = made(undefined, shelf);
    await expect(sessions.current()).rejects.toMatchObject({ code: "identity_required" });
    sessions.identify(identity);
    await expect(sessions.current()).resolves.toMatchObject({ identified: true });
    expect(bodies(fetched)[1]).toEqual({ channel_key: "key", visitor_token: "before", identity });
  });

  it("that is forgotten while its session is being opened does not come back", async () => {
    const shelf = openShelf("key", new MemoryStorage());
    const fetched = answering([200, { ...SESSION, identified: true }], [200, { ...SESSION, token: "n", visitor_token: "new" }]);
    const sessions = made(undefined, shelf);
    sessions.identify(identity);
    const opening = sessions.current();
    sessions.forget();
    await expect(opening).resolves.toMatchObject({ token: "n" });
    expect(bodies(fetched)[1]).toEqual({ channel_key: "key" });
    expect([shelf.get("visitor"), shelf.get("signed-in")]).toEqual(["new", null]);
  });

  it("that comes while a session is being opened is the one that it is opened for", async () => {
    const fetched = answering([200, SESSION], [200, { ...SESSION, token: "i", identified: true }]);
    const sessions = made();
    const opening = sessions.current();
    sessions.identify(identity);
    await expect(opening).resolves.toMatchObject({ token: "i" });
    expect(bodies(fetched)[1]).toEqual({ channel_key: "key", identity });
  });
});
