from kutterlock.build.steps import StepReader


def test_reads_the_announcements_of_buildroot() -> None:
    reader = StepReader(frozenset({"host-m4", "busybox"}))
    assert reader.read(b"\x1b[7m>>> host-m4 1.4.19 Building\x1b[27m\n")
    assert (reader.package, reader.step) == ("host-m4", "Building")
    assert reader.read(b">>>   Generating filesystem image rootfs.cpio\n") is False
    assert reader.read(b"gcc -c x.c  # >>> not a step\n") is False
    assert reader.where == "host-m4  Building"
    assert reader.read(b">>> busybox 1.37.0 Installing to target\n")
    assert reader.seen == {"host-m4", "busybox"}


def test_a_package_without_a_version_is_a_step_too() -> None:
    reader = StepReader(frozenset({"host-m4", "busybox"}))
    assert reader.read(b"\x1b[7m>>> skeleton  Extracting\x1b[27m\n")
    assert (reader.package, reader.step) == ("skeleton", "Extracting")
    assert reader.seen == set(), "skeleton is virtual: nobody counts it"


def test_says_so_before_the_first_step() -> None:
    assert StepReader(frozenset()).where == "starting"
