"""Times of signed documents: UTC, whole seconds, `2026-11-22T12:00:00Z` (TUF's form)."""

import datetime

_FORM = "%Y-%m-%dT%H:%M:%SZ"


def write_time(time: datetime.datetime) -> str:
    """Return the form that stands in documents."""
    return time.astimezone(datetime.UTC).strftime(_FORM)


def read_time(text: str) -> datetime.datetime:
    """Read that form. Raises ValueError."""
    if len(text) != 20:
        raise ValueError(f"time {text[:40]!r} is not of the form 2026-11-22T12:00:00Z")
    return datetime.datetime.strptime(text, _FORM).replace(tzinfo=datetime.UTC)


def read_moment(text: str) -> datetime.datetime:
    """Read a time, or a date (its midnight), as a user writes it. Raises ValueError."""
    if len(text) == 10:
        return read_time(f"{text}T00:00:00Z")
    return read_time(text)
