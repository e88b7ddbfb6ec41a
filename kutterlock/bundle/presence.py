"""What of a bundle the store has already: hashed, so that nobody builds on a base that rotted."""

from collections.abc import Iterable

from kutterlock.adapters.disk.store import Store
from kutterlock.errors import BundleBaseError
from kutterlock.model.bundle.manifest import Bundle, BundleBlob
from kutterlock.model.digest import Digest
from kutterlock.model.progress import Progress


def right_ones(blobs: Iterable[BundleBlob], store: Store, progress: Progress) -> frozenset[Digest]:
    """Return the blobs that the store has and whose bytes are right."""
    here = named_ones(blobs, store)
    if not here:
        return here
    from kutterlock.vendor.verify import verify_blobs

    report = verify_blobs(store, {digest: digest for digest in here}, progress)
    return here - {fault.expected for fault in report.corrupted}


def named_ones(blobs: Iterable[BundleBlob], store: Store) -> frozenset[Digest]:
    """Return the blobs that the store has, going by name and size."""
    if store.is_empty:
        return frozenset()
    return frozenset(blob.digest for blob in blobs if store.find_size(blob.digest) == blob.size)


def check_base(bundle: Bundle, store: Store, present: frozenset[Digest]) -> None:
    """Raise BundleBaseError unless all that a delta leaves out is here, and right."""
    absent = [blob for blob in bundle.left_out if blob.digest not in present]
    if not absent:
        return
    corrupted = [blob for blob in absent if store.has(blob.digest)]
    counts = [f"{len(absent) - len(corrupted)} of its {len(bundle.left_out)} blobs are missing"]
    counts += [f"{len(corrupted)} are corrupted"] if corrupted else []
    raise BundleBaseError(
        f"this is a delta, and its base is not here: {', '.join(counts)}",
        details=[f"base: content {bundle.base}", *(_line(blob, store) for blob in absent)],
        hint="import the bundles before it first, or send `kutterlock bundle inventory` across "
        "and have a delta made with --since INVENTORY",
    )


def _line(blob: BundleBlob, store: Store) -> str:
    kind = "corrupted" if store.has(blob.digest) else "missing"
    return f"{kind}: {blob.name or 'a blob'} ({blob.digest})"
