"""HTTP's header fields that decide something here, read strictly.

Owns Content-Range (RFC 9110 14.4), Retry-After (10.2.3), Link (RFC 8288) as far as paging needs
it, and GitHub's rate-limit fields. Pure: text in, value or None out.
"""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass

REDIRECTS = frozenset({301, 302, 303, 307, 308})
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may well succeed a little later."""

_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)\Z")
_LINK = re.compile(r'<([^<>]*)>\s*;[^,]*?\brel\s*=\s*"?([^",;]*)"?')


@dataclass(frozen=True, slots=True)
class ContentRange:
    """`first` and `last` are None for an unsatisfied range, `total` where the server left it."""

    first: int | None
    last: int | None
    total: int | None


def parse_content_range(text: str) -> ContentRange | None:
    """Read a Content-Range of unit bytes; None when it is not one or contradicts itself."""
    match = _RANGE.match(text.strip())
    if match is None:
        return None
    first, last, total = (int(part) if part and part != "*" else None for part in match.groups())
    if first is not None and last is not None and not first <= last < (total or last + 1):
        return None
    if first is not None and total == 0:
        return None
    return ContentRange(first, last, total)


def parse_length(text: str | None) -> int | None:
    """Read a Content-Length; None when absent or not a number."""
    digits = (text or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds a server asks to wait: a number, or a date against its own Date."""
    text = headers.get("retry-after", "").strip()
    seconds = parse_length(text)
    if seconds is not None:
        return float(seconds)
    until, now = _date(text), _date(headers.get("date", ""))
    return max((until - now).total_seconds(), 0.0) if until and now else None


def next_page(headers: Mapping[str, str]) -> str | None:
    """Return the URL of the `Link` field whose relation is `next`."""
    for url, relation in _LINK.findall(headers.get("link", "")):
        if relation.strip() == "next":
            return str(url)
    return None


def rate_limit_reset(headers: Mapping[str, str]) -> datetime.datetime | None:
    """Return when GitHub's used-up rate limit starts anew; None when it is not used up."""
    reset = parse_length(headers.get("x-ratelimit-reset"))
    if headers.get("x-ratelimit-remaining") != "0" or reset is None or reset > 1 << 36:
        return None
    return datetime.datetime.fromtimestamp(reset, datetime.UTC)


def _date(text: str) -> datetime.datetime | None:
    from email.utils import parsedate_to_datetime

    try:
        parsed = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.UTC)
