"""Keychains that look beyond the configuration: Docker's configuration file, cloud identities."""
