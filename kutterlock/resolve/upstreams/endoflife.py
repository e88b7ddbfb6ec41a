"""endoflife.date: when support of a series ends (API v1, api_v1/openapi.yml of its repository)."""

import re
from collections.abc import Iterator
from typing import Any

from kutterlock.adapters.http.client import Http
from kutterlock.catalog.updates import SupportNews
from kutterlock.errors import NetworkError

PRODUCTS = {"kubernetes": "kubernetes", "containerd": "containerd", "linux": "linux"}
"""Inputs by product; endoflife.date has no other input."""

_SERIES = re.compile(r"\d+\.\d+\Z")
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")


def read_support(http: Http, name: str) -> tuple[SupportNews, ...]:
    """Return the ends that are published for an input's series. Raises NetworkError."""
    url = f"https://endoflife.date/api/v1/products/{PRODUCTS[name]}/"
    answer = http.get_json(url)
    try:
        releases = answer["result"]["releases"]
        return tuple(_news(name, releases))
    except (KeyError, TypeError, AttributeError) as error:
        raise NetworkError(f"{url} is not of the form that is known") from error


def _news(name: str, releases: Any) -> Iterator[SupportNews]:  # noqa: ANN401 -- JSON
    for release in releases:
        series, end = str(release["name"]), str(release.get("eolFrom"))
        if _SERIES.match(series) and _DATE.match(end):
            long_term = release.get("isLts") is True
            yield SupportNews(name=name, series=series, end=end, long_term=long_term)
