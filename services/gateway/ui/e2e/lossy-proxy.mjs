/** A TCP proxy on loopback that can cut its connections, stay down, or swallow what the server says. */
import { EventEmitter, once } from "node:events";
import { connect, createServer } from "node:net";

const HEARTBEAT_BYTES = 32;

export class LossyProxy {
  #pairs = new Set();
  #swallows = false;
  #swallowed = 0;
  #events = new EventEmitter();
  #server = createServer((client) => this.#join(client));

  constructor(target) {
    this.target = target;
  }

  async listen(port) {
    this.port = port;
    await once(this.#server.listen(port, "127.0.0.1"), "listening");
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address()?.port ?? this.port}`;
  }

  /** From now on nothing from the server reaches the client; what the client says still arrives. */
  swallowAnswers() {
    this.#swallows = true;
    this.#swallowed = 0;
  }

  /** Resolves when the server has said more than a heartbeat that the client did not get. */
  async hasSwallowedAnAnswer() {
    while (this.#swallowed < HEARTBEAT_BYTES) await once(this.#events, "swallowed");
  }

  /** Cut every connection and refuse new ones until `restore`. */
  async cut() {
    const closed = new Promise((done) => this.#server.close(done));
    for (const pair of this.#pairs) pair.forEach((socket) => socket.destroy());
    await closed;
  }

  async restore() {
    this.#swallows = false;
    await this.listen(this.port);
  }

  #join(client) {
    const server = connect({ host: this.target.hostname, port: Number(this.target.port) });
    const pair = [client, server];
    this.#pairs.add(pair);
    const end = () => {
      pair.forEach((socket) => socket.destroy());
      this.#pairs.delete(pair);
    };
    pair.forEach((socket) => socket.on("error", end).on("close", end));
    client.on("data", (bytes) => server.write(bytes));
    server.on("data", (bytes) => {
      if (!this.#swallows) {
        client.write(bytes);
        return;
      }
      this.#swallowed += bytes.length;
      this.#events.emit("swallowed");
    });
  }
}
