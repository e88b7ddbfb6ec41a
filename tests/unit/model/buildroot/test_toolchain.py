import pytest

from kutterlock.model.buildroot.toolchain import (
    Copy,
    Installed,
    Link,
    plan_toolchain,
    toolchain_packages,
)

T = "x86_64-linux-gnu"
TOP = f"opt/kutter/toolchain/{T}"
NATIVE = {
    "binutils-x86-64-linux-gnu": (f"usr/bin/{T}-ld", f"usr/bin/{T}-ld.bfd"),
    "cpp-14-x86-64-linux-gnu": (f"usr/bin/{T}-cpp-14", f"usr/libexec/gcc/{T}/14/cc1"),
    "gcc-14-x86-64-linux-gnu": (f"usr/bin/{T}-gcc-14",),
    "libgcc-14-dev": (f"usr/lib/gcc/{T}/14/libgcc.a", f"usr/lib/gcc/{T}/14/libasan.a",
                      f"usr/lib/gcc/{T}/14/libgomp.so", f"usr/lib/gcc/{T}/14/include/stddef.h"),
    "libgcc-s1": (f"usr/lib/{T}/libgcc_s.so.1",),
    "libgomp1": (f"usr/lib/{T}/libgomp.so.1", f"usr/lib/{T}/libgomp.so.1.0.0"),
    "libatomic1": (),
    "libc6": (f"usr/lib/{T}/libc.so.6", "usr/lib64/ld-linux-x86-64.so.2", "etc/ld.so.conf.d/x.conf",
              f"usr/lib/{T}/gconv/UTF-16.so", f"usr/lib/{T}/ld-linux-x86-64.so.2"),
    "libc6-dev": (f"usr/lib/{T}/libc.so", f"usr/lib/{T}/crt1.o", "usr/include/stdio.h",
                  f"usr/include/{T}/bits/types.h"),
    "linux-libc-dev": ("usr/include/linux/if.h", f"usr/include/{T}/asm/unistd.h",
                       "usr/lib/linux/uapi/x86/asm/unistd.h"),
}  # fmt: skip
LINKS = {
    f"usr/bin/{T}-ld": f"{T}-ld.bfd",
    f"usr/lib/gcc/{T}/14/libgomp.so": "../../../x86_64-linux-gnu/libgomp.so.1",
    f"usr/lib/{T}/libgomp.so.1": "libgomp.so.1.0.0",
    "usr/lib64/ld-linux-x86-64.so.2": f"/lib/{T}/ld-linux-x86-64.so.2",
    f"usr/include/{T}/asm/unistd.h": "../../../lib/linux/uapi/x86/asm/unistd.h",
}


def test_lays_out_a_native_compiler() -> None:
    steps = plan_toolchain(T, "amd64", Installed(members=NATIVE, links=LINKS))
    assert {step.place.removeprefix(TOP + "/"): step for step in steps} == {
        name: kind(f"{TOP}/{name}", value)
        for name, kind, value in (
            (f"bin/{T}-cpp", Copy, f"usr/bin/{T}-cpp-14"),
            (f"bin/{T}-gcc", Copy, f"usr/bin/{T}-gcc-14"),
            (f"bin/{T}-ld", Link, f"/usr/bin/{T}-ld.bfd"),
            (f"bin/{T}-ld.bfd", Link, f"/usr/bin/{T}-ld.bfd"),
            (f"{T}/bin/ld", Link, f"../../bin/{T}-ld"),
            (f"{T}/bin/ld.bfd", Link, f"../../bin/{T}-ld.bfd"),
            (f"libexec/gcc/{T}/14/cc1", Link, f"/usr/libexec/gcc/{T}/14/cc1"),
            (f"lib/gcc/{T}/14/libgcc.a", Copy, f"usr/lib/gcc/{T}/14/libgcc.a"),
            (f"lib/gcc/{T}/14/include/stddef.h", Copy, f"usr/lib/gcc/{T}/14/include/stddef.h"),
            (f"lib/gcc/{T}/14/libgomp.so", Link, f"../../../../{T}/lib/libgomp.so.1"),
            (f"{T}/lib/libgcc_s.so.1", Copy, f"usr/lib/{T}/libgcc_s.so.1"),
            (f"{T}/lib/libgomp.so.1", Link, "libgomp.so.1.0.0"),
            (f"{T}/lib/libgomp.so.1.0.0", Copy, f"usr/lib/{T}/libgomp.so.1.0.0"),
            (f"{T}/lib/libc.so.6", Copy, f"usr/lib/{T}/libc.so.6"),
            (f"{T}/lib/ld-linux-x86-64.so.2", Copy, f"usr/lib/{T}/ld-linux-x86-64.so.2"),
            (f"{T}/lib/libc.so", Copy, f"usr/lib/{T}/libc.so"),
            (f"{T}/lib/crt1.o", Copy, f"usr/lib/{T}/crt1.o"),
            (f"{T}/usr/include/stdio.h", Copy, "usr/include/stdio.h"),
            (f"{T}/usr/include/bits/types.h", Copy, f"usr/include/{T}/bits/types.h"),
            (f"{T}/usr/include/linux/if.h", Copy, "usr/include/linux/if.h"),
            (f"{T}/usr/include/asm/unistd.h", Copy, "usr/lib/linux/uapi/x86/asm/unistd.h"),
        )
    }


