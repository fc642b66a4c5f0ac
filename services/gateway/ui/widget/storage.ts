/** Small values of one channel kept in the frame's own storage, or in memory where that is blocked. */

export interface Shelf {
  get(name: string): string | null;
  set(name: string, value: string): void;
  remove(name: string): void;
  names(prefix: string): string[];
}

/** A shelf under `metachat:<channelKey>:` in `storage`. */
export function openShelf(channelKey: string, storage: Storage = usableStorage()): Shelf {
  const root = `metachat:${channelKey}:`;
  return {
    get: (name) => storage.getItem(root + name),
    set: (name, value) => {
      try {
        storage.setItem(root + name, value);
      } catch {
        // Full: the value lives on in memory for this page view.
      }
    },
    remove: (name) => storage.removeItem(root + name),
    names: (prefix) =>
      Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? "")
        .filter((key) => key.startsWith(root + prefix))
        .map((key) => key.slice(root.length)),
  };
}

function usableStorage(): Storage {
  try {
    localStorage.setItem("metachat:probe", "1");
    localStorage.removeItem("metachat:probe");
    return localStorage;
  } catch {
    return new MemoryStorage();
  }
}

/** `Storage` that forgets with the page, for browsers that block it in frames. */
export class MemoryStorage implements Storage {
  [name: string]: unknown;
  readonly #values = new Map<string, string>();

  get length(): number {
    return this.#values.size;
  }
  clear(): void {
    this.#values.clear();
  }
  getItem(key: string): string | null {
    return this.#values.get(key) ?? null;
  }
  key(index: number): string | null {
    return [...this.#values.keys()][index] ?? null;
  }
  removeItem(key: string): void {
    this.#values.delete(key);
  }
  setItem(key: string, value: string): void {
    this.#values.set(key, value);
  }
}
