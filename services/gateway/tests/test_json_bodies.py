import pytest

from gateway.json_bodies import DEPTH_MAX, parse, refuse_declared
from gateway.problems import Problem


def refused(raw: bytes) -> tuple[int, str]:
    with pytest.raises(Problem) as problem:
        parse(raw)
    return problem.value.status_code, problem.value.code


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1,}',
        b"\xef\xbb\xbf{}",
        '{"a": "ä"}'.encode("utf-16"),
        b'"\\ud800"',
        b'"\xff"',
        b"[" * 100_000,
        b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1),
        b'{"a":' * (DEPTH_MAX + 1) + b"1" + b"}" * (DEPTH_MAX + 1),
    ],
)
def test_what_is_not_strict_json_is_a_bad_request(raw: bytes) -> None:
    assert refused(raw) == (400, "invalid_json")


@pytest.mark.parametrize("raw", [b'"a\\u0000b"', b'{"a": [{"b": "\\u0000"}]}', b'{"\\u0000": 1}'])
def test_nul_is_refused(raw: bytes) -> None:
    assert refused(raw) == (422, "invalid")


def test_what_is_allowed_is_read() -> None:
    deep = b"[" * DEPTH_MAX + b"]" * DEPTH_MAX
    assert parse(deep)
    wide = b"[" + b"[]," * 1000 + b"[]]"
    assert len(parse(wide)) == 1001
    assert parse(b'"\\\\u0000"') == "\\u0000"


def test_a_declared_size_over_the_cap_is_refused_unread() -> None:
    refuse_declared("100", 100)
    refuse_declared(None, 100)
    with pytest.raises(Problem) as problem:
        refuse_declared("101", 100)
    assert problem.value.status_code == 413
