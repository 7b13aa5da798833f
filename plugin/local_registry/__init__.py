"""A small OCI registry on loopback, kept on disk: for trying things out, and for tests of faults."""