def test_lays_out_cplusplus_beside_the_compiler() -> None:
    headers = ("usr/include/c++/14/vector", f"usr/include/{T}/c++/14/bits/c++config.h")
    members = {
        **NATIVE,
        "g++-14-x86-64-linux-gnu": (f"usr/bin/{T}-g++-14",),
        "libstdc++-14-dev": (*headers, f"usr/lib/gcc/{T}/14/libstdc++.a"),
        "libstdc++6": (f"usr/lib/{T}/libstdc++.so.6.0.33",),
    }
    without = set(plan_toolchain(T, "amd64", Installed(members=NATIVE, links=LINKS)))
    steps = set(plan_toolchain(T, "amd64", Installed(members=members, links=LINKS))) - without
    assert {step.place.removeprefix(TOP + "/") for step in steps} == {
        f"bin/{T}-g++", "include", f"{T}/include/c++/14/vector",
        f"{T}/include/c++/14/bits/c++config.h", f"{T}/lib/libstdc++.a",
        f"{T}/lib/libstdc++.so.6.0.33", f"lib/gcc/{T}/14/libstdc++.a",
    }  # fmt: skip
    assert Link(f"{TOP}/include", f"{T}/include") in steps


def test_the_library_of_cplusplus_is_left_out_without_its_compiler() -> None:
    members = {**NATIVE, "libstdc++6": (f"usr/lib/{T}/libstdc++.so.6",)}
    steps = plan_toolchain(T, "amd64", Installed(members=members, links=LINKS))
    assert not [step for step in steps if "libstdc++" in step.place]


def test_names_the_package_that_is_missing() -> None:
    members = {name: paths for name, paths in NATIVE.items() if name != "libc6-dev"}
    with pytest.raises(ValueError, match=r".") as caught:
        plan_toolchain(T, "amd64", Installed(members=members, links={}))
    assert str(caught.value) == f"toolchain {T} needs package libc6-dev, which is not there"
    with pytest.raises(ValueError, match=r".") as caught:
        plan_toolchain(T, "amd64", Installed(members={}, links={}))
    assert str(caught.value) == f"toolchain {T} needs one gcc for it, found 0"


def test_links_are_followed_within_the_root() -> None:
    links = {"a": "/b/c", "b": "d/../e", "e/c": "../../../f", "x": "y", "y": "x"}
    installed = Installed(members={}, links=links)
    assert installed.real("a/g") == "f/g"
    assert installed.real("q/r") == "q/r"
    with pytest.raises(ValueError, match=r"^links go in circles at 'x'$"):
        installed.real("x")


def test_the_packages_depend_on_where_the_build_runs() -> None:
    assert toolchain_packages(T, "amd64") == ("gcc", "g++", "libc6-dev")
    assert toolchain_packages(T, "arm64") == (
        "gcc-x86-64-linux-gnu", "g++-x86-64-linux-gnu", "libc6-dev-amd64-cross",
        "linux-libc-dev-amd64-cross",
    )  # fmt: skip
