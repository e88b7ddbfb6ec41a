"""Container images, as the OCI and Docker describe them."""
