"""Projects that release on GitHub: the releases API, checksum files beside assets, facts in trees.

The API's form is docs.github.com/rest/releases; since mid-2025 each asset carries a `digest`.
"""

import datetime
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kutterlock.adapters.http.client import Http, json_of
from kutterlock.catalog.types import Release, ReleaseFile
from kutterlock.errors import NetworkError
from kutterlock.model.digest import Digest
from kutterlock.model.lock import Trust
from kutterlock.model.net.http_rules import next_page
from kutterlock.model.version import UpstreamVersion
from kutterlock.resolve.upstreams.protocol import (
    FactPlace,
    Offer,
    digest_of,
    fetch_checksums,
    filled,
)

MOST_PAGES = 10
TAG = re.compile(r"v?(\d+(?:\.\d+){1,3})\Z")
ACCEPT = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubProject:
    """An input whose binaries are release assets with a checksum file each.

    `checksum_url` returns where the checksum of a file stands, None for files without.
    """

    name: str
    repository: str
    checksum_url: Callable[[ReleaseFile], str | None]
    places: tuple[FactPlace, ...] = ()
    published: frozenset[str] = frozenset({"binary"})
    first_use: frozenset[str] = frozenset({"source"})

    def offers(self, http: Http) -> Sequence[Offer]:
        """Return every proper release."""
        return list_releases(http, self.repository)

    def release(self, offer: Offer, blank: Release, http: Http) -> Release | None:
        """Read the checksum files, hold them against the API's digests, and read the facts."""
        known = replace(filled(blank, offer.digests, offer.trust), released=offer.released)
        for file in known.files:
            url = self.checksum_url(file)
            if url and (checksums := fetch_checksums(http, url)):
                name = file.url.rpartition("/")[2]
                digest = digest_of(url, checksums, name)
                known = filled(known, {name: digest}, Trust(level="checksum", by=url))
        if blank.facts:
            return known
        return replace(
            known, facts=read_facts(http, self.repository, f"v{offer.version}", self.places)
        )


def list_releases(http: Http, repository: str) -> list[Offer]:
    """Return the releases of a repository, drafts and pre-releases left out."""
    url: str | None = f"https://api.github.com/repos/{repository}/releases?per_page=100"
    offers: list[Offer] = []
    for _ in range(MOST_PAGES):
        if url is None:
            break
        page, url = _page(http, url)
        offers += [offer for entry in page if (offer := _offer(entry))]
    return offers


def read_facts(
    http: Http, repository: str, tag: str, places: Sequence[FactPlace]
) -> dict[str, str]:
    """Read facts out of files of a tagged tree; what is not found is left out."""
    facts: dict[str, str] = {}
    for path in dict.fromkeys(place.path for place in places):
        url = f"https://raw.githubusercontent.com/{repository}/{tag}/{path}"
        response = http.get_bytes(url, limit=2 << 20, missing_ok=True)
        text = response.body.decode("utf-8", "replace") if response.status == 200 else ""
        for place in places:
            if place.path == path and (value := place.find(text)):
                facts[place.fact] = value
    return facts


def commit_of(http: Http, repository: str, tag: str) -> str:
    """Return the commit that a tag stands for, annotated or not. Raises NetworkError."""
    url = f"https://api.github.com/repos/{repository}/commits/{tag}"
    answer = http.get_json(url, headers=ACCEPT)
    commit = answer.get("sha") if isinstance(answer, dict) else None
    if not isinstance(commit, str) or not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise NetworkError(f"{url} names no commit")
    return commit


def _page(http: Http, url: str) -> tuple[list[Any], str | None]:
    response = http.get_bytes(url, headers=ACCEPT)
    page = json_of(response.body, url)
    if not isinstance(page, list):
        raise NetworkError(f"{url} did not answer with a list of releases")
    following = next_page(response.headers)
    # Only the API itself may be the next page: the answer does not choose whom we ask.
    inside = following and following.startswith("https://api.github.com/")
    return page, following if inside else None


def _offer(entry: Any) -> Offer | None:  # noqa: ANN401 -- JSON
    if not isinstance(entry, dict) or entry.get("draft") or entry.get("prerelease"):
        return None
    match = TAG.match(str(entry.get("tag_name")))
    if match is None:
        return None
    assets = entry.get("assets")
    return Offer(
        version=UpstreamVersion.parse(match[1]),
        released=_date(entry.get("published_at")),
        digests=dict(_digests(assets if isinstance(assets, list) else [])),
        trust=Trust(level="checksum", by="asset digest of api.github.com"),
    )


def _digests(assets: list[Any]) -> Iterator[tuple[str, Digest]]:
    for asset in assets:
        if isinstance(asset, dict) and isinstance(asset.get("digest"), str):
            try:
                yield str(asset.get("name")), Digest.parse(asset["digest"])
            except ValueError:
                continue


def _date(text: object) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
