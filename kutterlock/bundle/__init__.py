"""One file across the gap: made here, checked and taken in there."""
