"""No endpoint may lead into a private network, however its address is written."""

import pytest

from webhook_dispatcher.addresses import BlockedAddress, EgressPolicy, InvalidUrl, is_blocked

PUBLIC_ONLY = EgressPolicy(allow_private_networks=False)
ANYWHERE = EgressPolicy(allow_private_networks=True)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_that_are_never_dialled(address: str) -> None:
    assert is_blocked(address)
    with pytest.raises(BlockedAddress):
        PUBLIC_ONLY.check_address(address)
    ANYWHERE.check_address(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "172.32.0.1", "192.0.1.1", "2606:4700::1111", "::ffff:8.8.8.8"],
)
def test_public_addresses(address: str) -> None:
    assert not is_blocked(address)
    PUBLIC_ONLY.check_address(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "https://example.com:8443/hook?a=b",
        "https://[2606:4700::1111]/hook",
        "https://bücher.example/hook",
    ],
)
def test_urls_that_may_be_endpoints(url: str) -> None:
    assert PUBLIC_ONLY.check_url(url).scheme == "https"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "/hook",
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "https:///hook",
        "https://user:password@example.com/",
        "https://user@example.com/",
        "https://example.com:22/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://１２７.０.０.１/",
        "https://exa mple.com/",
        "https://example.com/\r\nX-Header: 1",
        "https://example.com/" + "a" * 2_048,
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(InvalidUrl):
        PUBLIC_ONLY.check_url(url)


def test_development_accepts_loopback_but_still_no_credentials() -> None:
    assert ANYWHERE.check_url("http://127.0.0.1:9000/hook").port == 9000
    with pytest.raises(InvalidUrl):
        ANYWHERE.check_url("http://user:password@127.0.0.1:9000/")
    with pytest.raises(InvalidUrl):
        ANYWHERE.check_url("gopher://127.0.0.1/")
