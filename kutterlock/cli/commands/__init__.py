"""Every command: a module each, and what it is for.

The module is only imported when its command is called for: `kutterlock --help` needs none of them.
"""

COMMANDS = {
    "init": "write a commented kutter.toml",
    "resolve": "turn kutter.toml into kutter.lock",
    "vendor": "fetch what the lock names into the store",
    "verify": "check signatures and hashes, and say what was checked",
    "build": "build boards from the lock, in a sandbox without a network",
    "shell": "step into the sandbox of a board's build",
    "boot": "start a board's output in QEMU (a smoke test)",
    "why": "why a pin stands in the lock",
    "tree": "show what each board is made of",
    "diff": "compare two locks, pin by pin",
    "outdated": "list inputs of which the catalog knows newer",
    "audit": "overrides, overdue reviews, trust, end of life, kernel options",
    "images": "list, export, push or sign the container images",
    "sign": "sign the lock with its release statement, a bundle, or a file",
    "attest": "sign outputs: manifest, provenance and SBOM",
    "sbom": "print what a board is made of (CycloneDX 1.6 or SPDX 2.3)",
    "trust": "the trust root: make, sign, pin, rotate, show it",
    "key": "make signing keys, show them, export public keys",
    "bundle": "carry project and closure across an air gap in one signed file",
    "catalog": "show what is known of upstream versions",
    "store": "re-hash, clean up or count the store",
    "completion": "print a completion script for a shell",
    "demo": "run the whole line on an embedded upstream",
}
"""What each is for, in the order of the help."""
