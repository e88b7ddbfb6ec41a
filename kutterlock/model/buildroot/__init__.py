"""What Buildroot reads and tells."""
