"""What is said about a process that does not become ready."""

from __future__ import annotations

import json

from chatctl.readiness import explanation, readable
from chatctl.run_folder import RunFolder


def test_a_log_line_is_shortened_to_its_cause() -> None:
    line = {"level": "error", "event": "the service failed", "exception": "Traceback\n\nOops: no"}
    assert readable(json.dumps(line)) == "error: the service failed (Oops: no)"
    assert readable("plain text") == "plain text"
    assert readable("[1]") == "[1]"


def test_repeated_lines_are_said_once(tmp_path) -> None:
    folder = RunFolder(tmp_path)
    folder.logs.mkdir()
    (folder.logs / "gateway.log").write_text("same\nsame\n")
    said = explanation(folder, ["gateway", "retriever"])
    assert said.startswith("not ready: gateway, retriever\n")
    assert said.count("same") == 1
    assert "it logged nothing" in explanation(folder, ["retriever"])
