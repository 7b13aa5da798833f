"""One module per concern of the CI server: artifact store, publish, fetch, package material."""
