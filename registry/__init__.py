"""The registry client: names, authentication, transport, manifests, blobs, tags, images. Knows no CI server."""
