"""The documents of a bundle: what crosses the air gap."""
