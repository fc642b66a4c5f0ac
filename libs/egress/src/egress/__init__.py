"""HTTP to addresses that somebody else chose: the one way out of the platform for them.

policy = EgressPolicy()                                # https on 443 and 8443, public addresses
url = policy.check_url("https://example.com/hook")     # InvalidUrl says why not, for a person
session = open_session(policy, user_agent="…", total_seconds=15)     # dials what it has checked
page = await Fetcher(session, policy).fetch(url, FetchRules(bytes_max=…, seconds=…))
"""

from egress.errors import BlockedAddress, FetchCode, FetchFailed, InvalidUrl
from egress.fetching import Fetched, Fetcher, FetchRules, Validators
from egress.networks import is_blocked
from egress.policy import HTTPS, URL_LENGTH_MAX, WEB, EgressPolicy
from egress.session import CheckedResolver, is_blocked_error, open_session
from egress.unpacking import PackedTooWell, UnknownPacking, Unpacker

__all__ = [
    "HTTPS",
    "URL_LENGTH_MAX",
    "WEB",
    "BlockedAddress",
    "CheckedResolver",
    "EgressPolicy",
    "FetchCode",
    "FetchFailed",
    "FetchRules",
    "Fetched",
    "Fetcher",
    "InvalidUrl",
    "PackedTooWell",
    "UnknownPacking",
    "Unpacker",
    "Validators",
    "is_blocked",
    "is_blocked_error",
    "open_session",
]
