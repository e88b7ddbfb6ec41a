"""Header fields that decide something."""

import datetime

import pytest

from kutterlock.model.net.http_rules import (
    ContentRange,
    next_page,
    parse_content_range,
    parse_length,
    rate_limit_reset,
    retry_after,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes 4-9/10", ContentRange(4, 9, 10)),
        ("bytes 4-9/*", ContentRange(4, 9, None)),
        ("bytes */10", ContentRange(None, None, 10)),
        ("bytes 4-10/10", None),
        ("bytes 9-4/10", None),
        ("bytes 0-0/0", None),
        ("bytes 4-/10", None),
        ("items 4-9/10", None),
        ("bytes 4-9/10, bytes 1-2/10", None),
        ("bytes " + "9" * 19 + "-1/2", None),
        ("", None),
    ],
)
def test_content_range(text: str, expected: ContentRange | None) -> None:
    assert parse_content_range(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10", 10),
        (" 10 ", 10),
        ("-1", None),
        ("1e3", None),
        ("٣", None),
        ("9" * 19, None),
        (None, None),
    ],
)
def test_length(text: str | None, expected: int | None) -> None:
    assert parse_length(text) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "120"}, 120.0),
        (
            {
                "retry-after": "Sun, 22 Nov 2026 10:00:30 GMT",
                "date": "Sun, 22 Nov 2026 10:00:00 GMT",
            },
            30.0,
        ),
        (
            {
                "retry-after": "Sun, 22 Nov 2026 09:00:00 GMT",
                "date": "Sun, 22 Nov 2026 10:00:00 GMT",
            },
            0.0,
        ),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after(headers) == expected


def test_next_page() -> None:
    link = '<https://x/?page=1>; rel="prev", <https://x/?page=3>; rel="next"'
    assert next_page({"link": link}) == "https://x/?page=3"
    assert next_page({"link": '<https://x/?page=1>; rel="last"'}) is None
    assert next_page({}) is None


def test_rate_limit() -> None:
    used_up = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795341600"}
    assert rate_limit_reset(used_up) == datetime.datetime(2026, 11, 22, 10, tzinfo=datetime.UTC)
    assert rate_limit_reset({**used_up, "x-ratelimit-remaining": "3"}) is None
    assert rate_limit_reset({**used_up, "x-ratelimit-reset": "9" * 18}) is None
    assert rate_limit_reset({}) is None
