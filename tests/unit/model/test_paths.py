import pytest

from kutterlock.model.paths import RelativePath


def test_keeps_a_normal_path() -> None:
    path = RelativePath("linux/linux-6.12.tar.xz")
    assert path == "linux/linux-6.12.tar.xz"
    assert path.parts == ("linux", "linux-6.12.tar.xz")
    assert path.name == "linux-6.12.tar.xz"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "path '' is empty"),
        ("/etc/passwd", "path '/etc/passwd' is absolute"),
        ("a/../../b", "path 'a/../../b' leaves its directory with '..'"),
        ("a//b", "path 'a//b' is not in normal form"),
        ("./a", "path './a' is not in normal form"),
        ("a/", "path 'a/' is not in normal form"),
        ("a\nb", "path 'a\\nb' has a control character or a backslash"),
        ("a\\b", "path 'a\\\\b' has a control character or a backslash"),
        ("a\0b", "path 'a\\x00b' has a control character or a backslash"),
    ],
)
def test_refuses(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match="path") as caught:
        RelativePath(text)
    assert str(caught.value) == reason
