/** A web page or a sitemap that is kept fresh. */
import { useState } from "preact/hooks";
import { call } from "./api";
import { look } from "./documents";
import { credential } from "./session";

const DAILY = 24;

export function AddPage() {
  const [url, setUrl] = useState("");
  const [told, setTold] = useState("");
  const [isProblem, setProblem] = useState(false);
  const onSubmit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const address = url.trim();
    const kind = /sitemap[^/]*\.xml(\.gz)?$/i.test(address) ? "sitemap" : "page";
    try {
      const { key, tenantId } = credential();
      const body = { url: address, source_kind: kind, refresh_hours: DAILY };
      await call(key, "POST", `/api/tenants/${tenantId}/web-sources`, body);
      setUrl("");
      setProblem(false);
      setTold(`${address} is being fetched, and looked at again every day.`);
      await look();
    } catch (error) {
      setProblem(true);
      setTold((error as Error).message);
    }
  };
  return (
    <form class="page-form" onSubmit={onSubmit}>
      <label>
        Web address or sitemap
        <input
          type="url"
          required
          placeholder="https://shop.example/returns"
          value={url}
          onInput={(event) => setUrl((event.target as HTMLInputElement).value)}
        />
      </label>
      <button type="submit">Add</button>
      {told && (
        <p class={isProblem ? "problem" : "soft"} role="status">
          {told}
        </p>
      )}
    </form>
  );
}
