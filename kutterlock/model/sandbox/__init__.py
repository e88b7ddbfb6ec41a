"""What a sandboxed program may see and do."""
