"""Archives from strangers, read and unpacked."""
