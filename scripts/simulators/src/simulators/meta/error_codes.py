"""Meta's error codes: HTTP status, type and title of each, and the sub-code that comes with it."""

from __future__ import annotations

from typing import NamedTuple


class ErrorCode(NamedTuple):
    """How one code is said."""

    status: int
    kind: str
    title: str
    subcode: int | None = None
    """What Meta adds where one sub-code is usual."""


def _oauth(status: int, title: str, subcode: int | None = None) -> ErrorCode:
    return ErrorCode(status, "OAuthException", title, subcode)


EXPIRED_SUBCODE, PASSWORD_SUBCODE = 463, 460
PERSON_UNAVAILABLE_SUBCODE = 1545041
OUTSIDE_WINDOW_SUBCODE = 2018278
NO_SUCH_USER_SUBCODE = 2018001
NO_SUCH_OBJECT_SUBCODE = 33

KNOWN_CODES: dict[int, ErrorCode] = {
    0: ErrorCode(401, "AuthException", "We were unable to authenticate the app user."),
    1: _oauth(400, "API Unknown"),
    2: _oauth(503, "Service temporarily unavailable"),
    3: _oauth(403, "API Method: capability or permission issue"),
    4: _oauth(400, "Application request limit reached"),
    10: _oauth(403, "Application does not have permission for this action"),
    33: _oauth(400, "The business phone number has been deleted"),
    100: _oauth(400, "Invalid parameter"),
    190: _oauth(401, "Error validating access token: the session has expired.", EXPIRED_SUBCODE),
    200: _oauth(403, "Permissions error"),
    230: _oauth(403, "Requires pages_messaging permission to manage the object"),
    294: _oauth(403, "Managing requires an extended permission"),
    368: _oauth(403, "Temporarily blocked for policies violations"),
    551: _oauth(400, "This person isn't available right now.", PERSON_UNAVAILABLE_SUBCODE),
    613: _oauth(400, "Calls to this api have exceeded the rate limit."),
    1200: _oauth(500, "Temporary send message failure. Please try again later."),
    80007: _oauth(400, "Rate limit issues"),
    130429: _oauth(400, "Rate limit hit"),
    130472: _oauth(400, "User's number is part of an experiment"),
    130497: _oauth(403, "Business account is restricted from messaging users in this country."),
    131000: _oauth(500, "Something went wrong"),
    131005: _oauth(403, "Access denied"),
    131008: _oauth(400, "Required parameter is missing"),
    131009: _oauth(400, "Parameter value is not valid"),
    131016: _oauth(500, "Service unavailable"),
    131021: _oauth(400, "Recipient cannot be sender"),
    131026: _oauth(400, "Message undeliverable"),
    131030: _oauth(400, "Recipient phone number not in allowed list"),
    131031: _oauth(403, "Account has been locked"),
    131037: _oauth(400, "Display name approval is needed"),
    131042: _oauth(400, "Business eligibility payment issue"),
    131045: _oauth(500, "Incorrect certificate"),
    131047: _oauth(400, "Re-engagement message"),
    131048: _oauth(400, "Spam rate limit hit"),
    131049: _oauth(400, "Not delivered to maintain healthy ecosystem engagement."),
    131050: _oauth(400, "User has stopped receiving marketing messages"),
    131051: _oauth(400, "Unsupported message type"),
    131052: _oauth(400, "Media download error"),
    131053: _oauth(400, "Media upload error"),
    131056: _oauth(400, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: _oauth(500, "Account in maintenance mode"),
    131060: _oauth(400, "This message is unavailable"),
    131062: _oauth(400, "Business-scoped user ids are not allowed for this message"),
    132000: _oauth(400, "Number of parameters does not match the expected number of params"),
    132001: _oauth(404, "Template name does not exist in the translation"),
    132005: _oauth(400, "Translated text too long"),
    132007: _oauth(400, "Template format character policy violated"),
    132012: _oauth(400, "Parameter format does not match format in the created template"),
    132015: _oauth(400, "Template is paused"),
    132016: _oauth(400, "Template is disabled"),
    132068: _oauth(400, "Flow is blocked"),
    132069: _oauth(400, "Flow is throttled"),
    133010: _oauth(400, "Phone number not registered"),
    133016: _oauth(400, "Account register/deregister rate limit exceeded"),
    137000: _oauth(400, "Identity changed"),
}
"""Code -> how it is said, for what a product must know how to answer."""

_OTHER = _oauth(400, "Error")


def known_code(code: int) -> ErrorCode:
    """How Meta says this code; 201 to 299 are all permissions."""
    if 200 < code < 300 and code not in KNOWN_CODES:
        return KNOWN_CODES[200]
    return KNOWN_CODES.get(code, _OTHER)
