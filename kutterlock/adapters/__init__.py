"""One outside thing each: files, processes, HTTP, the store, archives, Buildroot, sandboxes."""
