"""Images outside of registries: layouts, tarballs, daemons; and their way into a registry and out of it."""
