"""Blobs' bytes on the wire: a thread for each transfer, on blocking sockets, without copies in between."""
