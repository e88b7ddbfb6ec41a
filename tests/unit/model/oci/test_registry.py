"""Challenges, tokens and auth files."""

import base64
import json

import pytest

from kutterlock.model.net.network import Login
from kutterlock.model.oci.registry import (
    Challenge,
    Credentials,
    credentials_for,
    parse_auth_file,
    parse_challenges,
    parse_token,
    refresh_form,
    token_query,
)

HUB = (
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
    'scope="repository:library/busybox:pull",error="invalid_token"'
)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_the_challenge_of_docker_hub_is_read() -> None:
    (found,) = parse_challenges(HUB)
    assert found == Challenge(
        scheme="bearer",
        realm="https://auth.docker.io/token",
        service="registry.docker.io",
        scope="repository:library/busybox:pull",
        error="invalid_token",
    )
    assert token_query(found, "") == (
        "https://auth.docker.io/token?service=registry.docker.io"
        "&scope=repository%3Alibrary%2Fbusybox%3Apull"
    )


def test_several_challenges_in_one_field_are_read() -> None:
    found = list(parse_challenges(r'Basic realm="a \"b\", c", Bearer realm=https://x/t?a=1'))
    assert [item.scheme for item in found] == ["basic", "bearer"]
    assert found[0].realm == 'a "b", c'
    assert token_query(found[1], "repository:a:pull,push") == (
        "https://x/t?a=1&scope=repository%3Aa%3Apull%2Cpush"
    )


@pytest.mark.parametrize("header", ["", "Negotiate", "=,=", '"'])
def test_nonsense_is_no_challenge(header: str) -> None:
    assert list(parse_challenges(header)) == []


def test_an_identity_token_buys_a_token() -> None:
    (challenge,) = parse_challenges(HUB)
    assert refresh_form(challenge, "", "id") == (
        b"grant_type=refresh_token&service=registry.docker.io&client_id=kutterlock"
        b"&scope=repository%3Alibrary%2Fbusybox%3Apull&refresh_token=id"
    )


@pytest.mark.parametrize(
    ("answer", "life"),
    [
        ({"token": "t", "expires_in": 300}, 290.0),
        ({"access_token": "t", "expires_in": 8}, 6.0),
        ({"token": "t"}, 50.0),
        ({"token": "t", "expires_in": -1}, 50.0),
        ({"token": "t", "expires_in": 10**12}, 3590.0),
    ],
)
def test_a_token_is_used_a_little_less_long_than_it_lives(
    answer: dict[str, object], life: float
) -> None:
    found = parse_token(json.dumps(answer).encode())
    assert (found.text, found.life) == ("t", life)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"no", "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b"{}", "holds no token"),
        (b'{"token": "a\\r\\nX: y"}', "holds no token"),
    ],
)
def test_a_bad_token_answer_is_refused(answer: bytes, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- its whole text is compared
        parse_token(answer)
    assert str(caught.value) == reason


def test_credentials_are_found_by_the_most_exact_key() -> None:
    file = parse_auth_file(
        json.dumps(
            {
                "auths": {
                    "https://index.docker.io/v1/": {"auth": encoded("hub:a")},
                    "quay.io": {"auth": encoded("all:b")},
                    "quay.io/team": {"auth": encoded("team:c:d")},
                    "ghcr.io": {"identitytoken": "id"},
                    "empty.example": {},
                },
                "credHelpers": {"gcr.io": "gcloud"},
            }
        ).encode()
    )
    files = (file,)
    assert credentials_for(files, "registry-1.docker.io", "library/a") == Credentials(
        login=Login("hub", "a")
    )
    assert credentials_for(files, "quay.io", "other/a") == Credentials(login=Login("all", "b"))
    assert credentials_for(files, "quay.io", "team/a") == Credentials(login=Login("team", "c:d"))
    assert credentials_for(files, "ghcr.io", "a") == Credentials(identity_token="id")
    assert credentials_for(files, "gcr.io", "a") == "gcloud"
    assert credentials_for(files, "empty.example", "a") is None
    helped = parse_auth_file(b'{"credsStore": "pass"}')
    assert credentials_for((*files, helped), "elsewhere.example", "a") == "pass"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "is not JSON"),
        (b'{"auths": []}', "has a key of the wrong type"),
        (b'{"auths": {"a.io": "x"}}', "the entry of a.io is not an object"),
        (b'{"auths": {"a.io": {"auth": "??"}}}', "the auth of a.io is not base64 of user:password"),
    ],
)
def test_a_bad_auth_file_is_refused(data: bytes, reason: str) -> None:
    data = data.replace(b"[]", b"[1]")
    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- its whole text is compared
        parse_auth_file(data)
    assert str(caught.value) == reason
