/** Signing in with an API key. */
import { useState } from "preact/hooks";
import { signIn } from "./session";

export function Login() {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const onSubmit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      await signIn(text);
    } catch (error) {
      setProblem((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form onSubmit={onSubmit}>
        <h1>Knowledge</h1>
        <p>Sign in with an API key of your tenant. It stays in this tab.</p>
        <label>
          API key
          <input
            type="password"
            autocomplete="off"
            required
            value={text}
            onInput={(event) => setText((event.target as HTMLInputElement).value)}
          />
        </label>
        {problem && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" class="main" disabled={isBusy}>
          {isBusy ? "Signing in …" : "Sign in"}
        </button>
      </form>
    </main>
  );
}
