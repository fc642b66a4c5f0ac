/** The dashboard's first page: what the bot knows, and why it finds it. */
import { render } from "preact";
import "./app.css";
import { App } from "./app";
import { restore } from "./session";

void restore();
const root = document.getElementById("app");
if (root) render(<App />, root);
